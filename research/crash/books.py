"""Reads both books of a round: our record, the paper venue's file, a simulator's admin port."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson

from actors.venue_store import VenueStore
from research.crash.judge import Fill, OurBook, VenueBook
from rust_core import PaperVenueBook
from storage.connection import open_reader, record_path
from storage.reads import Fetch, fetcher, kill_level
from trading.money import to_1e8

OVER: Final = frozenset({"FILLED", "CANCELLED", "REJECTED", "EXPIRED", "NOT_SENT"})
IN_DOUBT: Final = frozenset({"PENDING", "SUBMITTED", "UNKNOWN"})
"""States that do not say whether the venue has had an order."""
_HAD: Final = frozenset({"WORKING", "PARTIALLY_FILLED", "FILLED", "CANCELLED", "EXPIRED"})
_OVER_THERE: Final = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
_TRADES: Final = """SELECT entry_ns, exit_ns, side, qty_1e8, entry_1e8, exit_1e8, fees_1e8, net_1e8,
    reason FROM trades ORDER BY entry_ns, trade_id"""
_BACK: Final = """SELECT min(committed_ns) FROM journal
    WHERE kind = 'ReconcileFinished' AND payload ->> '$.why' = ?
        AND boot = (SELECT max(boot) FROM boots)"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A data directory while no process uses it.

    Attributes:
        trades: Round trips, oldest first, without their ids.
        back_ns: When the newest process had compared its books and could trade, 0 for not yet.
        kill_level: As latched.
    """

    run: str
    book: OurBook
    trades: list[tuple[Any, ...]]
    back_ns: int
    kill_level: str

    @property
    def state(self) -> str:
        """What was open: order, position, both or nothing."""
        found = [
            name
            for name, is_so in (("order", self.book.open), ("position", self.book.held))
            if is_so
        ]
        return " and ".join(found) or "nothing"


def read_record(data_dir: Path, why: str = "START") -> Kept:
    """What the record says, read without taking it over.

    Args:
        data_dir: Of a round.
        why: Which comparison of the books ends a recovery: START, or RECONNECTED at a venue.
    """
    connection = open_reader(record_path(data_dir))
    try:
        fetch = fetcher(connection)
        ((run,),) = fetch("SELECT run FROM runs", ())
        ((back_ns,),) = fetch(_BACK, (why,))
        return Kept(
            run=run,
            book=_our_book(fetch),
            trades=fetch(_TRADES, ()),
            back_ns=back_ns or 0,
            kill_level=kill_level(fetch),
        )
    finally:
        connection.close()


def _our_book(fetch: Fetch) -> OurBook:
    states: dict[str, str] = dict(fetch("SELECT client_order_id, state FROM orders", ()))
    held = fetch("SELECT instrument, sum(qty_1e8) FROM positions GROUP BY instrument", ())
    fills: list[Fill] = fetch(
        "SELECT client_order_id, qty_1e8, price_1e8 FROM fills WHERE reversed_ns IS NULL", ()
    )
    return OurBook(
        intended=frozenset(states),
        sent=frozenset(order for order, state in states.items() if state in _HAD),
        unsent=frozenset(order for order, state in states.items() if state == "NOT_SENT"),
        in_doubt={order: state for order, state in states.items() if state in IN_DOUBT},
        open=frozenset(order for order, state in states.items() if state not in OVER),
        fills=Counter(fills),
        held={symbol: qty for symbol, qty in held if qty},
        lines=tuple(fetch("SELECT pos, hash FROM journal ORDER BY pos", ())),
        kinds=dict(fetch("SELECT kind, count(*) FROM journal GROUP BY kind", ())),
    )


def state_of(data_dir: Path, client_order_id: str) -> str:
    """An order's state as our record has it, empty when it has no such order."""
    connection = open_reader(record_path(data_dir))
    try:
        sql = "SELECT state FROM orders WHERE client_order_id = ?"
        return next((state for (state,) in fetcher(connection)(sql, (client_order_id,))), "")
    finally:
        connection.close()


def history_of(data_dir: Path, client_order_id: str) -> list[str]:
    """What the journal says happened to an order: kind and time of each event, in ns."""
    connection = open_reader(record_path(data_dir))
    try:
        sql = "SELECT kind, committed_ns, payload FROM journal WHERE stream = ? ORDER BY pos"
        rows = fetcher(connection)(sql, (f"order/{client_order_id}",))
        return [f"{kind} {at_ns} {payload[:200]}" for kind, at_ns, payload in rows]
    finally:
        connection.close()


def read_paper_venue(data_dir: Path, run: str, paper: bytes) -> VenueBook:
    """The paper venue's own file, read as its next process would; `paper` is its configuration."""
    store = VenueStore(data_dir, run)
    try:
        empty = PaperVenueBook(paper)
        book = PaperVenueBook(paper, empty.state_json(), store.changes())
    finally:
        store.close()
    orders = orjson.loads(book.state_json())["orders"]
    return VenueBook(
        orders=Counter(order["asked"]["client_order_id"] for order in orders),
        open=frozenset(order.client_order_id for order in book.open_orders()),
        fills=Counter(
            (one.client_order_id, one.qty_1e8, one.price_1e8) for one in book.executions_since(0)
        ),
        held={symbol: qty for symbol, qty in book.positions().items() if qty},
    )


def venue_book(truth: Mapping[str, Any], requests: list[dict[str, Any]]) -> VenueBook:
    """What a simulator's admin port tells: its truth, and every request it has had."""
    ids = {order["id"]: order["client_order_id"] for order in truth["orders"]}
    return VenueBook(
        orders=truth["orders_by_client_id"],
        nameless=truth["orders_without_client_id"],
        writes=Counter(
            entry["client_order_id"]
            for entry in requests
            if entry["method"] == "POST" and entry["path"] == "/v2/orders"
        ),
        open=frozenset(
            order["client_order_id"]
            for order in truth["orders"]
            if order["status"] not in _OVER_THERE
        ),
        fills=Counter(
            (ids[one["order_id"]], to_1e8(Decimal(one["qty"])), to_1e8(Decimal(one["price"])))
            for one in truth["executions"]
            if not one["is_reversed"]
        ),
        held={
            symbol: to_1e8(Decimal(position["qty"]))
            for symbol, position in truth["positions"].items()
            if Decimal(position["qty"])
        },
    )
