"""Windows of Polymarket, and the prices that it tells of what they ask about (MD-10).

The service of markets says when a window begins and ends and which stream of the oracle decides it.
The feed has the oracle's price each second and one exchange's as it moves, on one connection.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from brokers.backoff import Backoff
from brokers.base import StreamDown, StreamUp
from brokers.polymarket.rest import Rest
from brokers.polymarket.stream import ChannelSocket, Event
from brokers.polymarket.words import READER, GammaMarket, amount_1e8, malformed, stamp_ns
from brokers.prices import FeedName, PriceNews, PriceRole, PriceTick, Window
from brokers.reading import MalformedError

STREAM: Final = "polymarket price feed"
ORACLE: Final = "chainlink"
EXCHANGE: Final = "binance"
PING_EVERY_S: Final = 5.0
_TOPICS: Final = {"crypto_prices_chainlink": ORACLE, "crypto_prices": EXCHANGE}
_ROLES: Final = {ORACLE: PriceRole.REFERENCE, EXCHANGE: PriceRole.SPOT}
_SOURCE: Final = re.compile(r"https://data\.chain\.link/streams/([a-z0-9]+)-([a-z0-9]+)\Z")
_TEXTS: Final = msgspec.json.Decoder(list[str])
_IS_UP: Final = {"up": True, "down": False}


def window_of(market: GammaMarket, token_id: str) -> Window | None:
    """The window of an outcome; None where its market is no such question.

    Raises:
        MalformedError: It is one, and cannot be read.
    """
    source = _SOURCE.match(market.resolution_source or "")
    if source is None or not market.event_start_time or not market.end_date:
        return None
    try:
        tokens = _TEXTS.decode(market.clob_token_ids)
        outcomes = _TEXTS.decode(market.outcomes or "")
        outcome = dict(zip(tokens, outcomes, strict=True))[token_id]
    except (msgspec.DecodeError, ValueError, KeyError):
        raise malformed("markets", "the outcome of each token") from None
    if outcome.lower() not in _IS_UP:
        return None
    window = Window(
        instrument=token_id,
        market=market.condition_id,
        asset="/".join(source.groups()),
        is_up=_IS_UP[outcome.lower()],
        starts_ns=READER.time_ns(market.event_start_time, "eventStartTime"),
        ends_ns=READER.time_ns(market.end_date, "endDate"),
    )
    if window.starts_ns >= window.ends_ns:
        raise malformed("markets", "a window that begins before it ends")
    return window


class PolymarketPrices:
    """Implements `brokers.prices.PriceSource` for the outcomes that the run names."""

    def __init__(self, rest: Rest, url: str, now_ns: Callable[[], int], seed: int) -> None:
        """Nothing was asked yet."""
        self.rest = rest
        self._url, self._now_ns, self._seed = url, now_ns, seed

    async def windows(self) -> list[Window]:
        """Of each outcome that is one of a window; asked once."""
        await self.rest.learn()
        book = self.rest.session.book
        found: list[Window] = []
        markets: dict[str, GammaMarket | None] = {}
        for rules in filter(None, map(book.get, book.tokens)):
            name = rules.condition_id
            if name not in markets:
                markets[name] = await self.rest.gamma(name, is_closed=False)
            market = markets[name]
            window = None if market is None else window_of(market, rules.token_id)
            if window is not None:
                found.append(window)
        return found

    def streams(self, assets: Sequence[str]) -> list["PriceFeedStream"]:
        """The one connection that has both."""
        backoff = Backoff(seed=f"{self._seed} price feed")
        return [PriceFeedStream(url=self._url, assets=assets, now_ns=self._now_ns, backoff=backoff)]

    def close(self) -> None:
        """Let every connection go."""
        self.rest.close()


@dataclass(slots=True, kw_only=True)
class PriceFeedStream:
    """Implements `brokers.prices.PriceStream`.

    Attributes:
        url: Where.
        assets: Whose prices are wanted.
        now_ns: The lane's clock, for the time of receipt.
        backoff: Between two connections.
        left_out: Messages that were left out so far, by why.
    """

    url: str
    assets: Sequence[str]
    now_ns: Callable[[], int]
    backoff: Backoff
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def feeds(self) -> list[FeedName]:
        """The oracle and the exchange, of each asset."""
        return [
            FeedName(feed=feed, asset=asset, role=_ROLES[feed], stream=STREAM)
            for asset in self.assets
            for feed in (ORACLE, EXCHANGE)
        ]

    async def follow(self, hear: Callable[[PriceNews], None]) -> None:
        """Follow the feed until cancelled."""

        def take(events: Sequence[Event]) -> Sequence[Event]:
            for tick in self.ticks_of(events):
                hear(tick)
            return ()

        channel = ChannelSocket(
            url=self.url,
            ask=self._subscription,
            up=lambda: hear(StreamUp(stream=STREAM)),
            down=lambda cause: hear(StreamDown(stream=STREAM, cause=cause)),
            take=take,
            backoff=self.backoff,
            ping_every_s=PING_EVERY_S,
        )
        await channel.follow()

    async def _subscription(self) -> Event:
        topics = [{"topic": topic, "type": "update"} for topic in _TOPICS]
        return {"action": "subscribe", "subscriptions": topics}

    def ticks_of(self, events: Sequence[Event]) -> list[PriceTick]:
        """The prices of one frame that are wanted; what cannot be read is counted."""
        found = []
        for event in events:
            feed = _TOPICS.get(str(event.get("topic")))
            if feed is None:
                continue
            try:
                tick = self._tick(feed, event["payload"])
            except (KeyError, TypeError, MalformedError):
                self.left_out[feed] = self.left_out.get(feed, 0) + 1
                continue
            if tick is not None:
                found.append(tick)
        return found

    def _tick(self, feed: str, payload: Mapping[str, Any]) -> PriceTick | None:
        asset = self._asset(feed, payload["symbol"])
        if asset is None:
            return None
        value, stamp = payload["value"], payload["timestamp"]
        if isinstance(value, bool) or isinstance(stamp, bool):
            raise TypeError("numbers were expected")
        price_1e8 = amount_1e8(str(value), "value")
        if price_1e8 <= 0 or not stamp:
            raise TypeError("a price above zero and its time were expected")
        return PriceTick(
            feed=feed,
            asset=asset,
            price_1e8=price_1e8,
            at_ns=self.now_ns(),
            source_ns=stamp_ns(stamp, "timestamp"),
        )

    def _asset(self, feed: str, symbol: Any) -> str | None:
        """The oracle names both sides, the exchange trades against a dollar of its own."""
        for asset in self.assets:
            own = asset if feed == ORACLE else asset.replace("/usd", "usdt")
            if symbol == own:
                return asset
        return None
