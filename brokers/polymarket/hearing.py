"""What the user channel and the trades mean for our orders; what was heard of each is kept."""

import msgspec

from brokers.base import Reported
from brokers.polymarket import reports
from brokers.polymarket.mine import OurOrders
from brokers.polymarket.reports import Part as Filled
from brokers.polymarket.rules import Rulebook
from brokers.polymarket.stream import Event
from brokers.polymarket.words import Order, Trade, decode
from brokers.reading import MalformedError, unknown_status
from rust_core import VenueReport


class Hearing:
    """Turns events and trades into reports.

    Attributes:
        unsettled: Trades that may still fail, and when each matched.
        touched: Outcomes of which anything was heard to trade.
    """

    def __init__(self, ours: OurOrders, book: Rulebook) -> None:
        """Nothing was heard yet."""
        self._ours = ours
        self._book = book
        self._heard: dict[str, dict[str, int]] = {}
        self.unsettled: dict[str, int] = {}
        self.touched: set[str] = set()

    def fill(self, trade: Trade, part: Filled) -> VenueReport:
        """A trade's part in an order of ours; it is remembered until it is settled."""
        mine = part.mine
        self._ours.accept(mine)
        self.touched.add(mine.token_id)
        self._heard.setdefault(mine.order_id, {})[trade.id] = part.qty_1e8
        if trade.word in reports.PENDING:
            self.unsettled.setdefault(trade.id, trade.at_ns)
        else:
            self.unsettled.pop(trade.id, None)
        rules = self._book.get(mine.token_id)
        return reports.said_of(trade, part, rules)

    def forget(self, order_id: str) -> None:
        """Nothing more will be heard of an order."""
        self._heard.pop(order_id, None)

    def on_the_way(self, token_id: str, trades: list[Trade]) -> int:
        """What of an outcome has matched and is not in the wallet yet."""
        moved_1e8 = 0
        for trade in trades:
            if trade.word not in reports.OFF_CHAIN:
                continue
            for part in self.parts(trade):
                if part.mine.token_id == token_id:
                    is_buy = part.mine.side == "BUY"
                    moved_1e8 += part.qty_1e8 if is_buy else -part.qty_1e8
        return moved_1e8

    def parts(self, trade: Trade) -> list[Filled]:
        """What a trade filled of our orders."""
        found = []
        for order_id in dict.fromkeys(reports.orders_in(trade)):
            mine = self._ours.by_hash(order_id)
            part = None if mine is None else reports.part_of(trade, mine)
            if part is not None:
                found.append(part)
        return found

    def understand(self, event: Event) -> list[Reported]:
        """What one event of the channel means for our orders."""
        kind = event.get("event_type")
        try:
            raw = msgspec.json.encode(event)
            if kind == "order":
                return [self._order_event(decode(raw, Order, "order event"))]
            if kind == "trade":
                return self.trade_event(decode(raw, Trade, "trade event"))
        except MalformedError as error:
            return [
                Reported(client_order_id=ours, asks_look_up=True, warning=str(error))
                for ours in self._named_in(event)
            ]
        return []

    def _named_in(self, event: Event) -> list[str]:
        """Our orders that an event names which cannot be read."""
        makers = event.get("maker_orders")
        rows = makers if isinstance(makers, list) else []
        hashes = [event.get("id"), event.get("taker_order_id")]
        hashes += [each.get("order_id") for each in rows if isinstance(each, dict)]
        found = [self._ours.by_hash(each) for each in hashes if isinstance(each, str)]
        return [mine.ours for mine in found if mine is not None]

    def _order_event(self, order: Order) -> Reported:
        mine = self._ours.by_hash(order.id)
        if mine is None:
            return Reported(client_order_id=order.id)
        self._ours.accept(mine)
        word = order.word
        is_cancellation = order.type.upper() == "CANCELLATION"
        end = reports.end_of(word, was_live=True) or ("CANCELLED" if is_cancellation else "")
        if not end and word and not reports.is_known(word):
            return Reported(
                client_order_id=mine.ours,
                asks_look_up=True,
                is_in_doubt=True,
                warning=f"{mine.ours}: {unknown_status(word)}",
            )
        heard_1e8 = sum(self._heard.get(mine.order_id, {}).values())
        is_whole = reports.matched_1e8(order, mine) <= heard_1e8
        told = [reports.accepted(mine, order.at_ns)]
        if end and is_whole:
            told.append(reports.ended(mine, end, order.at_ns, order.status or order.type))
        return Reported(client_order_id=mine.ours, reports=tuple(told), asks_look_up=not is_whole)

    def trade_event(self, trade: Trade) -> list[Reported]:
        """A trade, or the next step of its settlement; it comes once for each."""
        parts = self.parts(trade)
        if not parts:
            return [Reported(client_order_id=trade.taker_order_id or trade.id)]
        if trade.word not in reports.SETTLEMENTS:
            return [
                Reported(
                    client_order_id=part.mine.ours,
                    asks_look_up=True,
                    is_in_doubt=True,
                    warning=f"trade {trade.id}: {unknown_status(trade.word)}",
                )
                for part in parts
            ]
        return [
            Reported(client_order_id=part.mine.ours, reports=(self.fill(trade, part),))
            for part in parts
        ]
