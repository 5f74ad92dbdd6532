"""How soon an account with a thousand open orders trades again after its process died."""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from actors.lane_virtual import VirtualLane
from actors.messages import FEED
from actors.rounds import TapePosition
from actors.system import Ports, System, build
from actors.venue_store import VenueStore
from benchmarks.measure import Figure
from benchmarks.setting import Group, Setting
from rust_core import ExitPlan, Leg, Message, Signal
from storage import SqliteRecord, open_record
from trading.config import Config, Instrument, InstrumentKind
from trading.market import Quote, SessionOpened
from trading.run_options import Mode

ORDERS = 1_000
AIM_MS = 1_000.0
_SYMBOL = "SPY"
_ONE_1E8 = 100_000_000
_S_NS = 1_000_000_000
_OPEN_NS = 1_578_321_000 * _S_NS
_DATE = 20_200_106
_PER_SECOND = 64  # entry orders in one window, at most
_PRICE_1E8 = 100 * _ONE_1E8


def roomy_config() -> Config:
    """One instrument, and limits that let a thousand orders rest."""
    plain = Config(
        instruments=(
            Instrument(symbol=_SYMBOL, kind=InstrumentKind.EQUITY, tick_size=Decimal("0.01")),
        )
    )
    replace = msgspec.structs.replace
    limits = replace(
        plain.limits,
        risk_per_trade_usd=Decimal(1000),
        daily_loss_max_usd=Decimal(100_000),
        weekly_loss_max_usd=Decimal(100_000),
        position_notional_max_usd=Decimal(10_000),
        positions_per_instrument_max=ORDERS,
        positions_max=ORDERS,
        entries_per_window_max=_PER_SECOND,
        entry_window_s=1,
    )
    account = replace(plain.account, capital_usd=Decimal(10_000_000), entry_ttl_s=0)
    return replace(plain, limits=limits, account=account)


def system_of(record: SqliteRecord, folder: Path, run: str, lane: VirtualLane) -> System:
    """The product's own system on a paper venue that outlives it."""
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
    system = build(roomy_config(), Mode.PAPER, ports, ())
    lane.barriers.append(system.rounds)
    return system


def fill_book(folder: Path) -> str:
    """A run with that many orders at work, left as kill -9 leaves it; its name."""
    record = open_record(folder, is_eager=False)
    config = roomy_config()
    run = record.begin_run(
        mode=Mode.PAPER, config_hash=config.digest(), source="restart", started_ns=time.time_ns()
    )
    lane = VirtualLane(_OPEN_NS)
    system = system_of(record, folder, run, lane)
    system.start()
    opened = SessionOpened(
        session_date=_DATE,
        open_ns=_OPEN_NS,
        close_ns=_OPEN_NS + 6 * 3600 * _S_NS,
        at_ns=_OPEN_NS,
        tape_seq=0,
    )
    lane.tell(FEED, opened)
    for number in range(ORDERS):
        if number % _PER_SECOND == 0:
            at_ns = _OPEN_NS + number // _PER_SECOND * 2 * _S_NS
            lane.run(until_ns=at_ns)
            lane.tell(FEED, _quote(at_ns, number))
            lane.run(until_ns=at_ns)
        lane.tell(system.account_name, _resting(number, lane.now_ns()))
    lane.run(until_ns=lane.now_ns() + _S_NS)
    _expect(system)
    record.close()
    return run


def _quote(at_ns: int, number: int) -> Quote:
    return Quote(
        instrument=_SYMBOL,
        bid_1e8=_PRICE_1E8,
        ask_1e8=_PRICE_1E8,
        bid_size_1e8=1_000_000 * _ONE_1E8,
        ask_size_1e8=1_000_000 * _ONE_1E8,
        at_ns=at_ns,
        source_ns=at_ns,
        tape_seq=1 + number,
    )


def _resting(number: int, at_ns: int) -> Message:
    """A limit order of a strategy of its own, a dollar below the market."""
    return Message.signal(
        Signal(
            strategy=f"s{number}",
            setup_instance="restart",
            session_date=_DATE,
            legs=[Leg(_SYMBOL, "BUY")],
            plan=ExitPlan(stop_ratio_1e8=_ONE_1E8 // 10),
            reference_1e8=_PRICE_1E8,
            reference_ns=at_ns,
            qty_1e8=_ONE_1E8,
            order_type="LIMIT",
            limit_1e8=_PRICE_1E8 - _ONE_1E8,
        )
    )


def _expect(system: System) -> None:
    found = 0 if system.core is None else len(system.core.orders())
    if found != ORDERS:
        raise RuntimeError(f"expected {ORDERS} orders at work, found {found}")


def restarted_ms(folder: Path, run: str) -> float:
    """From opening the record to books that are compared with the venue's: entries may leave."""
    begun_ns = time.perf_counter_ns()
    record = open_record(folder, is_eager=False)
    record.resume_run(run)
    lane = VirtualLane(_OPEN_NS + 3600 * _S_NS)
    system = system_of(record, folder, run, lane)
    system.start(resume_seq=-1)
    _until(lane, lambda: system.wiring.reconciler_memory.is_reconciled)
    took_ms = (time.perf_counter_ns() - begun_ns) / 1e6
    _expect(system)
    record.close()
    return took_ms


def _until(lane: VirtualLane, is_so: Callable[[], bool]) -> None:
    for _ in range(60):
        lane.run(until_ns=lane.now_ns() + _S_NS)
        if is_so():
            return
    raise RuntimeError("expected compared books within a minute of event time, found none")


def measure(setting: Setting) -> Sequence[Figure]:
    """In this process: the start of an interpreter is `trader_ready_peer`'s."""
    with TemporaryDirectory(dir=setting.work_dir) as name:
        run = fill_book(Path(name))
        took_ms = restarted_ms(Path(name), run)
    return [Figure(row="restart_orders", value=took_ms, reference=AIM_MS)]


GROUP = Group(name="restart", rows=("restart_orders",), measure=measure)
