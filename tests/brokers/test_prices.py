"""What a venue says of windows and prices, and what a configured exchange says, at their edges."""

import re
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.backoff import Backoff
from brokers.json_prices import JsonPriceStream
from brokers.polymarket.prices import PriceFeedStream, window_of
from brokers.polymarket.words import GammaMarket
from brokers.prices import PriceRole
from brokers.reading import MalformedError
from tests.support.live import ROOT
from trading.config_prices import SpotFeed
from trading.config_reader import load
from trading.errors import ConfigError

NOW_NS = 1_795_203_025_000_000_000
ONE = 100_000_000
UP, DOWN = "71", "52"


def market(**changes: Any) -> GammaMarket:
    fields = {
        "conditionId": "0xbd31",
        "clobTokenIds": f'["{UP}", "{DOWN}"]',
        "outcomes": '["Up", "Down"]',
        "eventStartTime": "2026-11-20T15:00:00Z",
        "endDate": "2026-11-20T15:05:00Z",
        "resolutionSource": "https://data.chain.link/streams/btc-usd",
    }
    return msgspec.convert(fields | changes, GammaMarket)


def test_a_window_is_what_the_service_of_markets_says_of_each_outcome() -> None:
    """MD-10: when it begins and ends, what decides it, and which way pays."""
    first, second = window_of(market(), UP), window_of(market(), DOWN)
    assert first is not None
    assert second is not None
    assert (first.is_up, second.is_up) == (True, False)
    assert (first.asset, first.market) == ("btc/usd", "0xbd31")
    assert first.ends_ns - first.starts_ns == 300 * 10**9


@pytest.mark.parametrize(
    "changes",
    [
        {"resolutionSource": None},
        {"resolutionSource": "https://example.org/weather"},
        {"eventStartTime": None},
        {"endDate": ""},
        {"outcomes": '["Yes", "No"]'},
    ],
)
def test_another_question_is_no_window(changes: dict[str, Any]) -> None:
    """MD-10: nothing is invented of a market that no oracle's stream decides."""
    assert window_of(market(**changes), UP) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"outcomes": "Up, Down"},
        {"outcomes": '["Up"]'},
        {"clobTokenIds": '["1", "2"]'},
        {"endDate": "soon"},
        {"endDate": "2026-11-20T15:00:00Z"},
    ],
)
def test_a_window_that_cannot_be_read_is_an_error_and_no_other_window(
    changes: dict[str, Any],
) -> None:
    """MD-10: the text names what was expected."""
    with pytest.raises(MalformedError, match="expected"):
        window_of(market(**changes), UP)


def feed() -> PriceFeedStream:
    return PriceFeedStream(
        url="ws://127.0.0.1:1", assets=["btc/usd"], now_ns=lambda: NOW_NS, backoff=Backoff()
    )


def event(topic: str = "crypto_prices_chainlink", **changes: Any) -> dict[str, Any]:
    symbol = "btc/usd" if topic.endswith("chainlink") else "btcusdt"
    payload = {"symbol": symbol, "timestamp": 1_795_203_024_000, "value": 99_005.25}
    return {"topic": topic, "type": "update", "payload": payload | changes}


def test_the_oracle_and_the_exchange_are_two_feeds_of_one_stream() -> None:
    """MD-10, MD-1: each with its own stamp beside ours; other assets are not wanted."""
    stream = feed()
    told = stream.ticks_of(
        [event(), event("crypto_prices"), event(symbol="eth/usd"), event("comments"), {}]
    )
    assert [(tick.feed, tick.asset, tick.price_1e8) for tick in told] == [
        ("chainlink", "btc/usd", 99_005_25 * ONE // 100),
        ("binance", "btc/usd", 99_005_25 * ONE // 100),
    ]
    assert {(tick.source_ns, tick.at_ns) for tick in told} == {(1_795_203_024_000_000_000, NOW_NS)}
    assert [name.role for name in stream.feeds] == [PriceRole.REFERENCE, PriceRole.SPOT]
    assert not stream.left_out


VALUES: list[Any] = [0, -1, "nan", None, True, []]
STAMPS: list[Any] = [0, None, True, "x", 2**70]
UNREAD = [*({"value": each} for each in VALUES), *({"timestamp": each} for each in STAMPS)]


@pytest.mark.parametrize("changes", UNREAD)
def test_a_price_that_cannot_be_read_is_counted_and_told_to_nobody(changes: Any) -> None:
    """MD-10: no price is better than a wrong one."""
    stream = feed()
    assert stream.ticks_of([event(**changes)]) == []
    assert stream.left_out == {"chainlink": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(payload=JSON, topic=st.sampled_from(["crypto_prices", "crypto_prices_chainlink", 3, None]))
def test_whatever_the_feed_says_is_a_price_or_nothing(payload: Any, topic: Any) -> None:
    """MD-10: no message ends the stream."""
    for tick in feed().ticks_of([{"topic": topic, "payload": payload}]):
        assert tick.price_1e8 > 0


SPEC: dict[str, Any] = {
    "name": "coinbourse",
    "asset": "btc/usd",
    "url": "wss://ws.example.org/prices",
    "subscribe": '{"op":"subscribe"}',
    "price": "data.0.price",
    "time": "data.0.time",
}


def exchange(**changes: Any) -> JsonPriceStream:
    spec = SpotFeed(**SPEC | changes)
    return JsonPriceStream(spec=spec, now_ns=lambda: NOW_NS, backoff=Backoff())


@pytest.mark.parametrize(
    ("stamp", "source_ns"),
    [
        (1_795_203_024, 1_795_203_024_000_000_000),
        ("1795203024000", 1_795_203_024_000_000_000),
        (1_795_203_024_000_000, 1_795_203_024_000_000_000),
        (1_795_203_024_000_000_001, 1_795_203_024_000_000_001),
        ("2026-11-20T15:00:00.5Z", 1_795_186_800_500_000_000),
    ],
)
def test_an_exchange_is_read_by_the_places_that_are_configured(stamp: Any, source_ns: int) -> None:
    """MD-10: extensible: price and time stand where the configuration says."""
    row = {"price": "99005.25", "time": stamp}
    tick = exchange().tick_of(orjson.dumps({"data": [row]}))
    assert tick is not None
    assert (tick.feed, tick.price_1e8, tick.at_ns) == (
        "coinbourse",
        99_005_25 * ONE // 100,
        NOW_NS,
    )
    assert tick.source_ns == source_ns


@pytest.mark.parametrize(
    ("frame", "unread"),
    [
        (b'{"channel":"subscribed"}', 0),
        (b'{"data":[]}', 0),
        (b"not JSON", 1),
        (b'{"data":[{"price":"99005"}]}', 1),
        (b'{"data":[{"price":"0","time":1795203024}]}', 1),
        (b'{"data":[{"price":true,"time":1795203024}]}', 1),
        (b'{"data":[{"price":"NaN","time":1795203024}]}', 1),
        (b'{"data":[{"price":"1","time":"yesterday"}]}', 1),
    ],
)
def test_what_is_no_price_is_left_alone_and_what_should_be_one_is_counted(
    frame: bytes, unread: int
) -> None:
    """MD-10: acknowledgements are no prices; half a price is none either."""
    stream = exchange()
    assert stream.tick_of(frame) is None
    assert stream.unread == unread


@given(frame=st.binary(max_size=64) | JSON.map(msgspec.json.encode))
def test_whatever_an_exchange_says_is_a_price_or_nothing(frame: bytes) -> None:
    """MD-10: no message ends the stream."""
    tick = exchange(price="0", time="0").tick_of(frame)
    assert tick is None or tick.price_1e8 > 0


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"url": "ws://ws.example.org"}, "expected wss://"),
        ({"url": "https://ws.example.org"}, "expected wss://"),
        ({"url": "wss://me:secret@ws.example.org"}, "expected no credentials"),
        ({"subscribe": "hello"}, "expected a JSON object"),
        ({"subscribe": "[1]"}, "expected a JSON object"),
        ({"price": "data..price"}, "expected names with dots"),
        ({"silence_max_s": 0}, "expected a number above 0"),
    ],
)
def test_a_feed_that_cannot_be_followed_is_refused_at_the_start(
    changes: dict[str, Any], text: str
) -> None:
    """MD-10: what was expected, in words."""
    with pytest.raises(ValueError, match=text):
        SpotFeed(**SPEC | changes)


def test_the_page_configures_an_exchange_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    """MD-10: as the how-to has it, beside a shipped configuration."""
    page = (ROOT / "docs" / "how-to" / "canary.md").read_text()
    (block,) = re.findall(r"```toml\n\[input\]\n(spot_feeds.*?)```", page, re.DOTALL)
    shipped = (ROOT / "configs" / "demo.toml").read_text()
    (line,) = re.findall(r"^spot_feeds = .*\n", shipped, re.MULTILINE)
    mine = tmp_path / "mine.toml"
    mine.write_text(shipped.replace(line, block))
    (found,) = load(mine).input.spot_feeds
    assert (found.name, found.asset, found.silence_max_s) == ("coinbourse", "btc/usd", 30)
    mine.write_text(shipped.replace(line, block.replace("ws://127.0.0.1:8300", "http://there")))
    with pytest.raises(ConfigError, match="url: expected wss://"):
        load(mine)
