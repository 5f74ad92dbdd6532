"""What the account has and may do: balances, buying power, positions, and the codes that refuse."""

from collections import defaultdict
from typing import Any, Final

from brokers.sim.book import BookOrder, reaches
from brokers.sim.core import Core
from brokers.sim.ledger import Position
from brokers.sim.tradier.assets import MULTIPLIER, read_contract
from brokers.sim.tradier.blotter import Blotter
from brokers.sim.tradier.errors import forbidden
from brokers.sim.tradier.life import COMMISSION_1E8, Life
from brokers.sim.tradier.orders import Order
from brokers.sim.units import number, times

_MARGIN_TEXT: Final = "Account margin rule violation"
_NAKED_PERCENT: Final = 20
# What each side needs of a position, and the code where it has something else.
_OPTION_CODES: Final = {
    "sell_to_close": "UnexpectedSellOrderOption",
    "buy_to_close": "UnexpectedBuyToCoverOrderOption",
    "buy_to_open": "UnexpectedBuyOrderOption",
    "sell_to_open": "UnexpectedSellShortOrderOption",
}
_EQUITY_CODES: Final = {
    "sell": "LongPositionCrossZero",
    "buy_to_cover": "ShortPositionCrossZero",
    "buy": "UnexpectedBuyOrder",
    "sell_short": "UnexpectedSellShortOrder",
}
_CLOSING: Final = ("sell", "buy_to_cover", "sell_to_close", "buy_to_close")
Holding = tuple[str, int]
"""A symbol and its quantity at 1e-8, below zero when short."""


class Funds:
    """Answers about money; changes nothing."""

    def __init__(self, core: Core, blotter: Blotter, life: Life, account: str) -> None:
        """Read from the ledger and the market."""
        self._core = core
        self._blotter = blotter
        self._life = life
        self._account = account

    # --- figures ----------------------------------------------------------------------------------

    def _value_1e8(self, position: Position) -> int:
        last_1e8 = self._core.market.last_1e8(position.symbol)
        return times(last_1e8, position.qty_1e8) * position.multiplier

    def equity_1e8(self) -> int:
        """Cash and what the positions are worth."""
        ledger = self._blotter.ledger
        return ledger.cash_1e8 + sum(self._value_1e8(one) for one in ledger.positions.values())

    def requirement_1e8(self) -> int:
        """What short options and short shares bind."""
        positions = self._blotter.ledger.positions.values()
        options = [(one.symbol, one.qty_1e8) for one in positions if one.multiplier > 1]
        shorts = (self._value_1e8(one) for one in positions if one.multiplier == 1)
        return self.margin_1e8(options) + sum(abs(value) // 2 for value in shorts if value < 0)

    def option_power_1e8(self) -> int:
        """What options may cost: cash that nothing binds."""
        free_1e8 = self._blotter.ledger.cash_1e8 - self.requirement_1e8() - self._reserved_1e8()
        return max(0, free_1e8)

    def stock_power_1e8(self) -> int:
        """Twice the equity, less what shares bind and open orders may cost."""
        shares = (one for one in self._blotter.ledger.positions.values() if one.multiplier == 1)
        gross_1e8 = sum(abs(self._value_1e8(one)) for one in shares)
        return max(0, 2 * self.equity_1e8() - gross_1e8 - 2 * self._reserved_1e8())

    def _reserved_1e8(self) -> int:
        roots = (order for order in self._blotter.open.values() if order.parent is None)
        return sum(self.cost_1e8(order) for order in roots)

    def cost_1e8(self, order: Order) -> int:
        """What an order may bind at worst; 0 for what closes."""
        if order.is_contingent:
            return self.cost_1e8(order.legs[0])
        if order.is_together:
            return self._together_1e8(order)
        if order.side in _CLOSING:
            return 0
        if order.side == "sell_to_open":
            return self.margin_1e8([(order.traded, -order.open_1e8)])
        value_1e8 = times(self._worst_1e8(order), order.open_1e8) * order.multiplier
        return value_1e8 if order.option_symbol else value_1e8 // 2

    def _together_1e8(self, order: Order) -> int:
        legs = [
            (leg.traded, leg.book_side.sign * leg.open_1e8) for leg in order.legs if _opens(leg)
        ]
        options = [one for one in legs if read_contract(one[0]) is not None]
        net_1e8 = order.net_limit_1e8
        if net_1e8 is None:
            net_1e8 = self._life.net_of(order)[0]
        paid_1e8 = times(net_1e8 or 0, order.open_1e8) * MULTIPLIER
        if not legs:  # closing only
            return max(0, paid_1e8)
        return max(0, self.margin_1e8(options) + paid_1e8)

    def margin_1e8(self, holdings: list[Holding]) -> int:
        """What options bind: their greatest loss at settlement, or a part of the underlying.

        Holdings are set against each other within one underlying and one last day.
        """
        groups: dict[tuple[str, str], list[Holding]] = defaultdict(list)
        for symbol, qty_1e8 in holdings:
            contract = read_contract(symbol)
            if contract is not None:
                key = (contract.asset.symbol, contract.expiry.isoformat())
                groups[key].append((symbol, qty_1e8))
        return sum(self._group_1e8(key[0], held) for key, held in groups.items())

    def _group_1e8(self, underlying: str, held: list[Holding]) -> int:
        read = [(contract, qty) for symbol, qty in held if (contract := read_contract(symbol))]
        calls_1e8 = sum(qty for contract, qty in read if contract.right == "call")
        spots = [0, *(contract.strike_1e8 for contract, _ in read)]
        worst_1e8 = 0
        for spot_1e8 in spots:
            worth_1e8 = sum(times(one.intrinsic_1e8(spot_1e8), qty) for one, qty in read)
            worst_1e8 = max(worst_1e8, -worth_1e8 * MULTIPLIER)
        if calls_1e8 < 0:  # no strike bounds it
            spot_1e8 = self._core.market.last_1e8(underlying)
            naked_1e8 = times(spot_1e8, -calls_1e8) * MULTIPLIER * _NAKED_PERCENT // 100
            worst_1e8 = max(worst_1e8, naked_1e8)
        return worst_1e8

    def _worst_1e8(self, order: Order) -> int:
        if order.price_1e8 is not None:
            return order.price_1e8
        return order.stop_1e8 or self._core.market.ask_or_last_1e8(order.traded)

    # --- may it be placed? ------------------------------------------------------------------------

    def check(self, order: Order) -> None:
        """Refuse what the account cannot do.

        Raises:
            Refusal: Position or power is missing, or an own order stands in the way.
        """
        for one in order.legs or [order]:
            is_exit = order.klass in ("oto", "otoco") and one is not order.legs[0]
            if not is_exit:
                self._check_position(one)
                self._check_wash(one)
        cost_1e8 = self.cost_1e8(order)
        is_share = order.klass == "equity" or (
            order.is_contingent and not order.legs[0].option_symbol
        )
        power_1e8 = self.stock_power_1e8() // 2 if is_share else self.option_power_1e8()
        if cost_1e8 > power_1e8:
            raise forbidden("InitialMargin", _MARGIN_TEXT)

    def _check_position(self, order: Order) -> None:
        held_1e8 = self._blotter.ledger.qty_1e8(order.traded)
        codes = _OPTION_CODES if order.option_symbol else _EQUITY_CODES
        is_wrong = held_1e8 * order.book_side.sign < 0
        if order.side in _CLOSING:
            free_1e8 = abs(held_1e8) - self._promised_1e8(order)
            is_wrong = held_1e8 * order.book_side.sign >= 0 or order.open_1e8 > free_1e8
        if is_wrong:
            raise forbidden(codes[order.side])

    def _promised_1e8(self, order: Order) -> int:
        """What other open orders will close already; exits of one group count once."""
        found: dict[int, int] = {}
        for other in self._blotter.open.values():
            is_same = other.traded == order.traded and other.side == order.side
            if other.status == "held":  # it will close what its entry brings
                continue
            is_leg = other.trades_itself or (other.parent is not None and not other.legs)
            if is_same and is_leg and not any(one.order_id in found for one in other.exits):
                found[other.order_id] = other.open_1e8
        return sum(found.values())

    def _check_wash(self, order: Order) -> None:
        """Two orders of one account do not trade with each other."""
        book = self._core.market.book(order.traded)
        wanted = BookOrder(
            order_id="",
            owner="",
            side=order.book_side,
            qty_1e8=order.qty_1e8,
            limit_1e8=order.price_1e8,
        )
        for other in self._blotter.open.values():
            rests = other.traded == order.traded and str(other.order_id) in book
            is_opposite = rests and other.book_side is not wanted.side
            if is_opposite and reaches(wanted, other.price_1e8 or 0):
                raise forbidden("WashTradeAttempt")

    # --- as shown ---------------------------------------------------------------------------------

    def balances(self) -> dict[str, Any]:
        """GET balances, of a margin account."""
        positions = [*self._blotter.ledger.positions.values()]
        options = [self._value_1e8(one) for one in positions if one.multiplier > 1]
        shares = [self._value_1e8(one) for one in positions if one.multiplier == 1]
        values = [*options, *shares]
        cost_1e8 = sum(one.cost_1e8 for one in positions)
        requirement_1e8 = self.requirement_1e8()
        pending = sum(order.parent is None for order in self._blotter.open.values())
        return {
            "option_short_value": number(sum(min(0, value) for value in options)),
            "total_equity": number(self.equity_1e8()),
            "account_number": self._account,
            "account_type": "margin",
            "close_pl": 0,
            "current_requirement": number(requirement_1e8),
            "equity": 0,
            "long_market_value": number(sum(max(0, value) for value in values)),
            "market_value": number(sum(values)),
            "open_pl": number(sum(values) - cost_1e8),
            "option_long_value": number(sum(max(0, value) for value in options)),
            "option_requirement": number(requirement_1e8),
            "pending_orders_count": pending,
            "short_market_value": number(sum(min(0, value) for value in values)),
            "stock_long_value": number(sum(max(0, value) for value in shares)),
            "total_cash": number(self._blotter.ledger.cash_1e8),
            "uncleared_funds": 0,
            "pending_cash": number(self._reserved_1e8()),
            "margin": {
                "fed_call": 0,
                "maintenance_call": 0,
                "option_buying_power": number(self.option_power_1e8()),
                "stock_buying_power": number(self.stock_power_1e8()),
                "stock_short_value": number(sum(min(0, value) for value in shares)),
                "sweep": 0,
            },
        }

    def preview(self, order: Order, day_trades: int = 0) -> dict[str, Any]:
        """What an order would cost; nothing is booked."""
        commission_1e8 = self.commission_1e8(order)
        if order.is_together:
            net_1e8 = order.net_limit_1e8
            if net_1e8 is None:
                net_1e8 = self._life.net_of(order)[0]
            value_1e8 = times(net_1e8 or 0, order.qty_1e8) * MULTIPLIER
        else:
            first = order.legs[0] if order.legs else order
            sign = first.book_side.sign
            value_1e8 = sign * times(self._worst_1e8(first), first.qty_1e8) * first.multiplier
        found = {
            "status": "ok",
            "commission": number(commission_1e8),
            "cost": number(value_1e8 + commission_1e8),
            "fees": 0,
            "symbol": order.symbol,
            "quantity": number(order.qty_1e8),
            "side": order.side or (order.legs[0].side if order.legs else "buy"),
            "type": order.kind,
            "duration": order.duration,
            "result": True,
            "order_cost": number(value_1e8),
            "margin_change": number(self.cost_1e8(order)) if not order.option_symbol else 0,
            "extended_hours": order.duration in ("pre", "post"),
            "option_requirement": number(self.cost_1e8(order)) if order.is_together else 0,
            "class": order.klass,
            "strategy": order.strategy or order.klass,
            "day_trades": day_trades,
        }
        return found | ({} if order.price_1e8 is None else {"price": number(order.price_1e8)})

    def commission_1e8(self, order: Order) -> int:
        """Of all contracts of an order."""
        contracts = (one.qty_1e8 for one in order.legs or [order] if one.option_symbol)
        return sum(times(COMMISSION_1E8, qty_1e8) for qty_1e8 in contracts)


def _opens(leg: Order) -> bool:
    return leg.side not in _CLOSING
