"""How markets end, and exits from them: what agrees, what is doubted, what is paid (MD-8)."""

from collections.abc import Iterator
from typing import Any

import pytest

from brokers.base import Sent
from brokers.polymarket.resolutions import prices_of
from brokers.polymarket.words import GammaMarket
from brokers.reading import MalformedError
from tests.brokers.test_polymarket_venue import ONE, TAKES, Desk, run
from tests.support.live import at_venue, simulator
from tests.support.polymarket import FAST


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """A simulator whose prices stand still."""
    with simulator("--still", venue="polymarket") as told:
        yield told


def at_desk(told: dict[str, str], steps: Any) -> None:
    """Play at a desk of its own; money settles at once."""

    async def whole() -> None:
        async with at_venue(told) as where:
            await where.post("/admin/settlement", FAST | {"paid_s": 0.4})
            await where.post("/admin/quote", {"symbol": "RAIN", "bid": "0.50", "ask": "0.52"})
            desk = await Desk.at(where)
            try:
                await steps(desk)
            finally:
                await desk.venue.close()

    run(whole())


@pytest.mark.parametrize(
    ("body", "worth_1e8", "doubts"),
    [
        ({"winner": "Yes"}, ONE, 0),
        ({"winner": "No"}, 0, 0),
        ({"winner": "split"}, ONE // 2, 0),
        ({"winner": "Yes", "gamma": "No"}, ONE, 2),
    ],
    ids=["won", "lost", "split", "another winner elsewhere"],
)
def test_a_decided_market_is_told_once_with_what_contradicts_it(
    told: dict[str, str], body: dict[str, str], worth_1e8: int, doubts: int
) -> None:
    """MD-8: the book decides; the service of markets is compared token by token."""

    async def steps(desk: Desk) -> None:
        asking = desk.connection.resolutions()
        try:
            assert list(await asking.ask()) == []
            await desk.where.post("/admin/resolve", {"symbol": "RAIN", **body})
            (found,) = await asking.ask()
            assert found.instrument == desk.tokens["rain"]
            assert found.worth_1e8 == worth_1e8
            assert len(found.doubts) == doubts, found.doubts
            assert list(await asking.ask()) == []
        finally:
            asking.close()

    at_desk(told, steps)


@pytest.mark.parametrize(("winner", "worth_1e8"), [("Yes", ONE), ("No", 0)])
def test_an_exit_from_a_decided_market_is_paid_and_never_sent(
    told: dict[str, str], winner: str, worth_1e8: int
) -> None:
    """MD-8, PX-6: filled at what the outcome pays, when it was paid; the money is the venue's."""

    async def steps(desk: Desk) -> None:
        await desk.sent("in", **TAKES)
        while [each["status"] for each in (await desk.where.truth())["trades"]] != ["CONFIRMED"]:
            pass
        await desk.where.post("/admin/resolve", {"symbol": "RAIN", "winner": winner})
        asking = desk.connection.resolutions()
        assert len(await asking.ask()) == 1
        asking.close()
        out = desk.prepared("out", side="SELL", purpose="EXIT", order_type="MARKET", tif="DAY")
        sent = await desk.venue.send(out, lambda: None, is_entry=False)
        assert isinstance(sent, Sent)
        while True:
            found = await desk.venue.look_up("out")
            kinds = [each.kind for each in found.reports or ()]
            if kinds == ["ACCEPTED", "FILLED"]:
                break
            assert kinds == ["ACCEPTED"], found
        assert found.reports is not None
        assert found.reports[-1].price_1e8 == worth_1e8
        assert out.venue_id not in await desk.booked()
        truth = await desk.where.truth()
        if worth_1e8:
            assert [each["paid"] for each in truth["redemptions"]] == ["10"]

    at_desk(told, steps)


@pytest.mark.parametrize(
    ("tokens", "prices"), [('["1"]', "[]"), ("x", "[]"), ('["1"]', '["much"]'), ("[1]", "[2]")]
)
def test_lists_that_cannot_be_read_are_no_prices(tokens: str, prices: str) -> None:
    """MD-8: lists of other lengths, no lists, no numbers."""
    with pytest.raises(MalformedError):
        prices_of(GammaMarket(clob_token_ids=tokens, outcome_prices=prices))
