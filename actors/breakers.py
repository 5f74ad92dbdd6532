"""The breakers of one account: at the gate, in the journal, on /health, until an operator resets.

Endpoints open and close by themselves (`brokers.breaker`). What concerns money latches: an
assertion that does not hold stays open over restarts until `holdfast controls reset_breakers true`.
"""

from collections.abc import Callable
from typing import Any

import orjson

from brokers.breaker import Breaker, BreakerLimits, BreakerState
from brokers.calls import ORDERS, CallEnded
from rust_core import ReleaseGate
from trading.ports import Record

_LATCHED = """SELECT payload FROM journal WHERE run = :run AND kind = 'BreakerChanged'
    ORDER BY seq"""


class Breakers:
    """Every breaker of an account, by name.

    Args:
        gate: Compared at each hand-over; any shut breaker stops entries.
        note: Journals a change.
        notify: Told severity and text.
        limits: Of the endpoints.
        has_adapter: An adapter tells how each call to the venue really went (WD-3).

    Attributes:
        is_probe_due: The next entry that leaves is the one that probes (see `probed`).
    """

    def __init__(
        self,
        *,
        gate: ReleaseGate,
        note: Callable[[str, str, dict[str, Any]], None],
        notify: Callable[[str, str], None],
        limits: BreakerLimits | None = None,
        has_adapter: bool = False,
    ) -> None:
        """None yet: an endpoint's is made when it is first heard of."""
        self._gate, self._note, self._notify = gate, note, notify
        self._limits = BreakerLimits() if limits is None else limits
        self._has_adapter = has_adapter
        self._all: dict[str, Breaker] = {}
        self._told: dict[str, tuple[BreakerState, bool]] = {}
        self.is_probe_due = False
        self._shown: dict[str, str] = {}

    def show(self, name: str, cause: str) -> None:
        """A breaker that another decides on; open for `cause`, closed without one.

        Such are the order stream, the venue's dead-man switch, the arming and the guard.
        """
        self._shown[name] = cause
        self._gate.set_breaker(name, bool(cause))

    def endpoint(self, name: str) -> Breaker:
        """The breaker of that name."""
        breaker = self._all.get(name)
        if breaker is None:
            breaker = self._all[name] = Breaker(name, self._limits, self._changed)
        return breaker

    def call_ended(self, call: CallEnded, now_ns: int) -> None:
        """How a call to the venue went, in its adapter's words."""
        breaker = self.endpoint(call.endpoint)
        if call.problem:
            breaker.failed(call.problem, now_ns, latency_ns=call.latency_ns)
        else:
            breaker.succeeded(call.latency_ns, now_ns)

    def seen(self, call: CallEnded, now_ns: int) -> None:
        """What an account can tell of a call from what became of it, where no adapter tells."""
        if not self._has_adapter:
            self.call_ended(call, now_ns)

    def tick(self, now_ns: int) -> None:
        """Time passes."""
        for breaker in self._all.values():
            breaker.tick(now_ns)

    def probed(self) -> None:
        """An entry left: the half-open breaker of orders waits for its outcome.

        The others do not: an entry asks their endpoints nothing, so they would wait for ever.
        """
        self.endpoint(ORDERS).probed()

    def has(self, name: str) -> bool:
        """Whether that breaker was ever heard of."""
        return name in self._all

    def reset(self, author: str) -> None:
        """An operator resets all that are not closed."""
        for breaker in self._all.values():
            breaker.reset(f"reset by {author}")

    def restore(self, record: Record, run: str) -> None:
        """After a restart: what was latched is latched."""
        latched: dict[str, str] = {}
        for (payload,) in record.query(_LATCHED, {"run": run}):
            fields = orjson.loads(payload)
            if fields["is_latched"]:
                latched[fields["name"]] = fields["cause"]
            else:
                latched.pop(fields["name"], None)
        for name, cause in latched.items():
            breaker = self.endpoint(name)
            self._told[name] = (BreakerState.OPEN, True)
            breaker.latch(cause)

    def states(self) -> list[dict[str, Any]]:
        """Each breaker: name, state, is_latched, cause, until_ns."""
        return [
            {
                "name": each.name,
                "state": each.state,
                "is_latched": each.is_latched,
                "cause": each.cause,
                "until_ns": each.until_ns,
            }
            for each in self._all.values()
        ] + [
            {
                "name": name,
                "state": BreakerState.OPEN if cause else BreakerState.CLOSED,
                "is_latched": False,
                "cause": cause,
                "until_ns": 0,
            }
            for name, cause in self._shown.items()
        ]

    def is_any_shut(self) -> bool:
        """Whether entries are stopped by one of them."""
        return any(each.is_shut for each in self._all.values()) or any(self._shown.values())

    def _changed(self, breaker: Breaker) -> None:
        self._gate.set_breaker(breaker.name, breaker.is_shut)
        if breaker.name == ORDERS:
            self.is_probe_due = breaker.state is BreakerState.HALF_OPEN and not breaker.is_probing
        now = (breaker.state, breaker.is_latched)
        before = self._told.get(breaker.name, (BreakerState.CLOSED, False))
        if now == before:
            return
        self._told[breaker.name] = now
        payload = {
            "name": breaker.name,
            "old": before[0],
            "new": breaker.state,
            "is_latched": breaker.is_latched,
            "cause": breaker.cause,
            "until_ns": breaker.until_ns,
        }
        self._note(f"breaker/{breaker.name}", "BreakerChanged", payload)
        if breaker.state is BreakerState.OPEN:
            until = "until an operator resets it" if breaker.is_latched else "for a while"
            text = f"breaker {breaker.name} is open {until}: {breaker.cause}"
            self._notify("CRITICAL" if breaker.is_latched else "ERROR", text)
