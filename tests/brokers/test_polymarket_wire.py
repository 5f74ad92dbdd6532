"""What Polymarket's adapter writes and reads, without a venue."""

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.backoff import Backoff
from brokers.base import CannotPrepareError
from brokers.credentials import Credentials
from brokers.polymarket import reports
from brokers.polymarket.data import MarketStream
from brokers.polymarket.orders import SignedPrepared, prepare
from brokers.polymarket.reports import Mine
from brokers.polymarket.rules import Rulebook, Rules, resolution
from brokers.polymarket.session import Session, signer_of
from brokers.polymarket.stream import StreamError, events_in
from brokers.polymarket.words import (
    Keys,
    MarketState,
    Order,
    TokenWire,
    Trade,
    size_1e8,
    stamp_ns,
)
from brokers.reading import MalformedError
from trading.market import Quote, TradePrint

ONE = 100_000_000
CENT = 1_000_000
OUTCOME = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
PRIVATE = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
SIGNER = signer_of(Credentials(ADDRESS, PRIVATE))
RULES = Rules(token_id=OUTCOME, condition_id="0xc", tick_1e8=CENT, size_min_1e8=5 * ONE)
MINE = Mine(ours="o-1", order_id="0xaa", token_id=OUTCOME, side="BUY", qty_1e8=10 * ONE)


def intent(**fields: Any) -> bytes:
    base = {
        "client_order_id": "o-1",
        "instrument": OUTCOME,
        "purpose": "ENTRY",
        "side": "BUY",
        "order_type": "LIMIT",
        "tif": "GTC",
        "qty_1e8": 10 * ONE,
        "limit_1e8": 50 * CENT,
        "reference_ns": 1_795_203_023_975_000_000,
    }
    return orjson.dumps(base | fields)


def book(**changes: Any) -> Rulebook:
    found = Rulebook()
    found.learn(replace(RULES, **changes))
    return found


def prepared(rules: Rulebook | None = None, **fields: Any) -> SignedPrepared:
    return prepare(intent(**fields), SIGNER, rules or book(), "owner")


# -- orders ---------------------------------------------------------------------------------------


def test_an_order_is_the_same_in_every_process() -> None:
    """EX-4: bytes and hash come of the intent alone; another intent has another hash."""
    first, again = prepared(), prepared()
    assert first == again
    assert first.venue_id != prepared(client_order_id="o-2").venue_id
    body = orjson.loads(first.body)
    assert (body["order"]["makerAmount"], body["order"]["takerAmount"]) == ("5000000", "10000000")
    assert body["orderType"] == "GTC"
    assert 0 <= body["order"]["salt"] < 2**53, "a number that every JSON reader holds exactly"


@pytest.mark.parametrize(
    ("fields", "kind", "ahead_s"),
    [
        ({"ttl_s": 0}, "GTC", 0),
        ({"ttl_s": 600}, "GTD", 660),
        ({"ttl_s": 120}, "GTD", 185),
        ({"ttl_s": 120, "tif": "DAY"}, "GTD", 185),
        ({"ttl_s": 600, "tif": "IOC"}, "FAK", 0),
        ({"ttl_s": 600, "tif": "FOK"}, "FOK", 0),
    ],
    ids=[
        "without",
        "with the venue's minute",
        "as near as it may be",
        "day",
        "ioc",
        "fok",
    ],
)
def test_what_rests_with_a_time_to_live_ends_at_the_venue_too(
    fields: dict[str, Any], kind: str, ahead_s: int
) -> None:
    """EX-8, EX-18: GTD, far enough ahead until the last instant at which it may leave."""
    now_ns = 1_795_203_024_000_000_000
    ttl_s = fields.pop("ttl_s")
    times = {"deadline_ns": now_ns + 5 * 10**9, "expires_ns": ttl_s and now_ns + ttl_s * 10**9}
    body = orjson.loads(prepared(**times, **fields).body)
    assert body["orderType"] == kind
    expected = ahead_s and now_ns // 10**9 + ahead_s
    assert body["order"]["expiration"] == str(expected)


@pytest.mark.parametrize(("tif", "is_post_only"), [("GTX", True), ("GTC", False), ("FOK", False)])
def test_post_only_is_asked_for_where_it_is_meant(tif: str, *, is_post_only: bool) -> None:
    """EX-18: it rests like GTC, with a time to live like GTD."""
    body = orjson.loads(prepared(tif=tif).body)
    assert body["postOnly"] is is_post_only
    mortal = orjson.loads(prepared(tif=tif, expires_ns=2 * 10**18).body)
    assert mortal["postOnly"] is is_post_only
    assert (mortal["orderType"] == "GTD") is (tif != "FOK")


def test_a_sale_gives_shares_and_takes_dollars() -> None:
    """BR-1: the amounts change places."""
    body = orjson.loads(prepared(purpose="EXIT", side="SELL").body)
    assert (body["order"]["makerAmount"], body["order"]["takerAmount"]) == ("10000000", "5000000")


def test_a_market_order_sells_at_any_price_and_at_once() -> None:
    """EX-18: FAK at the lowest price there is."""
    body = orjson.loads(
        prepared(purpose="EXIT", side="SELL", order_type="MARKET", tif="DAY", limit_1e8=None).body
    )
    assert body["orderType"] == "FAK"
    assert body["order"]["takerAmount"] == "100000"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"limit_1e8": 50 * CENT + 1}, "multiple of the tick 0.01"),
        ({"limit_1e8": 0}, "multiple of the tick"),
        ({"limit_1e8": ONE}, "from it to 0.99"),
        ({"qty_1e8": 0}, "above zero"),
        ({"qty_1e8": 10 * ONE + 1}, "two decimals"),
        ({"qty_1e8": 4 * ONE}, "least size of a resting order is 5"),
        ({"qty_1e8": 4 * ONE, "expires_ns": 1}, "least size of a resting order is 5"),
        ({"side": "SELL"}, "buy the other outcome"),
        ({"order_type": "MARKET", "limit_1e8": None}, "in dollars at this venue"),
        ({"order_type": "STOP", "limit_1e8": None}, "a stop is kept here"),
        ({"tif": "OPG"}, "time in force must be one of"),
        ({"tif": "IOC", "qty_1e8": ONE}, "must be worth 1 dollar"),
        ({"tif": "IOC", "qty_1e8": 10 * ONE + CENT, "limit_1e8": 33 * CENT}, "whole cents"),
        ({"instrument": "42"}, "no rules of 42 are known"),
    ],
)
def test_what_the_venue_would_refuse_is_refused_here(fields: dict[str, Any], text: str) -> None:
    """EX-10: with the rule, before the network."""
    with pytest.raises(CannotPrepareError, match=text):
        prepared(**fields)


@given(
    ticks=st.integers(min_value=1, max_value=999),
    cents=st.integers(min_value=500, max_value=10_000_000),
)
def test_amounts_are_exactly_price_times_size(ticks: int, cents: int) -> None:
    """BR-1: no rounding between what was decided and what is signed."""
    found = prepared(book(tick_1e8=ONE // 1000), limit_1e8=ticks * 100_000, qty_1e8=cents * CENT)
    order = orjson.loads(found.body)["order"]
    exact = Decimal(ticks) / 1000 * cents / 100 * 1_000_000
    assert Decimal(order["makerAmount"]) == exact
    assert Decimal(order["takerAmount"]) == cents * 10_000


def test_another_tick_is_another_epoch_and_the_same_is_not() -> None:
    """BR-1: what was prepared before it is known by its number."""
    rules = book()
    before = prepared(rules)
    rules.learn(RULES)
    assert prepared(rules).epoch == before.epoch
    rules.tick_changed(OUTCOME, ONE // 1000)
    after = prepared(rules)
    assert after.epoch == before.epoch + 1
    assert after.venue_id == before.venue_id, "the hash is of price and size, not of the tick"


def test_the_second_level_signs_the_path_without_its_query() -> None:
    """BR-1: the exact bytes of the body, and nothing of the keys in any text."""
    session = Session(signer=SIGNER)
    with pytest.raises(MalformedError, match="API keys"):
        session.second_level("GET", "/x", b"", 1)
    session.keys = Keys(api_key="k-1", secret="c2VjcmV0", passphrase="p-1")  # noqa: S106
    plain = session.second_level("GET", "/data/orders", b"", 10**18)
    assert plain == session.second_level("GET", "/data/orders?next_cursor=MA==", b"", 10**18)
    assert plain != session.second_level("GET", "/data/orders", b"{}", 10**18)
    assert "c2VjcmV0" not in repr(session)
    assert PRIVATE[2:12] not in repr(session)


# -- what is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1795203024", 1_795_203_024_000_000_000),
        (1_795_203_024, 1_795_203_024_000_000_000),
        ("1795203024010", 1_795_203_024_010_000_000),
        ("1795203024010000000", 1_795_203_024_010_000_000),
        ("2024-01-01T00:00:00Z", 1_704_067_200_000_000_000),
        ("", 0),
        (None, 0),
    ],
)
def test_every_form_of_a_stamp_is_read(value: Any, expected: int) -> None:
    """MD-1: another client drops an event whose stamps have another form, without a word."""
    assert stamp_ns(value, "a stamp") == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("4", 4 * ONE), ("4000000", 4 * ONE), ("", 0), ("10.0000", 10 * ONE)]
)
def test_sizes_are_decimals_or_millionths(value: str, expected: int) -> None:
    """BR-1: checked against what was ordered."""
    assert size_1e8(value, 10 * ONE, "a size") == expected


@pytest.mark.parametrize("value", ["11", "-1", "nan", "x"])
def test_a_size_above_the_order_is_an_error(value: str) -> None:
    """EX-10: not a fill."""
    with pytest.raises(MalformedError):
        size_1e8(value, 10 * ONE, "a size")


def trade(**fields: Any) -> Trade:
    base = {
        "id": "t-1",
        "taker_order_id": "0xaa",
        "size": "4",
        "price": "0.5",
        "status": "TRADE_STATUS_MINED",
        "match_time": "1795203025",
    }
    return msgspec.convert({**base, **fields}, Trade)


def test_a_maker_fills_what_its_own_row_says() -> None:
    """EX-5: never the size at the top, which is the taker's."""
    row = {"order_id": "0xaa", "matched_amount": "3", "price": "0.45"}
    part = reports.part_of(
        trade(taker_order_id="0xbb", size="9", price="0.55", maker_orders=[row]), MINE
    )
    assert part is not None
    assert (part.qty_1e8, part.price_1e8, part.is_taker) == (3 * ONE, 45 * CENT, False)
    assert reports.part_of(trade(taker_order_id="0xbb"), MINE) is None


@pytest.mark.parametrize(
    ("status", "kind", "settlement"),
    [
        ("MATCHED", "FILLED", "PROVISIONAL"),
        ("TRADE_STATUS_MINED", "FILLED", "PROVISIONAL"),
        ("RETRYING", "FILLED", "PROVISIONAL"),
        ("TRADE_STATUS_CONFIRMED", "FILLED", "CONFIRMED"),
        ("FAILED", "REVERSED", "CONFIRMED"),
    ],
)
def test_the_settlement_of_a_trade_is_the_state_of_its_fill(
    status: str, kind: str, settlement: str
) -> None:
    """EX-7: one execution through all of them."""
    found = trade(status=status)
    part = reports.part_of(found, MINE)
    assert part is not None
    said = reports.said_of(found, part, RULES)
    assert (said.kind, said.settlement, said.qty_1e8) == (kind, settlement, 4 * ONE)
    assert said.execution_id == reports.execution_id(trade(), MINE)


def test_only_takers_pay_a_fee() -> None:
    """EX-14: shares x r x (p x (1 - p))^e, to five decimals."""
    rules = replace(RULES, fee_rate=Decimal("0.25"), fee_exponent=Decimal(2))
    assert rules.taker_fee_1e8(100 * ONE, 50 * CENT) == 156_250_000
    found = trade()
    part = reports.part_of(found, MINE)
    assert part is not None
    assert reports.said_of(found, part, rules).fee_1e8 == rules.taker_fee_1e8(4 * ONE, 50 * CENT)
    maker = replace(part, is_taker=False)
    assert reports.said_of(found, maker, rules).fee_1e8 == 0


@pytest.mark.parametrize(
    ("status", "end"),
    [
        ("LIVE", ""),
        ("ORDER_STATUS_MATCHED", ""),
        ("CANCELED", "CANCELLED"),
        ("CANCELED_order couldn't be fully filled. FOK orders are ...", "CANCELLED"),
        ("CANCELED_MARKET_RESOLVED", "EXPIRED"),
        ("CANCELED_EXPIRED_ORDER", "EXPIRED"),
        ("INVALID", "CANCELLED"),
    ],
)
def test_statuses_with_and_without_prefix_are_known(status: str, end: str) -> None:
    """BR-1: the table of the sheet, section 8."""
    word = Order(id="0xaa", status=status).word
    assert reports.is_known(word)
    assert reports.end_of(word, was_live=True) == end
    assert not reports.is_known(Order(id="0xaa", status="SUSPENDED").word)


@pytest.mark.parametrize("frame", ["", "x", "[1]", "3", '{"a":'])
def test_a_frame_that_cannot_be_read_is_a_hole(frame: str) -> None:
    """MD-9: the channel begins anew, and what was missed is fetched."""
    with pytest.raises(StreamError):
        events_in(frame)


# -- the market channel ---------------------------------------------------------------------------


def market(rules: Rulebook | None = None, now_ns: Callable[[], int] = time.time_ns) -> MarketStream:
    return MarketStream(
        url="ws://127.0.0.1:1",
        tokens=[OUTCOME],
        channels=("quotes", "trades"),
        book=rules or book(),
        now_ns=now_ns,
        backoff=Backoff(seed="test"),
    )


WHOLE: dict[str, Any] = {
    "event_type": "book",
    "asset_id": OUTCOME,
    "bids": [{"price": "0.49", "size": "50"}, {"price": "0.48", "size": "100"}],
    "asks": [{"price": "0.51", "size": "30"}, {"price": "0.52", "size": "80"}],
    "timestamp": "1795203025000",
}


def change(price: str, size: str, side: str) -> dict[str, Any]:
    row = {"asset_id": OUTCOME, "price": price, "size": size, "side": side}
    return {"event_type": "price_change", "price_changes": [row], "timestamp": "1795203025100"}


def test_a_book_and_its_changes_are_quotes_in_whatever_order_its_levels_stand() -> None:
    """MD-7: the size of a change is the new total of its level; zero ends it."""
    stream = market()
    (first,), _ = stream.ticks_of([WHOLE])
    assert isinstance(first, Quote)
    assert (first.bid_1e8, first.ask_1e8) == (49 * CENT, 51 * CENT)
    assert (first.bid_size_1e8, first.ask_size_1e8) == (50 * ONE, 30 * ONE)
    (second,), _ = stream.ticks_of([change("0.49", "0", "BUY")])
    assert isinstance(second, Quote)
    assert second.bid_1e8 == 48 * CENT


def test_a_change_before_a_book_is_left_out_and_counted() -> None:
    """MD-4, MD-9: half a book is no price; the book is asked for, again only when it stays away."""
    clock_ns = 0
    stream = market(now_ns=lambda: 10**18 + clock_ns)
    asked = []
    for second in (0, 1, 4, 5, 6):
        clock_ns = second * 10**9
        ticks, stale = stream.ticks_of([change("0.49", "5", "BUY")])
        assert ticks == []
        asked.append(stale)
    assert asked == [[OUTCOME], [], [], [OUTCOME], []]
    assert stream.left_out == {"price_change before a book": 5}


def test_a_crossed_book_is_asked_for_anew() -> None:
    """MD-9: a hole in the changes shows as a book that cannot be."""
    stream = market()
    stream.ticks_of([WHOLE])
    assert stream.ticks_of([change("0.53", "5", "BUY")]) == ([], [OUTCOME])


def test_another_tick_drops_the_book_and_reaches_the_rules() -> None:
    """BR-1: outstanding orders are of another epoch from then on."""
    rules = book()
    stream = market(rules)
    stream.ticks_of([WHOLE])
    event = {"event_type": "tick_size_change", "asset_id": OUTCOME, "new_tick_size": "0.001"}
    assert stream.ticks_of([event]) == ([], [OUTCOME])
    known = rules.get(OUTCOME)
    assert known is not None
    assert (known.tick_1e8, known.epoch) == (ONE // 1000, 1)
    assert stream.ticks_of([change("0.49", "5", "BUY")])[0] == []


def test_prints_are_read_and_nonsense_is_counted() -> None:
    """MD-9: nothing that cannot be read ends the stream."""
    stream = market()
    event = {
        "event_type": "last_trade_price",
        "asset_id": OUTCOME,
        "price": "0.5",
        "size": "4",
        "side": "BUY",
        "timestamp": "1795203025200",
    }
    (tick,), _ = stream.ticks_of([event])
    assert isinstance(tick, TradePrint)
    assert (tick.price_1e8, tick.size_1e8) == (50 * CENT, 4 * ONE)
    for wrong in ({"price": "2"}, {"price": None}, {"size": "many"}):
        assert stream.ticks_of([event | wrong]) == ([], [])
    assert stream.left_out == {"last_trade_price unread": 3}


# -- resolution -----------------------------------------------------------------------------------


def state(*winners: bool, **fields: Any) -> MarketState:
    tokens = [TokenWire(token_id=str(at), winner=won) for at, won in enumerate(winners)]
    return MarketState(tokens=tokens, **fields)


def test_a_market_is_resolved_once_it_is_closed_and_has_a_winner() -> None:
    """MD-8: what each outcome is worth then; two winners are no resolution."""
    assert resolution(state(False, True)) is None  # noqa: FBT003
    assert resolution(state(False, False, closed=True)) is None  # noqa: FBT003
    assert resolution(state(False, True, closed=True)) == {"0": 0, "1": ONE}  # noqa: FBT003
    even = state(False, False, closed=True, is_50_50_outcome=True)  # noqa: FBT003
    assert resolution(even) == {"0": ONE // 2, "1": ONE // 2}
    with pytest.raises(MalformedError, match="one winner"):
        resolution(state(True, True, closed=True))  # noqa: FBT003
