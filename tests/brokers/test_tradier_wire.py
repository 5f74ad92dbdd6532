"""What Tradier sends and what we send it: exact where it is right, refused where it is not."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.backoff import Backoff
from brokers.base import CannotPrepareError, LookedUp, Refused, SendOutcome, Sent, Unknown
from brokers.following import StreamError
from brokers.http import Channel, Endpoint
from brokers.http_wire import Response
from brokers.limiter import Limiter, Priority
from brokers.reading import MalformedError
from brokers.tradier.orders import Leg, Standing, Ticket, body_of, prepare, replacement
from brokers.tradier.rest import Rest
from brokers.tradier.stream import events_in
from brokers.tradier.tags import TAG_MAX, id_of, tag_of
from brokers.tradier.venue import TradierVenue
from brokers.tradier.words import Balances, Order, errors_in, part, rows

ONE = 100_000_000
JSON = {"content-type": "application/json"}
TEXT = {"content-type": "text/plain"}
NOW_NS = 1_795_190_400_000_000_000  # 2026-11-20, 16:00 UTC
OURS = "L-main-vwap_a-20261120-10.5-0E1"
OPTION = "SPXW261120C06800000"
STANDING = Standing(type="limit", duration="day", limit_1e8=2 * ONE, stop_1e8=None, is_option=False)
ORDER: dict[str, Any] = {
    "id": 257459,
    "type": "limit",
    "symbol": "SPX",
    "side": "buy_to_open",
    "quantity": 2.00000000,
    "status": "partially_filled",
    "duration": "day",
    "price": 5.1,
    "avg_fill_price": 5.10000000,
    "exec_quantity": 1.00000000,
    "remaining_quantity": 1.00000000,
    "create_date": "2026-11-20T15:00:01.312Z",
    "transaction_date": "2026-11-20T15:00:02.001Z",
    "class": "option",
    "option_symbol": OPTION,
    "tag": tag_of(OURS),
}


def answer(body: Any, status: int = 200, headers: dict[str, str] = JSON) -> Response:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Response(status=status, headers=headers, body=raw)


def order(**changes: Any) -> Order:
    body = {"order": {**ORDER, **changes}}
    return part(answer(body), "order", Order, "test")


class ListedRest(Rest):
    """Answers the list of orders with what a test put there; its clock is a Friday until moved."""

    def __init__(self, *orders: Order) -> None:
        """These are listed."""
        line = Channel(
            endpoint=Endpoint.of("http://127.0.0.1:1"),
            headers={"authorization": "Bearer a-token"},
            limiter=Limiter(60, lambda: 0),
        )
        super().__init__(
            account="VA00000001", orders=line, reads=line, now_ns=lambda: self.now, calls={}
        )
        self.orders_listed = list(orders)
        self.now = NOW_NS

    async def todays_orders(self, priority: Priority) -> list[Order]:
        """All of them."""
        assert priority in (Priority.LOOK_UP, Priority.POLL)
        return self.orders_listed


def venue(*orders: Order) -> TradierVenue:
    return TradierVenue(ListedRest(*orders), backoff=Backoff(seed="test"))


def look_up(at: TradierVenue, name: str = OURS) -> LookedUp:
    return asyncio.run(at.look_up(name))


def told(found: LookedUp) -> list[tuple[str, int, int]]:
    assert found.reports is not None, found.problem
    return [(each.kind, each.qty_1e8, each.price_1e8) for each in found.reports]


# -- tags ------------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=40))
def test_each_id_has_one_tag_in_the_venues_letters(name: str) -> None:
    """EX-4: letters, digits and hyphens only, and the way back gives the id."""
    tag = tag_of(name)
    assert all(each.isascii() and (each.isalnum() or each == "-") for each in tag)
    assert id_of(tag) == name


@given(st.text(max_size=40))
def test_a_foreign_tag_stands_for_itself_or_for_the_id_it_is_made_of(tag: str) -> None:
    """ST-3: whatever somebody else put there, it names no second order of ours."""
    name = id_of(tag)
    assert name == tag or tag_of(name) == tag


def test_an_id_that_is_too_long_is_refused_before_sending() -> None:
    """EX-10: the venue rejects a real order for it, so it is never sent."""
    with pytest.raises(CannotPrepareError, match="shorten the names"):
        tag_of("x" * (TAG_MAX + 1))


# -- what is sent ----------------------------------------------------------------------------------


def intent(**changes: Any) -> bytes:
    fields = {
        "client_order_id": OURS,
        "instrument": OPTION,
        "purpose": "ENTRY",
        "side": "BUY",
        "order_type": "LIMIT",
        "tif": "DAY",
        "qty_1e8": 2 * ONE,
        "limit_1e8": 510_000_000,
    }
    return orjson.dumps({**fields, **changes})


def test_an_option_order_is_a_form_with_its_underlying_and_its_tag() -> None:
    """BR-1: the exact bytes, the same each time; SPXW's underlying is SPX at this venue."""
    prepared = prepare(intent(), "VA00000001")
    assert (prepared.method, prepared.path) == ("POST", "/v1/accounts/VA00000001/orders")
    assert dict(parse_qsl(prepared.body.decode())) == {
        "class": "option",
        "symbol": "SPX",
        "option_symbol": OPTION,
        "side": "buy_to_open",
        "quantity": "2",
        "type": "limit",
        "price": "5.1",
        "duration": "day",
        "tag": tag_of(OURS),
    }
    assert prepare(intent(), "VA00000001") == prepared


@pytest.mark.parametrize(
    ("purpose", "side", "symbol", "word"),
    [
        ("ENTRY", "BUY", "SPY", "buy"),
        ("ENTRY", "SELL", "SPY", "sell_short"),
        ("EXIT", "SELL", "SPY", "sell"),
        ("EXIT", "BUY", "SPY", "buy_to_cover"),
        ("EXIT", "SELL", OPTION, "sell_to_close"),
        ("EXIT", "BUY", OPTION, "buy_to_close"),
    ],
)
def test_the_side_says_whether_it_opens_or_closes(
    purpose: str, side: str, symbol: str, word: str
) -> None:
    """BR-1: Tradier has four words for shares and three that we use for options."""
    made = prepare(intent(purpose=purpose, side=side, instrument=symbol), "VA1")
    assert dict(parse_qsl(made.body.decode()))["side"] == word


LATER = Leg(option_symbol="SPX261218C06800000", side="buy_to_open", quantity=1)
WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: prepare(intent(side="SELL"), "VA1"), "sell_to_open of an option is blocked"),
    (lambda: prepare(intent(qty_1e8=ONE // 2), "VA1"), "quantities are whole"),
    (lambda: prepare(intent(qty_1e8=0), "VA1"), "quantities are whole"),
    (lambda: prepare(intent(limit_1e8=None), "VA1"), "limit needs limit price"),
    (lambda: prepare(intent(limit_1e8=123), "VA1"), "multiple of"),
    (lambda: prepare(intent(tif="IOC"), "VA1"), "duration must be one of"),
    (lambda: prepare(intent(order_type="MARKET", limit_1e8=None, tif="GTC"), "VA1"), "not gtc"),
    (lambda: replacement(STANDING, limit_1e8=None, stop_1e8=None), "must change a price"),
    (lambda: replacement(STANDING, limit_1e8=None, stop_1e8=ONE), "takes no stop price"),
    (lambda: body_of(spread(Leg(option_symbol=OPTION, side="sell_to_open", quantity=1))), "block"),
    (lambda: body_of(spread()), "2 to 4 legs"),
    (lambda: body_of(spread(LATER)), "share one expiration"),
]


def test_a_change_says_the_orders_own_type_and_duration_again() -> None:
    """BR-1: a form with another duration would make a day order of a gtc order."""
    standing = replace(STANDING, type="stop_limit", duration="gtc", stop_1e8=3 * ONE)
    form = dict(parse_qsl(replacement(standing, limit_1e8=None, stop_1e8=4 * ONE).decode()))
    assert form == {"type": "stop_limit", "duration": "gtc", "price": "2", "stop": "4"}


def spread(*more: Leg) -> Ticket:
    leg = Leg(option_symbol=OPTION, side="buy_to_open", quantity=1)
    return Ticket(
        client_order_id="s-1", symbol="SPX", type="debit", limit_1e8=ONE, legs=(leg, *more)
    )


@pytest.mark.parametrize(("make", "why"), WRONG, ids=[why for _, why in WRONG])
def test_what_the_venue_would_refuse_is_refused_here(make: Callable[[], object], why: str) -> None:
    """EX-10: with the rule, before a byte is sent; sell_to_open has no override."""
    with pytest.raises(CannotPrepareError, match=why):
        make()


def test_several_legs_are_numbered_and_their_net_price_is_positive() -> None:
    """BR-1: a multileg order, leg by leg."""
    made = body_of(spread(Leg(option_symbol="SPXW261120C06900000", side="buy_to_open", quantity=2)))
    fields = dict(parse_qsl(made.decode()))
    assert (fields["class"], fields["type"], fields["price"]) == ("multileg", "debit", "1")
    assert (fields["side[1]"], fields["quantity[1]"]) == ("buy_to_open", "2")


# -- what an order's answer means ------------------------------------------------------------------


def outcome(response: Response) -> SendOutcome:
    return venue().understand_answer(OURS, response)


@pytest.mark.parametrize(
    "response",
    [
        answer({"errors": {"error": ["InitialMargin", "too small"]}}),
        answer({"errors": {"error": "QuotePriceIsInvalid"}}),
        answer(b"Invalid parameter, tag: contains invalid characters.", 400, TEXT),
        answer(b"Invalid Access Token", 401, TEXT),
    ],
)
def test_a_plain_no_is_a_refusal_with_the_venues_words(response: Response) -> None:
    """EX-11: a 200 of errors is one, and so is a text that is not JSON."""
    refused = outcome(response)
    assert isinstance(refused, Refused)
    assert refused.answer.text


@pytest.mark.parametrize(
    "response",
    [
        answer(b"", 502, TEXT),
        answer(b"slow down", 429, TEXT),
        answer(b"not found", 404, TEXT),
        answer({"order": {"id": "x"}}),
        answer({"order": None}),
        answer(b"<html>", 200, {"content-type": "text/html"}),
        answer({"fault": {"faultstring": "gateway"}}, 504),
    ],
)
def test_what_leaves_it_open_is_unknown_and_never_a_refusal(response: Response) -> None:
    """EX-6: the order may be booked; the tag is looked for."""
    assert isinstance(outcome(response), Unknown)


def test_ok_is_received_and_names_the_venues_id() -> None:
    """EX-1: accepted by the venue's systems; what the exchange says comes later."""
    sent = outcome(answer({"order": {"id": 257459, "status": "ok", "partner_id": "p"}}))
    assert isinstance(sent, Sent)
    assert (sent.broker_order_id, [each.kind for each in sent.reports]) == ("257459", ["ACCEPTED"])


# -- lists in three shapes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"orders": "null"}, 0),
        ({"orders": None}, 0),
        ({"orders": {"order": ORDER}}, 1),
        ({"orders": {"order": [ORDER, ORDER]}}, 2),
        ({"orders": {"order": "null"}}, 0),
    ],
)
def test_a_list_has_three_shapes(body: Any, count: int) -> None:
    """BR-1: the text "null", a bare object, or a list."""
    found = rows(answer(body), ("orders", "order"), Order, "orders")
    assert [each.filled_1e8 for each in found] == [ONE] * count


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"orders":[]}', b'{"orders":{"order":7}}', b'{"orders":"nil"}', b"{}"],
)
def test_no_other_shape_is_taken_for_an_empty_list(body: bytes) -> None:
    """EX-6: a list that cannot be read proves no absence."""
    with pytest.raises(MalformedError, match="tradier orders: expected"):
        rows(answer(body), ("orders", "order"), Order, "orders")


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_say_that_they_cannot_be_read(body: bytes) -> None:
    """BR-1: each parser either reads or refuses."""
    for read in (
        lambda: rows(answer(body), ("orders", "order"), Order, "fuzz"),
        lambda: part(answer(body), "balances", Balances, "fuzz"),
        lambda: errors_in(answer(body)),
        lambda: ListedRest().said(answer(body, 400, TEXT)),
        lambda: events_in(body),
    ):
        try:
            read()
        except (MalformedError, StreamError):
            continue


# -- looking up ------------------------------------------------------------------------------------


def test_an_order_is_found_by_its_tag_and_its_fill_is_a_total() -> None:
    """EX-5: the venue names no executions."""
    found = look_up(venue(order(tag="somebody-elses"), order()))
    assert told(found) == [("ACCEPTED", 0, 0), ("FILLED_TO", ONE, 510_000_000)]


def test_a_cancelled_order_keeps_what_was_filled_of_it() -> None:
    """EX-7: remaining_quantity is 0 then, and is not read."""
    found = look_up(venue(order(status="canceled", remaining_quantity=0)))
    assert [kind for kind, *_ in told(found)] == ["ACCEPTED", "FILLED_TO", "CANCELLED"]


def test_two_orders_of_one_tag_are_never_taken_for_one() -> None:
    """EX-6: tags repeat at this venue; a person must look."""
    found = look_up(venue(order(), order(id=257460)))
    assert found.reports is None
    assert "257459, 257460" in found.problem


ASKED: dict[str, Any] = {
    "client_order_id": OURS,
    "instrument": OPTION,
    "side": "BUY",
    "qty_1e8": 2 * ONE,
    "reference_ns": NOW_NS,
    "strategy": "a",
}
OTHERS = [
    {"option_symbol": "SPXW261120P06800000"},
    {"side": "sell_to_close"},
    {"quantity": 3.0},
    {"create_date": "2026-11-18T15:00:01.312Z"},
]


@pytest.mark.parametrize("other", OTHERS, ids=["symbol", "side", "quantity", "time"])
def test_an_order_of_our_tag_must_be_what_we_asked_for(other: dict[str, Any]) -> None:
    """EX-6: tag, symbol, side, quantity and time; another one is not ours, and proves nothing."""
    stranger, ours = order(id=1, **other), order(id=2)
    both, alone = venue(stranger, ours), venue(stranger)
    for one in (both, alone):
        one.remember(lambda: [orjson.dumps(ASKED)])
    found = look_up(both)
    assert {report.broker_order_id for report in found.reports or ()} == {"2"}
    found = look_up(alone)
    assert found.reports is None
    assert "(1) none is as asked" in found.problem


def test_absence_is_an_answer_only_on_the_orders_own_day() -> None:
    """EX-6: the list forgets at midnight in New York, so that the next day it proves nothing."""
    at = venue()
    begins = [look_up(at).since_ns]
    cast("ListedRest", at.rest).now = NOW_NS + 14 * 3_600 * 10**9  # 01:00 in New York
    begins.append(look_up(at).since_ns)
    assert begins == [NOW_NS - 11 * 3_600 * 10**9, NOW_NS + 13 * 3_600 * 10**9]


def test_error_is_a_rejection_at_the_second_look_and_only_without_fills() -> None:
    """EX-1: until then nothing is known."""
    at = venue(order(status="error", exec_quantity=0, reason_description="no"))
    assert "second look" in look_up(at).problem
    assert told(look_up(at)) == [("REJECTED", 0, 0)]
    filled = venue(order(status="error"))
    for found in (look_up(filled), look_up(filled)):
        assert "'error', which is unknown" in found.problem
        assert found.is_in_doubt


def test_a_status_that_nobody_knows_leaves_the_order_unknown() -> None:
    """EX-1: and says which."""
    assert "'levitating'" in look_up(venue(order(status="levitating"))).problem


# -- events ----------------------------------------------------------------------------------------


def event(**changes: Any) -> bytes:
    fields = {
        "id": 257459,
        "event": "order",
        "status": "filled",
        "avg_fill_price": 5.1,
        "exec_quantity": 2.0,
        "transaction_date": "2026-11-20T15:00:02.001Z",
        "account": "VA00000001",
        "tag": tag_of(OURS),
    }
    return orjson.dumps({**fields, **changes})


def test_an_event_is_joined_by_its_tag_else_by_the_venues_id() -> None:
    """MD-9: it has no symbol and no side."""
    at = venue()
    (said_with_tag,) = events_in(event())
    assert at.understand(said_with_tag).client_order_id == OURS
    (without,) = events_in(event(tag=None))
    assert at.understand(without).client_order_id == OURS
    (foreign,) = events_in(event(tag=None, id=9))
    assert at.understand(foreign).client_order_id == "9"


def test_the_older_name_of_the_total_is_read_too() -> None:
    """EX-5: executed_quantity; and a filled order without a total is asked for."""
    at = venue()
    (older,) = events_in(event(exec_quantity=None, executed_quantity=2))
    kinds = [(each.kind, each.qty_1e8) for each in at.understand(older).reports]
    assert kinds == [("ACCEPTED", 0), ("FILLED_TO", 2 * ONE)]
    (hollow,) = events_in(event(exec_quantity=None))
    assert at.understand(hollow).asks_look_up


def test_an_unknown_status_puts_the_order_in_doubt() -> None:
    """EX-1: it is asked for, and somebody is told."""
    (odd,) = events_in(event(status="levitating"))
    news = venue().understand(odd)
    assert news.is_in_doubt
    assert news.asks_look_up
    assert "levitating" in news.warning
