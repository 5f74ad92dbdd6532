"""The life of an order at Alpaca: accepted, new, filled, canceled, replaced, expired."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from brokers.sim.alpaca.blotter import Blotter
from brokers.sim.alpaca.multileg import price_of
from brokers.sim.alpaca.orders import WORKING, Order
from brokers.sim.book import BookOrder, Match, Side
from brokers.sim.clock import seconds
from brokers.sim.core import Core
from brokers.sim.faults import Rule
from brokers.sim.hours import extended_close_ns
from brokers.sim.ledger import Execution
from brokers.sim.units import ONE_1E8, show, times, utc_text

ACCOUNT: Final = "account"
_AUCTIONS: Final = ("opg", "cls")
# Fees of a sale per share or contract, at 1e-8: of the simulator's own making, the amounts at the
# venue were not verified. They accrue, and leave the cash at the close.
_FEE_1E8: Final = {"us_equity": 16_600, "us_option": 329_000}
Tell = Callable[[dict[str, Any]], None]


class Life:
    """Moves orders; each move is told as one event."""

    def __init__(self, core: Core, blotter: Blotter, tell: Tell) -> None:
        """Listen to the sessions.

        Args:
            core: Time, market and faults.
            blotter: What is kept.
            tell: Hears the `data` of every trade update, in order.
        """
        self._core = core
        self._blotter = blotter
        self._tell = tell
        self._before_replace: dict[str, str] = {}
        self._rechecks: set[str] = set()
        core.on_open.append(self._session_opened)
        core.on_close.append(self._session_closed)
        core.market.listeners.append(lambda tick: self._look_again(tick.symbol))

    # --- a new order ------------------------------------------------------------------------------

    def admit(self, order: Order) -> None:
        """Keep it; it goes to work at the next pump, or when its session opens."""
        is_tradable = self._is_tradable(order)
        for each in (order, *order.legs):
            if each.status != "held":
                each.status = "pending_new" if is_tradable else "accepted"
            if each.tif == "day":
                now_ns = self._core.now_ns()
                each.moments["expires_at"] = self._core.hours.next_close_ns(now_ns)
        self._blotter.register(order)
        if is_tradable:
            self._core.soon(partial(self._begin, order))
        else:
            self._core.soon(partial(self._emit, order, "accepted"))

    def _is_tradable(self, order: Order) -> bool:
        now_ns = self._core.now_ns()
        if order.tif in _AUCTIONS:
            return False
        if self._core.hours.is_open(now_ns):
            return True
        return order.extended_hours and self._core.hours.is_extended(now_ns)

    def _begin(self, order: Order) -> None:
        if order.status not in ("accepted", "pending_new"):
            return
        if order.status == "pending_new":
            self._emit(order, "pending_new")
        if self._fault("reject_after_accept", order):
            self.end(order, "rejected", "failed_at")
            return
        self._set(order, "new")
        self._emit(order, "new")
        if rule := self._fault("odd_status", order):
            self._set(order, rule.settings["status"])
            self._emit(order, order.status)
            back = partial(self._end_oddity, order, order.status)
            self._core.soon(back, seconds(rule.settings["seconds"]))
            return
        self._go_to_work(order)

    def _end_oddity(self, order: Order, status: str) -> None:
        if order.status == status:
            self._set(order, "new")
            self._emit(order, "restated")
            self._go_to_work(order)

    def _go_to_work(self, order: Order) -> None:
        if order.extended_hours and not self._core.hours.is_open(self._core.now_ns()):
            close_ns = extended_close_ns(self._core.now_ns())
            self._core.agenda.add(close_ns, partial(self._expire_late, order))
        for leg in order.legs:
            if order.order_class != "mleg":
                self._begin(leg)
            else:
                self._set(leg, "new")
        self._work(order)

    # --- at work ----------------------------------------------------------------------------------

    def _work(self, order: Order) -> None:
        if order.is_multileg:
            self._try_multileg(order)
        elif order.parent is not None and order.parent.is_multileg:
            return
        elif order.kind in ("stop", "stop_limit", "trailing_stop") and not order.is_triggered:
            self._watch(order)
        else:
            self._send(order)

    def _look_again(self, symbol: str) -> None:
        """Prices have moved; what waits for one is looked at in the next pump."""
        if symbol not in self._rechecks and self._blotter.open_of(symbol):
            self._rechecks.add(symbol)
            self._core.soon(partial(self._recheck, symbol))

    def _recheck(self, symbol: str) -> None:
        self._rechecks.discard(symbol)
        book = self._core.market.book(symbol)
        for order in self._blotter.open_of(symbol):
            is_waiting = order.status in WORKING and order.order_id not in book
            if is_waiting and self._core.hours.is_open(self._core.now_ns()):
                self._work(order)

    def _watch(self, order: Order) -> None:
        """A stop waits for its price; a trailing one follows the best since it came."""
        last_1e8 = self._core.market.last_1e8(order.symbol)
        if order.kind == "trailing_stop":
            best = min if order.side is Side.BUY else max
            order.hwm_1e8 = last_1e8 if order.hwm_1e8 is None else best(order.hwm_1e8, last_1e8)
            percent_1e8 = order.trail_percent_1e8 or 0
            away_1e8 = order.trail_price_1e8 or times(order.hwm_1e8, percent_1e8) // 100
            order.stop_1e8 = order.hwm_1e8 + order.side.sign * away_1e8
        stop_1e8 = order.stop_1e8 or 0
        if (last_1e8 - stop_1e8) * order.side.sign < 0:
            return
        order.is_triggered = True
        if order.kind == "stop" and order.side is Side.BUY:  # Alpaca gives it a limit
            order.limit_1e8 = times(stop_1e8, collar_1e8(stop_1e8))
        self._send(order)

    def _send(self, order: Order) -> None:
        market = self._core.market
        if order.qty_1e8 is None:
            order.qty_1e8 = self._qty_of_notional(order)
        limit_1e8 = order.book_limit_1e8
        book_order = BookOrder(
            order_id=order.order_id,
            owner=ACCOUNT,
            side=order.side,
            qty_1e8=order.open_1e8,
            limit_1e8=limit_1e8,
            rests=limit_1e8 is not None and order.tif in ("day", "gtc"),
        )
        if not book_order.qty_1e8:
            return
        book = market.book(order.symbol)
        if order.tif == "fok" and book.available_1e8(book_order) < order.open_1e8:
            self.end(order, "canceled", "canceled_at")
            return
        market.place(order.symbol, book_order)
        if not order.is_terminal and order.tif in ("ioc", "fok", *_AUCTIONS):
            self.end(order, "canceled", "canceled_at")

    def _qty_of_notional(self, order: Order) -> int:
        market = self._core.market
        price_1e8 = market.book(order.symbol).best_1e8(order.side.other)
        return (order.notional_1e8 or 0) * ONE_1E8 // (price_1e8 or market.last_1e8(order.symbol))

    def _try_multileg(self, order: Order) -> None:
        """All legs at once, when the books have the quantity and the net price is good enough."""
        net_1e8 = price_of(order, self._core.market)
        if net_1e8 is None or (order.limit_1e8 is not None and net_1e8 > order.limit_1e8):
            return
        units_1e8 = order.open_1e8
        for leg in order.legs:
            self._send(leg)
        order.filled_1e8 = units_1e8
        order.value_1e8 = times(net_1e8, units_1e8)
        order.moments["filled_at"] = self._core.now_ns()
        self._set(order, "filled")
        self._blotter.close(order)
        fill = {"price": show(net_1e8), "qty": show(units_1e8), "position_qty": show(units_1e8)}
        self._emit(order, "fill", {"execution_id": self._core.new_id(), **fill})

    # --- fills ------------------------------------------------------------------------------------

    def on_matches(self, symbol: str, matches: Sequence[Match]) -> None:
        """Executions of the market; those of the account's orders become fills."""
        del symbol
        for match in matches:
            for owner, order_id in (
                (match.maker_owner, match.maker_id),
                (match.taker_owner, match.taker_id),
            ):
                if owner == ACCOUNT:
                    self.fill(self._blotter.orders[order_id], match.price_1e8, match.qty_1e8)

    def fill(self, order: Order, price_1e8: int, qty_1e8: int) -> None:
        """One execution, and what follows from it."""
        order.filled_1e8 += qty_1e8
        order.value_1e8 += times(price_1e8, qty_1e8)
        if not order.open_1e8:
            order.moments["filled_at"] = self._core.now_ns()
            self._set(order, "filled")
            self._blotter.close(order)
        elif order.status in ("new", "partially_filled"):
            self._set(order, "partially_filled")
        execution = self._execution(order, price_1e8, qty_1e8)
        self._blotter.ledger.book(execution)
        has_own_name = self._core.options.has_own_fill_names
        name = self._core.new_id() if has_own_name else execution.execution_id
        self._blotter.add_fill(order, execution, name)
        if order.parent is None or not order.parent.is_multileg:
            self._emit(order, "partial_fill" if order.open_1e8 else "fill", self._told(execution))
        if rule := self._fault("reversal", order):
            delay_ns = seconds(rule.settings["seconds"])
            self._core.soon(partial(self.bust, execution.execution_id), delay_ns)
        self._follow(order, qty_1e8)

    def _execution(self, order: Order, price_1e8: int, qty_1e8: int) -> Execution:
        rate_1e8 = _FEE_1E8[order.asset_class] if order.side is Side.SELL else 0
        return Execution(
            execution_id=self._core.new_id(),
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            qty_1e8=qty_1e8,
            price_1e8=price_1e8,
            at_ns=self._core.now_ns(),
            multiplier=order.multiplier,
            fee_1e8=times(rate_1e8, qty_1e8),
            cum_1e8=order.filled_1e8,
            leaves_1e8=order.open_1e8,
        )

    def _told(self, execution: Execution) -> dict[str, Any]:
        return {
            "execution_id": execution.execution_id,
            "price": show(execution.price_1e8),
            "qty": show(execution.qty_1e8),
            "position_qty": show(self._blotter.ledger.qty_1e8(execution.symbol)),
        }

    def bust(self, execution_id: str) -> None:
        """Take a fill back."""
        execution = self._blotter.ledger.reverse(execution_id)
        self._blotter.drop_fill(execution_id)
        order = self._blotter.orders[execution.order_id]
        order.filled_1e8 -= execution.qty_1e8
        order.busted_1e8 += execution.qty_1e8
        order.value_1e8 -= times(execution.price_1e8, execution.qty_1e8)
        self._set(order, order.status)
        self._emit(order, "trade_bust", self._told(execution))

    def _follow(self, order: Order, qty_1e8: int) -> None:
        """The exits of a filled entry wake up; the other exit of a group shrinks or goes."""
        for other in order.exits:
            if other.is_terminal:
                continue
            if order.status == "filled":
                self._core.soon(partial(self.end, other, "canceled", "canceled_at"))
            else:
                self._shrink(other, qty_1e8)
        if order.status == "filled":
            for leg in order.legs:
                if leg.status == "held":
                    leg.status = "accepted"
                    self._core.soon(partial(self._begin, leg))

    def _shrink(self, order: Order, qty_1e8: int) -> None:
        gone_1e8 = order.filled_1e8 + order.busted_1e8
        order.qty_1e8 = max(gone_1e8, (order.qty_1e8 or 0) - qty_1e8)
        book = self._core.market.book(order.symbol)
        if not order.open_1e8:
            self._core.soon(partial(self.end, order, "canceled", "canceled_at"))
        elif order.order_id in book:
            book.reduce(order.order_id, order.open_1e8)

    # --- cancels ----------------------------------------------------------------------------------

    def request_cancel(self, order: Order) -> None:
        """The cancel is taken; whether it wins is seen at the next pump."""
        was_held = order.status == "held"
        self._set(order, "pending_cancel")
        if not was_held:
            self._core.soon(partial(self._emit, order, "pending_cancel"))
        self._core.soon(partial(self._finish_cancel, order))

    def _finish_cancel(self, order: Order) -> None:
        if order.is_terminal:
            self._emit(order, "order_cancel_rejected")
        elif rule := self._fault("cancel_stuck", order):
            again = partial(self._finish_cancel, order)
            self._core.soon(again, seconds(rule.settings["seconds"]))
        elif self._fault("cancel_loses_to_fill", order):
            self._core.market.book(order.symbol).cancel(order.order_id)
            self.fill(order, self._fair_1e8(order), order.open_1e8)
            self._emit(order, "order_cancel_rejected")
        else:
            rule = self._fault("fill_after_cancel", order)
            self.end(order, "canceled", "canceled_at")
            if rule is not None:
                late = partial(self.fill, order, self._fair_1e8(order), order.open_1e8)
                self._core.soon(late, seconds(rule.settings["seconds"]))

    def _fair_1e8(self, order: Order) -> int:
        if order.qty_1e8 is None:
            order.qty_1e8 = self._qty_of_notional(order)
        return order.limit_1e8 or self._core.market.last_1e8(order.symbol)

    def end(self, order: Order, status: str, moment: str) -> None:
        """It is over without a further fill; what hangs on it goes too."""
        if order.is_terminal:
            return
        if not order.is_multileg:
            self._core.market.book(order.symbol).cancel(order.order_id)
        order.moments[moment] = self._core.now_ns()
        self._set(order, status)
        self._blotter.close(order)
        self._emit(order, status)
        for other in (*order.exits, *order.legs):
            if not other.is_terminal:
                self.end(other, "canceled" if status == "rejected" else status, moment)

    # --- replacements -----------------------------------------------------------------------------

    def request_replace(self, old: Order, new: Order) -> None:
        """The replacement is taken; whether it wins is seen at the next pump."""
        self._before_replace[old.order_id] = old.status
        self._set(old, "pending_replace")
        new.status = "pending_new"
        self._blotter.register(new)
        self._core.soon(partial(self._emit, old, "pending_replace"))
        self._core.soon(partial(self._finish_replace, old, new, old.open_1e8))

    def _finish_replace(self, old: Order, new: Order, open_1e8: int) -> None:
        before = self._before_replace.pop(old.order_id)
        new.qty_1e8 = (new.qty_1e8 or 0) - (open_1e8 - old.open_1e8)
        is_refused = self._fault("replace_rejected", old) is not None
        if old.is_terminal or is_refused or new.qty_1e8 <= 0:
            if not old.is_terminal:
                self._set(old, "partially_filled" if old.filled_1e8 else before)
            self._emit(old, "order_replace_rejected")
            self.end(new, "rejected", "failed_at")
            return
        self._core.market.book(old.symbol).cancel(old.order_id)
        old.moments["replaced_at"] = self._core.now_ns()
        old.replaced_by = new.order_id
        self._set(old, "replaced")
        self._blotter.close(old)
        self._inherit(old, new)
        self._emit(old, "replaced")
        if before == "held":
            self._set(new, "held")
        else:
            self._begin(new)

    @staticmethod
    def _inherit(old: Order, new: Order) -> None:
        """The new order takes the old one's place among legs and exits."""
        new.legs, new.exits, new.parent = old.legs, old.exits, old.parent
        for leg in new.legs:
            leg.parent = new
        for other in new.exits:
            other.exits = [new if one is old else one for one in other.exits]
        if new.parent is not None:
            new.parent.legs = [new if one is old else one for one in new.parent.legs]

    # --- sessions ---------------------------------------------------------------------------------

    def _session_opened(self) -> None:
        for order in [*self._blotter.open.values()]:
            if order.status == "accepted" and order.tif != "cls" and order.parent is None:
                self._begin(order)
            elif order.status in WORKING:
                self._look_again(order.symbol)

    def _session_closed(self) -> None:
        for order in [*self._blotter.open.values()]:
            if order.tif == "cls" and order.status == "accepted":
                self._begin(order)
        for order in [*self._blotter.open.values()]:
            if order.is_terminal:
                continue
            if order.tif == "day" and not order.extended_hours:
                self.end(order, "expired", "expired_at")
            elif order.extended_hours:
                close_ns = extended_close_ns(self._core.now_ns())
                self._core.agenda.add(close_ns, partial(self._expire_late, order))
        self._leave_books()
        if paid_1e8 := self._blotter.ledger.pay_fees():
            now_ns = self._core.now_ns()
            amount = {"net_amount": show(-paid_1e8), "description": "regulatory fees of the day"}
            self._blotter.add_other("FEE", now_ns, self._core.new_id(), **amount)

    def _leave_books(self) -> None:
        for order in self._blotter.open.values():
            if order.symbol and not order.extended_hours:
                self._core.market.book(order.symbol).cancel(order.order_id)

    def _expire_late(self, order: Order) -> None:
        if order.tif == "day" and not order.is_terminal:
            self.end(order, "expired", "expired_at")

    # --- small parts ------------------------------------------------------------------------------

    def _set(self, order: Order, status: str) -> None:
        order.status = status
        order.updated_ns = self._core.now_ns()

    def _fault(self, verb: str, order: Order) -> Rule | None:
        return self._core.faults.take_verb(verb, order.client_order_id)

    def _emit(self, order: Order, event: str, more: dict[str, Any] | None = None) -> None:
        self._tell(
            {
                "event": event,
                "execution_id": None,
                **(more or {}),
                "timestamp": utc_text(self._core.now_ns()),
                "order": order.shown(),
            }
        )


def collar_1e8(price_1e8: int) -> int:
    """What Alpaca adds to a buyer's price: 4 % below 50 dollars, 2.5 % from there."""
    return ONE_1E8 + (4_000_000 if price_1e8 < 50 * ONE_1E8 else 2_500_000)
