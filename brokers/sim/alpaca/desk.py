"""The trading desk: what each request of the account does, whatever wire it came by."""

from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from typing import Any, Final

from brokers.sim.alpaca import rules
from brokers.sim.alpaca.assets import SHARES, Contract, read_contract
from brokers.sim.alpaca.blotter import Blotter
from brokers.sim.alpaca.errors import (
    ApiError,
    malformed,
    no_position,
    not_found,
    unprocessable,
)
from brokers.sim.alpaca.expiry import Expiry
from brokers.sim.alpaca.funds import Funds
from brokers.sim.alpaca.life import Life, Tell
from brokers.sim.alpaca.orders import TERMINAL, Order
from brokers.sim.alpaca.rules import Exit, Ticket, read_ticket
from brokers.sim.book import Match, Side
from brokers.sim.core import Core
from brokers.sim.hours import minute_of_day
from brokers.sim.ledger import Ledger, Position
from brokers.sim.market import Instrument
from brokers.sim.units import ONE_1E8, times

_REPLACEABLE: Final = ("new", "partially_filled", "held", "done_for_day")
_SHARES: Final = {share.symbol: share for share in SHARES}


class Desk:
    """One account's orders and positions."""

    def __init__(self, core: Core, tell: Tell) -> None:
        """Open the account.

        Args:
            core: Time, market and faults.
            tell: Hears the `data` of every trade update.
        """
        self._core = core
        self.settings: dict[str, Any] = {
            "fractional_trading": True,
            "max_margin_multiplier": "2",
            "no_shorting": False,
            "suspend_trade": False,
            "trade_confirm_email": "all",
            "ptp_no_exception_entry": False,
            "max_options_trading_level": None,
        }
        self.blotter = Blotter(Ledger(core.options.cash_1e8))
        self.life = Life(core, self.blotter, tell)
        self.account_id = core.new_id()
        self.funds = Funds(core, self.blotter, self.account_id)
        self._expiry = Expiry(core, self.blotter)

    def on_matches(self, symbol: str, matches: Sequence[Match]) -> None:
        """Executions of the market."""
        self.life.on_matches(symbol, matches)

    # --- placing ----------------------------------------------------------------------------------

    def place(self, body: Any) -> Order:
        """POST /v2/orders.

        Raises:
            ApiError: It is refused, and nothing is booked.
        """
        if self.settings["suspend_trade"]:
            raise ApiError(403, {"code": 40310000, "message": "new orders are rejected by user"})
        ticket = read_ticket(body)
        self._check_client_id(ticket.client_order_id)
        rules.check_window(ticket.tif, minute_of_day(self._core.now_ns()))
        order = self._order(ticket)
        self.funds.check(order)
        self.life.admit(order)
        return order

    def _check_client_id(self, client_order_id: str | None) -> None:
        if client_order_id is not None and client_order_id in self.blotter.by_client:
            raise malformed("client_order_id must be unique")

    def _order(self, ticket: Ticket) -> Order:
        if ticket.order_class == "mleg":
            return self._multileg(ticket)
        asset_class = self.list_symbol(ticket.symbol)
        _check_asset(ticket, asset_class)
        order = self._new(ticket, asset_class)
        if ticket.order_class == "oco":
            target, stop = ticket.take_profit, ticket.stop_loss
            order.limit_1e8 = target.limit_1e8 if target else None
            child = self._exit(order, stop, order.side, "accepted")
            order.legs, order.exits, child.exits = [child], [child], [order]
        elif ticket.order_class:
            parts = [part for part in (ticket.take_profit, ticket.stop_loss) if part is not None]
            order.legs = [self._exit(order, part, order.side.other, "held") for part in parts]
            if len(order.legs) > 1:
                order.legs[0].exits, order.legs[1].exits = [order.legs[1]], [order.legs[0]]
        return order

    def _new(self, ticket: Ticket, asset_class: str) -> Order:
        return Order(
            order_id=self._core.new_id(),
            client_order_id=ticket.client_order_id or self._core.new_id(),
            has_own_id=ticket.client_order_id is not None,
            symbol=ticket.symbol,
            asset_class=asset_class,
            side=ticket.side,
            kind=ticket.kind,
            tif=ticket.tif,
            qty_1e8=ticket.qty_1e8,
            notional_1e8=ticket.notional_1e8,
            limit_1e8=ticket.limit_1e8,
            stop_1e8=ticket.stop_1e8,
            trail_price_1e8=ticket.trail_price_1e8,
            trail_percent_1e8=ticket.trail_percent_1e8,
            extended_hours=ticket.extended_hours,
            order_class=ticket.order_class,
            position_intent=ticket.position_intent or self._intent(ticket.symbol, ticket.side),
            created_ns=self._core.now_ns(),
            status="accepted",
        )

    def _intent(self, symbol: str, side: Side) -> str:
        is_closing = self.blotter.ledger.qty_1e8(symbol) * side.sign < 0
        return f"{side.value}_to_{'close' if is_closing else 'open'}"

    def _exit(self, parent: Order, part: Exit | None, side: Side, status: str) -> Order:
        limit_1e8 = part.limit_1e8 if part else None
        stop_1e8 = part.stop_1e8 if part else None
        kind = "limit" if stop_1e8 is None else "stop" if limit_1e8 is None else "stop_limit"
        return Order(
            order_id=self._core.new_id(),
            client_order_id=self._core.new_id(),
            has_own_id=False,
            symbol=parent.symbol,
            asset_class=parent.asset_class,
            side=side,
            kind=kind,
            tif=parent.tif,
            qty_1e8=parent.qty_1e8,
            limit_1e8=limit_1e8,
            stop_1e8=stop_1e8,
            order_class=parent.order_class,
            position_intent=f"{side.value}_to_close",
            created_ns=self._core.now_ns(),
            status=status,
            parent=parent,
        )

    def _multileg(self, ticket: Ticket) -> Order:
        parent = self._new(changed(ticket, position_intent="buy_to_open"), "us_option")
        parent.position_intent = ""
        units_1e8 = ticket.qty_1e8
        if units_1e8 is None or units_1e8 % ONE_1E8:
            raise unprocessable("mleg orders have a whole qty")
        for leg in ticket.legs:
            if self.list_symbol(leg.symbol) != "us_option":
                raise unprocessable("mleg orders have options only")
            child = self._exit(parent, Exit(limit_1e8=None, stop_1e8=None), leg.side, "accepted")
            child.symbol = leg.symbol
            child.kind = "market"
            child.ratio_qty_1e8 = leg.ratio_qty_1e8
            child.qty_1e8 = times(units_1e8, leg.ratio_qty_1e8)
            child.position_intent = leg.position_intent or self._intent(leg.symbol, leg.side)
            parent.legs.append(child)
        return parent

    def list_symbol(self, symbol: str) -> str:
        """See to it that a symbol has a book; its asset class.

        Raises:
            ApiError: There is no such asset, or it does not trade.
        """
        share = _SHARES.get(symbol)
        if share is not None and not share.tradable:
            raise unprocessable(f'asset "{symbol}" is not tradable')
        contract = None if symbol in self._core.market else self.contract(symbol)
        if contract is not None:
            self._core.market.derive(
                contract.underlying,
                Instrument(
                    symbol=symbol,
                    start_1e8=self.option_1e8(contract),
                    multiplier=100,
                ),
                lambda spot_1e8: contract.price_1e8(spot_1e8, self._core.now_ns()),
            )
        if symbol not in self._core.market:
            raise unprocessable(f'asset "{symbol}" not found')
        return "us_option" if self._core.market.instrument(symbol).multiplier > 1 else "us_equity"

    def contract(self, symbol: str) -> Contract | None:
        """The option contract that trades under a symbol, if there is one that has not expired."""
        found = read_contract(symbol)
        if found is None or found.underlying not in self._core.market:
            return None
        return found if found.expires_ns > self._core.now_ns() else None

    def option_1e8(self, contract: Contract) -> int:
        """A contract's price now."""
        spot_1e8 = self._core.market.last_1e8(contract.underlying)
        return max(1_000_000, contract.price_1e8(spot_1e8, self._core.now_ns()))

    # --- looking up -------------------------------------------------------------------------------

    def order(self, order_id: str) -> Order:
        """The order of an id.

        Raises:
            ApiError: There is none.
        """
        found = self.blotter.orders.get(order_id)
        if found is None:
            raise not_found("order")
        return found

    def order_of_client(self, client_order_id: str) -> Order:
        """The order of a client's id.

        Raises:
            ApiError: There is none.
        """
        found = self.blotter.by_client.get(client_order_id)
        if found is None:
            raise not_found("order")
        return found

    # --- changing ---------------------------------------------------------------------------------

    def cancel(self, order: Order) -> None:
        """DELETE /v2/orders/{id}.

        Raises:
            ApiError: It can no longer be canceled.
        """
        if order.status in TERMINAL or order.status in ("pending_cancel", "pending_replace"):
            raise unprocessable(f'order is not cancelable: it is in state "{order.status}"')
        self.life.request_cancel(order)

    def cancel_all(self) -> list[dict[str, Any]]:
        """DELETE /v2/orders: what became of each open order that is no leg."""
        answers: list[dict[str, Any]] = []
        for order in [*self.blotter.open.values()]:
            if order.parent is not None and not order.parent.is_terminal:
                continue
            try:
                self.cancel(order)
                answers.append({"id": order.order_id, "status": 200})
            except ApiError as error:
                answers.append({"id": order.order_id, "status": error.status, "body": error.body})
        return answers

    def replace(self, old: Order, body: Any) -> Order:
        """PATCH /v2/orders/{id}: the new order.

        Raises:
            ApiError: It is refused, and the old order stays as it is.
        """
        if not isinstance(body, dict):
            raise malformed("request body format is invalid")
        if old.status not in _REPLACEABLE or old.notional_1e8 is not None:
            raise unprocessable(f'order is not replaceable: it is in state "{old.status}"')
        own_id = rules.client_id(body)
        self._check_client_id(own_id)
        new = self._replacement(old, body, own_id)
        self.funds.check(new, replacing=old)
        self.life.request_replace(old, new)
        return new

    def _replacement(self, old: Order, body: Mapping[str, Any], own_id: str | None) -> Order:
        given = {name: rules.positive(body, name) for name in ("qty", "limit_price", "stop_price")}
        trail_1e8 = rules.positive(body, "trail")
        tif = str(body.get("time_in_force") or old.tif)
        if tif not in rules.TIFS:
            raise malformed(f"invalid time_in_force: {tif}")
        for name in ("limit_price", "stop_price"):
            rules.check_grid(name, given[name])
            if given[name] is not None and name.removesuffix("_price") not in old.kind:
                raise unprocessable(f"{old.kind} orders cannot have {name}")
        # The quantity counts what the old order has filled already.
        total_1e8 = given["qty"] or old.qty_1e8 or 0
        gone_1e8 = old.filled_1e8 + old.busted_1e8
        if total_1e8 <= gone_1e8:
            raise unprocessable("qty must be above what is filled already")
        new = changed(
            old,
            order_id=self._core.new_id(),
            client_order_id=own_id or self._core.new_id(),
            has_own_id=own_id is not None,
            qty_1e8=total_1e8 - gone_1e8,
            filled_1e8=0,
            busted_1e8=0,
            value_1e8=0,
            tif=tif,
            limit_1e8=given["limit_price"] or old.limit_1e8,
            stop_1e8=given["stop_price"] or old.stop_1e8,
            created_ns=self._core.now_ns(),
            updated_ns=0,
            moments={},
            legs=[],
            exits=[],
            parent=None,
            replaces=old.order_id,
        )
        if trail_1e8 is not None and old.trail_percent_1e8 is not None:
            new.trail_percent_1e8 = trail_1e8
        elif trail_1e8 is not None:
            new.trail_price_1e8 = trail_1e8
        return new

    # --- closing ----------------------------------------------------------------------------------

    def held_position(self, symbol: str) -> Position:
        """The position in a symbol.

        Raises:
            ApiError: It is flat.
        """
        found = self.blotter.ledger.positions.get(symbol)
        if found is None:
            raise no_position()
        return found

    def close(self, symbol: str, qty_1e8: int | None, percent_1e8: int | None) -> Order:
        """DELETE /v2/positions/{symbol}: the market order that closes it, or a part.

        Raises:
            ApiError: It is flat, or orders hold it.
        """
        position = self.held_position(symbol)
        all_1e8 = abs(position.qty_1e8)
        if percent_1e8 is not None:
            qty_1e8 = times(all_1e8, percent_1e8) // 100
        body = {
            "symbol": symbol,
            "qty": _exact(qty_1e8 if qty_1e8 is not None else all_1e8),
            "side": "sell" if position.qty_1e8 > 0 else "buy",
            "type": "market",
            "time_in_force": "day",
        }
        return self.place(body)

    def exercise(self, symbol: str) -> None:
        """POST /v2/positions/{symbol}/exercise: shares for a long option, at its strike.

        Raises:
            ApiError: It is no long position in an option that is worth it.
        """
        position = self.held_position(symbol)
        contract = self.contract(symbol)
        if contract is None or position.qty_1e8 <= 0:
            raise unprocessable(f'"{symbol}" is no long position in an option')
        if not contract.intrinsic_1e8(self._core.market.last_1e8(contract.underlying)):
            raise unprocessable(f'"{symbol}" is out of the money')
        self._expiry.settle(contract)


def _exact(qty_1e8: int) -> str:
    whole, rest = divmod(qty_1e8, ONE_1E8)
    return f"{whole}.{rest:08d}"


def _check_asset(ticket: Ticket, asset_class: str) -> None:
    """Refuse what this kind of asset does not know.

    Raises:
        ApiError: Fractions or an order that options or the share do not have.
    """
    is_option = asset_class == "us_option"
    is_fractional = ticket.notional_1e8 is not None or bool((ticket.qty_1e8 or 0) % ONE_1E8)
    share = _SHARES.get(ticket.symbol)
    if is_fractional and (is_option or (share is not None and not share.fractionable)):
        raise unprocessable(f'asset "{ticket.symbol}" is not fractionable')
    if is_option and (ticket.tif != "day" or ticket.order_class or ticket.extended_hours):
        raise unprocessable("options orders must be simple orders with time_in_force day")
    if is_option and ticket.kind == "trailing_stop":
        raise unprocessable("options orders cannot be trailing_stop")
