"""Our books against the venue's in the whole system: lost news, orders of others, silence."""

from dataclasses import replace
from typing import Any

import msgspec
import orjson
import pytest

from actors.kill import KillAsked
from actors.lane_virtual import VirtualLane
from actors.messages import KILL, VENUE
from actors.operator_words import (
    Answer,
    KillDone,
    KillLevel,
    KillRequest,
    Reconciled,
    ReconcileRequest,
    Refused,
)
from actors.questions import FILLS_OVERLAP_NS, Why
from actors.reconciler import ReconcileAsked, ReconcileNow
from actors.venue import VenueActor
from brokers.base import PositionStated, Stated
from brokers.paper import CancelOrder, PaperBroker, PlaceOrder, StateAccount
from research.crash.market import busy_config, busy_tape
from rust_core import ExitPlan, Leg, Message, Signal
from streams.tape import Tape
from tests.support.play import Played, play, prepare
from trading.config import Config
from trading.config_reader import load
from trading.ports import Part

S_NS = 1_000_000_000
ONE_1E8 = 100_000_000
Market = tuple[Config, Tape]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """A configuration and a session with many trades in parts."""
    directory = tmp_path_factory.mktemp("busy")
    return load(busy_config(directory)), Tape(busy_tape(directory, sessions=1))


def venue_of(played: Played) -> VenueActor:
    """The paper venue as it runs."""
    actor = played.system.tree.cell(VENUE).actor
    assert isinstance(actor, VenueActor)
    return actor


def started(market: Market, row: int) -> Played:
    """A run that stands at a row of its tape."""
    played = prepare(*market)
    played.lane.run(until_ns=market[1].row(row)[0])
    return played


def ask(played: Played, *, is_forced: bool = False) -> list[Answer]:
    """An operator's question; the list fills as the lane goes on."""
    answers: list[Answer] = []
    request = ReconcileRequest(id="q1", reason="a test", by="test", is_forced=is_forced)
    name = played.system.wiring.reconciler_name
    played.lane.tell(name, ReconcileAsked(request=request, answer=answers.append))
    return answers


def by_hand(played: Played, qty: int, *, limit: int | None = None) -> None:
    """Somebody places an order at the venue, past all our books."""
    intent = {
        "client_order_id": f"by-hand-{qty}-{limit}",
        "instrument": "ES",
        "side": "BUY",
        "order_type": "MARKET" if limit is None else "LIMIT",
        "tif": "GTC",
        "qty_1e8": qty * ONE_1E8,
        "limit_1e8": None if limit is None else limit * ONE_1E8,
    }
    order = PlaceOrder(account="account:main", intent=orjson.dumps(intent))
    played.lane.tell(VENUE, order)


def stray(lane: VirtualLane) -> None:
    """An order with our tag works at the venue, and our books have lost it."""
    intent = {
        "client_order_id": "p-main-lost-20240102-m1-0e1",
        "instrument": "ES",
        "side": "BUY",
        "order_type": "LIMIT",
        "tif": "GTC",
        "qty_1e8": ONE_1E8,
        "limit_1e8": 1000 * ONE_1E8,
    }
    lane.tell(VENUE, PlaceOrder(account="account:main", intent=orjson.dumps(intent)))


def drift(played: Played) -> list[str]:
    """Kinds of the differences that were journaled."""
    return [each["kind"] for each in played.payloads("DriftFound")]


def test_a_run_whose_books_are_equal_says_so_once(market: Market) -> None:
    """ST-2, ST-3: compared at the start, then over and over without a word."""
    played = play(*market)
    (finished,) = played.payloads("ReconcileFinished", "system")
    assert finished == {"why": "START", "is_stopped": False, "drift": 0}
    assert drift(played) == []
    memory = played.system.wiring.reconciler_memory
    assert memory.is_reconciled
    assert memory.clean_ns > 0
    assert len(played.trades()) > 10


def test_what_the_stream_loses_the_net_catches(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EX-6, ST-4: every third batch of reports is lost, and no order, fill or position is."""
    answered = VenueActor._answer  # noqa: SLF001 - where the venue's stream begins
    batches = 0

    def lossy(self: VenueActor, reports: Any) -> None:
        nonlocal batches
        batches += bool(reports)
        answered(self, [] if batches % 3 == 0 else reports)

    monkeypatch.setattr(VenueActor, "_answer", lossy)
    played = prepare(*market)
    played.lane.run()
    assert batches > 30
    account = played.system.core
    assert account is not None
    assert (account.orders(), account.positions()) == ([], [])
    assert account.account().halts == []
    assert drift(played) == []
    book = venue_of(played).book
    assert book.positions() == {}
    fills = {each["execution_id"] for each in played.payloads("OrderFilled")}
    kept = {each.execution_id for each in book.executions_since(0)}
    assert kept
    assert kept <= fills


def test_what_others_do_at_the_venue_is_listed_and_left_alone(market: Market) -> None:
    """ST-3: a position and an order placed by hand: named, never touched, never fatal."""
    played = started(market, 60)
    by_hand(played, 3)
    by_hand(played, 2, limit=1000)
    played.lane.run()
    assert sorted(drift(played)) == ["CASH", "FOREIGN_ORDER", "FOREIGN_POSITION"]
    book = venue_of(played).book
    assert [order.client_order_id for order in book.open_orders()] == ["by-hand-2-1000"]
    assert book.positions() == {"ES": 3 * ONE_1E8}
    account = played.system.core
    assert account is not None
    assert account.account().halts == []
    assert played.payloads("InvariantViolated") == []


def test_what_others_hold_stands_while_the_venue_tells_of_our_instruments_only(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-3: said once when it begins and once when it is over; the operator's answer says so."""
    whole = VenueActor._positions  # noqa: SLF001 - where the venue's list is made
    others = PositionStated(instrument="NQ", qty_1e8=3 * ONE_1E8)
    monkeypatch.setattr(VenueActor, "_positions", lambda venue: (*whole(venue), others))
    played = started(market, 60)
    core = played.system.core
    assert core is not None
    assert [each.kind for each in core.account().drift] == ["FOREIGN_POSITION"]
    monkeypatch.setattr(VenueActor, "_positions", whole)
    tell = VenueActor.tell

    def in_part(venue: VenueActor, name: str, message: Any) -> None:
        if isinstance(message, Stated) and message.positions is not None:
            message = replace(message, positions_of=frozenset({"ES"}))
        tell(venue, name, message)

    monkeypatch.setattr(VenueActor, "tell", in_part)
    answers = ask(played)
    played.lane.run(until_ns=played.lane.now_ns() + 60 * S_NS)
    (told,) = answers
    assert isinstance(told, Reconciled)
    assert (told.is_conclusive, told.is_partial) == (True, True)
    assert told.to_json()["is_partial"] is True
    assert [each.kind for each in core.account().drift] == ["FOREIGN_POSITION"]
    assert played.payloads("ReconcileFinished", "system")[-1]["is_partial"] is True
    monkeypatch.setattr(VenueActor, "tell", tell)
    played.lane.run(until_ns=played.lane.now_ns() + 3600 * S_NS)
    assert core.account().drift == []
    said = [severity for severity, text in played.notices if "beside the run's own" in text]
    assert said == ["WARNING", "INFO"]


def test_an_operator_is_told_each_difference_and_may_take_it_over(market: Market) -> None:
    """ST-3: a large one stops entries until the operator adopts the venue's word."""
    played = started(market, 60)
    lane, core = played.lane, played.system.core
    while core is None or not core.positions() or core.orders():
        lane.run(until_ns=lane.now_ns() + S_NS)
        core = played.system.core
    held_1e8 = core.positions()[0].qty_1e8
    intent = {
        "client_order_id": "by-hand",
        "instrument": "ES",
        "side": "SELL" if held_1e8 > 0 else "BUY",
        "order_type": "MARKET",
        "tif": "DAY",
        "qty_1e8": abs(held_1e8) // ONE_1E8 // 2 * ONE_1E8,
    }
    lane.tell(VENUE, PlaceOrder(account="account:main", intent=orjson.dumps(intent)))
    lane.run(until_ns=lane.now_ns() + 1)
    book = venue_of(played).book
    while book.open_orders():
        lane.run(until_ns=lane.now_ns() + 5 * S_NS)
    first = ask(played)
    lane.run(until_ns=lane.now_ns() + 1)
    (answer,) = first
    assert isinstance(answer, Reconciled)
    assert answer.is_stopped
    assert [each["kind"] for each in answer.drift] == ["POSITION_QTY"]
    assert core.account().halts[0][2] == "ReconciliationError"
    forced = ask(played, is_forced=True)
    lane.run(until_ns=lane.now_ns() + 1)
    (answer,) = forced
    assert isinstance(answer, Reconciled)
    assert not answer.is_stopped
    assert answer.drift[0]["is_adopted"]
    assert sum(each.qty_1e8 for each in core.positions()) == book.positions().get("ES", 0)


def test_a_venue_that_does_not_answer_lets_nothing_begin(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-3: unreachable is no start; entries are held, the operator is told, and it asks again."""
    state, is_silent = PaperBroker.state, True

    def silent(
        self: PaperBroker, question: int, parts: frozenset[Part], *rest: Any, **choices: Any
    ) -> None:
        if is_silent:
            self._tell(self._account, Stated(question=question, problem="no route"))
        else:
            state(self, question, parts, *rest, **choices)

    monkeypatch.setattr(PaperBroker, "state", silent)
    played = prepare(*market, change=lambda ports: replace(ports, is_virtual=False))
    memory, gate = played.system.wiring.reconciler_memory, played.system.gate
    played.lane.run(until_ns=played.lane.now_ns() + 40 * S_NS)
    assert not memory.is_reconciled
    assert gate.refuses(True) == "HALTED"  # noqa: FBT003 - the gate's own signature
    assert gate.refuses(False) is None  # noqa: FBT003
    assert ("ERROR", "the venue does not say what it holds: no route") in played.notices
    answers = ask(played)
    played.lane.run(until_ns=played.lane.now_ns() + 1)
    assert isinstance(answers[0], Refused)
    is_silent = False
    played.lane.run(until_ns=played.lane.now_ns() + 60 * S_NS)
    assert memory.is_reconciled
    assert gate.refuses(True) is None  # noqa: FBT003
    played.lane.tell(played.system.wiring.reconciler_name, ReconcileNow(why=Why.RECONNECTED))
    is_silent = True
    played.lane.run(until_ns=played.lane.now_ns() + S_NS)
    assert gate.refuses(True) == "HALTED"  # noqa: FBT003


def test_after_a_reconnection_every_execution_that_is_remembered_is_asked_for(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-4: a sweep asks for the newest ones, as long as nothing differs."""
    state = PaperBroker.state
    asked: list[int] = []

    def seen(
        self: PaperBroker, question: int, parts: frozenset[Part], *rest: Any, **choices: Any
    ) -> None:
        if Part.FILLS in parts:
            asked.append(rest[0])
        state(self, question, parts, *rest, **choices)

    played = prepare(*market, change=lambda ports: replace(ports, is_virtual=False))
    lane, core = played.lane, played.system.core
    while core is None or core.oldest_execution_ns is None:
        lane.run(until_ns=lane.now_ns() + 60 * S_NS)
        core = played.system.core
    lane.run(until_ns=lane.now_ns() + 600 * S_NS)
    monkeypatch.setattr(PaperBroker, "state", seen)
    lane.run(until_ns=lane.now_ns() + 31 * S_NS)
    swept_ns, oldest_ns = asked[-1], core.oldest_execution_ns
    assert oldest_ns is not None
    assert swept_ns > oldest_ns
    lane.tell(played.system.wiring.reconciler_name, ReconcileNow(why=Why.RECONNECTED))
    asked.clear()
    lane.run(until_ns=lane.now_ns() + 1)
    assert asked == [oldest_ns - FILLS_OVERLAP_NS]


def test_one_call_tells_of_all_orders(market: Market) -> None:
    """EX-16: calls are counted, and at least 30 % fewer than asking for each order by itself."""
    played = prepare(*market, change=lambda ports: replace(ports, is_virtual=False))
    played.finish()
    questions = played.system.wiring.questions
    assert questions.naive_calls > 100
    assert questions.calls <= 0.7 * questions.naive_calls


def test_a_kill_clears_what_only_the_venue_knows_and_reads_its_lists_twice(market: Market) -> None:
    """KC-2: an order of ours that our books lost is cancelled; two clean reads end the kill."""
    played = started(market, 60)
    lane = played.lane
    stray(lane)
    lane.run(until_ns=lane.now_ns() + 1)
    reads: list[int] = []
    state = PaperBroker.state
    answers: list[Answer] = []
    request = KillRequest(id="k1", level=KillLevel.FLATTEN, reason="a test", by="test")
    with pytest.MonkeyPatch.context() as patched:

        def seen(
            self: PaperBroker, question: int, parts: frozenset[Part], *rest: Any, **choices: Any
        ) -> None:
            reads.append(lane.now_ns())
            state(self, question, parts, *rest, **choices)

        patched.setattr(PaperBroker, "state", seen)
        lane.tell(KILL, KillAsked(request, answers.append))
        lane.run(until_ns=lane.now_ns() + 1_700 * S_NS)
    book = venue_of(played).book
    assert (list(book.open_orders()), book.positions()) == ([], {})
    done = answers[-1]
    assert isinstance(done, KillDone)
    assert (done.failed, done.remaining) == (0, 0)
    assert len(reads) >= 3, "one that finds the stray order, two that are clean"


def test_a_kill_stays_latched_while_the_venue_says_that_something_works(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KC-2, KC-5: an order that will not be cancelled: not done, alarmed, entries stay shut."""
    monkeypatch.setattr(VenueActor, "_cancel", lambda *_: None)
    played = started(market, 60)
    lane = played.lane
    stray(lane)
    answers: list[Answer] = []
    request = KillRequest(id="k1", level=KillLevel.FLATTEN, reason="a test", by="test")
    lane.tell(KILL, KillAsked(request, answers.append))
    lane.run(until_ns=lane.now_ns() + 600 * S_NS)
    core = played.system.core
    assert core is not None
    assert not core.account().is_kill_finished
    assert not any(isinstance(each, KillDone) for each in answers)
    said = [text for severity, text in played.notices if severity == "CRITICAL"]
    assert sum("the kill is not done" in text for text in said) == 1, "once for each count"
    assert played.system.gate.refuses(True) == "KILL_FLATTEN"  # noqa: FBT003


def test_a_list_that_comes_behind_the_news_of_the_cancels_alarms_nobody(
    market: Market,
) -> None:
    """KC-2: it was read before the order ended: it is read again, and no cancel is repeated."""
    config, tape = market
    played = started((msgspec.structs.replace(config, strategies=()), tape), 60)
    lane, core = played.lane, played.system.core
    assert core is not None
    asked_for: list[CancelOrder] = []
    by_type = venue_of(played)._by_type  # noqa: SLF001 - the venue's two ends
    cancel, state = by_type[CancelOrder], by_type[StateAccount]

    def late(asked: Any) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(
                VenueActor, "tell", lambda _, name, said: lane.at(lane.now_ns() + S_NS, name, said)
            )
            state(asked)

    def soon(asked: Any) -> None:
        if any(asked is each for each in asked_for):
            cancel(asked)
        else:
            asked_for.append(asked)
            lane.at(lane.now_ns() + S_NS // 2, VENUE, asked)

    price_1e8 = played.system.telemetry.prices_1e8["ES"]
    signal = Signal(
        strategy="by_hand",
        setup_instance="m1",
        session_date=core.account().session_date,
        legs=[Leg("ES", "BUY")],
        plan=ExitPlan(stop_ratio_1e8=ONE_1E8 // 100),
        reference_1e8=price_1e8,
        reference_ns=lane.now_ns(),
        qty_1e8=ONE_1E8,
        order_type="LIMIT",
        limit_1e8=price_1e8 - 50 * ONE_1E8,
    )
    lane.tell(played.system.account_name, Message.signal(signal))
    lane.run(until_ns=lane.now_ns() + S_NS)
    [order] = core.orders()
    assert order.state == "WORKING"
    by_type |= {CancelOrder: soon, StateAccount: late}
    answers: list[Answer] = []
    request = KillRequest(id="k1", level=KillLevel.FLATTEN, reason="a test", by="test")
    lane.tell(KILL, KillAsked(request, answers.append))
    lane.run(until_ns=lane.now_ns() + 30 * S_NS)
    done = answers[-1]
    assert isinstance(done, KillDone)
    assert (done.cancelled, done.failed, done.remaining) == (1, 0, 0)
    assert [each.client_order_id for each in asked_for] == [order.client_order_id]
    assert [text for _, text in played.notices if "the kill is not done" in text] == []
