"""The trading desk: what each request of the account does."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from math import gcd
from typing import Final

from brokers.sim.book import Match
from brokers.sim.core import Core, dice
from brokers.sim.ledger import Ledger
from brokers.sim.market import Instrument
from brokers.sim.tradier import rules
from brokers.sim.tradier.assets import ASSETS, MULTIPLIER, Contract, expiries, read_contract
from brokers.sim.tradier.blotter import Blotter
from brokers.sim.tradier.errors import finalized, forbidden, invalid, unknown_order
from brokers.sim.tradier.expiry import Expiry
from brokers.sim.tradier.funds import Funds
from brokers.sim.tradier.life import Life, Tell
from brokers.sim.tradier.night import Night
from brokers.sim.tradier.orders import TOGETHER, Order
from brokers.sim.tradier.rules import Part, Ticket
from brokers.sim.units import ONE_1E8
from trading.calendar import from_date

_ID_SPAN: Final = 900_000


class Desk:
    """One account's orders and positions."""

    def __init__(self, core: Core, account: str, tell: Tell) -> None:
        """Open the account.

        Args:
            core: Time, market and faults.
            account: Its number.
            tell: Hears each order after each of its moves.
        """
        self._core = core
        self._account = account
        self._next_id = 100_000 + dice("orders", core.options.seed).randrange(_ID_SPAN)
        self.blotter = Blotter(Ledger(core.options.cash_1e8))
        self.life = Life(core, self.blotter, tell)
        self.funds = Funds(core, self.blotter, self.life, account)
        self.expiry = Expiry(core, self.blotter)
        self.night = Night(core, self.blotter)

    def on_matches(self, symbol: str, matches: Sequence[Match]) -> None:
        """Executions of the market."""
        self.life.on_matches(symbol, matches)

    # --- placing ----------------------------------------------------------------------------------

    def place(self, ticket: Ticket) -> Order:
        """Book an order; what becomes of it follows.

        Raises:
            Refusal: Nothing is booked.
        """
        order = self.checked(ticket)
        self.life.admit(order)
        return order

    def checked(self, ticket: Ticket) -> Order:
        """The order as it would be booked.

        Raises:
            Refusal: It cannot be.
        """
        for part in ticket.parts:
            self._check_symbol(part)
        _check_rules(ticket)
        order = self._order(ticket)
        self.funds.check(order)
        return order

    def _check_symbol(self, part: Part) -> None:
        if part.option_symbol is None:
            asset = ASSETS.get(part.symbol)
            if part.symbol not in self._core.market or (asset is not None and asset.is_index):
                raise invalid("symbol", f"{part.symbol} is not valid")
            if part.side == "sell_short" and asset is not None and not asset.is_shortable:
                raise forbidden("SecurityNotShortable")
            return
        contract = self.contract(part.option_symbol)
        if contract is None or part.symbol not in ("", contract.asset.symbol, contract.root):
            raise invalid("option_symbol", f"{part.option_symbol} is not valid")
        self.list_contract(contract)

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _order(self, ticket: Ticket) -> Order:
        if ticket.klass in ("equity", "option"):
            return self._single(ticket.klass, ticket.parts[0], ticket.tag)
        first = ticket.parts[0]
        parent = Order(
            order_id=self._id(),
            klass=ticket.klass,
            symbol=ticket.symbol,
            option_symbol=None,
            side="",
            kind=ticket.kind,
            duration=ticket.duration,
            qty_1e8=first.qty_1e8,
            created_ns=self._core.now_ns(),
            tag=ticket.tag,
            price_1e8=ticket.price_1e8,
        )
        parent.legs = [self._leg(parent, part) for part in ticket.parts]
        if parent.is_together:
            units = reduce(gcd, (leg.qty_1e8 for leg in parent.legs if leg.option_symbol))
            parent.qty_1e8 = reduce(gcd, (leg.qty_1e8 for leg in parent.legs), units)
            for leg in parent.legs:
                leg.ratio = leg.qty_1e8 // parent.qty_1e8
            parent.strategy = _strategy(parent.legs)
        else:
            _chain(parent)
        return parent

    def _single(self, klass: str, part: Part, tag: str | None) -> Order:
        contract = None if part.option_symbol is None else read_contract(part.option_symbol)
        return Order(
            order_id=self._id(),
            klass=klass,
            symbol=part.symbol if contract is None else contract.asset.symbol,
            option_symbol=part.option_symbol,
            side=part.side,
            kind=part.kind,
            duration=part.duration,
            qty_1e8=part.qty_1e8,
            created_ns=self._core.now_ns(),
            tag=tag,
            price_1e8=part.price_1e8,
            stop_1e8=part.stop_1e8,
        )

    def _leg(self, parent: Order, part: Part) -> Order:
        leg = self._single("option" if part.option_symbol else "equity", part, None)
        leg.parent = parent
        if parent.is_together:
            leg.kind = parent.kind
        return leg

    # --- what is listed ---------------------------------------------------------------------------

    def contract(self, symbol: str) -> Contract | None:
        """The contract that trades under a symbol, if there is one that has not expired."""
        found = read_contract(symbol)
        if found is None or found.expiry not in self.expiries(found.root):
            return None
        return None if self.expiry.is_over(found) else found

    def expiries(self, root: str) -> list[date]:
        """Last days of a root's contracts."""
        return expiries(root, self._core.now_ns(), self.is_session)

    def is_session(self, day: date) -> bool:
        """Whether the exchange opens on a day."""
        return bool(self._core.hours.sessions(from_date(day), from_date(day)))

    def list_contract(self, contract: Contract) -> None:
        """See to it that a contract has a book."""
        market = self._core.market
        market.derive(
            contract.asset.symbol,
            Instrument(
                symbol=contract.symbol,
                start_1e8=ONE_1E8,
                tick_1e8=contract.tick_1e8,
                multiplier=MULTIPLIER,
            ),
            lambda spot_1e8: contract.price_1e8(spot_1e8, self._core.now_ns()),
        )

    # --- looking up and changing ------------------------------------------------------------------

    def order(self, text: str) -> Order:
        """The order of an id; a leg of what trades together is found in its parent alone.

        Raises:
            Refusal: There is none.
        """
        found = self.blotter.orders.get(int(text)) if text.isascii() and text.isdigit() else None
        if found is None or (found.parent is not None and found.parent.is_together):
            raise unknown_order(self._account)
        return found

    def cancel(self, order: Order) -> None:
        """DELETE.

        Raises:
            Refusal: It is over.
        """
        if order.is_terminal:
            raise finalized(order.status)
        self.life.request_cancel(order)

    def change(self, order: Order, form: Mapping[str, str]) -> None:
        """PUT: type, duration, price and stop; the id stays.

        Raises:
            Refusal: It is over, or something else is to be changed.
        """
        kind, duration, price_1e8, stop_1e8 = rules.read_changes(form)
        if order.is_terminal:
            raise finalized(order.status)
        if order.is_contingent:
            raise invalid("class", f"{order.klass} orders are changed by their legs")
        _check_session(order, duration)
        kind = kind or order.kind
        new_price_1e8 = price_1e8 or order.price_1e8
        new_stop_1e8 = stop_1e8 or order.stop_1e8
        _check_kind(order, kind, new_price_1e8, new_stop_1e8)

        def changed() -> None:
            order.kind = kind
            order.duration = duration or order.duration
            order.price_1e8 = None if kind in ("market", "stop", "even") else new_price_1e8
            order.stop_1e8 = new_stop_1e8 if kind in ("stop", "stop_limit") else None

        self.life.request_change(order, changed)


def _check_rules(ticket: Ticket) -> None:
    """What the order's own class does not allow, by Tradier's codes.

    Raises:
        Refusal: One of them.
    """
    parts = ticket.parts
    for part in parts:
        if part.kind == "market" and part.duration == "gtc":
            raise forbidden("MarketOrderIsGtc")
        if part.kind != "limit" and part.duration in ("pre", "post"):
            raise invalid("type", "orders outside the session are limit orders")
    if ticket.klass in TOGETHER:
        days = {part.option_symbol[-15:-9] for part in parts if part.option_symbol}
        is_index = ticket.symbol in ASSETS and ASSETS[ticket.symbol].is_index
        if is_index and len(days) > 1:
            raise forbidden("IndexOptionsOneExparyDate")
    if ticket.klass == "oto" and parts[0].kind == "market":
        raise forbidden("OtoFirstLegIsMarketNotAllowed")
    _check_exits({"oco": parts, "otoco": parts[1:]}.get(ticket.klass, ()))


def _check_exits(exits: Sequence[Part]) -> None:
    if any(part.kind == "market" for part in exits):
        raise forbidden("OtoOcoMarketNotAllowed")
    if len({part.duration for part in exits}) > 1:
        raise forbidden("OcoExpirationTypeNotTheSame")
    if len({(part.side, part.option_symbol or part.symbol) for part in exits}) > 1:
        raise forbidden("OcoOrderWithOppositeLegs")


def _check_session(order: Order, duration: str | None) -> None:
    outside = ("pre", "post")
    is_other = duration is not None and duration != order.duration
    if is_other and (duration in outside or order.duration in outside):
        raise invalid("duration", "the session of an order cannot be changed")


def _check_kind(order: Order, kind: str, price_1e8: int | None, stop_1e8: int | None) -> None:
    if kind not in (rules.NET_KINDS if order.is_together else rules.KINDS):
        raise invalid("type", f"{kind} is not valid")
    if kind in ("limit", "stop_limit", "debit", "credit") and price_1e8 is None:
        raise invalid("price", "is required")
    if kind in ("stop", "stop_limit") and stop_1e8 is None:
        raise invalid("stop", "is required")


def _chain(parent: Order) -> None:
    """Which legs wait for the entry, and which end each other."""
    exits = parent.legs if parent.klass == "oco" else parent.legs[1:]
    if parent.klass != "oco":
        for leg in exits:
            leg.status = "held"
    if parent.klass != "oto":
        exits[0].exits, exits[1].exits = [exits[1]], [exits[0]]


def _strategy(legs: Sequence[Order]) -> str:
    """Tradier's name for some shapes, unknown for the others."""
    options = [leg for leg in legs if leg.option_symbol]
    if len(options) < len(legs):
        return "covered"
    rights = {(leg.option_symbol or "")[-9] for leg in options}
    sides = {leg.book_side for leg in options}
    if len(options) == 2:  # noqa: PLR2004 - a pair
        if len(rights) == 1:
            return "spread" if len(sides) == 2 else "unknown"  # noqa: PLR2004 - one of each
        return "strangle" if len(sides) == 1 else "unknown"
    return "condor" if len(options) == 4 and len(rights) == 2 else "unknown"  # noqa: PLR2004 - two pairs
