"""What is only shown: last prices and the session's VWAP. Nothing decides on it."""

from collections.abc import Sequence

from rust_core import SessionVwap
from streams.tick_bars import BarMessage
from streams.ticks import unsound
from trading.market import Bar, MarketMessage, OpenPrint, Quote, SessionOpened, TradePrint

_UNIT_1E8 = 100_000_000


class Telemetry:
    """Looks over everybody's shoulder."""

    def __init__(self, instruments: Sequence[str]) -> None:
        """Nothing seen yet."""
        self.prices_1e8: dict[str, int] = {}
        self.quotes: dict[str, Quote] = {}
        self._vwaps = {symbol: SessionVwap() for symbol in instruments}

    def see(self, message: MarketMessage) -> None:
        """Look at the price in a market message; a quote's is the middle, unless it is unsound.

        An unsound quote changes nothing; the last of a session stands until the next begins.
        """
        match message:
            case Bar():
                self.prices_1e8[message.instrument] = message.close_1e8
            case OpenPrint() | TradePrint():
                self.prices_1e8[message.instrument] = message.price_1e8
            case Quote() if unsound(message) is None:
                middle_1e8 = (message.bid_1e8 + message.ask_1e8) // 2
                self.prices_1e8[message.instrument] = middle_1e8
                self.quotes[message.instrument] = message
            case SessionOpened():
                self.quotes.clear()
            case _:
                pass

    def see_bar(self, message: BarMessage) -> None:
        """Look at a complete bar, of the tape or built."""
        match message:
            case Bar():
                vwap = self._vwaps.get(message.instrument)
                if vwap is not None:
                    vwap.update(
                        message.high_1e8 / _UNIT_1E8,
                        message.low_1e8 / _UNIT_1E8,
                        message.close_1e8 / _UNIT_1E8,
                        message.volume_1e8 / _UNIT_1E8,
                    )
            case SessionOpened():
                for vwap in self._vwaps.values():
                    vwap.reset_session()
            case _:
                pass

    def vwap_1e8(self, instrument: str) -> int | None:
        """The session's VWAP, for people; None before the first volume: quotes have none."""
        vwap = self._vwaps.get(instrument)
        value = None if vwap is None else vwap.value
        return None if value is None else round(value * _UNIT_1E8)
