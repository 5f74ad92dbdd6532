"""A user's policy may say no; it may not say more, and it may not fail quietly."""

import msgspec

from trading.policies import Policy, Veto, vetoes
from trading.strategies import ExitPlan, Leg, Side, Signal, StopAt, View, ratio
from trading.strategies.harness import views

SIGNAL = Signal(
    setup_instance="one",
    legs=(Leg(instrument="TEST", side=Side.BUY),),
    plan=ExitPlan(stop=StopAt(ratio("0.003"))),
    reason="a test",
    qty_1e8=100,
)
VIEW = views([100.0])[0]


class Fine(Policy):
    """Leaves it to the account."""

    name = "fine"

    def veto(self, signal: Signal, view: View) -> str | None:
        """Never."""
        del signal, view
        return None


class Never(Fine):
    """Refuses."""

    name = "never"

    def veto(self, signal: Signal, view: View) -> str | None:
        """Always."""
        return f"{signal.setup_instance} at {view.bar.close}"


class Broken(Fine):
    """Raises."""

    name = "broken"

    def veto(self, signal: Signal, view: View) -> str | None:
        """Fail."""
        del signal, view
        raise SystemExit(3)


class Odd(Fine):
    """Answers what it may not."""

    name = "odd"

    def veto(self, signal: Signal, view: View) -> str | None:
        """Approve, or so it thinks."""
        del signal, view
        return True  # type: ignore[return-value]


class Greedy(Fine):
    """Enlarges what was asked for."""

    name = "greedy"

    def veto(self, signal: Signal, view: View) -> str | None:
        """Write into a frozen signal by force."""
        del view
        msgspec.structs.force_setattr(signal, "qty_1e8", 10**12)
        msgspec.structs.force_setattr(signal.plan, "target", None)
        return None


def test_every_veto_is_named_not_only_the_first() -> None:
    """RK-16, RK-1: the verdict names each policy that refused."""
    found = vetoes([Never(), Fine(), Broken(), Odd()], SIGNAL, VIEW)
    assert found == [
        Veto("never", "one at 100.0"),
        Veto("broken", "raised SystemExit: 3"),
        Veto("odd", "True"),
    ]


def test_silence_is_no_veto() -> None:
    """RK-16: the account's own rules decide."""
    assert vetoes([Fine()], SIGNAL, VIEW) == []


def test_a_policy_cannot_enlarge_a_signal() -> None:
    """RK-16: it is given a copy."""
    assert vetoes([Greedy()], SIGNAL, VIEW) == []
    assert SIGNAL.qty_1e8 == 100
