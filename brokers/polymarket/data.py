"""Polymarket's market channel: books, their changes and trades, as quotes and prints (MD-9).

A change says the new size of a level, without a number, so that a hole shows nowhere: a book that
is crossed, whose tick changed, or that never came, is asked for anew, and comes whole. The
best price stands last in the venue's lists; nothing here relies on their order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from brokers.backoff import Backoff
from brokers.base import StreamDown, StreamUp
from brokers.polymarket.rules import Rulebook
from brokers.polymarket.stream import ChannelSocket, Event
from brokers.polymarket.words import ONE_1E8, amount_1e8, stamp_ns
from brokers.reading import MalformedError
from brokers.venues import MarketNews
from trading.market import Aggressor, Quote, TradePrint

NAME: Final = "polymarket market channel"
ASK_AGAIN_NS: Final = 5_000_000_000
"""A book that was asked for and does not come is asked for again."""
_LEVELS_MAX: Final = 20_000
_SIDES: Final = {"BUY": Aggressor.BUY, "SELL": Aggressor.SELL}


@dataclass(slots=True)
class TokenBook:
    """The book of one outcome: sizes by price, at 1e-8."""

    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)

    def change(self, side: str, price_1e8: int, size_1e8: int) -> None:
        """The new size of a level; zero ends it."""
        levels = self.bids if side == "BUY" else self.asks
        if size_1e8:
            levels[price_1e8] = size_1e8
        else:
            levels.pop(price_1e8, None)

    def quote(self, token_id: str, at_ns: int, source_ns: int) -> Quote | None:
        """The best of both sides; None while one is empty."""
        if not self.bids or not self.asks:
            return None
        bid_1e8, ask_1e8 = max(self.bids), min(self.asks)
        return Quote(
            instrument=token_id,
            bid_1e8=bid_1e8,
            ask_1e8=ask_1e8,
            bid_size_1e8=self.bids[bid_1e8],
            ask_size_1e8=self.asks[ask_1e8],
            at_ns=at_ns,
            source_ns=source_ns,
            is_crossed=bid_1e8 > ask_1e8,
        )


@dataclass(slots=True, kw_only=True)
class MarketStream:
    """The market channel for some outcomes, kept up for ever.

    Attributes:
        url: Where.
        tokens: What is subscribed to.
        channels: quotes, trades.
        book: The rules: told of ticks that change.
        now_ns: The lane's clock, for the time of receipt.
        backoff: Between two connections.
        left_out: Events that were left out so far, by kind and why.
    """

    url: str
    tokens: Sequence[str]
    channels: Sequence[str]
    book: Rulebook
    now_ns: Callable[[], int]
    backoff: Backoff
    left_out: dict[str, int] = field(default_factory=dict)
    _books: dict[str, TokenBook] = field(default_factory=dict)
    _asked_ns: dict[str, int] = field(default_factory=dict)

    async def follow(self, hear: Callable[[MarketNews], None]) -> None:
        """Follow the channel until cancelled; each loss and each return is told."""

        def take(events: Sequence[Event]) -> Sequence[Event]:
            ticks, stale = self.ticks_of(events)
            for tick in ticks:
                hear(tick)
            # A book comes with a subscription that is new: one that stands already brings none.
            anew = ("unsubscribe", "subscribe") if stale else ()
            return [{"operation": each, "assets_ids": stale} for each in anew]

        channel = ChannelSocket(
            url=self.url,
            ask=self._subscription,
            up=lambda: hear(StreamUp(stream=NAME)),
            down=lambda cause: hear(StreamDown(stream=NAME, cause=cause)),
            take=take,
            backoff=self.backoff,
        )
        await channel.follow()

    async def _subscription(self) -> Event:
        self._books.clear()
        self._asked_ns.clear()
        return {
            "type": "market",
            "assets_ids": list(self.tokens),
            "custom_feature_enabled": False,
        }

    def ticks_of(self, events: Sequence[Event]) -> tuple[list[Quote | TradePrint], list[str]]:
        """The market's messages of one frame, and the outcomes whose book must come anew."""
        received_ns = self.now_ns()
        ticks: list[Quote | TradePrint] = []
        stale: list[str] = []
        for event in events:
            kind = event.get("event_type")
            take = _TAKERS.get(kind) if isinstance(kind, str) else None
            if take is None:
                continue
            try:
                ticks += take(self, event, received_ns, stale)
            except (KeyError, TypeError, AttributeError, MalformedError):
                self._leave_out(f"{kind} unread")
        wanted = {"quotes": Quote, "trades": TradePrint}
        kinds = tuple(wanted[channel] for channel in self.channels)
        return [tick for tick in ticks if isinstance(tick, kinds)], list(dict.fromkeys(stale))

    # -- each kind of event -----------------------------------------------------------------------

    def _whole(self, event: Event, received_ns: int, stale: list[str]) -> list[Quote | TradePrint]:
        token_id = event["asset_id"]
        book = TokenBook()
        for side, name in (("BUY", "bids"), ("SELL", "asks")):
            for level in event[name][:_LEVELS_MAX]:
                book.change(side, _price(level["price"]), amount_1e8(level["size"], "size"))
        self._books[token_id] = book
        self._asked_ns.pop(token_id, None)
        return self._quoted(token_id, event, received_ns, stale)

    def _changes(
        self, event: Event, received_ns: int, stale: list[str]
    ) -> list[Quote | TradePrint]:
        touched: dict[str, None] = {}
        for change in event["price_changes"]:
            token_id = change["asset_id"]
            book = self._books.get(token_id)
            if book is None:
                if token_id in self.tokens:
                    self._leave_out("price_change before a book")
                    if received_ns - self._asked_ns.get(token_id, 0) >= ASK_AGAIN_NS:
                        self._ask(token_id, received_ns, stale)
                continue
            size_1e8 = amount_1e8(change["size"], "size")
            book.change(change["side"], _price(change["price"]), size_1e8)
            touched[token_id] = None
        found: list[Quote | TradePrint] = []
        for token_id in touched:
            found += self._quoted(token_id, event, received_ns, stale)
        return found

    def _quoted(
        self, token_id: str, event: Event, received_ns: int, stale: list[str]
    ) -> list[Quote | TradePrint]:
        quote = self._books[token_id].quote(
            token_id, received_ns, stamp_ns(event.get("timestamp"), "timestamp")
        )
        if quote is None:
            return []
        if quote.is_crossed:
            del self._books[token_id]
            self._ask(token_id, received_ns, stale)
            self._leave_out("book crossed")
            return []
        return [quote]

    def _print(self, event: Event, received_ns: int, _: list[str]) -> list[Quote | TradePrint]:
        size_1e8 = amount_1e8(event.get("size"), "size")
        if not size_1e8:
            self._leave_out("last_trade_price without size")
            return []
        return [
            TradePrint(
                instrument=event["asset_id"],
                price_1e8=_price(event["price"]),
                size_1e8=size_1e8,
                aggressor=_SIDES.get(event.get("side", ""), Aggressor.NONE),
                at_ns=received_ns,
                source_ns=stamp_ns(event.get("timestamp"), "timestamp"),
                trade_id=0,
            )
        ]

    def _tick(self, event: Event, received_ns: int, stale: list[str]) -> list[Quote | TradePrint]:
        """Another tick is another book (polymarket.md, 7)."""
        token_id = event["asset_id"]
        self.book.tick_changed(token_id, amount_1e8(event["new_tick_size"], "new_tick_size"))
        self._books.pop(token_id, None)
        self._ask(token_id, received_ns, stale)
        return []

    def _ask(self, token_id: str, received_ns: int, stale: list[str]) -> None:
        self._asked_ns[token_id] = received_ns
        stale.append(token_id)

    def _leave_out(self, why: str) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1


_TAKERS: Final[dict[str, Callable[[MarketStream, dict[str, Any], int, list[str]], Any]]] = {
    "book": MarketStream._whole,  # noqa: SLF001 - its own
    "price_change": MarketStream._changes,  # noqa: SLF001
    "last_trade_price": MarketStream._print,  # noqa: SLF001
    "tick_size_change": MarketStream._tick,  # noqa: SLF001
}


def _price(value: Any) -> int:
    found = amount_1e8(value, "price")
    if not 0 < found < ONE_1E8:
        raise TypeError("a price between zero and a dollar was expected")
    return found
