"""In at one bar, out at the next: something is always under way when a process is killed."""

from trading.strategies import (
    Answer,
    Exit,
    ExitPlan,
    ExitReason,
    Leg,
    NoTrade,
    NoTradeReason,
    Side,
    Signal,
    StopAt,
    Strategy,
    View,
    ratio,
)


class Ticker(Strategy):
    """Buys whenever it is flat."""

    indicators = ()

    def evaluate(self, view: View) -> Answer:
        """One occurrence a bar."""
        if view.position is not None:
            return Exit(reason=ExitReason.MANUAL, text="a bar later")
        if view.session.is_entry_pending:
            return NoTrade(NoTradeReason.IN_POSITION)
        return Signal(
            setup_instance=f"n{view.now_ns // 1_000_000_000}",
            legs=(Leg(instrument=view.instrument.symbol, side=Side.BUY),),
            plan=ExitPlan(stop=StopAt(ratio("0.01"))),
            reason="every bar",
        )
