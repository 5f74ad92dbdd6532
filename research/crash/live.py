"""One crash round in LIVE: a trader at a simulated venue, killed, started again, and compared.

Each round has a venue with an empty book. What the venue does to the order that is under way is
drawn as well: nothing, or one of the deadly answers (booked, and the answer lost, cut or an error).
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
import orjson

from research.crash.books import read_record, venue_book
from research.crash.judge import compare
from research.crash.market import ticker_config
from research.crash.plan import Plan
from research.crash.process import KILLED, Round, RoundFailedError, expect
from storage.verify import verify
from trading.run_options import ExitCode, Mode, RunOptions

_VENUE: Final = ("venue", "alpaca", "--clock", "now", "--hours", "always", "--json")
_REQUESTS_PER_MIN: Final = 60_000
_VENUE_WAIT_S: Final = 30.0
_OCCURRENCES: Final = 3
FAULTS: Final[tuple[dict[str, Any] | None, ...]] = (
    None,
    {"verb": "accept_then_drop", "how": "close"},
    {"verb": "accept_then_drop", "how": "reset"},
    {"verb": "accept_then_drop", "how": "hang"},
    {"verb": "accept_then_status", "status": 504},
)
"""What the venue answers to the order that the round is about; None is as it should be."""


class Venue:
    """A simulator in a process of its own, and its admin port."""

    def __init__(self, told: dict[str, str], http: aiohttp.ClientSession) -> None:
        """Know what its first line said."""
        self.told = told
        self._http = http

    @property
    def environment(self) -> dict[str, str]:
        """The keys, as a trader wants them."""
        return {
            "HOLDFAST_ALPACA_KEY": self.told["key"],
            "HOLDFAST_ALPACA_SECRET": self.told["secret"],
        }

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request to the admin port.

        Raises:
            RoundFailedError: It is refused.
        """
        data = None if body is None else orjson.dumps(body)
        url = self.told["admin_url"] + path
        async with self._http.request(method, url, data=data) as response:
            said = await response.json(loads=orjson.loads)
        if response.status != 200:  # noqa: PLR2004 - HTTP's word for done
            raise RoundFailedError(f"{method} {path} at the venue: {said}")
        return said

    async def empty(self) -> None:
        """No orders, no faults, its clock ours."""
        now = datetime.fromtimestamp(time.time_ns() / 1e9, tz=UTC).isoformat()
        await self.ask("DELETE", "/admin/faults")
        await self.ask("POST", "/admin/reset", {"clock": now})


@contextlib.asynccontextmanager
async def venue(seed: int) -> AsyncIterator[Venue]:
    """Start `holdfast venue alpaca`, and end it."""
    command = (str(Path(sys.executable).with_name("holdfast")), *_VENUE, "--seed", str(seed))
    process = await asyncio.create_subprocess_exec(
        *(*command, "--requests-per-min", str(_REQUESTS_PER_MIN)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None:
            raise RoundFailedError("the venue must have an output, has none")
        async with asyncio.timeout(_VENUE_WAIT_S):
            told = orjson.loads(await process.stdout.readline())
        async with aiohttp.ClientSession() as http:
            yield Venue(told, http)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


class LiveRounds:
    """Rounds at one venue, one after the other."""

    def __init__(self, folder: Path, where: Venue) -> None:
        """Write the configuration; nothing has run."""
        self._folder = folder
        self._config = ticker_config(folder)
        self._where = where

    def _options(self, data_dir: Path, *, recover: bool) -> str:
        options = RunOptions(
            mode=Mode.LIVE,
            broker="alpaca",
            url=self._where.told["url"],
            config=self._config,
            data_dir=data_dir,
            recover=recover,
        )
        return options.to_json()

    async def round(self, number: int, point: str, random: Random) -> Round:
        """Kill a trader at a visit of a point, start it again, let it trade, and compare."""
        where, data_dir = self._where, self._folder / f"round-{number}"
        await where.empty()
        is_kill = point == "mid-kill"
        occurrence = random.randint(1, _OCCURRENCES)
        await self._spoil(random.choice(FAULTS), 0 if is_kill else (occurrence - 1))
        plan = Plan(
            options=self._options(data_dir, recover=False),
            point=point,
            occurrence=occurrence,
            kill_at_fill=1 if is_kill else 0,
        )
        await expect(plan, data_dir, KILLED, where.environment)
        before = read_record(data_dir)
        await where.ask("DELETE", "/admin/faults")
        again = Plan(
            options=self._options(data_dir, recover=True),
            point="kill done durably" if is_kill else "traded again",
            by="SIGINT",
        )
        started_ns = await expect(again, data_dir, ExitCode.DONE, where.environment)
        after = read_record(data_dir, "RECONNECTED")
        truth = await where.ask("GET", "/admin/truth")
        audit = await where.ask("GET", "/admin/audit")
        found = compare(after.book, venue_book(truth, audit["requests"]), before=before.book)
        found.lost += verify(data_dir).faults
        if is_kill and (after.book.held or after.book.open):
            found.orphans.append(f"{after.state} is open behind a FLATTEN")
        return Round(
            number=number,
            mode="LIVE",
            point=point,
            occurrence=occurrence,
            state=before.state,
            findings=found,
            recover_ms=(after.back_ns - started_ns) / 1e6,
        )

    async def _spoil(self, fault: dict[str, Any] | None, skip: int) -> None:
        if fault is not None:
            await self._where.ask("POST", "/admin/faults", {**fault, "skip": skip})
