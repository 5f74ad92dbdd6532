"""The drill of the kill path: a whole system with orders and positions, flattened and timed (KC-9).

It runs the product's own system against the paper venue with a real record in a directory of its
own, so every intent and every cancel is synced to disk as in a session. Nothing of a real account
is touched, and no trader need be running.
"""

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson

from actors.kill import KillAsked, raise_gate
from actors.lane_virtual import VirtualLane
from actors.messages import FEED, KILL
from actors.operator_words import KillDone, KillLevel, KillRequest
from actors.rounds import TapePosition
from actors.system import Ports, System, build
from actors.venue_store import VenueStore
from rust_core import ExitPlan, Leg, Message, Signal
from storage import SqliteRecord, open_record
from trading.config import (
    AccountSection,
    Config,
    CooldownPeriod,
    Instrument,
    InstrumentKind,
    LimitsSection,
    MaxDrawdown,
    ProtectionsSection,
    StoplossGuard,
    VolatilityHalt,
)
from trading.errors import HoldfastError, SetupError
from trading.market import Quote, SessionOpened
from trading.run_options import Mode

DRILL_FILE: Final = "drill.json"
ORDERS_MAX: Final = 50
_SYMBOL: Final = "DRILL"
_ONE_1E8: Final = 100_000_000
_S_NS: Final = 1_000_000_000
_OPEN_NS: Final = 1_578_321_000 * _S_NS
_DATE: Final = 20_200_106
_PRICE: Final = 100
_UNTIL_NS: Final = 60 * _S_NS


class DrillFailedError(HoldfastError):
    """The drill could not be set up as asked: what was expected and what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What a drill came to.

    Attributes:
        cancelled: Orders cancelled by the kill.
        closed: Positions closed by it.
        remaining: Orders and positions that were left, 0 in a drill that worked.
        ms_to_last_cancel: From the kill to the last cancel that was durable.
        ms_to_flat: From the kill to the last position that was durably closed.
        ms_to_done: From the kill to the venue's second clean read.
    """

    orders: int
    positions: int
    cancelled: int
    closed: int
    failed: int
    remaining: int
    ms_to_last_cancel: float
    ms_to_flat: float
    ms_to_done: float
    at_ns: int


class _Watch:
    """When the last order ended and the last position closed, by the wall."""

    def __init__(self, system: System) -> None:
        self.cancel_ns = self.flat_ns = 0
        system.rounds.listen(self._see)

    def _see(self, _journal_id: str, events: Sequence[Any], _last_seq: int) -> None:
        for event in events:
            if event.kind == "OrderChanged" and b'"new":"CANCELLED"' in event.payload:
                self.cancel_ns = time.perf_counter_ns()
            elif event.kind == "TradeClosed":
                self.flat_ns = time.perf_counter_ns()


def drill(*, orders: int = 25, positions: int = 3) -> Drilled:
    """Flatten a system with that many resting orders and open positions.

    Raises:
        SetupError: Too many or none are asked for.
        DrillFailedError: The system did not come to hold them.
    """
    if orders < 0 or positions < 0 or not 0 < orders + positions <= ORDERS_MAX:
        raise SetupError(
            f"a drill takes 1 to {ORDERS_MAX} orders and positions together, "
            f"was asked for {orders} and {positions}"
        )
    folder = Path(tempfile.mkdtemp(prefix="holdfast-drill-"))
    try:
        record = open_record(folder, is_eager=False)
        try:
            return _drill(record, folder, orders, positions)
        finally:
            record.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _drill(record: SqliteRecord, folder: Path, orders: int, positions: int) -> Drilled:
    lane = VirtualLane(_OPEN_NS)
    system = _system(record, folder, lane)
    lane.barriers.append(system.rounds)
    system.start()
    _open_market(lane)
    lane.run(until_ns=_OPEN_NS)
    for at in range(positions):
        lane.tell(system.account_name, _entry(f"drill-p{at}", None))
    for at in range(orders):
        lane.tell(system.account_name, _entry(f"drill-o{at}", (_PRICE - 1) * _ONE_1E8))
    lane.run(until_ns=_OPEN_NS + 1)
    _expect(system, orders, positions)
    watch = _Watch(system)
    answers: list[Any] = []
    request = KillRequest(id="drill", level=KillLevel.FLATTEN, reason="a drill", by="drill")
    started_ns = time.perf_counter_ns()
    raise_gate(system.wiring.kill.plan(), request.level)
    lane.tell(KILL, KillAsked(request, answers.append))
    lane.run(until_ns=_OPEN_NS + _UNTIL_NS)
    ended_ns = time.perf_counter_ns()
    system.stop()
    record.end_run(ended_ns=time.time_ns(), is_clean=True)
    done = next((each for each in answers if isinstance(each, KillDone)), None)
    if done is None:
        raise DrillFailedError("the kill must be through within a minute of event time, was not")
    return Drilled(
        orders=orders,
        positions=positions,
        cancelled=done.cancelled,
        closed=done.closed,
        failed=done.failed,
        remaining=done.remaining,
        ms_to_last_cancel=_ms(started_ns, watch.cancel_ns),
        ms_to_flat=_ms(started_ns, watch.flat_ns),
        ms_to_done=_ms(started_ns, ended_ns),
        at_ns=time.time_ns(),
    )


def _system(record: SqliteRecord, folder: Path, lane: VirtualLane) -> System:
    config = _config()
    run = record.begin_run(
        mode=Mode.PAPER, config_hash=config.digest(), source="drill", started_ns=time.time_ns()
    )
    ports = Ports(
        lane=lane,
        record=record,
        run=run,
        position=TapePosition(),
        venue_store=VenueStore(folder, run),
        history=lambda _: [],
        instruments=(_SYMBOL,),
        is_bars=False,
        notify=lambda *_: None,
        fence=record.fence,
        fence_word=record.lease.word.read,
    )
    return build(config, Mode.PAPER, ports, ())


def _config() -> Config:
    """One instrument, limits that let everything in, no protection that could shut it out."""
    return Config(
        instruments=(
            Instrument(symbol=_SYMBOL, kind=InstrumentKind.EQUITY, tick_size=Decimal("0.01")),
        ),
        account=AccountSection(capital_usd=Decimal(1_000_000)),
        limits=LimitsSection(
            risk_per_trade_usd=Decimal(1000),
            daily_loss_max_usd=Decimal(100_000),
            weekly_loss_max_usd=Decimal(100_000),
            position_notional_max_usd=Decimal(10_000),
            positions_per_instrument_max=ORDERS_MAX,
            positions_max=ORDERS_MAX,
            entries_per_window_max=ORDERS_MAX,
        ),
        protections=ProtectionsSection(
            stoploss_guard=StoplossGuard(enabled=False),
            max_drawdown=MaxDrawdown(enabled=False),
            cooldown_period=CooldownPeriod(enabled=False),
            volatility_halt=VolatilityHalt(enabled=False),
        ),
    )


def _open_market(lane: VirtualLane) -> None:
    close_ns = _OPEN_NS + 6 * 3600 * _S_NS
    lane.tell(
        FEED,
        SessionOpened(
            session_date=_DATE,
            open_ns=_OPEN_NS,
            close_ns=close_ns,
            at_ns=_OPEN_NS,
            tape_seq=0,
        ),
    )
    size_1e8 = 1_000_000 * _ONE_1E8
    lane.tell(
        FEED,
        Quote(
            instrument=_SYMBOL,
            bid_1e8=_PRICE * _ONE_1E8,
            ask_1e8=_PRICE * _ONE_1E8,
            bid_size_1e8=size_1e8,
            ask_size_1e8=size_1e8,
            at_ns=_OPEN_NS,
            source_ns=_OPEN_NS,
            tape_seq=1,
        ),
    )


def _entry(strategy: str, limit_1e8: int | None) -> Message:
    """A market order that becomes a position, or a limit order that rests."""
    signal = Signal(
        strategy=strategy,
        setup_instance="drill",
        session_date=_DATE,
        legs=[Leg(_SYMBOL, "BUY")],
        plan=ExitPlan(stop_ratio_1e8=_ONE_1E8 // 10),
        reference_1e8=_PRICE * _ONE_1E8,
        reference_ns=_OPEN_NS,
        qty_1e8=10 * _ONE_1E8,
        order_type="MARKET" if limit_1e8 is None else "LIMIT",
        limit_1e8=limit_1e8,
    )
    return Message.signal(signal)


def _expect(system: System, orders: int, positions: int) -> None:
    core = system.core
    found = (0, 0) if core is None else (len(core.orders()), len(core.positions()))
    if found != (orders, positions):
        raise DrillFailedError(
            f"the drill must hold {orders} orders and {positions} positions before the kill, "
            f"held {found[0]} and {found[1]}"
        )


def _ms(started_ns: int, ended_ns: int) -> float:
    return round(max(0, ended_ns - started_ns) / 1e6, 3) if ended_ns else 0.0


def keep(data_dir: Path, drilled: Drilled) -> None:
    """Note the newest drill where the console finds it."""
    path = data_dir / DRILL_FILE
    aside = path.with_suffix(".part")
    aside.write_bytes(orjson.dumps(asdict(drilled)))
    aside.replace(path)
