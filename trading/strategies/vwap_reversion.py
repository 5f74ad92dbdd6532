"""The built-in VWAP mean reversion (SG-3) in the words of the strategy API.

The rule itself is `rust_core.VwapReversion`, the same object that the block walker drives; here its
parameters and answers are only renamed.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Final

import orjson

from rust_core._native import RuleContext, RuleEnter, RuleExit, VwapReversion
from trading.money import from_1e8, to_1e8
from trading.strategies.api import (
    Answer,
    Exit,
    ExitPlan,
    ExitReason,
    Leg,
    Level,
    LevelKind,
    NoTrade,
    NoTradeReason,
    Parameter,
    Side,
    Signal,
    StopAt,
    Strategy,
    Value,
)
from trading.strategies.view import View, ViewBar

_SCALED: Final = "_1e8"
_SHORT: Final = "is_short_allowed"


def _people_name(core_name: str) -> str:
    """`stop_ratio_1e8` is `stop_ratio` in a configuration, `session_loss_max_1e8` has its unit."""
    plain = core_name.removesuffix(_SCALED)
    is_money = plain != core_name and not plain.endswith("_ratio")
    return f"{plain}_usd" if is_money else plain


def _parameter(name: str, default: int, least: int, most: int, text: str) -> Parameter:
    if name.endswith(_SCALED):
        ends = [from_1e8(value) for value in (default, least, most)]
        return Parameter(default=ends[0], low=ends[1], high=ends[2], text=text)
    return Parameter(default=default, low=least, high=most, text=text)


class VwapReversionStrategy(Strategy):
    """Buys far below the session's average price, leaves when the price is back."""

    name = "vwap_reversion"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        **{_people_name(row[0]): _parameter(*row) for row in VwapReversion.parameters()},
        _SHORT: Parameter(default=False, text="sell above the average too"),
    }

    def __init__(self, settings: Mapping[str, Value]) -> None:
        """Make the rule.

        Raises:
            ValueError: The settings contradict each other.
        """
        super().__init__(settings)
        self._rule = VwapReversion(parameters_json(settings))
        self._seen_ns = 0

    def evaluate(self, view: View) -> Answer:
        """Give the rule the bars it has not seen, the newest with what is known now."""
        for bar in self._unseen(view):  # more than none after a restart only
            self._on_bar(bar, RuleContext(bar.end_ns, view.session.open_ns, view.session.close_ns))
        answer = self._on_bar(view.bar, _context(view))
        if isinstance(answer, RuleEnter):
            return _signal(answer, view)
        if isinstance(answer, RuleExit):
            return Exit(ExitReason(answer.reason), answer.text)
        return NoTrade(NoTradeReason(answer))

    @property
    def vwap_1e8(self) -> int | None:
        """The average so far, for people."""
        return self._rule.vwap_1e8

    def _unseen(self, view: View) -> tuple[ViewBar, ...]:
        count = len(view.bars) - 1
        first = count
        while first > 0 and view.bars[first - 1].end_ns > self._seen_ns:
            first -= 1
        return view.bars[first:count]

    def _on_bar(self, bar: ViewBar, context: RuleContext) -> RuleEnter | RuleExit | str:
        self._seen_ns = bar.end_ns
        return self._rule.on_bar(*bar, context)


def parameters_json(settings: Mapping[str, Value]) -> bytes:
    """Settings under the rule's own names, for `VwapReversion` and for the block walker."""
    values: dict[str, int | bool] = {_SHORT: bool(settings[_SHORT])}
    for name, *_ in VwapReversion.parameters():
        value = settings[_people_name(name)]
        values[name] = to_1e8(Decimal(value)) if name.endswith(_SCALED) else int(value)
    return orjson.dumps(values)


def _context(view: View) -> RuleContext:
    position = view.position
    side = "" if position is None else "BUY" if position.qty_1e8 > 0 else "SELL"
    return RuleContext(
        view.now_ns,
        view.session.open_ns,
        view.session.close_ns,
        position=side,
        is_entry_pending=view.session.is_entry_pending,
        is_exit_pending=position is not None and position.is_exit_pending,
        entries=view.session.entries,
        session_net_1e8=view.session.net_1e8,
        is_trading_allowed=view.account.is_trading_allowed,
    )


def _signal(entry: RuleEnter, view: View) -> Signal:
    return Signal(
        setup_instance=entry.setup_instance,
        legs=(Leg(instrument=view.instrument.symbol, side=Side(entry.side)),),
        plan=ExitPlan(
            stop=StopAt(Level(LevelKind.RATIO, entry.stop_ratio_1e8)),
            force_flat_ns=entry.force_flat_ns,
        ),
        reason=entry.reason,
    )
