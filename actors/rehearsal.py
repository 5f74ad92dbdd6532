"""The rehearsal: this version's adapter at a simulator that misbehaves, judged by its book (BR-9).

Live keys are refused until the code that is installed has passed it: the result names that code by
its digest. Each case writes one order and asks until its fate is known; the verdict is what the
venue booked and which requests it saw, never what we believe. The whole system under the same
faults is what tests/system/test_live_alpaca.py is for; this is the part that a user can run.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import orjson

from brokers.base import CancelRequested, Refused, SendOutcome, Sent, Unknown, Venue

REHEARSAL_FILE: Final = "rehearsal.json"
SYMBOL: Final = "SPY"
_LOOKS_MAX: Final = 50
_LOOK_EVERY_S: Final = 0.1
_ONE_1E8: Final = 100_000_000


class HeldBackError(Exception):
    """The gate said no in the instant of hand-over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that can go wrong with an order.

    Attributes:
        name: A sentence.
        faults: What the venue is told to do, as its admin port takes it.
        outcomes: How sending may end; none means that nothing may leave.
        booked: How many orders the venue must have of it in the end.
        writes: How often it is handed to the adapter: twice is somebody's mistake.
        changes: Of the intent.
    """

    name: str
    faults: tuple[dict[str, Any], ...] = ()
    outcomes: tuple[type, ...] = (Sent,)
    booked: int = 1
    writes: int = 1
    changes: dict[str, Any] = field(default_factory=dict)


def _lost(how: str) -> dict[str, Any]:
    return {"verb": "accept_then_drop", "how": how}


CASES: Final = (
    Case(name="an order is booked"),
    Case(name="the answer is lost", faults=(_lost("close"),), outcomes=(Unknown,)),
    Case(name="the connection is reset behind it", faults=(_lost("reset"),), outcomes=(Unknown,)),
    Case(name="no answer comes", faults=(_lost("hang"),), outcomes=(Unknown,)),
    Case(
        name="it is booked and answered with 504",
        faults=({"verb": "accept_then_status", "status": 504},),
        outcomes=(Unknown,),
    ),
    Case(
        name="the answer cannot be read",
        faults=({"verb": "malformed", "how": "truncated", "on": "POST /v2/orders"},),
        outcomes=(Unknown,),
    ),
    Case(
        name="it is answered with 503 and not booked",
        faults=({"verb": "refuse", "status": 503},),
        outcomes=(Unknown,),
        booked=0,
    ),
    Case(
        name="its news overtakes its answer", faults=({"verb": "event_before_response", "ms": 20},)
    ),
    Case(name="the same id twice is one order", outcomes=(Sent, Unknown), writes=2),
    Case(
        name="a refused order is refused",
        outcomes=(Refused,),
        booked=0,
        changes={"instrument": "NOTLISTED"},
    ),
    Case(name="what the gate holds back does not leave", outcomes=(), booked=0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a case came to; `fault` is empty when it passed."""

    name: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """A rehearsal as it is kept: of which code, when, and each case."""

    code_sha256: str
    at_ns: int
    cases: list[Judged]

    @property
    def has_passed(self) -> bool:
        """Whether every case did."""
        return bool(self.cases) and not any(case.fault for case in self.cases)


class Stage:
    """The simulator's admin port."""

    def __init__(self, http: aiohttp.ClientSession, admin_url: str) -> None:
        """Talk to that port."""
        self._http, self._url = http, admin_url

    async def arm(self, faults: Sequence[dict[str, Any]]) -> None:
        """These faults, each once, and no others."""
        async with self._http.delete(f"{self._url}/admin/faults") as answer:
            answer.raise_for_status()
        for fault in faults:
            body = {"times": 1, **fault}
            async with self._http.post(f"{self._url}/admin/faults", json=body) as answer:
                answer.raise_for_status()

    async def booked(self, order: str) -> int:
        """How many orders of that id the venue has."""
        async with self._http.get(f"{self._url}/admin/truth") as answer:
            found: dict[str, int] = (await answer.json())["orders_by_client_id"]
        return found.get(order, 0)

    async def written(self, order: str) -> int:
        """How often that order was written to it."""
        async with self._http.get(f"{self._url}/admin/audit") as answer:
            requests = (await answer.json())["requests"]
        return sum(
            each["method"] == "POST" and each.get("client_order_id") == order for each in requests
        )


async def rehearse(make: Callable[[], Venue], admin_url: str) -> list[Judged]:
    """Play every case with a venue of its own, one after the other."""
    async with aiohttp.ClientSession() as http:
        stage = Stage(http, admin_url)
        return [
            await _play(make(), stage, case, f"rehearsal-{at}") for at, case in enumerate(CASES)
        ]


async def _play(venue: Venue, stage: Stage, case: Case, order: str) -> Judged:
    await stage.arm(case.faults)
    try:
        fault = await _sent(venue, case, order)
        await stage.arm(())
        fault = fault or await _resolved(venue, stage, case, order)
    finally:
        await venue.close()
    return Judged(name=case.name, fault=fault)


async def _sent(venue: Venue, case: Case, order: str) -> str:
    """Hand it over; why it did not end as it may."""
    prepared = venue.prepare(_intent(order, case.changes))

    def release() -> None:
        if not case.outcomes:
            raise HeldBackError

    outcomes: list[SendOutcome] = []
    for _ in range(case.writes):
        try:
            outcomes.append(await venue.send(prepared, release, is_entry=True))
        except HeldBackError:
            continue
    wrong = [one for one in outcomes if not isinstance(one, case.outcomes)]
    return f"sending ended as {wrong[0]}" if wrong else ""


async def _resolved(venue: Venue, stage: Stage, case: Case, order: str) -> str:
    """Ask until its fate is known, compare with the book, and cancel what rests."""
    for _ in range(_LOOKS_MAX):
        answer = await venue.look_up(order)
        if not answer.problem:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    else:
        return f"the venue did not tell its fate: {answer.problem}"
    booked, written = await stage.booked(order), await stage.written(order)
    writes = case.writes if case.outcomes else 0
    if (booked, written) != (case.booked, writes):
        return f"{booked} booked of {written} written, expected {case.booked} of {writes}"
    if (answer.reports is not None) != bool(case.booked):
        return "the look-up says otherwise than the book"
    if not case.booked:
        return ""
    cancelled = await venue.cancel(order, "", lambda: None)
    return "" if isinstance(cancelled, CancelRequested) else f"its cancel: {cancelled}"


def _intent(order: str, changes: dict[str, Any]) -> bytes:
    fields = {
        "client_order_id": order,
        "instrument": SYMBOL,
        "purpose": "ENTRY",
        "side": "BUY",
        "order_type": "LIMIT",
        "tif": "DAY",
        "qty_1e8": _ONE_1E8,
        "limit_1e8": _ONE_1E8,
    }
    return msgspec.json.encode(fields | changes)


def keep(data_dir: Path, rehearsed: Rehearsed) -> None:
    """Note the newest rehearsal where the safe-to-trade check finds it."""
    path = data_dir / REHEARSAL_FILE
    aside = path.with_suffix(".part")
    aside.write_bytes(orjson.dumps(asdict(rehearsed)))
    aside.replace(path)
