"""A long session of seeded steps in which the venue plays every fault it knows; its book judges."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from actors.operator_words import KillLevel, ResumeRequest
from actors.trader_port import RunningTrader
from tests.support.live import (
    LIMIT_S,
    SYMBOL,
    Live,
    Venue,
    agree,
    at_venue,
    live,
    live_config,
    simulator,
)
from trading.config import Config

IS_SOAK = bool(os.environ.get("HOLDFAST_SOAK"))
STEPS = 200 if IS_SOAK else 50
MAKE_UP_MAX = 20
SEED = 20_261_120
BROKERS = ("alpaca", "tradier")
QUIET_S = 0.2
FOREIGN = {"early_close", "replace_rejected"}
"""Hours round the clock have no close, and no rule of the system replaces an order."""
SETTINGS: dict[str, dict[str, Any]] = {
    "restart": {"seconds": QUIET_S},
    "rate_limit_window": {"seconds": QUIET_S},
    "auth_revoked": {"seconds": QUIET_S},
    "mute_stream": {"seconds": QUIET_S},
    "odd_status": {"seconds": QUIET_S},
    "cancel_stuck": {"seconds": 1},
    "delay": {"ms": 50},
    "delay_event": {"ms": 50},
    "reversal": {"seconds": 0},
}
CHOICES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "accept_then_drop": ("how", ("close", "reset", "hang")),
    "accept_then_status": ("status", (500, 502, 504)),
    "malformed": ("how", ("truncated", "html", "nan", "types", "text", "empty", "extra")),
    "malformed_event": ("how", ("truncated", "nan", "types", "text", "extra")),
}


def config() -> Config:
    """Entries that rest are cancelled by their own timer after a second."""
    found = live_config()
    account = msgspec.structs.replace(found.account, entry_ttl_s=1)
    return msgspec.structs.replace(found, account=account)


class Session:
    """The steps of one session; some faults strike orders at market only, others resting ones."""

    at_market: tuple[str, ...] = ("reversal", "reject_after_accept", "repeat_event")
    at_rest: tuple[str, ...] = ()

    def __init__(self, desk: Live, where: Venue, chance: Random) -> None:
        """Nothing has happened."""
        self.desk, self.where, self.chance = desk, where, chance
        self.played: list[str] = []
        self.hits: Counter[str] = Counter()
        self.port = RunningTrader(desk.trader.system, rescan=dict)

    async def step(self, number: int, verb: str) -> None:
        """One fault, one action, and back to a flat account."""
        self.desk.trader.system.wiring.breakers.reset("the test")
        gate = self.desk.trader.system.gate
        await self.desk.until(lambda: gate.refuses(True) is None, "an open gate")  # noqa: FBT003
        await self.fault(verb)
        act = self.chance.choices((self.trade, self.rest, self.flatten), (6, 3, 1))[0]
        if verb in self.at_market:
            act = self.trade
        elif verb in self.at_rest or "cancel" in verb:
            act = self.rest
        self.played.append(f"{number} {verb} {act.__name__}")
        await act(f"m{number}")
        await self.settle()
        for rule in await self.where.get("/admin/faults"):
            self.hits[rule["verb"]] += rule["hits"]
        await self.where.clear()

    async def make_up_for(self, verbs: Sequence[str], number: int) -> None:
        """Play once more what never struck: its orders were refused each time."""
        for again in range(MAKE_UP_MAX):
            missed = [verb for verb in verbs if not self.hits[verb]]
            if missed:
                await self.step(number + again, missed[again % len(missed)])

    async def fault(self, verb: str) -> None:
        """Arm it, with settings drawn where it knows some."""
        settings = dict(SETTINGS.get(verb, {}))
        if verb in CHOICES:
            name, values = CHOICES[verb]
            settings[name] = self.chance.choice(values)
        await self.where.fault(verb, **settings)

    async def trade(self, setup: str) -> None:
        """In at market."""
        await self.intend(setup)

    async def rest(self, setup: str) -> None:
        """A limit order that nobody fills; its own timer cancels it."""
        cents = self.desk.trader.system.telemetry.prices_1e8[SYMBOL] * 985 // 1000 // 1_000_000
        await self.intend(setup, order_type="LIMIT", limit_1e8=cents * 1_000_000)

    async def intend(self, setup: str, **changes: Any) -> None:
        """A signal, and what became of it."""
        verdicts = len(self.desk.payloads("VerdictGiven"))
        self.desk.ask(setup_instance=setup, **changes)
        await self.desk.until(
            lambda: len(self.desk.payloads("VerdictGiven")) > verdicts, "a verdict"
        )

    async def flatten(self, setup: str) -> None:
        """A kill in the middle of an order, and its end."""
        desk, before = self.desk, len(self.desk.payloads("KillDone"))
        await self.intend(setup)
        desk.kill(KillLevel.FLATTEN)
        await desk.until(lambda: len(desk.payloads("KillDone")) > before, "the end of a kill")
        async with asyncio.timeout(LIMIT_S):
            while desk.trader.system.gate.refuses(False) is not None or self.is_killed():  # noqa: FBT003
                request = ResumeRequest(id="resume", reason="a test", by="a test", rearm=False)
                self.port.resume(request, lambda _: None)
                await asyncio.sleep(0.02)  # the kill is lifted once the venue has confirmed it

    def is_killed(self) -> bool:
        """A kill is latched."""
        return self.desk.trader.system.kill_memory.level != "NONE"

    async def settle(self) -> None:
        """Leave what is held, again if need be, until nothing is."""
        desk = self.desk
        async with asyncio.timeout(2 * LIMIT_S):
            while not desk.is_flat:
                core = desk.trader.system.core
                if core is not None and core.positions() and not core.orders():
                    desk.leave()
                await asyncio.sleep(0.02)  # between two looks


@pytest.fixture(params=BROKERS)
def told(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """A simulator of its own."""
    with simulator("--seed", "11", venue=str(request.param)) as told:
        yield told


@pytest.mark.timeout(600)
def test_a_session_of_every_fault_ends_as_the_venue_has_it(
    told: dict[str, str], tmp_path: Path
) -> None:
    """BR-2, ST-3: orders, fills, positions and cash are the venue's; no orphan, no duplicate."""

    async def play() -> None:
        chance = Random(SEED)
        async with at_venue(told) as where, live(where, tmp_path, config=config()) as desk:
            await desk.ready()
            verbs = sorted(set(await where.get("/admin/verbs")) - FOREIGN)
            cash = Decimal((await where.truth())["cash"])
            session = Session(desk, where, chance)
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

    asyncio.run(play())
