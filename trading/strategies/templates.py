"""What `holdfast new strategy NAME` and `holdfast new policy NAME` write: a file and its test."""

import keyword
from pathlib import Path
from typing import Final, Literal

from trading.errors import ConfigError

_STRATEGY: Final = '''"""{name}: buys when the price is a stated part below its average."""

from decimal import Decimal

from trading.strategies import (
    Answer,
    ExitPlan,
    Leg,
    NoTrade,
    NoTradeReason,
    Parameter,
    Side,
    Signal,
    StopAt,
    Strategy,
    View,
    r,
    ratio,
)

LOW, HIGH = Decimal("0.0005"), Decimal("0.02")


class {title}(Strategy):
    """Asked once for each complete bar; sees nothing later than that bar."""

    parameters = {{
        "dip_ratio": Parameter(default=Decimal("0.002"), low=LOW, high=HIGH),
        "stop_ratio": Parameter(default=Decimal("0.003"), low=LOW, high=HIGH),
        "entries_max": Parameter(default=1, low=1, high=10),
    }}
    indicators = (("ema", 20),)

    def evaluate(self, view: View) -> Answer:
        """Buy a dip, once; the account sizes it, and its exit plan ends it."""
        average = view.indicators["ema_20"]
        if average is None:
            return NoTrade(NoTradeReason.WARMUP)
        if view.position is not None or view.session.is_entry_pending:
            return NoTrade(NoTradeReason.IN_POSITION)
        if view.session.entries >= int(self.settings["entries_max"]):
            return NoTrade(NoTradeReason.MAX_TRADES)
        if view.bar.close >= average * (1 - float(self.settings["dip_ratio"])):
            return NoTrade(NoTradeReason.PRICE_ABOVE_THRESHOLD)
        minute = (view.now_ns - view.session.open_ns) // 60_000_000_000
        return Signal(
            setup_instance=f"dip{{minute}}",  # the same bar has the same name after a restart
            legs=(Leg(instrument=view.instrument.symbol, side=Side.BUY),),
            plan=ExitPlan(stop=StopAt(ratio(str(self.settings["stop_ratio"]))), target=r(2)),
            reason=f"close {{view.bar.close:.2f}} under its average {{average:.2f}}",
        )
'''

_STRATEGY_TEST: Final = '''"""{name} buys a dip and nothing else."""

from pathlib import Path

from trading.strategies import NoTrade, NoTradeReason, Signal, Strategy
from trading.strategies.harness import answers
from trading.strategies.loader import load_file

KIND = load_file(Path(__file__).parents[1] / "{name}.py", Strategy)  # type: ignore[type-abstract]


def test_a_quiet_market_gives_no_signal() -> None:
    """Each bar has its reason."""
    given = answers(KIND, [100.0] * 25)
    assert given[18] == NoTrade(NoTradeReason.WARMUP)
    assert given[24] == NoTrade(NoTradeReason.PRICE_ABOVE_THRESHOLD)


def test_a_dip_is_bought_with_a_stop() -> None:
    """The signal names its bar, so that a restart cannot buy it twice."""
    signal = answers(KIND, [100.0] * 25 + [99.0])[-1]
    assert isinstance(signal, Signal)
    assert signal.setup_instance == "dip26"
'''

_POLICY: Final = '''"""{name}: no entries in the last hour of a session."""

from trading.policies import Policy
from trading.strategies import Signal, View

HOUR_NS = 3_600_000_000_000


class {title}(Policy):
    """May say no, and nothing else; raising says no too."""

    def veto(self, signal: Signal, view: View) -> str | None:
        """A reason to refuse, or None."""
        if view.session.close_ns - view.now_ns < HOUR_NS:
            return "the session ends within the hour"
        return None
'''

_POLICY_TEST: Final = '''"""{name} refuses late entries and leaves the others alone."""

from pathlib import Path

from trading.policies import Policy
from trading.strategies import ExitPlan, Leg, Side, Signal, StopAt, ratio
from trading.strategies.harness import views
from trading.strategies.loader import load_file

POLICY = load_file(Path(__file__).parents[1] / "{name}.py", Policy)()  # type: ignore[type-abstract]
SIGNAL = Signal(
    setup_instance="one",
    legs=(Leg(instrument="TEST", side=Side.BUY),),
    plan=ExitPlan(stop=StopAt(ratio("0.003"))),
    reason="a test",
)


def test_it_refuses_within_the_last_hour() -> None:
    """330 minutes after the open an hour is left."""
    seen = views([100.0] * 331)
    assert POLICY.veto(SIGNAL, seen[0]) is None
    assert POLICY.veto(SIGNAL, seen[329]) is None
    assert POLICY.veto(SIGNAL, seen[330]) == "the session ends within the hour"
'''

_TEXTS: Final = {"strategy": (_STRATEGY, _STRATEGY_TEST), "policy": (_POLICY, _POLICY_TEST)}
NAME_LENGTH_MAX: Final = 32


def write_template(kind: Literal["strategy", "policy"], name: str, folder: Path) -> list[Path]:
    """Write `NAME.py` and `tests/test_NAME.py`, which passes as it is.

    Returns:
        Both paths.

    Raises:
        ConfigError: The name cannot be one, or a file of that name exists; nothing is written.
    """
    if (
        not name.isidentifier()
        or not name.isascii()
        or keyword.iskeyword(name)
        or name.startswith(("_", "test_"))
        or len(name) > NAME_LENGTH_MAX
    ):
        raise ConfigError(
            f"{kind} name: expected up to {NAME_LENGTH_MAX} letters, digits and `_`, "
            f"beginning with a letter, found {name!r}"
        )
    targets = [folder / f"{name}.py", folder / "tests" / f"test_{name}.py"]
    for target in targets:
        if target.exists():
            raise ConfigError(f"{target}: expected no such file, found one; choose another name")
    title = "".join(part.capitalize() for part in name.split("_"))
    try:
        targets[1].parent.mkdir(parents=True, exist_ok=True)
        for target, text in zip(targets, _TEXTS[kind], strict=True):
            with target.open("x") as file:
                file.write(text.format(name=name, title=title))
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be written: {error.strerror}") from error
    return targets
