"""What our Polymarket adapter says of a wallet's holdings while the data service is away."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from brokers.credentials import Credentials
from brokers.limiter import Priority
from brokers.polymarket.connect import Addresses, Connection
from brokers.polymarket.rest import Rest
from brokers.polymarket.venue import PolymarketVenue
from brokers.polymarket.words import Allowance, Holding
from tests.brokers.test_polymarket_venue import ONE, TAKES, Desk, run
from tests.support.live import at_venue, simulator
from tests.support.polymarket import FAST
from trading.ports import Part

ASKED = (0, frozenset({Part.POSITIONS}), 0)
SERVICE = {"on": "GET /data-api/positions*", "times": "always"}


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """A simulator whose prices stand still."""
    with simulator("--still", "--requests-per-min", "2400", venue="polymarket") as told:
        yield told


def at_desk(told: dict[str, str], steps: Any) -> None:
    """Play at a desk of its own."""

    async def whole() -> None:
        async with at_venue(told) as where:
            await where.post("/admin/settlement", FAST)
            desk = await Desk.at(where)
            try:
                await steps(desk)
            finally:
                await desk.venue.close()

    run(whole())


def of_outcomes(desk: Desk, *tokens: str) -> PolymarketVenue:
    """Another run of the same wallet, which names these outcomes only."""
    connection = Connection(
        addresses=Addresses.of(desk.where.told["url"]),
        credentials=Credentials(desk.where.told["address"], desk.where.told["private_key"]),
        now_ns=time.time_ns,
        mono_ns=time.monotonic_ns,
    )
    connection.session.book.want(list(tokens))
    return connection.venue()


@pytest.mark.parametrize(
    ("verb", "settings"),
    [("refuse", {"status": 503}), ("malformed", {"how": "html"}), ("malformed", {"how": "types"})],
    ids=["away", "nonsense", "other types"],
)
def test_what_the_data_service_cannot_list_is_not_known_and_not_none(
    told: dict[str, str], verb: str, settings: dict[str, Any]
) -> None:
    """ST-3: the run's own outcomes are told of, held or not; of others nothing is claimed."""

    async def steps(desk: Desk) -> None:
        rain, rates, fine = (desk.tokens[each] for each in ("rain", "rates", "fine"))
        await desk.sent("ours", **TAKES)
        await desk.sent("theirs", market="rates", **TAKES)
        another = of_outcomes(desk, rain, fine)
        try:
            whole = await another.state(*ASKED)
            while len(whole.positions or ()) < 2:  # settled
                whole = await another.state(*ASKED)
            assert {each.instrument for each in whole.positions or ()} == {rain, rates}
            assert whole.positions_of is None
            await desk.where.fault(verb, **SERVICE, **settings)
            part = await another.state(*ASKED)
            assert part.problem == ""
            held = [(each.instrument, each.qty_1e8) for each in part.positions or ()]
            assert held == [(rain, 10 * ONE)]
            assert part.positions_of == frozenset({rain, fine})
            await desk.where.clear()
        finally:
            await another.close()

    at_desk(told, steps)


def test_a_trade_that_is_mined_between_two_questions_is_not_held_twice(
    told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-3: under way when the trades were read, in the wallet when that was: once all the same."""
    asked = Rest.outcome_held

    async def steps(desk: Desk) -> None:
        await desk.where.post("/admin/settlement", {**FAST, "mined_s": 0.3})

        async def mined_first(rest: Rest, token_id: str, priority: Priority) -> Allowance:
            while [each["status"] for each in (await desk.where.truth())["trades"]] == ["MATCHED"]:
                pass
            return await asked(rest, token_id, priority)

        await desk.sent("ours", **TAKES)
        monkeypatch.setattr(Rest, "outcome_held", mined_first)
        found = await desk.venue.state(*ASKED)
        held = [(each.instrument, each.qty_1e8) for each in found.positions or ()]
        assert held == [(desk.tokens["rain"], 10 * ONE)]

    at_desk(told, steps)


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_wallet_of_more_than_a_page_is_told_of_wholly(told: dict[str, str], page: int) -> None:
    """ST-3: pages before, at and behind the end; none of it is missing, and none is there twice."""

    async def steps(desk: Desk) -> None:
        for number, market in enumerate(("rain", "rates")):
            await desk.sent(f"p-{number}", market=market, **TAKES)
        another = of_outcomes(desk, desk.tokens["fine"])
        another.rest.holdings_page = page
        held = {desk.tokens["rain"]: 10 * ONE, desk.tokens["rates"]: 10 * ONE}
        try:
            found = await another.state(*ASKED)
            while len(found.positions or ()) < len(held):  # settled
                found = await another.state(*ASKED)
        finally:
            await another.close()
        assert {each.instrument: each.qty_1e8 for each in found.positions or ()} == held
        assert len(found.positions or ()) == len(held)
        assert found.positions_of is None
        asked = (await desk.where.get("/admin/audit"))["requests"]
        pages = [each for each in asked if each["path"] == "/data-api/positions"]
        assert {each["status"] for each in pages} == {200}

    at_desk(told, steps)


def test_a_service_that_repeats_its_page_has_not_told_of_everything(
    told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-3: the same rows again are no second page; what lies beyond them is not known."""

    async def steps(desk: Desk) -> None:
        await desk.sent("ours", **TAKES)
        fine = desk.tokens["fine"]
        another = of_outcomes(desk, fine)
        another.rest.holdings_page = 1
        first = Rest._held_from  # noqa: SLF001 - what the service is asked

        async def again(rest: Rest, _: int, priority: Priority) -> list[Holding]:
            return await first(rest, 0, priority)

        try:
            while not (await another.state(*ASKED)).positions:
                pass  # not settled yet
            monkeypatch.setattr(Rest, "_held_from", again)
            found = await another.state(*ASKED)
            assert found.problem == ""
            assert found.positions_of == frozenset({fine})
        finally:
            await another.close()

    at_desk(told, steps)


def test_of_many_outcomes_each_is_asked_for_while_the_data_service_is_away(
    told: dict[str, str],
) -> None:
    """ST-3: the list that spares calls is missing, so that none is spared."""

    async def steps(desk: Desk) -> None:
        await desk.sent("ours", **TAKES)
        await desk.again()  # an incarnation that heard of no trade
        await desk.where.fault("refuse", **SERVICE)
        part = await desk.venue.state(*ASKED)
        held = [(each.instrument, each.qty_1e8) for each in part.positions or ()]
        assert held == [(desk.tokens["rain"], 10 * ONE)]
        assert part.positions_of == frozenset(desk.tokens.values())

    at_desk(told, steps)
