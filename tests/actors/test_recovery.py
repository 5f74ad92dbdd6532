"""Runs that end in mid-round and go on, and an account that restarts: the same trades, once each.

The same paths as after kill -9 (tests/crash), without processes: cheap enough to cut anywhere.
"""

import os
from pathlib import Path
from random import Random
from shutil import copytree
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

import actors.trader as trader_module
from actors.messages import VENUE
from actors.tape_source import Source
from actors.trader import Trader
from actors.venue_store import VenueStore
from brokers.base import LookedUp
from brokers.paper import PlaceOrder
from research.crash.market import busy_config, busy_tape
from rust_core import PaperVenueBook
from storage import MemoryRecord, SqliteRecord, open_record
from storage.verify import verify
from streams.tape import Tape
from tests.support.play import Played, play, prepare
from trading.config import Config
from trading.config_reader import load
from trading.ports import Durable, Failed, Outcome, OutcomeSink, Record, Request
from trading.run_options import RunOptions
from trading.run_report import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable

CUTS = 60 if os.environ.get("HOLDFAST_SOAK") else 6


class CutOffError(BaseException):
    """Stands for the death of the process; nothing in the product may survive it."""


class FrailRecord:
    """A record whose process dies at the n-th thing that it is asked for.

    Attributes:
        left: Visits until then; below zero, how many there were after it.
        staged: Every request, in order.
    """

    def __init__(self, record: SqliteRecord, left: int) -> None:
        """Die at the visit `left`; 0 for never."""
        self._record = record
        self.left = left
        self.staged: list[Request] = []

    def __getattr__(self, name: str) -> Any:
        """Everything else is the record's own."""
        return getattr(self._record, name)

    def stage(self, request: Request) -> None:
        """Take it, and die in mid-round, or go on."""
        self.staged.append(request)
        self._record.stage(request)
        self._visit()

    def settle(self) -> None:
        """Make the round durable; die before anybody acts on it, or go on."""
        self._record.settle()
        self._visit()

    def _visit(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise CutOffError

    def durable_intents(self) -> set[str]:
        """The orders whose intent is on the disk."""
        rows = self._record.query("SELECT client_order_id FROM orders", {})
        return {order for (order,) in rows}


class Process:
    """What a trader's process does, in this one, on a copy of the files of the one before it."""

    def __init__(self, config: Config, tape: Path) -> None:
        """Nothing runs yet."""
        self.config = config
        self.tape = tape
        self.staged: list[Request] = []

    def run(self, data_dir: Path, *, left: int = 0, recover: bool = False) -> tuple[Any, int]:
        """The trades, None when it was cut off, and the visits of the record."""
        options = RunOptions(data_dir=data_dir, speed_ratio=None, recover=recover)
        data_dir.mkdir(exist_ok=True, mode=0o700)
        record = FrailRecord(open_record(data_dir, is_eager=False), left)
        self.staged = record.staged
        trader = Trader(options, self.config, record, Reporter(-1))  # type: ignore[arg-type]
        try:
            trader._start_system()  # noqa: SLF001 - all of a process but its operator's port
            trader.lane.run()
            trader.system.stop()
        except CutOffError:
            assert at_venue(self.config, trader.store.changes()) <= record.durable_intents()
            copytree(data_dir, data_dir.with_name(f"{data_dir.name}+"))
            return None, 0
        finally:
            trader.store.close()
            record.close()
        check_flat(data_dir, self.config, trader.run_id)
        return trades_of(data_dir), -record.left


def trades_of(data_dir: Path) -> list[tuple[Any, ...]]:
    """The trades of the only run."""
    record = open_record(data_dir, is_eager=False)
    try:
        return record.query(
            """SELECT entry_ns, exit_ns, side, qty_1e8, entry_1e8, exit_1e8, fees_1e8, net_1e8,
                reason FROM trades ORDER BY entry_ns, trade_id""",
            {},
        )
    finally:
        record.close()


def feed_said(data_dir: Path) -> list[tuple[Any, ...]]:
    """Every bar that was built, and what the feed counted, with its time."""
    record = open_record(data_dir, is_eager=False)
    try:
        return record.query(
            """SELECT kind, at_ns, payload FROM journal
                WHERE kind IN ('BarBuilt', 'FeedGap', 'FeedCounted') ORDER BY pos""",
            {},
        )
    finally:
        record.close()


def journal_of(data_dir: Path) -> list[tuple[str, bytes]]:
    """Kind and payload of the account's durable events."""
    record = open_record(data_dir, is_eager=False)
    try:
        last = record.last_run()
        assert last is not None
        return [(row.kind, row.payload) for row in record.events("account:main", last.run)]
    finally:
        record.close()


def check_flat(data_dir: Path, config: Config, run: str) -> None:
    """Each order that was sent stands once in the venue's book, and nothing is open there."""
    store = VenueStore(data_dir, run)
    record = open_record(data_dir, is_eager=False)
    try:
        sent = record.query("SELECT client_order_id FROM orders WHERE state <> 'NOT_SENT'", {})
        check_book(config, store.changes(), sorted(order for (order,) in sent))
    finally:
        store.close()
        record.close()


def at_venue(config: Config, changes: list[bytes]) -> set[str]:
    """The orders in a venue's book."""
    empty = PaperVenueBook(config.paper_json())
    book = PaperVenueBook(config.paper_json(), empty.state_json(), changes)
    orders = orjson.loads(book.state_json())["orders"]
    return {order["asked"]["client_order_id"] for order in orders}


def check_book(config: Config, changes: list[bytes], sent: list[str]) -> None:
    """The venue's own book says the same as ours."""
    empty = PaperVenueBook(config.paper_json())
    book = PaperVenueBook(config.paper_json(), empty.state_json(), changes)
    orders = orjson.loads(book.state_json())["orders"]
    assert sorted(order["asked"]["client_order_id"] for order in orders) == sent
    assert book.open_orders() == []
    assert not any(book.positions().values())


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Path]:
    """One session with many trades in parts."""
    directory = tmp_path_factory.mktemp("busy")
    return load(busy_config(directory)), busy_tape(directory, sessions=1)


@pytest.fixture
def process(market: tuple[Config, Path], monkeypatch: pytest.MonkeyPatch) -> Process:
    """A trader that plays the market of these tests."""
    config, tape = market
    monkeypatch.setattr(trader_module, "find_tape", lambda *_: Source("for tests", tape))
    return Process(config, tape)


# --------------------------------------------------------------------------------------------------
# A process that dies
# --------------------------------------------------------------------------------------------------


def test_a_run_that_is_cut_anywhere_goes_on_with_the_same_trades(
    process: Process, tmp_path: Path
) -> None:
    """ST-1, ST-2, EX-4: between any two words with the record, staged or durable."""
    expected, visits = process.run(tmp_path / "whole")
    assert len(expected) >= 10
    cuts = Random(5).sample(range(1, visits), CUTS)
    for cut in cuts:
        data_dir = tmp_path / str(cut)
        assert process.run(data_dir, left=cut) == (None, 0)
        found, _ = process.run(tmp_path / f"{cut}+", recover=True)
        assert found == expected, f"cut at visit {cut}"


def test_a_run_of_ticks_that_is_cut_anywhere_shows_each_bar_once(
    market: tuple[Config, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-2, MD-5: a bar is durable with what it led to, so none is shown twice or never."""
    tape = busy_tape(tmp_path, sessions=1, content="trades")
    monkeypatch.setattr(trader_module, "find_tape", lambda *_: Source("for tests", tape))
    process = Process(market[0], tape)
    expected, visits = process.run(tmp_path / "whole")
    said = feed_said(tmp_path / "whole")
    assert len(expected) >= 3
    assert len(said) >= 300
    for cut in Random(3).sample(range(1, visits), CUTS // 2):
        data_dir = tmp_path / str(cut)
        assert process.run(data_dir, left=cut) == (None, 0)
        found, _ = process.run(tmp_path / f"{cut}+", recover=True)
        assert found == expected, f"cut at visit {cut}"
        assert feed_said(tmp_path / f"{cut}+") == said, f"cut at visit {cut}"


def test_a_decision_is_durable_whole_or_not_at_all(process: Process, tmp_path: Path) -> None:
    """ST-1, EX-7: an account's decision is one request; a cut leaves whole ones, in order."""
    _, visits = process.run(tmp_path / "whole")
    fills = [
        {event.kind for event in request.events}
        for request in process.staged
        if any(event.kind == "OrderFilled" for event in request.events)
    ]
    assert len(fills) >= 10
    assert all("PositionChanged" in kinds for kinds in fills)
    for cut in Random(6).sample(range(1, visits), CUTS):
        data_dir = tmp_path / str(cut)
        assert process.run(data_dir, left=cut) == (None, 0)
        durable = journal_of(tmp_path / f"{cut}+")
        decisions = [
            [(event.kind, event.payload) for event in request.events]
            for request in process.staged
            if request.journal_id == "account:main"
        ]
        while durable and durable[: len(decisions[0])] == decisions[0]:
            del durable[: len(decisions.pop(0))]
        assert durable == [], f"cut at visit {cut}"


def test_a_run_that_is_cut_again_and_again_goes_on_with_the_same_trades(
    process: Process, tmp_path: Path
) -> None:
    """ST-2: a recovery may itself be cut off, as often as it likes."""
    expected, _ = process.run(tmp_path / "whole")
    data_dir, cuts = tmp_path / "cut", 0
    random = Random(11)
    found, _ = process.run(data_dir, left=random.randint(5, 30))
    while found is None:
        cuts += 1
        data_dir = data_dir.with_name(f"{data_dir.name}+")
        found, _ = process.run(data_dir, left=random.randint(5, 90), recover=True)
    assert found == expected
    assert cuts >= 5


# --------------------------------------------------------------------------------------------------
# An account that crashes
# --------------------------------------------------------------------------------------------------


class Poison:
    """A message that no account understands."""


class Keeper:
    """The venue's changes of a played run, to look into its book afterwards."""

    def __init__(self, played: Played) -> None:
        """Of this run."""
        self._store = played.system.ports.venue_store
        self._played = played

    def check(self, config: Config) -> None:
        """One order in the book for each that was sent, and nothing open."""
        sent = {
            row["client_order_id"]
            for row in self._played.payloads("OrderChanged")
            if row["new"] == "SUBMITTED"
        }
        check_book(config, self._store.changes(), sorted(sent))


def test_an_account_that_crashes_comes_back_with_its_orders(
    market: tuple[Config, Path],
) -> None:
    """WD-1, ST-2: between two prices a crash of the account changes no trade."""
    config, tape = market[0], Tape(market[1])
    expected = play(config, tape).trades()
    played = prepare(config, tape)
    name = played.system.account_name
    for row in range(40, len(tape), 60):
        played.lane.at(tape.row(row)[0] + 10_000_000_000, name, Poison())
    played.finish()
    assert played.system.tree.cell(name).incarnation >= 5
    assert played.trades() == expected
    Keeper(played).check(config)


def test_an_account_that_crashes_at_a_price_loses_no_time(market: tuple[Config, Path]) -> None:
    """WD-1, WD-10: right behind a bar, in front of the signal that it brings: the same trades."""
    config, tape = market[0], Tape(market[1])
    expected = play(config, tape).trades()
    played = prepare(config, tape)
    name, rows = played.system.account_name, 0

    def poison(_: object) -> None:
        nonlocal rows
        rows += 1
        if rows % 10 == 0:
            played.lane.tell(name, Poison())

    played.system.market.subscribe(poison)
    played.finish()
    assert played.system.tree.cell(name).incarnation >= 20
    assert played.trades() == expected
    Keeper(played).check(config)


def test_an_account_that_crashes_again_and_again_comes_back_for_its_exits(
    market: tuple[Config, Path],
) -> None:
    """WD-1, EX-9: past every intensity entries are shut; what was open is left as planned."""
    config, tape = market[0], Tape(market[1])
    played = prepare(config, tape)
    name, is_open = played.system.account_name, False

    def poison(journal_id: str, events: Any, _: int) -> None:
        nonlocal is_open
        if journal_id == name and any(b'"phase":"MONITORING"' in event.payload for event in events):
            for _ in range(0 if is_open else 60):
                played.lane.tell(name, Poison())
            is_open = True

    played.system.rounds.listen(poison)
    played.lane.run()
    assert name in played.system.counters.halted_for
    core = played.system.core
    assert core is not None
    assert (core.orders(), core.positions()) == ([], [])
    [halted] = [r for r in played.record.events("system", played.run) if r.kind == "SystemHalted"]
    sent = [
        row["at_ns"]
        for row in played.payloads("OrderChanged")
        if row["new"] == "SUBMITTED" and row["client_order_id"].endswith("e1")
    ]
    assert max(sent) <= halted.at_ns  # later ones are held back at the gate
    assert played.trades()
    Keeper(played).check(config)


def test_a_word_of_the_venue_that_cannot_be_taken_in_freezes_the_account(
    market: tuple[Config, Path],
) -> None:
    """EX-9, WD-1: what it said is unknown, so nothing is entered any more; a person looks."""
    config, tape = market[0], Tape(market[1])
    played = prepare(config, tape)
    name, half_ns = played.system.account_name, tape.row(len(tape) // 2)[0]
    word = LookedUp(client_order_id="o", reports=("no report at all",))
    for _ in range(2):
        played.lane.at(half_ns, name, word)
    played.lane.run()
    core = played.system.core
    assert core is not None
    assert [halt[:2] for halt in core.account().halts] == [("ACCOUNT", "")]
    assert (core.orders(), core.positions()) == ([], [])
    entered = [row.at_ns for row in played.record.events(name, played.run) if is_entry(row)]
    assert entered
    assert max(entered) <= half_ns
    assert ("CRITICAL", "a word of the venue was set aside") in [
        (severity, text.split(":")[0]) for severity, text in played.notices
    ]


def is_entry(row: Any) -> bool:
    """Whether a row is the intent of an entry."""
    return bool(row.kind == "OrderIntended" and orjson.loads(row.payload)["adds_risk"])


@pytest.mark.parametrize("kind", ["OrderIntended", "OrderChanged", "OrderFilled", "ExitTriggered"])
def test_an_account_that_crashes_behind_its_own_decision_sends_nothing_twice(
    kind: str, market: tuple[Config, Path]
) -> None:
    """EX-4, EX-6, WD-1: crashed right behind what became durable, it asks before it sends."""
    config, tape = market[0], Tape(market[1])
    played = prepare(config, tape)
    name = played.system.account_name
    seen = 0

    def poison(journal_id: str, events: Any, _: int) -> None:
        nonlocal seen
        if journal_id == name and any(event.kind == kind for event in events):
            seen += 1
            if seen % 3 == 1:
                played.lane.tell(name, Poison())

    played.system.rounds.listen(poison)
    played.finish()
    assert played.system.tree.cell(name).incarnation >= 4
    assert played.trades() == play(config, tape).trades()
    Keeper(played).check(config)


class Ahead:
    """A record that has the account poisoned in front of the outcome of each third intent."""

    def __init__(self) -> None:
        """Over a record in memory."""
        self._record = MemoryRecord()
        self._intents = 0
        self.poison: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        """Everything else is the record's own."""
        return getattr(self._record, name)

    def stage(self, request: Request) -> None:
        """Take it; its outcome is mailed behind whatever is mailed now."""
        self._record.stage(request)
        self._intents += any(event.kind == "OrderIntended" for event in request.events)
        if self._intents % 3 == 1:
            self._intents += 1
            self.poison()


def test_an_intent_that_became_durable_while_the_account_was_down_is_sent_once(
    market: tuple[Config, Path],
) -> None:
    """EX-4, ST-2: nobody released it and the venue has no such order: it leaves, once."""
    config, tape = market[0], Tape(market[1])
    record = Ahead()
    played = prepare(config, tape, record=cast("Record", record))
    name = played.system.account_name
    record.poison = lambda: played.lane.tell(name, Poison())
    played.finish()
    assert played.system.tree.cell(name).incarnation >= 4
    intents = [row["client_order_id"] for row in played.payloads("OrderIntended")]
    sent = [
        row["client_order_id"]
        for row in played.payloads("OrderChanged")
        if row["new"] == "SUBMITTED"
    ]
    assert len(played.trades()) >= 5
    assert sorted(sent) == sorted(set(intents))
    Keeper(played).check(config)


# --------------------------------------------------------------------------------------------------
# A record that does not take what it is given
# --------------------------------------------------------------------------------------------------


class Watched:
    """A record that knows whether an intent is durable, and fails from a given one on."""

    def __init__(self, fail_at: int = 0) -> None:
        """Fail at intent number `fail_at`; 0 for never."""
        self._record = MemoryRecord()
        self._fail_at = fail_at
        self._intents = 0
        self.durable: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the record's own."""
        return getattr(self._record, name)

    def deliver_to(self, sink: OutcomeSink) -> None:
        """Note what became durable, or say that it did not."""

        def heard(outcome: Outcome) -> None:
            token: Any = outcome.token
            intents = [
                event.stream.removeprefix("order/")
                for event in getattr(token, "events", ())
                if event.kind == "OrderIntended"
            ]
            self._intents += len(intents)
            if intents and isinstance(outcome, Durable) and self._intents == self._fail_at:
                sink(Failed(token, "the disk is full"))
                return
            self.durable.update(intents)
            sink(outcome)

        self._record.deliver_to(heard)


def test_nothing_reaches_the_venue_before_its_intent_is_durable(
    market: tuple[Config, Path],
) -> None:
    """ST-1: each order that the venue is mailed has its intent on the disk by then."""
    config, tape = market[0], Tape(market[1])
    record = Watched()
    played = prepare(config, tape, record=cast("Record", record))
    venue = played.system.tree.cell(VENUE)
    mailed: list[bool] = []
    deliver = played.lane.tell

    def tell(name: str, message: Any) -> None:
        if name == venue.name and isinstance(message, PlaceOrder):
            order = orjson.loads(message.intent)["client_order_id"]
            mailed.append(order in record.durable)
        deliver(name, message)

    vars(played.lane)["tell"] = tell
    played.system.tree.kill(played.system.account_name)  # whose next broker mails by this
    played.finish()
    assert len(mailed) >= 20
    assert all(mailed)


def test_a_record_that_fails_crashes_the_account_and_shuts_the_gate(
    market: tuple[Config, Path],
) -> None:
    """EX-9, ST-1: what is not durable is not sent, and no entry leaves from then on."""
    config, tape = market[0], Tape(market[1])
    played = prepare(config, tape, record=cast("Record", Watched(fail_at=3)))
    assert played.system.gate.refuses(adds_risk=True) is None
    played.finish()
    assert "disk is full" in played.system.counters.halted_for
    assert played.system.gate.refuses(adds_risk=True) is not None
    assert played.system.tree.cell(played.system.account_name).incarnation >= 2
    entries = [
        row
        for row in played.payloads("OrderChanged")
        if row["new"] == "SUBMITTED" and row["client_order_id"].endswith("e1")
    ]
    assert len(entries) <= 2


def test_a_disk_that_fills_up_while_a_position_is_open_traps_nobody(
    market: tuple[Config, Path], tmp_path: Path
) -> None:
    """ST-8, EX-9: no entry any more, the position is left as planned, and the next start knows."""
    config, tape = market[0], Tape(market[1])
    record = open_record(tmp_path, is_eager=False)
    connection = record._book.connection  # noqa: SLF001 - there is no smaller disk at hand
    played = prepare(config, tape, record=record)
    closed: list[str] = []

    def fill_up(journal_id: str, events: Any, _: int) -> None:
        kinds = [event.kind for event in events]
        closed.extend(kind for kind in kinds if kind == "TradeClosed")
        opened = any(b'"phase":"MONITORING"' in event.payload for event in events)
        if journal_id == "account:main" and opened and len(closed) == 3:
            connection.pragma("max_page_count", connection.pragma("page_count"))

    played.system.rounds.listen(fill_up)
    played.lane.run()
    assert "full" in played.system.counters.halted_for
    assert played.system.gate.refuses(adds_risk=True) is not None
    core = played.system.core
    assert core is not None
    assert (core.orders(), core.positions()) == ([], [])
    played.system.stop()
    assert len(closed) >= 4  # the one that was open is closed, in the file beside the record
    kinds = {row.kind for row in record.events("account:main", played.run)}
    durable = record.query("SELECT count(*) FROM trades", {})[0][0]
    assert durable == 3
    record.close()
    again = open_record(tmp_path, is_eager=False)
    assert again.query("SELECT count(*) FROM trades", {}) == [(len(closed),)]
    assert again.query("SELECT count(*) FROM positions WHERE phase <> 'CLOSED'", {}) == [(0,)]
    sent = again.query("SELECT client_order_id FROM orders WHERE state <> 'NOT_SENT'", {})
    again.close()
    assert verify(tmp_path).is_whole
    assert "TradeClosed" in kinds
    check_book(config, played.system.ports.venue_store.changes(), sorted(o for (o,) in sent))
