"""A long session of seeded steps at Polymarket, in which the venue plays every fault it knows."""

import asyncio
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from tests.support.live import live, simulator
from tests.support.polymarket import FAST, agree, at_polymarket, config, outcome, ready
from tests.system.test_mixed_session import FOREIGN, IS_SOAK, SEED, Session

STEPS = 200 if IS_SOAK else 50
SEEDS = range(SEED, SEED + 3) if IS_SOAK else (SEED,)
CENT = 1_000_000
ONE = 100_000_000
QTY = 20
OWN: dict[str, dict[str, Any]] = {
    "settlement_retries": {"seconds": 0.1},
    "engine_restart": {"seconds": 0.2, "post_only_seconds": 0.2},
    "cancel_only": {"seconds": 0.2},
}


class Outcomes(Session):
    """Entries are limit orders here: at once, or resting below the market."""

    at_market = ("reversal", "repeat_event")
    at_rest = ("reject_after_accept",)  # what is at once is over before it could be

    async def fault(self, verb: str) -> None:
        """With short times of this venue's own verbs."""
        if verb in OWN:
            await self.where.fault(verb, **OWN[verb])
        else:
            await super().fault(verb)

    async def trade(self, setup: str) -> None:
        """In at once."""
        await self.bid(setup, 10, "IOC")

    async def rest(self, setup: str) -> None:
        """A limit order that nobody fills; its own timer cancels it."""
        await self.bid(setup, -20, "GTC")

    async def bid(self, setup: str, cents_above: int, tif: str) -> None:
        """A limit order so far from the last price."""
        price_1e8 = self.desk.trader.system.telemetry.prices_1e8[self.desk.symbol]
        cents = min(max(price_1e8 // CENT + cents_above, 2), 98)
        await super().intend(
            setup, order_type="LIMIT", tif=tif, limit_1e8=cents * CENT, qty_1e8=QTY * ONE
        )

    async def intend(self, setup: str, **changes: Any) -> None:
        """What the kill does: an order at once."""
        await (super().intend(setup, **changes) if changes else self.trade(setup))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_session_of_every_fault_ends_as_the_venue_has_it(tmp_path: Path, seed: int) -> None:
    """BR-2, ST-3, EX-7: orders, fills, positions and cash are the venue's; none an orphan."""

    async def play(told: dict[str, str]) -> None:
        chance = Random(seed)
        async with at_polymarket(told) as where:
            await where.post("/admin/settlement", FAST)
            token_id = await outcome(where)
            chosen = config(token_id)
            account = msgspec.structs.replace(chosen.account, entry_ttl_s=1)
            chosen = msgspec.structs.replace(chosen, account=account)
            async with live(where, tmp_path, config=chosen, symbol=token_id) as desk:
                await ready(desk)
                verbs = sorted(set(await where.get("/admin/verbs")) - FOREIGN)
                cash = Decimal((await where.truth())["cash"])
                session = Outcomes(desk, where, chance)
                deck: list[str] = []
                for number in range(STEPS):
                    if not deck:
                        deck = chance.sample(verbs, len(verbs))
                    try:
                        await session.step(number, deck.pop())
                    except (AssertionError, TimeoutError) as error:
                        raise AssertionError(f"{session.played[-3:]}: {error}") from error
                if IS_SOAK:
                    await session.make_up_for(verbs, STEPS)
                await agree(desk, where)
                truth = await where.truth()
                taken_back = {each["execution_id"] for each in desk.payloads("FillReversed")}
                moved = sum(
                    (-1 if fill["side"] == "BUY" else 1)
                    * Decimal(fill["qty_1e8"]).scaleb(-8)
                    * Decimal(fill["price_1e8"]).scaleb(-8)
                    for fill in desk.payloads("OrderFilled")
                    if fill["execution_id"] not in taken_back
                )
                assert round(Decimal(truth["cash"]) - cash, 2) == round(moved, 2)
                assert len(desk.payloads("OrderIntended")) > STEPS // 2
                missed = [verb for verb in verbs if not session.hits[verb]]
                assert not missed or not IS_SOAK, f"never played: {missed}"

    with simulator("--seed", "11", venue="polymarket") as told:
        asyncio.run(play(told))
