"""Quotes as REST tells them, and the greeks of contracts, which are an hour old at times."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from brokers.sim.core import Core
from brokers.sim.market import BarTick
from brokers.sim.tradier.assets import ASSETS, Contract, read_contract
from brokers.sim.units import DAY_NS, NS, ONE_1E8, eastern, number

_HOUR_NS: Final = 3600 * NS
_REFRESH_NS: Final = 8 * NS
_SPREAD_LOTS: Final = 50
_WORTHLESS_1E8: Final = ONE_1E8 // 10


@dataclass(slots=True)
class Quoting:
    """Reads the market; keeps the greeks of each hour."""

    core: Core
    _greeks: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    def quote(self, symbol: str, *, with_greeks: bool = False) -> dict[str, Any]:
        """Of a listed symbol, or of a contract that nobody has traded yet."""
        contract = read_contract(symbol)
        if contract is not None:
            return self.option(contract, with_greeks=with_greeks)
        asset = ASSETS.get(symbol)
        is_index = asset is not None and asset.is_index
        return {
            "symbol": symbol,
            "description": asset.name if asset is not None else symbol,
            "exch": "C" if is_index else "Q",
            "type": "index" if is_index else "stock",
            **self._prices(symbol, is_index=is_index),
        }

    def option(self, contract: Contract, *, with_greeks: bool) -> dict[str, Any]:
        """A contract as the chain has it."""
        symbol = contract.symbol
        prices = self._prices(symbol) if symbol in self.core.market else self._unlisted(contract)
        day = contract.expiry
        is_standard = day.weekday() == 4 and 15 <= day.day <= 21  # noqa: PLR2004 - third Friday
        found = {
            "symbol": symbol,
            "description": contract.described(),
            "exch": "C",
            "type": "option",
            **prices,
            "underlying": contract.asset.symbol,
            "strike": number(contract.strike_1e8),
            "open_interest": 1204,
            "contract_size": 100,
            "expiration_date": day.isoformat(),
            "expiration_type": "weeklys"
            if contract.root == "SPXW" or not is_standard
            else "standard",
            "option_type": contract.right,
            "root_symbol": contract.root,
        }
        return found | ({"greeks": self.greeks(contract)} if with_greeks else {})

    def greeks(self, contract: Contract) -> dict[str, Any] | None:
        """As of the last full hour; None for a contract that is worth next to nothing.

        They are made once in an hour, from the price at which they are first asked for in it.
        """
        now_ns = self.core.now_ns()
        at_ns = (now_ns - _REFRESH_NS) // _HOUR_NS * _HOUR_NS + _REFRESH_NS
        kept = self._greeks.get(contract.symbol)
        if kept is not None and kept[0] == at_ns:
            return kept[1] or None
        spot_1e8 = self.core.market.last_1e8(contract.asset.symbol)
        made: dict[str, Any] = {}
        if contract.price_1e8(spot_1e8, at_ns) >= _WORTHLESS_1E8:
            made = self._made(contract, spot_1e8, at_ns)
        self._greeks[contract.symbol] = (at_ns, made)
        return made or None

    @staticmethod
    def _made(contract: Contract, spot_1e8: int, at_ns: int) -> dict[str, Any]:
        found = contract.greeks(spot_1e8, at_ns)
        vol = contract.asset.volatility
        at = datetime.fromtimestamp(at_ns // NS, tz=UTC)
        return {
            "delta": round(found.delta, 6),
            "gamma": round(found.gamma, 6),
            "theta": round(found.theta, 6),
            "vega": round(found.vega, 6),
            "rho": round(found.rho, 6),
            "phi": round(-found.rho, 6),
            "bid_iv": round(vol - 0.003, 6),
            "mid_iv": vol,
            "ask_iv": round(vol + 0.003, 6),
            "smv_vol": vol,
            "updated_at": f"{at:%Y-%m-%d %H:%M:%S}",
        }

    # --- prices -----------------------------------------------------------------------------------

    def _unlisted(self, contract: Contract) -> dict[str, Any]:
        """Quotes as the book would have them if it were open."""
        core = self.core
        price_1e8 = contract.price_1e8(core.market.last_1e8(contract.asset.symbol), core.now_ns())
        tick_1e8 = contract.tick_1e8
        middle_1e8 = max(2 * tick_1e8, price_1e8 // tick_1e8 * tick_1e8)
        sides = (middle_1e8 - tick_1e8, _SPREAD_LOTS, middle_1e8 + tick_1e8, _SPREAD_LOTS)
        return self._told(middle_1e8, None, sides, core.now_ns(), core.now_ns(), 0)

    def _prices(self, symbol: str, *, is_index: bool = False) -> dict[str, Any]:
        market = self.core.market
        quote, trade = market.quote_of(symbol), market.trade_of(symbol)
        sides: tuple[int, int, int, int] | None = None
        if quote is not None and not is_index:
            sides = (
                quote.bid_1e8,
                quote.bid_qty_1e8 // ONE_1E8,
                quote.ask_1e8,
                quote.ask_qty_1e8 // ONE_1E8,
            )
        at_ns = self.core.now_ns() if quote is None else quote.at_ns
        last_1e8 = market.last_1e8(symbol) if trade is None or is_index else trade.price_1e8
        traded_ns = at_ns if trade is None else trade.at_ns
        size = 0 if trade is None else trade.qty_1e8 // ONE_1E8
        return self._told(last_1e8, self._day(symbol), sides, at_ns, traded_ns, size)

    def _day(self, symbol: str) -> BarTick | None:
        """The bars of this day in New York as one."""
        today = eastern(self.core.now_ns()).date()
        bars = [
            bar
            for bar in self.core.market.bars_of(symbol)
            if bar.start_ns > self.core.now_ns() - DAY_NS and eastern(bar.start_ns).date() == today
        ]
        return merged(bars) if bars else None

    def _told(
        self,
        last_1e8: int,
        day: BarTick | None,
        sides: tuple[int, int, int, int] | None,
        at_ns: int,
        traded_ns: int,
        size: int,
    ) -> dict[str, Any]:
        open_1e8 = last_1e8 if day is None else day.open_1e8
        bid_1e8, bid_qty, ask_1e8, ask_qty = sides or (0, 0, 0, 0)
        return {
            "last": number(last_1e8),
            "change": number(last_1e8 - open_1e8),
            "change_percentage": round(100 * (last_1e8 - open_1e8) / max(1, open_1e8), 2),
            "volume": 0 if day is None else day.volume_1e8 // ONE_1E8,
            "average_volume": 0,
            "last_volume": size,
            "trade_date": traded_ns // 1_000_000,
            "open": number(open_1e8),
            "high": number(last_1e8 if day is None else day.high_1e8),
            "low": number(last_1e8 if day is None else day.low_1e8),
            "close": None,
            "prevclose": number(open_1e8),
            "week_52_high": 0.0,
            "week_52_low": 0.0,
            "bid": number(bid_1e8) if sides else None,
            "bidsize": bid_qty,
            "bidexch": "Q" if sides else None,
            "bid_date": at_ns // 1_000_000 if sides else 0,
            "ask": number(ask_1e8) if sides else None,
            "asksize": ask_qty,
            "askexch": "P" if sides else None,
            "ask_date": at_ns // 1_000_000 if sides else 0,
        }


def merged(bars: list[BarTick]) -> BarTick:
    """Several bars as one, oldest first."""
    return BarTick(
        symbol=bars[0].symbol,
        start_ns=bars[0].start_ns,
        open_1e8=bars[0].open_1e8,
        high_1e8=max(bar.high_1e8 for bar in bars),
        low_1e8=min(bar.low_1e8 for bar in bars),
        close_1e8=bars[-1].close_1e8,
        volume_1e8=sum(bar.volume_1e8 for bar in bars),
        turnover_1e8=sum(bar.turnover_1e8 for bar in bars),
        count=sum(bar.count for bar in bars),
    )
