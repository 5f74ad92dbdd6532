"""kill -9 at every named point, then `--recover`: the trades of an uninterrupted run.

Each child is a real process on a record of its own; they run side by side, as most of their time is
spent waiting for the disk.
"""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import orjson
import pytest

from actors.venue_store import VenueStore
from rust_core import PaperVenueBook
from storage import open_record
from tests.crash.child import POINTS, Plan
from tests.support.busy_market import busy_config, busy_tape
from trading.config_reader import load
from trading.run_options import RunOptions

ROOT = Path(__file__).parents[2]
OCCASIONS = 10  # of each point
OPEN_LEAST = 30
AT_ONCE = 4
TRADES = """SELECT entry_ns, exit_ns, side, qty_1e8, entry_1e8, exit_1e8, fees_1e8, net_1e8, reason
    FROM trades ORDER BY entry_ns, trade_id"""
JOURNAL = """SELECT journal_id, seq, stream, stream_version, kind, at_ns, payload, hash
    FROM journal ORDER BY pos"""
LIVE = "state NOT IN ('FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'NOT_SENT')"


@dataclass(frozen=True, slots=True)
class Market:
    """What every run of this file plays."""

    config: Path
    tape: Path

    def plan(self, data_dir: Path, *, recover: bool = False) -> Plan:
        """A child that nothing happens to."""
        options = RunOptions(
            config=self.config, data_dir=data_dir, speed_ratio=None, recover=recover
        )
        return Plan(options=options.to_json(), tape=str(self.tape))


@dataclass(frozen=True, slots=True)
class Found:
    """What a data directory holds after a run, in the record and at the venue."""

    trades: list[tuple[object, ...]]
    journal: list[tuple[object, ...]]
    open_orders: int
    open_positions: int
    kill_level: str
    kinds: list[str]
    intents: set[str]
    sent: list[str]
    at_venue: list[str]
    venue_open: int
    venue_held: dict[str, int]


def read(market: Market, data_dir: Path) -> Found:
    """Open the record and the venue's book as the next run would, and read them."""
    record = open_record(data_dir, is_eager=False)
    try:
        ((run,),) = record.query("SELECT run FROM runs", {})
        store = VenueStore(data_dir, run)
        paper = load(market.config).paper_json()
        empty = PaperVenueBook(paper)
        book = PaperVenueBook(paper, empty.state_json(), store.changes())
        store.close()
        journal = record.query(JOURNAL, {})
        sent = record.query(
            "SELECT client_order_id FROM orders WHERE state <> 'NOT_SENT' ORDER BY 1", {}
        )
        return Found(
            trades=record.query(TRADES, {}),
            journal=journal,
            open_orders=record.query(f"SELECT count(*) FROM orders WHERE {LIVE}", {})[0][0],  # noqa: S608
            open_positions=record.query(
                "SELECT count(*) FROM positions WHERE phase <> 'CLOSED'", {}
            )[0][0],
            kill_level=record.kill_level(),
            kinds=[str(row[4]) for row in journal],
            intents={order for (order,) in record.query("SELECT client_order_id FROM orders", {})},
            sent=[order for (order,) in sent],
            at_venue=sorted(orders_of(book)),
            venue_open=len(book.open_orders()),
            venue_held={symbol: qty for symbol, qty in book.positions().items() if qty},
        )
    finally:
        record.close()


def orders_of(book: PaperVenueBook) -> list[str]:
    """The client's id of every order in a venue's book, as often as it stands there."""
    return [
        order["asked"]["client_order_id"] for order in orjson.loads(book.state_json())["orders"]
    ]


def run(plan: Plan) -> int:
    """One child process to its end; its exit code, -9 when it was killed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.child", plan.to_json()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -9), done.stderr
    return done.returncode


@dataclass(frozen=True, slots=True)
class Occasion:
    """One kill and what came of it."""

    plan: Plan
    before: Found
    after: Found


def cut_and_recover(market: Market, data_dir: Path, plans: Sequence[Plan]) -> Occasion:
    """Kill a child at each plan in turn, the later ones while they recover; then let it finish."""
    for number, plan in enumerate(plans):
        again = market.plan(data_dir, recover=number > 0)
        assert run(replace(plan, options=again.options)) == -9, f"{plan.point} was not reached"
    before = read(market, data_dir)
    last = replace(plans[-1], options=market.plan(data_dir, recover=True).options, point="")
    assert run(last) == 0
    return Occasion(plans[-1], before, read(market, data_dir))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Two sessions with many entries, and fills in parts."""
    directory = tmp_path_factory.mktemp("market")
    return Market(busy_config(directory), busy_tape(directory, sessions=2))


@pytest.fixture(scope="module")
def whole(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The run that nothing happened to."""
    data_dir = tmp_path_factory.mktemp("whole")
    assert run(market.plan(data_dir)) == 0
    found = read(market, data_dir)
    assert len(found.trades) >= 20
    return found


def visits(whole: Found, point: str) -> int:
    """How often an uninterrupted run comes to a point."""
    if point in ("released", "answered"):
        wanted = '"new":"SUBMITTED"' if point == "released" else '"new":"WORKING"'
        moves = [str(row[6]) for row in whole.journal if row[4] == "OrderChanged"]
        return sum(wanted in move for move in moves)
    kind = {"mid-fill": "OrderFilled", "exit pending": "ExitTriggered"}.get(point, "OrderIntended")
    return whole.kinds.count(kind)


def check(occasion: Occasion, trades: list[tuple[object, ...]]) -> None:
    """Nothing lost, nothing doubled, nothing left over, and what was written still stands."""
    before, after = occasion.before, occasion.after
    assert after.journal[: len(before.journal)] == before.journal
    assert set(before.at_venue) <= before.intents
    assert after.trades == trades
    assert (after.open_orders, after.open_positions) == (0, 0)
    assert (after.venue_open, after.venue_held) == (0, {})
    assert len(set(after.at_venue)) == len(after.at_venue)
    assert after.at_venue == after.sent


def is_open(found: Found) -> bool:
    """Whether an intent, an order or a position was open when it was cut."""
    return found.open_orders + found.open_positions + found.venue_open + len(found.venue_held) > 0


OPEN: dict[str, int] = {}


@pytest.mark.parametrize("point", [point for point in POINTS if point != "mid-kill"])
def test_a_recovered_run_ends_with_the_trades_of_an_uninterrupted_one(
    point: str, market: Market, whole: Found, tmp_path: Path
) -> None:
    """ST-1, ST-2, EX-4, EX-6: nothing lost, nothing doubled, and the journal before is a prefix."""
    count = visits(whole, point)
    chosen = Random(point).sample(range(1, count + 1), OCCASIONS)

    def one(occurrence: int) -> Occasion:
        plan = replace(market.plan(tmp_path), point=point, occurrence=occurrence)
        return cut_and_recover(market, tmp_path / str(occurrence), [plan])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        occasions = list(pool.map(one, chosen))
    for occasion in occasions:
        check(occasion, whole.trades)
    OPEN[point] = sum(is_open(each.before) for each in occasions)


def kill_instants(whole: Found) -> list[int]:
    """Instants inside the life of ten trades: just begun, half-way, just before the end."""
    instants = []
    for number, trade in enumerate(whole.trades[::2][:OCCASIONS]):
        entry_ns, exit_ns = int(str(trade[0])), int(str(trade[1]))
        instants.append(entry_ns + (exit_ns - entry_ns) * (number % 3) // 3 + 1)
    return instants


def test_a_kill_that_is_cut_off_is_carried_out_after_the_restart(
    market: Market, whole: Found, tmp_path: Path
) -> None:
    """KC-1, KC-2, KC-4: the same FLATTEN ends with the same trades, flat, done and latched."""

    def one(number: int, at_ns: int) -> tuple[Occasion, Found]:
        plan = replace(market.plan(tmp_path), kill_at_ns=at_ns)
        calm = tmp_path / f"calm-{number}"
        assert run(replace(plan, options=market.plan(calm).options)) == 0
        cut = replace(plan, point="mid-kill", occurrence=1 + number % 5)
        occasion = cut_and_recover(market, tmp_path / f"cut-{number}", [cut])
        return occasion, read(market, calm)

    instants = kill_instants(whole)
    assert len(instants) == OCCASIONS
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pairs = list(pool.map(one, range(OCCASIONS), instants))
    for occasion, calm in pairs:
        check(occasion, calm.trades)
        assert "KillAccepted" in occasion.before.kinds
        assert "KillDone" not in occasion.before.kinds
        assert occasion.after.kinds.count("KillDone") == 1
        assert occasion.after.kill_level == calm.kill_level == "FLATTEN"
    OPEN["mid-kill"] = sum(is_open(occasion.before) for occasion, _ in pairs)


def test_most_of_the_kills_found_something_open() -> None:
    """ST-2: at least thirty of them (of make soak) cut an intent, order or position off."""
    if set(OPEN) != set(POINTS):
        pytest.skip("needs the other tests of this file")
    assert sum(OPEN.values()) >= OPEN_LEAST, OPEN


def test_a_recovery_that_is_killed_is_recovered(
    market: Market, whole: Found, tmp_path: Path
) -> None:
    """ST-2, EX-4: kill -9 four times in a row, three of them in what goes on after a recovery."""
    cuts = [("mid-fill", 40), ("released", 1), ("exit pending", 1), ("mid-fill", 7)]
    plans = [
        replace(market.plan(tmp_path), point=point, occurrence=occurrence)
        for point, occurrence in cuts
    ]
    check(cut_and_recover(market, tmp_path / "again", plans), whole.trades)
