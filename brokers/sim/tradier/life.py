"""The life of an order at Tradier: pending, open, filled, canceled, expired, rejected."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from brokers.sim.book import BookOrder, Match
from brokers.sim.clock import seconds
from brokers.sim.core import Core, dice
from brokers.sim.faults import Rule
from brokers.sim.ledger import Execution
from brokers.sim.tradier.assets import ROOTS, read_contract
from brokers.sim.tradier.blotter import Blotter
from brokers.sim.tradier.hours import Window, window_of
from brokers.sim.tradier.orders import WORKING, Order
from brokers.sim.units import ONE_1E8, times

ACCOUNT: Final = "account"
COMMISSION_1E8: Final = 35_000_000
"""Per contract, as the sheet's sample of a preview has it; it leaves the cash at night."""
Tell = Callable[[Order], None]


class Life:
    """Moves orders; each move is told as one event."""

    def __init__(self, core: Core, blotter: Blotter, tell: Tell) -> None:
        """Listen to the sessions.

        Args:
            core: Time, market and faults.
            blotter: What is kept.
            tell: Hears each order as it is after a move.
        """
        self._core = core
        self._blotter = blotter
        self._tell = tell
        self._dice = dice("events", core.options.seed)
        self._rechecks: set[str] = set()
        core.on_open.append(self._session_opened)
        core.on_close.append(self._session_closed)
        core.market.listeners.append(lambda tick: self._look_again(tick.symbol))

    # --- a new order ------------------------------------------------------------------------------

    def admit(self, order: Order) -> None:
        """Keep it; it goes to work at the next pump, or when its time of day comes."""
        self._blotter.register(order)
        window = window_of(order.duration, self._core.hours, self._core.now_ns())
        if window is not None:
            self._keep_to(order, window)
        if self._is_time(order):
            self._core.soon(partial(self._begin, order))
        else:
            self._core.soon(partial(self._emit, order))

    def _keep_to(self, order: Order, window: Window) -> None:
        self._core.agenda.add(window.start_ns, partial(self._begin, order))
        self._core.agenda.add(window.end_ns, partial(self.end, order, "expired"))

    def _is_time(self, order: Order) -> bool:
        now_ns = self._core.now_ns()
        window = window_of(order.duration, self._core.hours, now_ns)
        if window is not None:
            return window.start_ns <= now_ns < window.end_ns
        return self._core.hours.is_open(now_ns)

    def _begin(self, order: Order) -> None:
        if order.status not in ("pending", "held"):
            return
        if self._fault("reject_after_accept", order):
            self._reject(order, "Rejected by the exchange: it was asked to.")
            return
        if reason := _off_grid(order):
            self._reject(order, reason)
            return
        self._open(order)
        if rule := self._fault("odd_status", order):
            self._set(order, rule.settings["status"])
            self._emit(order)
            back = partial(self._end_oddity, order, order.status)
            self._core.soon(back, seconds(rule.settings["seconds"]))
            return
        self._go_to_work(order)

    def _open(self, order: Order) -> None:
        """Tell pending and open; one time in four the second comes first, as Tradier does it."""
        is_first = order.status == "pending"
        is_turned = is_first and self._dice.random() < 0.25  # noqa: PLR2004 - one in four
        if is_first and not is_turned:
            self._emit(order)
        self._set(order, "open")
        self._emit(order)
        if is_turned:
            order.status = "pending"
            self._emit(order)
            order.status = "open"

    def _end_oddity(self, order: Order, status: str) -> None:
        if order.status == status:
            self._set(order, "open")
            self._emit(order)
            self._go_to_work(order)

    def _go_to_work(self, order: Order) -> None:
        if order.is_contingent:
            for leg in order.legs:
                if leg.status == "pending":
                    self._begin(leg)
            return
        if order.is_together:
            for leg in order.legs:
                self._set(leg, "open")
        self._work(order)

    # --- at work ----------------------------------------------------------------------------------

    def _work(self, order: Order) -> None:
        if order.is_together:
            self._try_together(order)
        elif order.kind in ("stop", "stop_limit") and not order.is_triggered:
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
            is_waiting = order.status in WORKING and str(order.order_id) not in book
            if is_waiting and self._is_time(order):
                self._work(order)

    def _watch(self, order: Order) -> None:
        last_1e8 = self._core.market.last_1e8(order.traded)
        if (last_1e8 - (order.stop_1e8 or 0)) * order.book_side.sign >= 0:
            order.is_triggered = True
            self._send(order)

    def _send(self, order: Order) -> None:
        limit_1e8 = order.price_1e8 if order.kind in ("limit", "stop_limit") else None
        if order.open_1e8:
            self._core.market.place(
                order.traded,
                BookOrder(
                    order_id=str(order.order_id),
                    owner=ACCOUNT,
                    side=order.book_side,
                    qty_1e8=order.open_1e8,
                    limit_1e8=limit_1e8,
                    rests=limit_1e8 is not None,
                ),
            )

    def _try_together(self, order: Order) -> None:
        """As many whole units as every book has at its best price, if the net price is good."""
        net_1e8, units = self.net_of(order)
        limit_1e8 = order.net_limit_1e8
        if net_1e8 is None or (limit_1e8 is not None and net_1e8 > limit_1e8):
            return
        units = min(units, order.open_1e8 // ONE_1E8)
        if not units:
            return
        for leg in order.legs:
            self._take(leg, units * leg.ratio * ONE_1E8)
        order.filled_1e8 += units * ONE_1E8
        order.value_1e8 += net_1e8 * units
        order.last_qty_1e8, order.last_price_1e8 = units * ONE_1E8, net_1e8
        self._after_fill(order)
        self._emit(order)
        if not order.is_terminal:
            self._look_again(order.legs[0].traded)

    def _take(self, leg: Order, qty_1e8: int) -> None:
        best_1e8 = self._core.market.book(leg.traded).best_1e8(leg.book_side.other)
        self._core.market.place(
            leg.traded,
            BookOrder(
                order_id=str(leg.order_id),
                owner=ACCOUNT,
                side=leg.book_side,
                qty_1e8=qty_1e8,
                limit_1e8=best_1e8,
                rests=False,
            ),
        )

    def net_of(self, order: Order) -> tuple[int | None, int]:
        """What a unit costs at the books' best prices, and how many units they have there.

        Returns:
            A price below zero is a credit; None while a book is empty.
        """
        net_1e8, units = 0, order.open_1e8 // ONE_1E8
        for leg in order.legs:
            book = self._core.market.book(leg.traded)
            best_1e8 = book.best_1e8(leg.book_side.other)
            if best_1e8 is None:
                return None, 0
            # The price of a unit is per share: an equity leg of 100 shares weighs as an option.
            weight = leg.ratio if leg.option_symbol else leg.ratio // 100
            net_1e8 += leg.book_side.sign * best_1e8 * weight
            wanted = BookOrder(
                order_id="",
                owner="",
                side=leg.book_side,
                qty_1e8=leg.open_1e8,
                limit_1e8=best_1e8,
            )
            units = min(units, book.available_1e8(wanted) // (leg.ratio * ONE_1E8))
        return net_1e8, units

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
                    order = self._blotter.orders[int(order_id)]
                    self.fill(order, match.price_1e8, match.qty_1e8)

    def fill(self, order: Order, price_1e8: int, qty_1e8: int) -> None:
        """One execution, and what follows from it."""
        order.filled_1e8 += qty_1e8
        order.value_1e8 += times(price_1e8, qty_1e8)
        order.last_qty_1e8, order.last_price_1e8 = qty_1e8, price_1e8
        execution = Execution(
            execution_id=self._core.new_id(),
            order_id=str(order.order_id),
            symbol=order.traded,
            side=order.book_side,
            qty_1e8=qty_1e8,
            price_1e8=price_1e8,
            at_ns=self._core.now_ns(),
            multiplier=order.multiplier,
            fee_1e8=times(COMMISSION_1E8, qty_1e8) if order.option_symbol else 0,
            cum_1e8=order.filled_1e8,
            leaves_1e8=order.open_1e8,
        )
        self._blotter.ledger.book(execution)
        self._after_fill(order)
        self._emit(order)
        if rule := self._fault("reversal", order):
            delay_ns = seconds(rule.settings["seconds"])
            self._core.soon(partial(self._bust, execution.execution_id), delay_ns)
        self._follow(order)

    def _after_fill(self, order: Order) -> None:
        if not order.open_1e8:
            self._set(order, "filled")
            self._blotter.close(order)
        elif not order.is_terminal:
            self._set(order, "partially_filled")

    def _bust(self, execution_id: str) -> None:
        """Take a fill back: the order keeps its status and has filled less."""
        execution = self._blotter.ledger.reverse(execution_id)
        order = self._blotter.orders[int(execution.order_id)]
        order.filled_1e8 -= execution.qty_1e8
        order.busted_1e8 += execution.qty_1e8
        order.value_1e8 -= times(execution.price_1e8, execution.qty_1e8)
        self._set(order, order.status)
        self._emit(order)

    def _follow(self, order: Order) -> None:
        """A filled entry wakes its exits; the other exit goes with the first fill of one."""
        for other in order.exits:
            if not other.is_terminal:
                self._core.soon(partial(self.end, other, "canceled"))
        parent = order.parent
        if parent is None or not parent.is_contingent:
            return
        if order.status == "filled" and order is parent.legs[0] and parent.klass != "oco":
            for leg in parent.legs[1:]:
                if leg.status == "held":
                    self._core.soon(partial(self._begin, leg))
        self._core.soon(partial(self._settle, parent))

    def _settle(self, parent: Order) -> None:
        """A parent of contingent orders ends with the last of them."""
        if parent.is_terminal or not all(leg.is_terminal for leg in parent.legs):
            return
        states = [leg.status for leg in parent.legs]
        self._set(parent, "filled" if "filled" in states else states[0])
        self._blotter.close(parent)
        self._emit(parent)

    # --- cancels and changes ----------------------------------------------------------------------

    def request_cancel(self, order: Order) -> None:
        """The cancel is taken; whether it wins is seen at the next pump."""
        if not order.is_canceling:
            order.is_canceling = True
            self._core.soon(partial(self._finish_cancel, order))

    def _finish_cancel(self, order: Order) -> None:
        if order.is_terminal:
            return
        if rule := self._fault("cancel_stuck", order):
            again = partial(self._finish_cancel, order)
            self._core.soon(again, seconds(rule.settings["seconds"]))
            return
        if order.trades_itself and self._fault("cancel_loses_to_fill", order):
            self._core.market.book(order.traded).cancel(str(order.order_id))
            self.fill(order, self._fair_1e8(order), order.open_1e8)
            return
        rule = self._fault("fill_after_cancel", order) if order.trades_itself else None
        self.end(order, "canceled")
        if rule is not None:
            late = partial(self.fill, order, self._fair_1e8(order), order.open_1e8)
            self._core.soon(late, seconds(rule.settings["seconds"]))

    def _fair_1e8(self, order: Order) -> int:
        return order.price_1e8 or self._core.market.last_1e8(order.traded)

    def request_change(self, order: Order, changed: Callable[[], None]) -> None:
        """The change is taken; it is made at the next pump, unless the order is over by then."""

        def make() -> None:
            if order.is_terminal:
                return
            if self._fault("replace_rejected", order):
                self._emit(order)
                return
            if order.trades_itself:
                self._core.market.book(order.traded).cancel(str(order.order_id))
            changed()
            self._set(order, order.status)
            self._emit(order)
            if order.status in WORKING and self._is_time(order):
                self._work(order)

        self._core.soon(make)

    def _reject(self, order: Order, reason: str) -> None:
        order.reason = reason
        self.end(order, "rejected")

    def end(self, order: Order, status: str) -> None:
        """It is over without a further fill; what hangs on it goes too."""
        if order.is_terminal:
            return
        if order.trades_itself:
            self._core.market.book(order.traded).cancel(str(order.order_id))
        self._set(order, status)
        self._blotter.close(order)
        for leg in order.legs:
            self.end(leg, status)
        self._emit(order)
        if order.parent is not None and order.parent.is_contingent:
            self._lost(order, order.parent)

    def _lost(self, order: Order, parent: Order) -> None:
        """An entry that did not fill takes its exits with it."""
        if order is parent.legs[0] and parent.klass != "oco" and not order.filled_1e8:
            for leg in parent.legs[1:]:
                self.end(leg, "canceled")
        self._core.soon(partial(self._settle, parent))

    # --- sessions ---------------------------------------------------------------------------------

    def _session_opened(self) -> None:
        for order in [*self._blotter.open.values()]:
            if order.duration not in ("day", "gtc"):
                continue
            if order.status == "pending" and order.parent is None:
                self._begin(order)
            elif order.status in WORKING:
                self._look_again(order.legs[0].traded if order.legs else order.traded)

    def _session_closed(self) -> None:
        for order in [*self._blotter.open.values()]:
            if order.duration == "day" and not order.is_terminal and order.parent is None:
                self.end(order, "expired")
        for order in self._blotter.open.values():
            if order.trades_itself and order.duration == "gtc":
                self._core.market.book(order.traded).cancel(str(order.order_id))
        self._blotter.ledger.pay_fees()

    # --- small parts ------------------------------------------------------------------------------

    def _set(self, order: Order, status: str) -> None:
        order.status = status
        order.updated_ns = self._core.now_ns()

    def _fault(self, verb: str, order: Order) -> Rule | None:
        return self._core.faults.take_verb(verb, order.subject)

    def _emit(self, order: Order) -> None:
        self._tell(order)


def _off_grid(order: Order) -> str:
    """What the exchange objects to in an order's prices; nothing, as a rule."""
    prices = [price for price in (order.price_1e8, order.stop_1e8) if price is not None]
    if order.is_together:
        step_1e8 = ONE_1E8 // (
            20 if order.symbol in ROOTS and ROOTS[order.symbol].is_index else 100
        )
        is_good = all(price % step_1e8 == 0 for price in prices)
    elif order.option_symbol:
        contract = read_contract(order.option_symbol)
        is_good = contract is not None and all(contract.is_on_grid(price) for price in prices)
    else:
        step_1e8 = ONE_1E8 // 100
        is_good = all(price % step_1e8 == 0 for price in prices if price >= ONE_1E8)
    return "" if is_good else "QuotePriceIsInvalid: the price is not on the instrument's grid."
