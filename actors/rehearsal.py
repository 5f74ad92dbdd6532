"""The rehearsal: this version's adapter at a simulator that misbehaves, judged by its book (BR-9).

Live keys are refused until the code that is installed has passed it: the result names that code by
its digest. Each case writes one order and asks until its fate is known; the verdict is what the
venue booked and which requests it saw, never what we believe. The whole system under the same
faults is what tests/system/test_live_alpaca.py is for; this is the part that a user can run.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import orjson

from brokers.base import (
    CancelRequested,
    Capabilities,
    Prepared,
    Refused,
    SendOutcome,
    Sent,
    Unknown,
    Venue,
)
from brokers.venues import SHARES, RehearsedOrder

ORDERS: Final = "the order's own request"
_LOOKS_MAX: Final = 50
_LOOK_EVERY_S: Final = 0.1


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
        is_refusable: Whether the order is changed so that the venue refuses it.
        is_for: Whether a venue of such capabilities can pass it.
    """

    name: str
    faults: tuple[dict[str, Any], ...] = ()
    outcomes: tuple[type, ...] = (Sent,)
    booked: int = 1
    writes: int = 1
    is_refusable: bool = False
    is_for: Callable[[Capabilities], bool] = lambda _: True


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
        faults=({"verb": "malformed", "how": "truncated", "on": ORDERS},),
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
    Case(
        name="the same id twice is one order",
        outcomes=(Sent, Unknown),
        writes=2,
        is_for=lambda can: can.is_id_unique,
    ),
    Case(
        name="a refused order is refused",
        outcomes=(Refused,),
        booked=0,
        is_refusable=True,
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
    """A rehearsal as it is kept: at which venue, of which code, when, and each case."""

    broker: str
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

    async def booked(self, prepared: Prepared) -> int:
        """How many orders the venue has of it: by our id, or by its own that was known before."""
        async with self._http.get(f"{self._url}/admin/truth") as answer:
            truth: dict[str, Any] = await answer.json()
        if prepared.venue_id:
            return sum(each["id"] == prepared.venue_id for each in truth["orders"])
        found: dict[str, int] = truth["orders_by_client_id"]
        return found.get(prepared.client_order_id, 0)

    async def written(self, prepared: Prepared) -> int:
        """How often its bytes were written to it."""
        async with self._http.get(f"{self._url}/admin/audit") as answer:
            requests = (await answer.json())["requests"]
        body = sha256(prepared.body).hexdigest()
        return sum(each["method"] == "POST" and each["body_sha256"] == body for each in requests)


async def rehearse(
    make: Callable[[], Venue], admin_url: str, order: RehearsedOrder = SHARES
) -> list[Judged]:
    """Play every case with a venue of its own, one after the other."""
    async with aiohttp.ClientSession() as http:
        stage, probe = Stage(http, admin_url), make()
        cases = [case for case in CASES if case.is_for(probe.capabilities)]
        await probe.close()
        return [
            await _play(make(), stage, case, _intent(f"rehearsal-{at}", case, order))
            for at, case in enumerate(cases)
        ]


async def _play(venue: Venue, stage: Stage, case: Case, intent: bytes) -> Judged:
    prepared = venue.prepare(intent)
    where = f"{prepared.method} {prepared.path}"
    await stage.arm([{**each, "on": where} if "on" in each else each for each in case.faults])
    try:
        fault = await _sent(venue, case, prepared)
        await stage.arm(())
        fault = fault or await _resolved(venue, stage, case, prepared)
    finally:
        await venue.close()
    return Judged(name=case.name, fault=fault)


async def _sent(venue: Venue, case: Case, prepared: Prepared) -> str:
    """Hand it over; why it did not end as it may."""

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


async def _resolved(venue: Venue, stage: Stage, case: Case, prepared: Prepared) -> str:
    """Ask until its fate is known, compare with the book, and cancel what rests."""
    order = prepared.client_order_id
    for _ in range(_LOOKS_MAX):
        answer = await venue.look_up(order)
        if not answer.problem:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    else:
        return f"the venue did not tell its fate: {answer.problem}"
    booked, written = await stage.booked(prepared), await stage.written(prepared)
    writes = case.writes if case.outcomes else 0
    if (booked, written) != (case.booked, writes):
        return f"{booked} booked of {written} written, expected {case.booked} of {writes}"
    if (answer.reports is not None) != bool(case.booked):
        return "the look-up says otherwise than the book"
    if not case.booked:
        return ""
    cancelled = await venue.cancel(order, "", lambda: None)
    return "" if isinstance(cancelled, CancelRequested) else f"its cancel: {cancelled}"


def _intent(name: str, case: Case, order: RehearsedOrder) -> bytes:
    fields = {
        "client_order_id": name,
        "instrument": order.symbol,
        "purpose": "ENTRY",
        "side": "BUY",
        "order_type": "LIMIT",
        "tif": "DAY",
        "qty_1e8": order.qty_1e8,
        "limit_1e8": order.limit_1e8,
    }
    return msgspec.json.encode(fields | (dict(order.refused) if case.is_refusable else {}))


def rehearsal_file(data_dir: Path, broker: str) -> Path:
    """Where the newest rehearsal at that venue is kept."""
    return data_dir / f"rehearsal-{broker}.json"


def keep(data_dir: Path, rehearsed: Rehearsed) -> None:
    """Note the newest rehearsal where the safe-to-trade check finds it."""
    path = rehearsal_file(data_dir, rehearsed.broker)
    aside = path.with_suffix(".part")
    aside.write_bytes(orjson.dumps(asdict(rehearsed)))
    aside.replace(path)
