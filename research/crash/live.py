"""One crash round in LIVE: a trader at a simulated venue, killed, started again, and compared.

Each round has a venue with an empty book. What the venue does to the order that is under way is
drawn as well: nothing, or one of the deadly answers (booked, and the answer lost, cut or an error).
"""

import asyncio
import contextlib
import re
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
import orjson

from research.crash.books import history_of, read_record, state_of, venue_book
from research.crash.judge import Findings, compare
from research.crash.market import ticker_config
from research.crash.plan import Plan
from research.crash.process import KILLED, Round, RoundFailedError, expect
from storage.verify import verify
from trading.run_options import ExitCode, Mode, RunOptions

_VENUE: Final = ("venue", "alpaca", "--clock", "now", "--hours", "always", "--json")
_REQUESTS_PER_MIN: Final = 60_000
_VENUE_WAIT_S: Final = 180.0
"""Longest that a venue may take to start: a busy machine only makes it late; one that has ended is
noticed at once."""
_RESETS_MAX: Final = 50
_CLOCK_APART_NS: Final = 40_000_000
"""A venue that is told the time so much later is that far from ours; at 100 ms nothing trades."""
_OCCURRENCES: Final = 3
_LOOK_S: Final = 0.01
UNHEARD: Final = ("PENDING", "SUBMITTED")
"""States of an order of which the venue has said nothing."""
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
        await self.ask("DELETE", "/admin/faults")
        for _ in range(_RESETS_MAX):
            begun_ns = time.monotonic_ns()
            now = datetime.fromtimestamp(time.time_ns() / 1e9, tz=UTC).isoformat()
            await self.ask("POST", "/admin/reset", {"clock": now})
            if time.monotonic_ns() - begun_ns < _CLOCK_APART_NS:
                return
        raise RoundFailedError(
            f"the venue took more than {_CLOCK_APART_NS / 1e6:g} ms to set its clock, "
            f"{_RESETS_MAX} times: this machine is too busy for LIVE rounds"
        )


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
        told = await _first_line(process.stdout)
        async with aiohttp.ClientSession() as http:
            yield Venue(told, http)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _first_line(output: asyncio.StreamReader) -> dict[str, str]:
    """Where the venue listens, and its keys.

    Raises:
        RoundFailedError: It ended, or said nothing for so long.
    """
    try:
        async with asyncio.timeout(_VENUE_WAIT_S):
            line = await output.readline()
    except TimeoutError:
        raise RoundFailedError(f"the venue said nothing within {_VENUE_WAIT_S:g} s") from None
    if not line:
        raise RoundFailedError("the venue ended before it said where it listens")
    told: dict[str, str] = orjson.loads(line)
    return told


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
        return await self._again(data_dir, _cut(number, point, occurrence))

    async def booked(self, number: int, *, is_exit: bool) -> Round:
        """Kill a trader while the venue has its order booked and no word of that has left it.

        Answer and events are held back there, and the venue says when it has booked: nothing can be
        in the journal that was learned of it, and the moment is met by construction (EX-6).

        Args:
            number: Of the round.
            is_exit: Whether it is the first exit, instead of the first entry.

        Raises:
            RoundFailedError: The journal has a word of the venue's on that order.
        """
        where, data_dir = self._where, self._folder / f"booked-{number}"
        await where.empty()
        held = Booked(where, is_exit=is_exit)
        if not is_exit:
            await held.hold_back()
        plan = Plan(options=self._options(data_dir, recover=False))
        await expect(plan, data_dir, KILLED, where.environment, held.happens)
        state = state_of(data_dir, held.order)
        if state not in UNHEARD:
            raise RoundFailedError(
                f"{held.order} must be {' or '.join(UNHEARD)} in our books, is {state or 'not'}"
            )
        purpose = "exit" if is_exit else "entry"
        return await self._again(data_dir, _cut(number, f"{purpose} booked", 1))

    async def unwritten(self, number: int, *, is_exit: bool) -> tuple[Round, str]:
        """Kill a trader whose books say SUBMITTED of an order that no socket was given (EX-6).

        A release is journaled when its bytes are the transport's; that they have left is not in it.

        Args:
            number: Of the round.
            is_exit: Whether it is the first exit, instead of the first entry.

        Returns:
            The round, and what the recovered books say of that order in the end.

        Raises:
            RoundFailedError: The moment was missed.
        """
        where, data_dir = self._where, self._folder / f"unwritten-{number}"
        await where.empty()
        occurrence = 1 + is_exit
        plan = Plan(
            options=self._options(data_dir, recover=False),
            point="released durably",
            occurrence=occurrence,
            unwritten=occurrence,
        )
        await expect(plan, data_dir, KILLED, where.environment)
        truth = await where.ask("GET", "/admin/truth")
        doubt = read_record(data_dir).book.in_doubt
        (order,) = doubt
        if doubt[order] != "SUBMITTED" or order in truth["orders_by_client_id"]:
            raise RoundFailedError(f"an order must be SUBMITTED and unwritten, found {doubt}")
        purpose = "exit" if is_exit else "entry"
        cut = await self._again(data_dir, _cut(number, f"{purpose} unwritten", occurrence))
        return cut, state_of(data_dir, order)

    async def _again(self, data_dir: Path, cut: Round) -> Round:
        """Start it again, let it trade, and compare."""
        where, is_kill = self._where, cut.point == "mid-kill"
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
        for each in (found.orphans, found.duplicates, found.lost):
            each[:] = [text + _known_of(text, data_dir, audit["requests"]) for text in each]
        return replace(
            cut,
            state=before.state,
            findings=found,
            recover_ms=(after.back_ns - started_ns) / 1e6,
        )

    async def _spoil(self, fault: dict[str, Any] | None, skip: int) -> None:
        if fault is not None:
            await self._where.ask("POST", "/admin/faults", {**fault, "skip": skip})


def _known_of(finding: str, data_dir: Path, requests: list[dict[str, Any]]) -> str:
    """What both sides know of the order that a finding names: the folder is gone afterwards."""
    named = re.search(r"order (\S+)", finding)
    if named is None:
        return ""
    order = named[1].rstrip(",;")
    heard = [
        f"{entry['method']} {entry['verdict']} {entry['status']}"
        for entry in requests
        if entry["client_order_id"] == order
    ]
    return f" (the venue heard {heard}, our journal: {history_of(data_dir, order)})"


def _cut(number: int, point: str, occurrence: int) -> Round:
    """A round whose first half is over."""
    return Round(
        number=number,
        mode="LIVE",
        point=point,
        occurrence=occurrence,
        state="",
        findings=Findings(),
        recover_ms=0.0,
    )


class Booked:
    """The moment at which a venue has booked an order, and has not said so."""

    def __init__(self, where: Venue, *, is_exit: bool) -> None:
        """Nothing is held back yet."""
        self.order = ""
        self._where, self._is_exit = where, is_exit

    async def hold_back(self) -> None:
        """From now on an order has no answer, and nothing has events."""
        for fault in ({"verb": "drop_event", "times": 1_000}, FAULTS[3]):
            await self._where.ask("POST", "/admin/faults", fault)

    async def happens(self) -> None:
        """Wait for it; the exit's begins once something is held."""
        if self._is_exit:
            while not await self._holds():  # noqa: ASYNC110 - bounded by who waits for this
                await asyncio.sleep(_LOOK_S)
            await self.hold_back()
        while not self.order:
            audit = await self._where.ask("GET", "/admin/audit")
            mine = [each for each in audit["requests"] if _is_held_back(each)]
            self.order = mine[0]["client_order_id"] if mine else ""

    async def _holds(self) -> bool:
        truth = await self._where.ask("GET", "/admin/truth")
        return any(float(each["qty"]) for each in truth["positions"].values())


def _is_held_back(entry: dict[str, Any]) -> bool:
    return bool(entry["booked"]) and "accept_then_drop" in entry["verdict"]
