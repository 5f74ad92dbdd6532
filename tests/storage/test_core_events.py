"""The account core's own events, as it writes them, fit every table and every view."""

import re
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from rust_core._native import (
    AccountCore,
    Decision,
    Event,
    ExitPlan,
    Leg,
    Message,
    Signal,
    VenueReport,
)
from storage import SqliteRecord, open_record
from storage.projections import statements_by_kind
from storage.verify import verify
from storage.warehouse import open_views, run_sql, view_names
from tests.storage.cookbook import QUESTIONS
from tests.storage.staging import ACCOUNT, Inbox
from trading.config_reader import load
from trading.ports import Claim, Durable, Request, StagedEvent

ONE = 100_000_000
MINUTE_NS = 60_000_000_000
OPEN_NS = 1_577_975_400_000_000_000
CLOSE_NS = OPEN_NS + 390 * MINUTE_NS
DATE = 20200102
CONFIG = Path(__file__).resolve().parents[2] / "configs" / "es.toml"
# Left out of the payload when they do not apply.
OPTIONAL = {"limit_1e8", "trigger_1e8", "exit_reason", "reason", "refused"}
NOT_OURS = {"KillAccepted", "KillDone"}  # the system journals them


class Account:
    """A core whose decisions are staged as they come."""

    def __init__(self, record: SqliteRecord) -> None:
        """Begin a run and open a session."""
        self.core = AccountCore(load(CONFIG).account_json())
        self.record = record
        self.inbox = Inbox()
        self.events: list[Event] = []
        self.now_ns = OPEN_NS
        record.deliver_to(self.inbox)
        record.begin_run(mode="PAPER", config_hash="", source="test", started_ns=OPEN_NS)

    def tell(self, message: Message) -> Decision:
        """Decide, apply and stage."""
        self.now_ns += 1_000
        decision = self.core.decide(message, self.now_ns)
        self.core.apply(decision)
        self.stage(decision.events, decision.claims)
        return decision

    def stage(self, events: Sequence[Event], claims: Sequence[tuple[str, str]]) -> None:
        """Stage events as the account actor does."""
        if not events:
            return
        self.events += events
        staged = tuple(
            StagedEvent(stream=e.stream, kind=e.kind, at_ns=self.now_ns, payload=e.payload)
            for e in events
        )
        made = tuple(Claim(name=name, key=key) for name, key in claims)
        self.record.stage(
            Request(journal_id=ACCOUNT, events=staged, claims=made, token=len(self.events))
        )

    def mark(self, price: int) -> None:
        """A completed bar."""
        self.tell(Message.mark("ES", "BAR", self.now_ns, price * ONE))

    def signal(self, setup: str, *, vetoed: bool = False) -> str:
        """Ask to buy; the order's id, empty when refused."""
        signal = Signal(
            strategy="vwap_reversion",
            setup_instance=setup,
            session_date=DATE,
            legs=[Leg("ES", "BUY")],
            plan=ExitPlan(stop_ratio_1e8=300_000),
            reference_1e8=3_200 * ONE,
            reference_ns=self.now_ns,
            reason="below VWAP",
        )
        if vetoed:
            signal = signal.with_vetoes([("no_fridays", "it is Friday")])
        self.tell(Message.signal(signal))
        live = [order for order in self.core.orders() if order.purpose == "ENTRY"]
        return live[-1].client_order_id if live else ""

    def report(self, order_id: str, kind: str, **fields: int | str) -> None:
        """Something the venue says."""
        broker_id = f"B-{order_id}"
        report = VenueReport(order_id, kind, self.now_ns, broker_id, **fields)  # type: ignore[arg-type]
        self.tell(Message.venue_report(report))

    def fill(self, order_id: str, number: int, qty: int, price: int, settled: str) -> None:
        """An execution."""
        self.report(
            order_id,
            "FILLED",
            execution_id=f"{order_id}#{number}",
            qty_1e8=qty * ONE,
            price_1e8=price * ONE,
            fee_1e8=2 * ONE,
            settlement=settled,
        )

    def exit_order(self) -> str:
        """The exit under way."""
        return next(o.client_order_id for o in self.core.orders() if o.purpose == "EXIT")


def live_a_day(account: Account) -> None:
    """Two fills, an exit, a refusal, a reversal that leaves a position over, a kill, the close."""
    account.tell(Message.balance(100_000 * ONE, 100_000 * ONE, 100_000 * ONE, OPEN_NS))
    account.tell(Message.session_opened(DATE, OPEN_NS, CLOSE_NS))
    account.mark(3_200)
    entry = account.signal("10")
    assert entry
    account.tell(Message.released(entry, account.now_ns))
    account.report(entry, "ACCEPTED")
    account.fill(entry, 1, 1, 3_200, "PROVISIONAL")
    account.fill(entry, 2, 1, 3_201, "CONFIRMED")
    account.report(entry, "SETTLED", execution_id=f"{entry}#1")
    account.tell(
        Message.exit_advice("vwap_reversion", "ES", "TAKE_PROFIT", "above VWAP", 3_210 * ONE)
    )
    leave = account.exit_order()
    account.tell(Message.released(leave, account.now_ns))
    account.fill(leave, 1, 2, 3_210, "CONFIRMED")
    account.signal("11", vetoed=True)
    account.report(leave, "REVERSED", execution_id=f"{leave}#1", reason="trade bust")
    account.tell(Message.control("max_open_positions", "0", "ann"))
    account.tell(Message.kill("k-1", "FLATTEN", "drill", "ann"))
    for order in account.core.orders():
        account.tell(Message.released(order.client_order_id, account.now_ns))
        account.fill(order.client_order_id, 9, 2, 3_209, "CONFIRMED")
    account.tell(Message.venue_flat(0, 0))
    account.tell(Message.halt("INSTRUMENT", "ES", "reconciliation"))
    account.tell(Message.resume("ann", reason="drill over"))
    account.now_ns = CLOSE_NS
    account.tell(Message.session_closed(DATE))
    account.stage([account.core.snapshot(account.now_ns)], [])
    account.record.settle()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    """An account that has lived through the day."""
    lived = Account(open_record(tmp_path_factory.mktemp("core"), is_eager=False))
    live_a_day(lived)
    return lived


def test_everything_the_core_says_can_be_written(account: Account) -> None:
    """ST-1: no table refuses what really happened, reversals and what they leave over included."""
    refused = [o for o in account.inbox.outcomes if not isinstance(o, Durable)]
    assert refused == []
    assert {event.kind for event in account.events} >= {
        *("SessionOpened", "SignalReceived", "VerdictGiven", "OrderIntended", "OrderChanged"),
        *("OrderFilled", "FillSettled", "FillReversed", "PositionChanged", "TradeClosed"),
        *("ExitTriggered", "ControlChanged", "KillLevelChanged", "BalanceReported", "Halted"),
        *("SessionClosed", "AccountSnapshot"),
    }
    assert verify(account.record.path.parent).faults == []


def test_tables_hold_what_the_core_holds(account: Account) -> None:
    """ST-2: the last word on each position and order stands in its table."""
    found = account.record.query("SELECT position_id, qty_1e8 FROM positions", {})
    for position_id, qty_1e8 in found:
        held = [p.qty_1e8 for p in account.core.positions() if p.position_id == position_id]
        assert qty_1e8 == sum(held)
    assert any("/over-" in position_id for position_id, _ in found)
    for order_id, state in account.record.query("SELECT client_order_id, state FROM orders", {}):
        known = account.core.order(order_id)
        assert known is None or known.state == state


def test_every_field_that_tables_read_is_written(account: Account) -> None:
    """ST-1: a field that the core renames is noticed here, not as a null in a table."""
    written: dict[str, set[str]] = {}
    for event in account.events:
        written.setdefault(event.kind, set()).update(orjson.loads(event.payload))
    missing = {
        f"{kind}.{name}"
        for kind, statements in statements_by_kind().items()
        if kind in written and kind not in NOT_OURS
        for name in re.findall(r"'\$\.(\w+)'", " ".join(statements))
        if name not in written[kind] and name not in OPTIONAL
    }
    assert missing == set()


def test_every_view_answers_about_the_core(account: Account) -> None:
    """PM-2: views read the core's own payloads: amounts, lists of checks, levels."""
    data_dir = account.record.path.parent
    database = open_views(data_dir)
    for name in view_names(database):
        database.table(name).fetchall()
    database.close()
    verdicts = run_sql(data_dir, "SELECT is_approved, sizing, failed_checks FROM risk_verdicts")
    approved, refused = verdicts.rows
    assert approved[0] is True
    assert all(re.fullmatch(r"\w+ [\d.]+ -> [\d.]+", step) for step in approved[1])
    assert approved[1]
    assert refused[0] is False
    assert len(refused[2]) >= 1
    assert all(refused[2])
    trades = run_sql(data_dir, "SELECT net, gross - fees FROM trades").rows
    assert all(net == other for net, other in trades)
    assert trades


def test_positions_follow_from_fills_through_a_reversal(account: Account) -> None:
    """EX-5: the cookbook's check on our own books is empty, also after a trade was taken back."""
    question = "Does what we think we hold follow from the fills?"
    [query] = [query for title, _, query in QUESTIONS if title == question]
    assert run_sql(account.record.path.parent, query).rows == []
    reversed_fills = run_sql(account.record.path.parent, "FROM fills WHERE is_reversed").rows
    assert len(reversed_fills) == 1
