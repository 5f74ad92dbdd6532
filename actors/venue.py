"""The paper venue as an actor: prices and orders in, reports out, its book kept before it answers.

To the account it is a broker: it knows client order ids, answers look-ups and counts what is open.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.rounds import TapePosition
from actors.venue_store import Store
from brokers.base import CashStated, LookedUp, OrderStated, PositionStated, Stated
from brokers.paper import CancelOrder, LookUpOrder, PlaceOrder, StateAccount
from rust_core import Message, PaperVenueBook, VenueReport
from trading.market import (
    Bar,
    MarketMessage,
    OpenPrint,
    Quote,
    SessionClosed,
    SessionOpened,
    TradePrint,
)
from trading.ports import Part


class Intent(msgspec.Struct, frozen=True, gc=False):
    """What the venue reads of an order's bytes; the rest is the client's own business."""

    client_order_id: str
    instrument: str
    side: str
    order_type: str
    tif: str
    qty_1e8: int
    limit_1e8: int | None = None
    trigger_1e8: int | None = None


class Asked(msgspec.Struct, frozen=True, gc=False):
    """Whose order it is."""

    client_order_id: str


class Moved(msgspec.Struct, frozen=True, gc=False):
    """An order that a change of the book touched."""

    asked: Asked


class Change(msgspec.Struct, frozen=True, gc=False):
    """What a kept change of the book says of orders."""

    orders: list[Moved]


_read_intent = msgspec.json.Decoder(Intent).decode
_read_change = msgspec.json.Decoder(Change).decode


@dataclass(slots=True)
class VenueMemory:
    """The last row of the tape the venue has seen."""

    last_seq: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePlan:
    """What the paper venue is made of.

    Attributes:
        config_json: `PaperConfig` of the book.
        store: Where changes are kept.
        memory: The last row it has seen.
        position: The row being handled.
        account: Who hears of fills.
        history: The session's market messages up to a row.
    """

    config_json: bytes
    store: Store
    memory: VenueMemory
    position: TapePosition
    account: str
    history: Callable[[int], list[MarketMessage]]


class VenueActor(LaneActor):
    """Drives one `PaperVenueBook`."""

    def __init__(self, lane: Lane, name: str, plan: VenuePlan) -> None:
        """An incarnation; `rehydrate` gives it its book."""
        super().__init__(lane, name)
        self.plan = plan
        self.book = PaperVenueBook(plan.config_json)
        self._tell = lane.tell
        self._by_type: dict[type, Callable[[Any], None]] = {
            OpenPrint: self._market,
            Bar: self._market,
            Quote: self._market,
            TradePrint: self._market,
            SessionClosed: self._market,
            SessionOpened: self._market,
            PlaceOrder: self._place,
            CancelOrder: self._cancel,
            LookUpOrder: self._look_up,
            StateAccount: self._state,
        }

    def rehydrate(self) -> None:
        """Read the session's prices again, then take the kept changes over."""
        plan = self.plan
        for message in plan.history(plan.memory.last_seq):
            reports_on(self.book, message)
        changes = plan.store.changes()
        self.book = PaperVenueBook(plan.config_json, self.book.state_json(), changes)

    def on_receive(self, message: Any) -> None:
        """A price, an order or a question."""
        self._by_type[type(message)](message)

    def _market(self, message: MarketMessage) -> None:
        memory = self.plan.memory
        if message.tape_seq <= memory.last_seq:
            self._say_again(message.tape_seq)
            return
        memory.last_seq = message.tape_seq
        self._answer(reports_on(self.book, message))

    def _say_again(self, seq: int) -> None:
        """A row that is shown once more after a crash fills nothing twice; its news is repeated."""
        changes = [_read_change(change) for change in self.plan.store.changes_at(seq)]
        moved = dict.fromkeys(
            order.asked.client_order_id for change in changes for order in change.orders
        )
        for client_order_id in moved:
            self._look_up(LookUpOrder(account=self.plan.account, client_order_id=client_order_id))

    def _place(self, order: PlaceOrder) -> None:
        asked = _read_intent(order.intent)
        reports = self.book.submit(
            asked.client_order_id,
            asked.instrument,
            asked.side,
            asked.order_type,
            asked.tif,
            asked.qty_1e8,
            self.lane.now_ns(),
            limit_1e8=asked.limit_1e8,
            trigger_1e8=asked.trigger_1e8,
        )
        if reports is not None:  # a repeated id is no second order, and its reports stand
            self._answer(reports)

    def _cancel(self, order: CancelOrder) -> None:
        self._answer(self.book.cancel(order.client_order_id, self.lane.now_ns()))

    def _answer(self, reports: Sequence[VenueReport]) -> None:
        change = self.book.take_change()
        if change is not None:
            self.plan.store.append(self.plan.position.seq, change)
        for report in reports:
            self._tell(self.plan.account, Message.venue_report(report))

    def _look_up(self, order: LookUpOrder) -> None:
        found = self.book.look_up(order.client_order_id)
        reports = None if found is None else tuple(found)
        self.tell(order.account, LookedUp(client_order_id=order.client_order_id, reports=reports))

    def _state(self, asked: StateAccount) -> None:
        parts, now_ns = asked.parts, self.lane.now_ns()
        stated = Stated(
            question=asked.question,
            orders=self._orders() if Part.ORDERS in parts else None,
            positions=self._positions() if Part.POSITIONS in parts else None,
            cash=self._cash(now_ns) if Part.CASH in parts else None,
            fills=self._fills(asked.fills_after_ns) if Part.FILLS in parts else None,
        )
        self.tell(asked.account, stated)

    def _orders(self) -> tuple[OrderStated, ...]:
        return tuple(
            OrderStated(
                client_order_id=order.client_order_id,
                broker_order_id=order.broker_order_id,
                instrument=order.instrument,
                side=order.side,
                qty_1e8=order.qty_1e8,
                filled_1e8=order.filled_1e8,
                price_1e8=order.limit_1e8 or order.trigger_1e8 or 0,
            )
            for order in self.book.open_orders()
        )

    def _positions(self) -> tuple[PositionStated, ...]:
        held = self.book.positions().items()
        return tuple(PositionStated(instrument=name, qty_1e8=qty) for name, qty in held)

    def _cash(self, now_ns: int) -> CashStated:
        cash_1e8, equity_1e8 = self.book.cash_1e8, self.book.equity_1e8
        value_1e8 = cash_1e8 if equity_1e8 is None else equity_1e8
        return CashStated(
            equity_1e8=value_1e8,
            cash_1e8=cash_1e8,
            buying_power_1e8=value_1e8,
            at_ns=now_ns,
            is_movement=True,
        )

    def _fills(self, after_ns: int) -> tuple[VenueReport, ...]:
        return tuple(
            VenueReport(
                fill.client_order_id,
                "FILLED",
                fill.at_ns,
                broker_order_id=fill.broker_order_id,
                execution_id=fill.execution_id,
                qty_1e8=fill.qty_1e8,
                price_1e8=fill.price_1e8,
                fee_1e8=fill.fee_1e8,
            )
            for fill in self.book.executions_since(0)
            if fill.at_ns > after_ns
        )


def reports_on(book: PaperVenueBook, message: MarketMessage) -> list[VenueReport]:
    """What the venue reports on a market message."""
    match message:
        case OpenPrint():
            return book.on_open_print(
                message.instrument, message.price_1e8, message.volume_1e8, message.at_ns
            )
        case Bar():
            return book.on_bar(
                message.instrument,
                message.source_ns,
                message.at_ns,
                message.open_1e8,
                message.high_1e8,
                message.low_1e8,
                message.close_1e8,
                message.volume_1e8,
            )
        case Quote():
            return book.on_quote(
                message.instrument,
                message.bid_1e8,
                message.ask_1e8,
                message.bid_size_1e8,
                message.ask_size_1e8,
                message.at_ns,
            )
        case TradePrint():
            return book.on_trade(
                message.instrument, message.price_1e8, message.size_1e8, message.at_ns
            )
        case SessionClosed():
            return book.on_session_close(message.at_ns)
    return []
