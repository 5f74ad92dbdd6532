"""What our Polymarket adapter says of a wallet's holdings while the data service is away."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from brokers.credentials import Credentials
from brokers.polymarket.connect import Addresses, Connection
from brokers.polymarket.venue import PolymarketVenue
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
