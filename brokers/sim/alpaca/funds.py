"""What the account has and may do: power, margins, shares that orders hold, positions as shown."""

from typing import Any, Final

from brokers.sim.alpaca.assets import SHARES, Contract, asset_id, read_contract
from brokers.sim.alpaca.blotter import Blotter
from brokers.sim.alpaca.errors import ApiError, no_power, no_shares, unprocessable, wash_trade
from brokers.sim.alpaca.life import collar_1e8
from brokers.sim.alpaca.multileg import price_of
from brokers.sim.alpaca.orders import WORKING, Order
from brokers.sim.book import Side
from brokers.sim.core import Core
from brokers.sim.ledger import Position
from brokers.sim.units import NS, ONE_1E8, eastern, number, ratio, show, times, utc_text

_COUNTED: Final = WORKING | {"accepted", "pending_new"}
_BY_SYMBOL: Final = {share.symbol: share for share in SHARES}


class Funds:
    """Answers about money; changes nothing."""

    def __init__(self, core: Core, blotter: Blotter, account_id: str) -> None:
        """Read from the ledger and the market."""
        self._core = core
        self._blotter = blotter
        self._account_id = account_id
        self._last_equity_1e8 = self.equity_1e8()
        self._equities: list[tuple[int, int]] = [(core.now_ns(), self._last_equity_1e8)]
        core.on_close.append(self._note_equity)

    def _note_equity(self) -> None:
        self._last_equity_1e8 = self.equity_1e8()
        self._equities.append((self._core.now_ns(), self._last_equity_1e8))

    # --- figures ----------------------------------------------------------------------------------

    def _value_1e8(self, position: Position) -> int:
        last_1e8 = self._core.market.last_1e8(position.symbol)
        return times(last_1e8, position.qty_1e8) * position.multiplier

    def _values(self) -> list[int]:
        return [self._value_1e8(one) for one in self._blotter.ledger.positions.values()]

    def equity_1e8(self) -> int:
        """Cash and what the positions are worth."""
        return self._blotter.ledger.cash_1e8 + sum(self._values())

    def power_1e8(self) -> int:
        """What may still be bought: twice the equity that no margin binds, less open purchases."""
        gross_1e8 = sum(abs(value) for value in self._values())
        return max(0, 2 * (self.equity_1e8() - gross_1e8 // 2) - self._reserved_1e8())

    def cash_power_1e8(self) -> int:
        """What may be bought without credit, such as options."""
        return max(0, self._blotter.ledger.cash_1e8 - self._reserved_1e8())

    def _reserved_1e8(self) -> int:
        orders = (order for order in self._blotter.open.values() if order.status in _COUNTED)
        return sum(self.cost_1e8(order) for order in orders if not _is_leg(order))

    def cost_1e8(self, order: Order) -> int:
        """What an order may cost at worst; 0 for what closes, and for sales."""
        if order.is_multileg:
            net_1e8 = order.limit_1e8
            if net_1e8 is None:
                net_1e8 = price_of(order, self._core.market)
            return max(0, times(net_1e8 or 0, order.open_1e8) * 100)
        if order.side is Side.SELL or self._blotter.ledger.qty_1e8(order.symbol) < 0:
            return 0
        if order.qty_1e8 is None:
            return order.notional_1e8 or 0
        return times(self._worst_1e8(order), order.open_1e8) * order.multiplier

    def _worst_1e8(self, order: Order) -> int:
        if order.kind in ("limit", "stop_limit"):
            return order.limit_1e8 or 0
        ask_1e8 = self._core.market.ask_or_last_1e8(order.symbol)
        price_1e8 = order.stop_1e8 or ask_1e8
        return times(price_1e8, collar_1e8(price_1e8))

    def held(self, symbol: str, side: Side) -> dict[str, int]:
        """Order id to the quantity that it will close; exits of one group count once."""
        found: dict[str, int] = {}
        for order in self._blotter.open.values():
            is_counted = order.symbol == symbol and order.side is side and order.status in _COUNTED
            if is_counted and not any(one.order_id in found for one in order.exits):
                found[order.order_id] = order.open_1e8
        return found

    # --- may it be placed? ------------------------------------------------------------------------

    def check(self, order: Order, replacing: Order | None = None) -> None:
        """Refuse what the account cannot do.

        Args:
            order: On its way in.
            replacing: Of the order that it will replace nothing is held or reserved.

        Raises:
            ApiError: Shares, power or permission are missing.
        """
        if order.is_multileg:
            self._check_power(order, None)
            return
        owned_1e8 = self._blotter.ledger.qty_1e8(order.symbol)
        if owned_1e8 * order.side.sign < 0:
            self._check_shares(order, abs(owned_1e8), replacing)
        elif order.side is Side.SELL:
            self._check_short(order)
        else:
            self._check_power(order, replacing)
        self._check_wash(order, replacing)

    def _check_shares(self, order: Order, owned_1e8: int, replacing: Order | None) -> None:
        held = self.held(order.symbol, order.side)
        if replacing is not None:
            held.pop(replacing.order_id, None)
        asked_1e8 = order.open_1e8
        if order.qty_1e8 is None:
            last_1e8 = self._core.market.last_1e8(order.symbol)
            asked_1e8 = (order.notional_1e8 or 0) * ONE_1E8 // last_1e8
        if asked_1e8 > owned_1e8 - sum(held.values()):
            raise no_shares(order.symbol, asked_1e8, owned_1e8, held)

    def _check_short(self, order: Order) -> None:
        contract = read_contract(order.symbol) if order.asset_class == "us_option" else None
        if contract is not None:
            self._check_cover(order, contract)
            return
        share = _BY_SYMBOL.get(order.symbol)
        if share is not None and not share.shortable:
            raise unprocessable(f'asset "{order.symbol}" cannot be sold short')
        if order.qty_1e8 is None or order.qty_1e8 % ONE_1E8:
            raise unprocessable("fractional orders cannot be sold short")
        cost_1e8 = times(self._core.market.last_1e8(order.symbol), order.open_1e8)
        if cost_1e8 > self.power_1e8():
            raise no_power(self.power_1e8(), cost_1e8)

    def _check_cover(self, order: Order, contract: Contract) -> None:
        """Level 2: a call is sold against shares, a put against cash."""
        if contract.right == "call":
            shares_1e8 = self._blotter.ledger.qty_1e8(contract.underlying)
            held_1e8 = sum(self.held(order.symbol, Side.SELL).values())
            if (order.open_1e8 + held_1e8) * 100 <= shares_1e8:
                return
        elif times(contract.strike_1e8, order.open_1e8) * 100 <= self.cash_power_1e8():
            return
        raise ApiError(
            403,
            {
                "code": 40310000,
                "message": "account not eligible to trade uncovered option contracts",
            },
        )

    def _check_power(self, order: Order, replacing: Order | None) -> None:
        power_1e8 = self.cash_power_1e8() if order.asset_class == "us_option" else self.power_1e8()
        if replacing is not None:  # while both are there, the larger one is charged
            power_1e8 += self.cost_1e8(replacing)
        cost_1e8 = self.cost_1e8(order)
        if cost_1e8 > power_1e8:
            raise no_power(power_1e8, cost_1e8)

    def _check_wash(self, order: Order, replacing: Order | None) -> None:
        for other in self._blotter.open.values():
            is_opposite = other.symbol == order.symbol and other.side is order.side.other
            is_there = other.status in _COUNTED and other is not replacing
            if is_opposite and is_there and _meet(order, other):
                raise wash_trade(other.order_id)

    # --- as shown ---------------------------------------------------------------------------------

    def account(self) -> dict[str, Any]:
        """GET /v2/account; without the fields of the day-trader rule, which are gone."""
        ledger = self._blotter.ledger
        values = self._values()
        long_1e8 = sum(value for value in values if value > 0)
        short_1e8 = sum(value for value in values if value < 0)
        equity_1e8 = self.equity_1e8()
        power, cash_power = show(self.power_1e8()), show(self.cash_power_1e8())
        margin_1e8 = long_1e8 - short_1e8
        return {
            "id": self._account_id,
            "account_number": "PA3SIM000001",
            "status": "ACTIVE",
            "crypto_status": "INACTIVE",
            "currency": "USD",
            "buying_power": power,
            "regt_buying_power": power,
            "non_marginable_buying_power": cash_power,
            "options_buying_power": cash_power,
            "cash": show(ledger.cash_1e8),
            "accrued_fees": show(ledger.fees_accrued_1e8),
            "portfolio_value": show(equity_1e8),
            "equity": show(equity_1e8),
            "last_equity": show(self._last_equity_1e8),
            "long_market_value": show(long_1e8),
            "short_market_value": show(short_1e8),
            "initial_margin": show(margin_1e8 // 2),
            "maintenance_margin": show(margin_1e8 * 3 // 10),
            "last_maintenance_margin": "0",
            "sma": show(self._last_equity_1e8),
            "multiplier": "2",
            "shorting_enabled": True,
            "trading_blocked": False,
            "transfers_blocked": False,
            "account_blocked": False,
            "trade_suspended_by_user": False,
            "balance_asof": f"{eastern(self._core.started_ns):%Y-%m-%d}",
            "options_approved_level": 2,
            "options_trading_level": 2,
            "created_at": utc_text(self._core.started_ns),
        }

    def history(self) -> dict[str, Any]:
        """GET /v2/account/portfolio/history: the start, each close, and now."""
        points = [*self._equities, (self._core.now_ns(), self.equity_1e8())]
        base_1e8 = points[0][1]
        return {
            "timestamp": [at_ns // NS for at_ns, _ in points],
            "equity": [number(each_1e8) for _, each_1e8 in points],
            "profit_loss": [number(each_1e8 - base_1e8) for _, each_1e8 in points],
            "profit_loss_pct": [
                number(ratio(each_1e8 - base_1e8, base_1e8)) for _, each_1e8 in points
            ],
            "base_value": number(base_1e8),
            "timeframe": "1D",
        }

    def position(self, position: Position) -> dict[str, Any]:
        """GET /v2/positions/{symbol}."""
        is_long = position.qty_1e8 > 0
        last_1e8 = self._core.market.last_1e8(position.symbol)
        value_1e8 = self._value_1e8(position)
        gain_1e8 = value_1e8 - position.cost_1e8
        held_1e8 = sum(self.held(position.symbol, Side.SELL if is_long else Side.BUY).values())
        start_1e8 = self._core.market.instrument(position.symbol).start_1e8
        share = _BY_SYMBOL.get(position.symbol)
        gain_ratio = show(ratio(gain_1e8, abs(position.cost_1e8)))
        return {
            "asset_id": asset_id(position.symbol),
            "symbol": position.symbol,
            "exchange": share.exchange if share else "",
            "asset_class": "us_equity" if position.multiplier == 1 else "us_option",
            "asset_marginable": position.multiplier == 1,
            "avg_entry_price": show(position.average_1e8),
            "qty": show(position.qty_1e8),
            "qty_available": show(
                (1 if is_long else -1) * max(0, abs(position.qty_1e8) - held_1e8)
            ),
            "side": "long" if is_long else "short",
            "market_value": show(value_1e8),
            "cost_basis": show(position.cost_1e8),
            "unrealized_pl": show(gain_1e8),
            "unrealized_plpc": gain_ratio,
            "unrealized_intraday_pl": show(gain_1e8),
            "unrealized_intraday_plpc": gain_ratio,
            "current_price": show(last_1e8),
            "lastday_price": show(start_1e8),
            "change_today": show(ratio(last_1e8 - start_1e8, start_1e8)),
        }


def _is_leg(order: Order) -> bool:
    return order.parent is not None


def _meet(order: Order, other: Order) -> bool:
    """Whether two opposite orders would trade with each other; waiting stops have no price yet."""
    if any(each.kind in ("stop", "stop_limit", "trailing_stop") for each in (order, other)):
        return False
    if order.limit_1e8 is None or other.limit_1e8 is None:
        return True
    return (other.limit_1e8 - order.limit_1e8) * order.side.sign <= 0
