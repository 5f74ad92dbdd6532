"""What Alpaca sends and what we send it: exact where it is right, refused where it is not."""

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.alpaca import reports, words
from brokers.alpaca.data import frame_of, ticks_of
from brokers.alpaca.orders import CAPABILITIES, Leg, Ticket, body_of, prepare, replacement
from brokers.alpaca.stream import reported, understand
from brokers.alpaca.words import (
    Account,
    Fill,
    Order,
    TradeUpdate,
    amount_1e8,
    decode,
    read,
    time_ns,
)
from brokers.base import CannotPrepareError
from brokers.following import StreamError
from brokers.http_wire import Response
from brokers.reading import MalformedError, iso
from trading.market import Bar, Quote, TradePrint

ONE = 100_000_000
JSON = {"content-type": "application/json"}
ORDER: dict[str, Any] = {
    "id": "7b08df51-c1ac-453c-99f9-323a5f075f0d",
    "client_order_id": "L-main-x-20261120-a-0E1",
    "created_at": "2026-11-20T15:00:00.100200300Z",
    "updated_at": "2026-11-20T15:00:00.110Z",
    "submitted_at": "2026-11-20T15:00:00.099Z",
    "symbol": "AAPL",
    "qty": "5",
    "filled_qty": "0",
    "filled_avg_price": None,
    "side": "buy",
    "type": "limit",
    "time_in_force": "day",
    "limit_price": "231.4",
    "status": "new",
    "order_class": "",
    "legs": None,
    "something_new": {"deep": [1, 2]},
}


def intent(**fields: Any) -> bytes:
    base = {
        "client_order_id": "L-main-x-20261120-a-0E1",
        "instrument": "AAPL",
        "purpose": "ENTRY",
        "side": "BUY",
        "order_type": "LIMIT",
        "tif": "DAY",
        "qty_1e8": 5 * ONE,
        "limit_1e8": 23_140_000_000,
        "trigger_1e8": None,
        "what_the_core_adds": 1,
    }
    return orjson.dumps(base | fields)


def order(**fields: Any) -> Order:
    return decode(orjson.dumps(ORDER | fields), Order, "order")


# -- numbers and times -----------------------------------------------------------------------------
@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_an_amount_survives_the_way_there_and_back(value_1e8: int) -> None:
    """EX-7: what 64 bits hold at 1e-8 is the same number in text and back."""
    assert amount_1e8(str(Decimal(value_1e8).scaleb(-8))) == value_1e8


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "", "abc", "1e30"])
def test_what_is_no_finite_amount_is_refused(text: str) -> None:
    """BR-1: NaN, infinity and what does not fit are named, not counted with."""
    with pytest.raises(MalformedError):
        amount_1e8(text)


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_a_time_survives_the_way_there_and_back(at_ns: int) -> None:
    """MD-1: nanoseconds are kept."""
    assert time_ns(iso(at_ns)) == at_ns


def test_times_come_with_z_or_an_offset() -> None:
    """MD-1: the same instant in both forms, with any number of decimals."""
    assert time_ns("2026-11-20T10:00:00.5-05:00") == time_ns("2026-11-20T15:00:00.500000000Z")
    beyond = ("9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z")  # 64 bits of nanoseconds
    for bad in ("2026-11-20", "2026-13-20T10:00:00Z", "2026-11-20T10:00:00", "now", *beyond):
        with pytest.raises(MalformedError):
            time_ns(bad)


# -- reading ---------------------------------------------------------------------------------------
def test_unknown_fields_pass_and_numbers_may_be_numbers_or_text() -> None:
    """BR-1: a venue that adds a field, or sends a number where it sent text, is understood."""
    assert order().id == ORDER["id"]
    assert order(qty=5, filled_qty=2.5).filled_1e8 == 250_000_000


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b'{"id":', "application/json"),
        (b'{"id": 5}', "application/json"),
        (b"[]", "application/json"),
        (b"<html>", "text/html"),
        (orjson.dumps(ORDER), "text/plain"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
    ],
)
def test_what_is_no_order_is_refused_with_place_and_expectation(body: bytes, kind: str) -> None:
    """BR-1: truncated, of other types, of another content type: venue and endpoint are named."""
    with pytest.raises(MalformedError, match="alpaca POST orders: expected"):
        read(Response(status=200, headers={"content-type": kind}, body=body), Order, "POST orders")


KINDS = [
    each
    for each in vars(words).values()
    if isinstance(each, type) and each.__module__ == words.__name__
]
NOISE = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["2026-11-20T15:00:00Z", "filled"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_no_json_brings_a_parser_down(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    """BR-1: each field of each kind may hold anything, NaN too: an object, or a named refusal.

    What is made of the fields afterwards refuses alike.
    """
    names = [each.encode_name for each in msgspec.structs.fields(kind)]
    plain = st.sampled_from(["1", "NaN", "-Infinity", "1e400"])  # a text, or an amount
    value = plain | plain | NOISE
    noisy = data.draw(st.fixed_dictionaries(dict.fromkeys(names, value)))
    try:
        found = decode(json.dumps(noisy), kind, "fuzz")
        for name, made in vars(kind).items():
            if isinstance(made, property):
                getattr(found, name)
    except MalformedError:
        return


ODD: list[Any] = [
    None,
    "",
    "1",
    "-1",
    "1e30",
    "92233720368.54775807",
    "NaN",
    2**63,
    10**400,
    -1,
    True,
    [],
]
TIMES = ["9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z", "2026-11-20T15:00:00-05:00", "now"]
EVENTS = [*reports.FILL_EVENTS, *reports.CORRECTIONS, "new", "canceled", "order_cancel_rejected"]
STATUSES = [*reports.LIVE, *reports.ENDS, reports.FILLED, "sleeping"]


def odd_ones(sound: dict[str, Any], also: list[Any]) -> Iterator[dict[str, Any]]:
    """The same with each of its fields otherwise in turn: missing, absurd, of another type."""
    for name in sound:
        yield {key: value for key, value in sound.items() if key != name}
        for value in (*ODD, *TIMES, *also):
            yield {**sound, name: value}


def with_odd(sound: dict[str, Any], data: st.DataObject, also: list[Any]) -> dict[str, Any]:
    """The same with up to four of its fields otherwise."""
    found = dict(sound)
    for name in data.draw(st.lists(st.sampled_from(sorted(sound)), max_size=4, unique=True)):
        found[name] = data.draw(st.sampled_from([*ODD, *TIMES, *also]))
    return found


EVENT = {"event": "fill", "execution_id": "e", "price": "1", "qty": "1", "timestamp": TIMES[2]}


def heard_of(event: dict[str, Any], heard: reports.Heard) -> None:
    """One event of the stream, as its bytes are understood."""
    with contextlib.suppress(StreamError):
        understand(json.dumps({"stream": "trade_updates", "data": event}).encode(), heard)


def test_no_field_of_an_event_brings_the_order_stream_down() -> None:
    """BR-1: each field of an event and of its order in turn is missing, absurd, of another type."""
    heard = reports.Heard()
    for event in odd_ones({**EVENT, "order": ORDER}, EVENTS):
        heard_of(event, heard)
    for placed in odd_ones(ORDER, STATUSES):
        for kind in EVENTS:
            heard_of({**EVENT, "event": kind, "order": placed}, heard)


@given(frame=st.binary(max_size=300), data=st.data())
def test_no_frame_brings_the_order_stream_down(frame: bytes, data: st.DataObject) -> None:
    """BR-1: a frame is news, nothing, or the end of this connection: never another fault."""
    heard = reports.Heard()
    heard_of(
        with_odd({**EVENT, "order": with_odd(ORDER, data, STATUSES)}, data, EVENTS),
        heard,
    )
    with contextlib.suppress(StreamError):
        understand(frame, heard)


FILL = {
    "id": "20261120150001250::e",
    "transaction_time": "2026-11-20T15:00:01Z",
    "price": "231.38",
    "qty": "2",
    "side": "buy",
    "symbol": "AAPL",
    "order_id": ORDER["id"],
    "cum_qty": "2",
}


def looked_up(placed: dict[str, Any], fill: dict[str, Any]) -> None:
    """What is made of an order and its list of executions."""
    with contextlib.suppress(MalformedError):
        found = decode(json.dumps(placed), Order, "order")
        fills = decode(json.dumps([fill]), list[Fill], "fills")
        reports.accepted(found)
        reports.ended(found)
        reports.filled(found, fills, reports.Heard())


def test_no_field_brings_a_look_up_down() -> None:
    """BR-1: each field of an order and of an execution in turn: reports, or a named refusal."""
    for placed in odd_ones(ORDER, STATUSES):
        looked_up(placed, FILL)
    for fill in odd_ones(FILL, []):
        looked_up(ORDER, fill)


@given(data=st.data())
def test_no_order_and_no_execution_brings_a_look_up_down(data: st.DataObject) -> None:
    """BR-1: whatever their fields are together."""
    looked_up(with_odd(ORDER, data, STATUSES), with_odd(FILL, data, []))


def test_an_account_that_may_not_trade_says_why() -> None:
    """BR-1: status and each of the three flags; fields about day trading are not missed."""
    body = {"id": "1", "account_number": "PA", "cash": "1", "equity": "2", "buying_power": "3"}
    fit = decode(orjson.dumps(body | {"status": "ACTIVE"}), Account, "account")
    assert fit.blocked_by() == []
    unfit = decode(orjson.dumps(body | {"status": "CLOSED", "trading_blocked": True}), Account, "a")
    assert unfit.blocked_by() == ["status CLOSED", "trading_blocked"]


# -- what an order's news mean ---------------------------------------------------------------------
def update(event: str, *, qty: str | None = None, **fields: Any) -> TradeUpdate:
    said = {"event": event, "order": ORDER | fields, "timestamp": "2026-11-20T15:00:01.25Z"}
    if qty is not None:
        said |= {"qty": qty, "price": "231.38", "execution_id": f"e{fields['filled_qty']}"}
    return decode(orjson.dumps(said), TradeUpdate, "u")


def kinds(news: Any) -> list[str]:
    return [report.kind for report in news.reports]


@pytest.mark.parametrize(
    ("listed_as", "name"),
    [("20261120150001250::e2", "e2"), ("x", "x"), ("", "")],
    ids=["the same name", "a name of its own", "none"],
)
def test_stream_and_activities_name_the_place_of_an_execution(listed_as: str, name: str) -> None:
    """EX-5: order and cumulative quantity, and the venue's name behind it where it says one."""
    heard = reports.Heard()
    pushed = reported(update("partial_fill", qty="2", filled_qty="2"), heard).reports[0]
    listed = reports.filled(
        order(filled_qty="2"),
        [
            Fill(
                id=listed_as,
                transaction_time="2026-11-20T15:00:01Z",
                price=Decimal("231.38"),
                qty=Decimal(2),
                side="buy",
                symbol="AAPL",
                order_id=ORDER["id"],
                cum_qty=Decimal(2),
            )
        ],
        heard,
    )[0]
    place = f"{ORDER['id']}@200000000"
    assert pushed.execution_id == f"{place}#e2"
    assert listed.execution_id == (f"{place}#{name}" if name else place)
    assert (pushed.qty_1e8, pushed.price_1e8) == (listed.qty_1e8, listed.price_1e8)


def test_a_hole_in_the_fills_is_seen_and_asked_for() -> None:
    """EX-6: a dropped event shows in the cumulative quantity; an end waits for what is missing."""
    heard = reports.Heard()
    assert not reported(update("partial_fill", qty="1", filled_qty="1"), heard).asks_look_up
    late = reported(update("partial_fill", qty="1", filled_qty="3"), heard)
    assert late.asks_look_up
    cancelled = reported(update("canceled", status="canceled", filled_qty="3"), heard)
    assert cancelled.asks_look_up
    assert kinds(cancelled) == []
    whole = reported(update("partial_fill", qty="1", filled_qty="2"), heard)
    assert kinds(whole) == ["FILLED"]
    assert kinds(reported(update("canceled", status="canceled", filled_qty="3"), heard)) == [
        "CANCELLED"
    ]


@pytest.mark.parametrize(
    ("event", "status", "expected"),
    [
        ("new", "new", ["ACCEPTED"]),
        ("pending_new", "pending_new", ["ACCEPTED"]),
        ("accepted", "accepted", ["ACCEPTED"]),
        ("done_for_day", "done_for_day", ["ACCEPTED"]),
        ("canceled", "canceled", ["CANCELLED"]),
        ("replaced", "replaced", ["CANCELLED"]),
        ("expired", "expired", ["EXPIRED"]),
        ("rejected", "rejected", ["REJECTED"]),
        ("pending_cancel", "pending_cancel", []),
    ],
)
def test_each_event_has_its_meaning(event: str, status: str, expected: list[str]) -> None:
    """EX-1: Alpaca's vocabulary in ours."""
    assert kinds(reported(update(event, status=status), reports.Heard())) == expected


@pytest.mark.parametrize(
    "names",
    [
        {"execution_id": "e2"},
        {"execution_id": "its own", "previous_execution_id": "e2"},
        {"execution_id": None, "previous_execution_id": "e2"},
    ],
)
def test_a_bust_is_of_the_execution_that_it_names(names: dict[str, Any]) -> None:
    """EX-2: by the execution's id, or by an id of its own and the execution's beside it."""
    heard = reports.Heard()
    filled = reported(update("fill", qty="2", filled_qty="2"), heard).reports[0]
    said = {"event": "trade_bust", "order": ORDER | {"status": "filled"}, "qty": "2", "price": "1"}
    bust = reported(decode(orjson.dumps(said | names), TradeUpdate, "u"), heard)
    assert [(each.kind, each.execution_id) for each in bust.reports] == [
        ("REVERSED", filled.execution_id)
    ]
    assert bust.is_correction
    again = reported(decode(orjson.dumps(said | names), TradeUpdate, "u"), heard)
    assert (again.reports, again.is_in_doubt, again.is_correction) == ((), True, True)


@pytest.mark.parametrize(
    ("event", "status"), [("suspended", "suspended"), ("new", "sleeping"), ("trade_bust", "filled")]
)
def test_what_nobody_knows_is_doubt(event: str, status: str) -> None:
    """EX-1: an unknown status, or a correction, makes the order UNKNOWN and asks the venue."""
    news = reported(update(event, status=status), reports.Heard())
    assert news.is_in_doubt
    assert news.asks_look_up
    assert news.is_correction == (event == "trade_bust")
    assert news.warning


# -- sending ---------------------------------------------------------------------------------------
def test_the_same_intent_is_the_same_bytes() -> None:
    """BR-3: pure, with quantities and prices as text, under the id that was known before."""
    prepared = prepare(intent())
    assert prepared == prepare(intent())
    assert prepared.body == (
        b'{"symbol":"AAPL","side":"buy","type":"limit","time_in_force":"day","qty":"5",'
        b'"limit_price":"231.4","client_order_id":"L-main-x-20261120-a-0E1"}'
    )


@given(
    qty=st.integers(1, 10**6),
    cents=st.integers(100, 10**7),
    kind=st.sampled_from(sorted(CAPABILITIES.order_types)),
    tif=st.sampled_from(sorted(CAPABILITIES.tifs)),
)
def test_every_type_and_time_in_force_is_said(qty: int, cents: int, kind: str, tif: str) -> None:
    """EX-18: what the capabilities promise can be prepared, and nothing is lost in it."""
    body = orjson.loads(
        prepare(
            intent(
                qty_1e8=qty * ONE,
                order_type=kind,
                tif=tif,
                limit_1e8=cents * 1_000_000 if "LIMIT" in kind else None,
                trigger_1e8=cents * 1_000_000 if "STOP" in kind else None,
            )
        ).body
    )
    assert (body["type"], body["time_in_force"]) == (kind.lower(), tif.lower())
    assert amount_1e8(body["qty"]) == qty * ONE
    for name, is_there in (("limit_price", "LIMIT" in kind), ("stop_price", "STOP" in kind)):
        assert (name in body) is is_there
        assert not is_there or amount_1e8(body[name]) == cents * 1_000_000


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"limit_1e8": 23_140_100_000}, "multiple of 0.01"),
        ({"limit_1e8": 1_234_500}, "multiple of 0.0001"),
        ({"limit_1e8": -100}, "above zero"),
        ({"limit_1e8": None}, "needs a limit price"),
        ({"order_type": "STOP", "limit_1e8": None}, "needs a stop price"),
        ({"qty_1e8": 0}, "above zero is needed"),
        ({"qty_1e8": ONE // 2, "tif": "IOC"}, "fractional quantities are for the day"),
        ({"order_type": "TRAIL"}, "the type must be one of"),
        ({"tif": "GTD"}, "the time in force must be one of"),
        ({"client_order_id": "x" * 129}, "1 to 128 characters"),
        ({"instrument": "AAPL261218C00230000", "qty_1e8": ONE // 2}, "contracts are whole"),
        ({"instrument": "AAPL261218C00230000", "side": "SELL"}, "sell_to_open"),
    ],
)
def test_what_alpaca_would_refuse_is_refused_here(fields: dict[str, Any], text: str) -> None:
    """EX-10: the rule is named and nothing is sent; sell_to_open has no override."""
    with pytest.raises(CannotPrepareError, match=text):
        prepare(intent(**fields))


def test_options_say_whether_they_open_or_close() -> None:
    """BR-1: an option's order carries its position intent."""
    option = "AAPL261218C00230000"
    opening = orjson.loads(prepare(intent(instrument=option)).body)
    assert opening["position_intent"] == "buy_to_open"
    closing = orjson.loads(prepare(intent(instrument=option, side="SELL", purpose="EXIT")).body)
    assert closing["position_intent"] == "sell_to_close"


def ticket(**fields: Any) -> Ticket:
    base: dict[str, Any] = {
        "client_order_id": "a",
        "symbol": "AAPL",
        "side": "buy",
        "type": "limit",
        "qty_1e8": ONE,
        "limit_1e8": 100 * ONE,
    }
    return Ticket(**base | fields)


def test_every_class_of_order_can_be_said() -> None:
    """BR-1: bracket, oco, oto, multi-leg, trailing stop, notional, extended hours."""
    exits = {"take_profit_1e8": 110 * ONE, "stop_loss_1e8": 90 * ONE}
    bracket = orjson.loads(body_of(ticket(order_class="bracket", **exits)))
    assert bracket["take_profit"] == {"limit_price": "110"}
    assert bracket["stop_loss"] == {"stop_price": "90"}
    assert orjson.loads(body_of(ticket(order_class="oco", side="sell", **exits)))["side"] == "sell"
    assert "stop_loss" in orjson.loads(body_of(ticket(order_class="oto", stop_loss_1e8=90 * ONE)))
    legs = (Leg(symbol="AAPL261218C00230000", side="buy", ratio=1, position_intent="buy_to_open"),)
    spread = ticket(order_class="mleg", symbol="", side="", limit_1e8=-ONE, legs=legs)
    assert orjson.loads(body_of(spread))["limit_price"] == "-1"
    trailing = ticket(type="trailing_stop", limit_1e8=None, trail_1e8=ONE)
    assert orjson.loads(body_of(trailing))["trail_price"] == "1"
    dollars = ticket(type="market", limit_1e8=None, qty_1e8=0, notional_1e8=10 * ONE)
    assert orjson.loads(body_of(dollars))["notional"] == "10"
    assert orjson.loads(body_of(ticket(extended_hours=True)))["extended_hours"] is True
    assert orjson.loads(replacement(qty_1e8=ONE, limit_1e8=ONE)) == {"qty": "1", "limit_price": "1"}


@pytest.mark.parametrize(
    "fields",
    [
        {"order_class": "bracket", "take_profit_1e8": 110 * ONE},
        {"order_class": "bracket", "take_profit_1e8": 90 * ONE, "stop_loss_1e8": 110 * ONE},
        {"order_class": "bracket", "take_profit_1e8": 110 * ONE, "stop_loss_1e8": 100 * ONE},
        {"order_class": "oto"},
        {"order_class": "round"},
        {"order_class": "mleg"},
        {"take_profit_1e8": 110 * ONE},
        {"extended_hours": True, "time_in_force": "ioc"},
        {"notional_1e8": ONE},
        {"type": "trailing_stop", "limit_1e8": None},
    ],
)
def test_a_class_that_is_half_said_is_refused(fields: dict[str, Any]) -> None:
    """EX-10: missing legs, exits on the wrong side, classes that are none."""
    with pytest.raises(CannotPrepareError):
        body_of(ticket(**fields))


# -- market data -----------------------------------------------------------------------------------
def test_market_messages_are_read_and_what_cannot_be_is_counted() -> None:
    """MD-1: source and receive times stand beside each other; a bad message ends nothing."""
    unread: list[str] = []
    at = "2026-11-20T15:00:00Z"
    frame = [
        {"T": "q", "S": "AAPL", "bp": 231.1, "bs": 2, "ap": 231.2, "as": 3, "t": at},
        {"T": "t", "S": "AAPL", "p": 231.15, "s": 10, "i": 7, "t": at},
        {"T": "b", "S": "AAPL", "o": 1, "h": 2, "l": 1, "c": 2, "v": 5, "t": at},
        {"T": "q", "S": "AAPL", "bp": float("nan"), "ap": 1, "t": at},
        {"T": "q", "S": "AAPL", "bp": "1", "ap": 1, "t": at},
        {"T": "b", "S": "AAPL", "o": 3, "h": 2, "l": 1, "c": 2, "v": 5, "t": at},
        {"T": "subscription", "quotes": ["AAPL"]},
        "noise",
    ]
    found = ticks_of(frame, 1_800_000_000_000_000_000, unread.append)
    assert [type(each) for each in found] == [Quote, TradePrint, Bar]
    assert isinstance(found[0], Quote)
    assert (found[0].bid_1e8, found[0].ask_1e8) == (23_110_000_000, 23_120_000_000)
    assert found[0].source_ns == time_ns(at)
    assert found[0].at_ns == 1_800_000_000_000_000_000
    assert unread == ["q", "q", "b"]


SOUND: dict[str, dict[str, Any]] = {
    "q": {"bp": 1.1, "bs": 2, "ap": 1.2, "as": 3},
    "t": {"p": 1.1, "s": 1, "i": 7},
    "b": {"o": 1, "h": 2, "l": 1, "c": 2, "v": 5},
}


def ticked(frame: list[Any]) -> None:
    """Messages that 64 bits hold, or counted as unread."""
    for tick in ticks_of(frame, 1, lambda _: None):
        numbers = [value for value in msgspec.structs.astuple(tick) if isinstance(value, int)]
        assert all(abs(value) < 2**63 for value in numbers), tick


FAR = datetime(9999, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize("kind", SOUND)
def test_no_field_brings_the_market_down(kind: str) -> None:
    """BR-1: each field of a message in turn is missing, absurd, of another type."""
    sound = {"T": kind, "S": "AAPL", "t": "2026-11-20T15:00:00Z", **SOUND[kind]}
    for odd in odd_ones(sound, [float("nan"), 1e300, -1.0, {}, FAR]):
        ticked([odd])


@given(data=st.data(), noise=NOISE)
def test_no_frame_brings_the_market_down(data: st.DataObject, noise: Any) -> None:
    """BR-1: whatever a frame holds."""
    kind = data.draw(st.sampled_from(sorted(SOUND)))
    sound = {"T": kind, "S": "AAPL", "t": "2026-11-20T15:00:00Z", **SOUND[kind]}
    ticked([with_odd(sound, data, [noise, float("nan"), 1e300, -1.0]), noise])


@given(frame=st.binary(max_size=60), noise=NOISE, is_packed=st.booleans())
def test_a_frame_of_the_market_that_cannot_be_read_ends_the_connection(
    frame: bytes, noise: Any, *, is_packed: bool
) -> None:
    """MD-9: it is connected anew then; an array is read, as JSON and as msgpack."""
    encode = msgspec.msgpack.encode if is_packed else msgspec.json.encode
    for each in (frame, encode({"a": 1}), b"\x91\x81\x80\x01", b"[" * 100_000):
        with contextlib.suppress(StreamError):
            assert isinstance(frame_of(each, is_packed=is_packed), list)
    with contextlib.suppress(OverflowError):  # msgpack holds no integer that is larger
        assert len(frame_of(encode([noise]), is_packed=is_packed)) == 1
