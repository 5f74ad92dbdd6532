"""A busy strategy: it trades as often as it may, in every way it may, and decides nothing well."""

from collections.abc import Callable

from research.simulation.chance import Chance
from research.simulation.market import BAR_S, SYMBOL, TICK_1E8, UNIT_1E8
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
)
from trading.strategies.api import Level, LevelKind, NoStop, OrderType, Partial, TimeInForce
from trading.strategies.view import View

NAME = "busy"
SECOND_NS = 1_000_000_000
FAR_1E8 = 400 * TICK_1E8


class Busy(Strategy):
    """Asks for something at most bars; what, follows from seed and bar alone."""

    name = NAME
    indicators = ()

    def __init__(self, chance: Chance) -> None:
        """Draw by this chance; an incarnation after a crash answers the same at the same bar."""
        super().__init__({})
        self._seed = chance.seed

    def evaluate(self, view: View) -> Answer:
        """Enter when flat, leave now and then."""
        bar = view.bar
        second = bar.end_ns // SECOND_NS
        chance = Chance(self._seed)
        purpose = f"bar {second}"
        if view.position is not None:
            if not view.position.is_exit_pending and chance.happens(f"leave {purpose}", 0.25):
                return Exit(ExitReason.MANUAL, "enough")
            return NoTrade(NoTradeReason.IN_POSITION)
        insists = chance.happens(f"insist {purpose}", 0.2)  # it may not, and must be refused
        if view.session.is_entry_pending and not insists:
            return NoTrade(NoTradeReason.ORDER_WORKING)
        if not chance.happens(f"enter {purpose}", 0.9):
            return NoTrade(NoTradeReason.NO_SETUP)
        if chance.happens(f"again {purpose}", 0.2):  # what it saw two bars ago is still there
            second -= 2 * BAR_S
        return self._enter(chance, purpose, bar.close_1e8, f"b{second}")

    def _enter(self, chance: Chance, purpose: str, close_1e8: int, setup: str) -> Signal:
        side = chance.pick(f"side {purpose}", (Side.BUY, Side.SELL))
        kind = chance.pick(f"type {purpose}", _TYPES)
        sign = 1 if side is Side.BUY else -1
        is_far = chance.happens(f"far {purpose}", 0.3)  # it will rest until its time is over
        away_1e8 = chance.between(f"away {purpose}", 0, 4) * TICK_1E8 + is_far * FAR_1E8
        return Signal(
            setup_instance=setup,
            legs=(Leg(instrument=SYMBOL, side=side),),
            plan=_plan(chance, purpose),
            reason="busy",
            qty_1e8=chance.between(f"qty {purpose}", 1, 12) * UNIT_1E8,  # 10 are allowed
            order_type=kind,
            tif=chance.pick(f"tif {purpose}", (TimeInForce.DAY, TimeInForce.IOC))
            if kind is OrderType.LIMIT
            else TimeInForce.DAY,
            limit_1e8=close_1e8 - sign * away_1e8 if kind is OrderType.LIMIT else None,
            trigger_1e8=close_1e8 + sign * TICK_1E8 if kind is OrderType.STOP else None,
        )


_TYPES = (*[OrderType.MARKET] * 4, *[OrderType.LIMIT] * 3, OrderType.STOP)


def _plan(chance: Chance, purpose: str) -> ExitPlan:
    ratio_1e8 = chance.pick(f"stop {purpose}", (20_000, 50_000, 100_000, 300_000))
    stop: StopAt | NoStop = StopAt(Level(LevelKind.RATIO, ratio_1e8))
    if chance.happens(f"waiver {purpose}", 0.1):
        stop = NoStop("run to the close")
    target = Level(LevelKind.RATIO, ratio_1e8) if chance.happens(f"target {purpose}", 0.5) else None
    first = None
    if target is None and chance.happens(f"partial {purpose}", 0.4):
        first = Partial(level=Level(LevelKind.RATIO, ratio_1e8 // 2), portion_ratio_1e8=65_000_000)
    holding_s = chance.pick(f"hold {purpose}", (0, 15, 40, 120))
    return ExitPlan(
        stop=stop,
        target=target,
        target_1=first,
        holding_max_ns=holding_s * SECOND_NS if holding_s else None,
    )


def maker(chance: Chance) -> Callable[[], Strategy]:
    """What `StrategyBuild.make` wants."""
    return lambda: Busy(chance)
