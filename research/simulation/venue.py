"""A venue with an account of its own: it matches by the paper book and keeps its own ledger.

What it says in look-ups and lists comes from that ledger, so that it may also do what the book
cannot: fill an order after its cancel was acknowledged, take an execution back, stand still.
"""

from collections.abc import Callable

import msgspec

from actors.venue import Intent
from brokers.base import CashStated, OrderStated, PositionStated, Stated
from research.simulation.booked import (
    ENDS,
    HELD,
    STRAY,
    Booked,
    read_purpose,
    renamed,
    totalled,
)
from research.simulation.lists import Lists, Shown
from research.simulation.market import UNIT_1E8
from research.simulation.world import MILLI_NS, World
from rust_core import PaperVenueBook, VenueReport
from trading.config import Config
from trading.market import Quote
from trading.money import to_1e8
from trading.ports import Part

_read_intent = msgspec.json.Decoder(Intent).decode


class SimVenue:
    """The venue of one world.

    Args:
        world: Time and chance.
        config: Instruments, fees and cash.
        report: Called with each report for the account's stream.

    Attributes:
        orders: The ledger of orders, by client order id.
        executions: Every execution that stands, by its id.
        surprised_ns: When it last changed the account in a way that nobody had asked for.
        lists: What it tells of its account, which may be behind the present.
        placed: Called with an order that was just taken, before anything fills.
        ends_next_exit: Called as the rest of the next exit that fills in part is ended unasked;
            None while that is not to happen.
        busts_next_part: The next execution of an order that goes on is taken back a little later.
        hides_next_fill: The next entry that fills in part is ended so as well, and of that fill
            nobody is told but by its order's end.
    """

    def __init__(self, world: World, config: Config, report: Callable[[VenueReport], None]) -> None:
        """Nothing is booked."""
        self.world = world
        self._json = config.paper_json()
        self._report = report
        self.book = PaperVenueBook(self._json)
        self.orders: dict[str, Booked] = {}
        self.executions: dict[str, VenueReport] = {}
        self.positions: dict[str, int] = {}
        self.cash_1e8 = to_1e8(config.account.capital_usd)
        self.fees_1e8 = 0
        self.placed: list[Callable[[Booked], None]] = []
        self.ends_next_exit: Callable[[], None] | None = None
        self.busts_next_part = False
        self.hides_next_fill = False
        self.is_down = False
        self.halted_until_ns = 0
        self._multiplier = int(config.instruments[0].multiplier)
        self._instrument = config.instruments[0].symbol
        self._owner = config.run.account
        self._fee_1e8 = to_1e8(config.paper.fee_per_unit_usd)
        self._last: Quote | None = None
        self._held: list[Intent] = []
        self._extra = 0
        self.surprised_ns = 0
        self._listed: list[tuple[int, bool]] = []
        self.lists = Lists(self._shown)
        self.late_fill_ratio = 0.0
        self.reject_ratio = 0.0

    # -- the market -------------------------------------------------------------------------------

    def quoted(self, quote: Quote) -> None:
        """The market moved; a venue that is down misses it."""
        self._last = quote
        if self.is_down:
            return
        if self._held:
            held, self._held = self._held, []
            for intent in held:
                if self.orders[intent.client_order_id].is_open:
                    self._match(intent, is_held=True)
        self._take(
            self.book.on_quote(
                quote.instrument,
                quote.bid_1e8,
                quote.ask_1e8,
                quote.bid_size_1e8,
                quote.ask_size_1e8,
                self.world.now_ns,
            )
        )

    def closed(self) -> None:
        """The session ends: what works expires."""
        self._take(self.book.on_session_close(self.world.now_ns))
        for intent in self._held:
            self._end(self.orders[intent.client_order_id], "EXPIRED", "the session is over")
        self._held = []
        for stray in [each for each in self.open_orders() if each.purpose == STRAY]:
            self._end(stray, "EXPIRED", "the session is over")

    def restart(self) -> None:
        """Come back with the book as it was kept."""
        self.book = PaperVenueBook(self._json, self.book.state_json())
        self.is_down = False

    # -- requests ---------------------------------------------------------------------------------

    def place(self, intent: bytes) -> Booked:
        """Take an order; a repeated id is counted, and is no second order."""
        asked, why = _read_intent(intent), read_purpose(intent)
        order = self.orders.get(asked.client_order_id)
        if order is not None:
            order.posts += 1
            return order
        order = Booked(
            client_order_id=asked.client_order_id,
            instrument=asked.instrument,
            side=asked.side,
            qty_1e8=asked.qty_1e8,
            booked_ns=self.world.now_ns,
            purpose=why.purpose,
            order_type=asked.order_type,
            position_id=why.position_id,
            posts=1,
        )
        self.orders[order.client_order_id] = order
        for listener in self.placed:
            listener(order)
        if self.world.strikes("venue.rejects", self.reject_ratio):
            self._end(order, "REJECTED", "insufficient margin")
        elif self.world.now_ns < self.halted_until_ns:
            order.broker_order_id = f"{HELD}{len(self.orders)}"
            self._held.append(asked)
            self._said(self._of(order, "ACCEPTED"))
        else:
            self._match(asked, is_held=False)
        return order

    def place_stray(self) -> None:
        """Book an order with the trader's own tag that the trader never intended.

        Its price is far from any; the stream of another connection told of it.
        """
        self._extra += 1
        stray = Booked(
            client_order_id=f"p-{self._owner}-stray-{self._extra}",
            instrument=self._instrument,
            side="BUY",
            qty_1e8=UNIT_1E8,
            booked_ns=self.world.now_ns,
            purpose=STRAY,
            order_type="LIMIT",
            position_id="",
            broker_order_id=f"{HELD}stray-{self._extra}",
        )
        self.orders[stray.client_order_id] = stray

    def _match(self, asked: Intent, *, is_held: bool) -> None:
        reports = self.book.submit(
            asked.client_order_id,
            asked.instrument,
            asked.side,
            asked.order_type,
            asked.tif,
            asked.qty_1e8,
            self.world.now_ns,
            limit_1e8=asked.limit_1e8,
            trigger_1e8=asked.trigger_1e8,
        )
        for report in reports or ():
            if not (is_held and report.kind == "ACCEPTED"):
                self._said(report)

    def cancel(self, client_order_id: str) -> None:
        """Cancel, or say why not."""
        order = self.orders.get(client_order_id)
        held = [each for each in self._held if each.client_order_id != client_order_id]
        if order is not None and order.is_open and len(held) < len(self._held):
            self._held = held
            self._end(order, "CANCELLED", "")
            return
        if order is not None and order.purpose == STRAY:
            if order.is_open:
                self._end(order, "CANCELLED", "")
            return
        self._take(self.book.cancel(client_order_id, self.world.now_ns))
        if order is not None and order.state == "CANCELLED":
            self._maybe_fill_late(order)

    def look_up(self, client_order_id: str) -> tuple[VenueReport, ...] | None:
        """Everything that was said about an order, None when there is none."""
        order = self.orders.get(client_order_id)
        return None if order is None else tuple(order.reports)

    def stated(self, question: int, parts: frozenset[Part], fills_after_ns: int) -> Stated:
        """Its own account, as far as it was asked for, and as of when its lists are."""
        shown = self.lists.shown(self.world.now_ns)
        if {Part.ORDERS, Part.POSITIONS} <= parts:
            self._listed.append((self.world.now_ns, shown.is_flat))
        return Stated(
            question=question,
            orders=shown.orders if Part.ORDERS in parts else None,
            positions=shown.positions if Part.POSITIONS in parts else None,
            cash=shown.cash if Part.CASH in parts else None,
            fills=tuple(each for each in shown.fills if each.venue_ns > fills_after_ns)
            if Part.FILLS in parts
            else None,
        )

    def _shown(self) -> Shown:
        return Shown(
            at_ns=self.world.now_ns,
            orders=self._orders(),
            positions=self._positions(),
            cash=self._cash(),
            fills=tuple(self.executions.values()),
        )

    def said_flat_since(self, since_ns: int) -> int:
        """How often in a row, at most, its lists of orders and positions were empty since then."""
        most = count = 0
        for at_ns, is_flat in self._listed:
            if at_ns >= since_ns:
                count = count + 1 if is_flat else 0
                most = max(most, count)
        return most

    def open_orders(self) -> list[Booked]:
        """What works."""
        return [order for order in self.orders.values() if order.is_open]

    def _orders(self) -> tuple[OrderStated, ...]:
        return tuple(
            OrderStated(
                client_order_id=order.client_order_id,
                broker_order_id=order.broker_order_id,
                instrument=order.instrument,
                side=order.side,
                qty_1e8=order.qty_1e8,
                filled_1e8=order.filled_1e8,
            )
            for order in self.open_orders()
        )

    def _positions(self) -> tuple[PositionStated, ...]:
        held = self.positions.items()
        return tuple(PositionStated(instrument=name, qty_1e8=qty) for name, qty in held if qty)

    def _cash(self) -> CashStated:
        return CashStated(
            equity_1e8=self.cash_1e8 + self._value_1e8(),
            cash_1e8=self.cash_1e8,
            buying_power_1e8=self.cash_1e8,
            at_ns=self.world.now_ns,
            is_movement=True,
        )

    def _value_1e8(self) -> int:
        if self._last is None:
            return 0
        price_1e8 = (self._last.bid_1e8 + self._last.ask_1e8) // 2
        held = sum(self.positions.values())
        return price_1e8 * held // UNIT_1E8 * self._multiplier

    # -- what the book cannot ---------------------------------------------------------------------

    def _maybe_fill_late(self, order: Booked) -> None:
        """A cancel that was acknowledged and yet lost the race."""
        if not self.world.strikes("venue.fill_after_cancel", self.late_fill_ratio):
            return
        wait_ns = self.world.chance.between("venue.fill_late_ms", 1, 4_000) * MILLI_NS
        self.world.after(wait_ns, lambda: self._fill_late(order))

    def _fill_late(self, order: Booked) -> None:
        left = (order.qty_1e8 - order.filled_1e8 - order.taken_back_1e8) // UNIT_1E8
        if left <= 0 or self._last is None:
            return
        self._extra += 1
        self.surprised_ns = self.world.now_ns
        quantity = self.world.chance.between("venue.fill_late_qty", 1, left)
        price_1e8 = self._last.ask_1e8 if order.sign > 0 else self._last.bid_1e8
        self._said(
            VenueReport(
                order.client_order_id,
                "FILLED",
                self.world.now_ns,
                broker_order_id=order.broker_order_id,
                execution_id=f"late-{self._extra}",
                qty_1e8=quantity * UNIT_1E8,
                price_1e8=price_1e8,
                fee_1e8=quantity * self._fee_1e8,
            )
        )

    def _maybe_end_rest(self, order: Booked) -> None:
        """Nobody asked for it: a venue may cancel what is left of an order at any time."""
        ended, self.ends_next_exit = self.ends_next_exit, None
        if ended is None or not self.world.is_faulty():
            return
        ended()
        self._end_rest(order)

    def _is_hidden(self, order: Booked) -> bool:
        is_hidden, self.hides_next_fill = self.hides_next_fill, False
        if not is_hidden or not self.world.is_faulty():
            return False
        self.world.hits["net.report_missed"] += 1
        self._end_rest(order)
        return True

    def _end_rest(self, order: Booked) -> None:
        self.world.hits["venue.rest_ended"] += 1
        take = self._take
        self.world.after(
            MILLI_NS, lambda: take(self.book.cancel(order.client_order_id, self.world.now_ns))
        )

    def reverse_one(self) -> bool:
        """Take the newest execution of an ended order back; whether there was one."""
        ended = [
            report
            for report in self.executions.values()
            if not self.orders[report.client_order_id].is_open
        ]
        if not ended:
            return False
        self._take_back(ended[-1])
        return True

    def _take_back(self, report: VenueReport) -> None:
        """What it had executed counts towards the end of its order all the same."""
        self.surprised_ns = self.world.now_ns
        order = self.orders[report.client_order_id]
        order.taken_back_1e8 += report.qty_1e8
        del self.executions[report.execution_id]
        self._account(order, report, -1)
        back = VenueReport(
            report.client_order_id,
            "REVERSED",
            self.world.now_ns,
            broker_order_id=report.broker_order_id,
            execution_id=report.execution_id,
            qty_1e8=report.qty_1e8,
            price_1e8=report.price_1e8,
            fee_1e8=report.fee_1e8,
            reason="trade bust",
        )
        order.reports.append(back)
        self._report(back)

    def _maybe_bust(self, order: Booked, report: VenueReport) -> None:
        is_bust, self.busts_next_part = self.busts_next_part, False
        if not is_bust or not self.world.is_faulty():
            return

        def bust() -> None:
            if order.is_open:
                self.world.hits["venue.busts_of_open_orders"] += 1
                self._take_back(report)

        wait_ms = self.world.chance.between("bust after ms", 10, 3_000)
        self.world.after(wait_ms * MILLI_NS, bust)

    # -- the ledger -------------------------------------------------------------------------------

    def _take(self, reports: list[VenueReport]) -> None:
        for report in reports:
            self._said(report)

    def _said(self, report: VenueReport) -> None:
        """Book what a report says, then say it."""
        order = self.orders.get(report.client_order_id)
        if order is not None and order.broker_order_id.startswith(HELD):
            report = renamed(report, order.broker_order_id)
        if order is not None and report.kind in ENDS:
            report = totalled(report, order)
        if order is not None and report.kind != "CANCEL_REJECTED":
            order.reports.append(report)
            order.broker_order_id = report.broker_order_id or order.broker_order_id
            if report.kind == "FILLED":
                if self._is_hidden_fill(order, report):
                    return
            elif report.kind in ENDS:
                order.state = report.kind
            self.lists.changed(self.world.now_ns)
        self._report(report)

    def _is_hidden_fill(self, order: Booked, report: VenueReport) -> bool:
        """Book an execution; whether nobody is told of it."""
        self.executions[report.execution_id] = report
        self._account(order, report, 1)
        if order.filled_1e8 + order.taken_back_1e8 >= order.qty_1e8:
            order.state = "FILLED"
            return False
        self._maybe_bust(order, report)
        if order.purpose == "EXIT":
            self._maybe_end_rest(order)
        elif order.purpose == "ENTRY":
            return self._is_hidden(order)
        return False

    def _account(self, order: Booked, report: VenueReport, times: int) -> None:
        signed_1e8 = times * order.sign * report.qty_1e8
        order.filled_1e8 += times * report.qty_1e8
        order.fees_1e8 += times * report.fee_1e8
        self.positions[order.instrument] = self.positions.get(order.instrument, 0) + signed_1e8
        self.cash_1e8 -= report.price_1e8 * signed_1e8 // UNIT_1E8 * self._multiplier
        self.cash_1e8 -= times * report.fee_1e8
        self.fees_1e8 += times * report.fee_1e8
        self.lists.changed(self.world.now_ns)

    def _of(self, order: Booked, kind: str, reason: str = "") -> VenueReport:
        return VenueReport(
            order.client_order_id,
            kind,
            self.world.now_ns,
            broker_order_id=order.broker_order_id,
            reason=reason,
        )

    def _end(self, order: Booked, kind: str, reason: str) -> None:
        self._said(self._of(order, kind, reason))
