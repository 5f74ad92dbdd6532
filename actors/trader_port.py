"""The trader as its operator port sees it: kills, controls, status and events (KC-1 to KC-6)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from actors.assertions import MEANING, Assertion
from actors.kill import KillAsked, ResumeAsked, raise_gate
from actors.messages import FEED, KILL
from actors.operator_words import (
    AnswerSink,
    Changed,
    ControlRequest,
    FeedHealth,
    HealthReport,
    KillRequest,
    ReconcileRequest,
    Refused,
    RefusedAttempt,
    ResumeRequest,
)
from actors.reconciler import ReconcileAsked
from actors.rounds import SYSTEM
from actors.snapshot import snapshot
from rust_core import Message, OrderView, PositionView, ProtectionView
from streams.gaps import Freshness
from trading.controls import RESET_BREAKERS, ControlJson, configured, in_force
from trading.market import Quote
from trading.money import to_1e8
from trading.ports import ControlValue, Durable, JournalRow, Outcome

if TYPE_CHECKING:
    from actors.system import System


class RunningTrader:
    """Implements `TraderPort` for one system; everything happens on the lane's thread.

    Args:
        system: The running system.
        rescan: Looks for new strategy files.
        holder: Who holds the lease.
    """

    def __init__(
        self, system: "System", *, rescan: Callable[[], dict[str, Any]], holder: str = ""
    ) -> None:
        """Listen to what becomes durable."""
        self.system = system
        self._rescan = rescan
        self._holder = holder
        self._listeners: list[Callable[[JournalRow], None]] = []
        self._sent: dict[str, int] = {}
        system.rounds.listen(self._durable)

    # -- commands ---------------------------------------------------------------------------------

    def submit_kill(self, request: KillRequest, answer: AnswerSink) -> None:
        """Raise the gate, then mail the kill to its owner."""
        raise_gate(self.system.wiring.kill.plan(), request.level)
        self.system.ports.lane.tell(KILL, KillAsked(request, answer))

    def resume(self, request: ResumeRequest, answer: AnswerSink) -> None:
        """Mail the resume to the kill switch."""
        self.system.ports.lane.tell(KILL, ResumeAsked(request, answer))

    def set_control(self, request: ControlRequest, answer: AnswerSink) -> None:
        """Journal the new value; when it is durable, tell the account."""
        system = self.system
        old = system.ports.record.controls().get(request.name)
        old_value = None if old is None else orjson.loads(old.value)
        new = orjson.dumps(request.value).decode()
        payload = {
            "name": request.name,
            "old": orjson.dumps(old_value).decode(),
            "new": new,
            "author": request.by,
            "reason": request.reason,
        }

        def heard(outcome: Outcome) -> None:
            if not isinstance(outcome, Durable):
                answer(Refused(request.id, f"the record did not take it: {outcome}"))
                return
            if request.name == RESET_BREAKERS:
                system.wiring.breakers.reset(request.by)
            else:
                message = Message.control(request.name, new, request.by)
                system.ports.lane.tell(system.account_name, message)
            answer(Changed(id=request.id, name=request.name, old=old_value, new=request.value))

        system.rounds.note(f"control/{request.name}", "ControlChanged", payload, heard=heard)

    def reconcile(self, request: ReconcileRequest, answer: AnswerSink) -> None:
        """Mail the question to the reconciler."""
        name = self.system.wiring.reconciler_name
        self.system.ports.lane.tell(name, ReconcileAsked(request=request, answer=answer))

    def rescan_strategies(self) -> dict[str, Any]:
        """Look for new strategy files (SG-1)."""
        return self._rescan()

    def report_refused(self, attempt: RefusedAttempt) -> None:
        """Journal an attempt that was turned away."""
        self.system.rounds.note(
            "operator",
            "AttemptRefused",
            {
                "cause": attempt.cause,
                "path": attempt.path,
                "remote": attempt.remote,
                "suppressed": attempt.suppressed,
            },
        )

    # -- questions --------------------------------------------------------------------------------

    def controls(self) -> list[dict[str, Any]]:
        """Each control that takes a value: as asked for, as configured, and what counts."""
        asked = self.system.ports.record.controls()
        return [
            _control(name, allowed, asked.get(name))
            for name, allowed in configured(self.system.config).items()
        ]

    def status(self) -> dict[str, Any]:
        """The state of the run."""
        return status_of(self.system)

    def health(self) -> HealthReport:
        """Liveness, readiness and what they rest on."""
        system = self.system
        why = []
        if system.counters.halted_for:
            why.append(f"halted: {system.counters.halted_for}")
        if system.kill_memory.level != "NONE":
            why.append(f"killed: {system.kill_memory.level}")
        if system.core is None:
            why.append("the account is being rebuilt")
        elif system.core.account().is_reconciliation_stopped:
            why.append("our books and the venue's differ too much: holdfast reconcile")
        why += [f"assertion {name} does not hold" for name in _failing(system)]
        why += [
            f"breaker {each['name']} is {each['state']}: {each['cause']}"
            for each in system.wiring.breakers.states()
            if each["state"] != "CLOSED"
        ]
        if not system.wiring.reconciler_memory.is_reconciled:
            why.append("our books were not compared with the venue's yet")
        return HealthReport(
            is_live=True,
            is_ready=not why,
            why_not_ready=why,
            mode=str(system.mode),
            run=system.ports.run,
            kill_level=system.kill_memory.level,
            feeds=[feed_health(system), *price_health(system)],
            journal_lag_rows=system.rounds.pending(),
            lease_holder=self._holder,
            watchdog=system.wiring.watchdog_snapshot(),
            assertions=_assertions(system),
            breakers=system.wiring.breakers.states(),
            clocks=list(system.wiring.clocks.values()),
            reconciliation=_reconciliation(system),
        )

    # -- journaled events -------------------------------------------------------------------------

    def journal_ids(self) -> Sequence[str]:
        """The journals of this run."""
        return (SYSTEM, self.system.account_name)

    def events_after(self, journal_id: str, after_seq: int, limit: int) -> Sequence[JournalRow]:
        """Durable events of this run."""
        rows = self.system.ports.record.events(journal_id, self.system.ports.run, after_seq)
        return [row for row, _ in zip(rows, range(limit), strict=False)]

    def listen(self, listener: Callable[[JournalRow], None]) -> Callable[[], None]:
        """Call `listener` with each event as it becomes durable."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _durable(self, journal_id: str, events: Sequence[Any], last_seq: int) -> None:
        if not self._listeners:
            return
        first = last_seq - len(events)
        for row in self.events_after(journal_id, first, len(events)):
            for listener in tuple(self._listeners):
                listener(row)


def feed_health(system: "System") -> FeedHealth:
    """How old the feed's newest message is, against its cadence (MD-2); stale is red."""
    memory, now_ns = system.wiring.feed.memory, system.ports.lane.now_ns()
    freshness = memory.heartbeat.freshness(now_ns)
    return {
        "name": FEED.removeprefix("feed:"),
        "age_ns": max(0, now_ns - memory.last_at_ns) if memory.last_at_ns else 0,
        "freshness": freshness.value,
        "is_stale": freshness is Freshness.RED,
        "completeness_ratio": memory.completeness_ratio,
        "repeated": memory.stale.repeated,
        "older": memory.stale.older,
        "disordered": memory.stale.disordered,
    }


def price_health(system: "System") -> list[FeedHealth]:
    """The prices beside binary windows, each feed for itself (MD-10)."""
    watch = system.wiring.prices
    return [] if watch is None else watch.health()


def status_of(system: "System") -> dict[str, Any]:
    """The state of a run; docs/reference/operator-port.md has the keys."""
    core, wiring = system.core, system.wiring
    account = None if core is None else core.account()
    return {
        "mode": str(system.mode),
        "run": system.ports.run,
        "now_ns": system.ports.lane.now_ns(),
        "kill_level": system.kill_memory.level,
        "halted_for": system.counters.halted_for,
        "session_date": wiring.feed.memory.session_date,
        "bars": wiring.feed.memory.bars,
        "feed": asdict(wiring.feed.memory.stale),
        "counts": _counts(system),
        "prices": _prices(system),
        "equity_1e8": None if account is None else account.equity_1e8,
        "session_net_1e8": 0 if account is None else account.session_net_1e8,
        "week_net_1e8": 0 if account is None else account.week_net_1e8,
        "throttle_ratio_1e8": 0 if account is None else account.throttle_ratio_1e8,
        "halts": [] if account is None else [list(halt) for halt in account.halts],
        "positions": [] if core is None else [_position(each) for each in core.positions()],
        "orders": [] if core is None else [_order(each) for each in core.orders()],
        "reconciliation": _reconciliation(system),
        "assertions": _assertions(system),
        "breakers": system.wiring.breakers.states(),
        "clocks": list(system.wiring.clocks.values()),
        "windows": [] if wiring.prices is None else wiring.prices.shown(),
        "protections": [] if account is None else [_protection(p) for p in account.protections],
        "strategies": [
            {
                "name": build.name,
                "instrument": build.instrument,
                "parameters": {name: str(value) for name, value in build.settings.items()},
                "state": str(system.tree.cell(f"strategy:{build.name}").state),
                "last_answer": wiring.memories[build.name].last_answer,
                "no_trades": {
                    str(reason): count
                    for reason, count in wiring.memories[build.name].no_trades.items()
                },
            }
            for build in wiring.strategies
        ],
        "crashes": system.counters.crashes,
        "restarts": system.counters.restarts,
        "runtime": asdict(snapshot(system.tree)),
        "journal_pending": system.rounds.pending(),
    }


def _counts(system: "System") -> dict[str, int]:
    """Events of this process since its start, by what they are."""
    seen = system.rounds.counted
    return {
        "bars": system.wiring.feed.memory.bars,
        "signals": seen["SignalReceived"],
        "orders": seen["OrderIntended"],
        "fills": seen["OrderFilled"],
        "trades": seen["TradeClosed"],
        "feed_gaps": seen["FeedGap"],
        "violations": seen["InvariantViolated"],
        "journal_events": sum(seen.values()),
    }


def _control(name: str, allowed: ControlJson, asked: ControlValue | None) -> dict[str, Any]:
    value = None if asked is None else orjson.loads(asked.value)
    return {
        "name": name,
        "value": value,
        "configured": allowed,
        "in_force": in_force(allowed, value),
        "version": 0 if asked is None else asked.version,
        "set_by": "" if asked is None else asked.set_by,
        "set_at_ns": 0 if asked is None else asked.set_at_ns,
        "reason": "" if asked is None else asked.reason,
    }


def _prices(system: "System") -> list[dict[str, Any]]:
    """The last price of each instrument, with what it takes to read it."""
    telemetry = system.telemetry
    return [
        {
            "instrument": each.symbol,
            "price_1e8": telemetry.prices_1e8.get(each.symbol),
            "vwap_1e8": telemetry.vwap_1e8(each.symbol),
            "quote": _quote(telemetry.quotes.get(each.symbol)),
            "tick_1e8": to_1e8(each.tick_size),
            "multiplier_1e8": to_1e8(each.multiplier),
        }
        for each in system.config.instruments
    ]


def _quote(quote: Quote | None) -> dict[str, int] | None:
    """Best bid and ask with their sizes (0: the source gives none); None where nobody quoted."""
    if quote is None:
        return None
    return {
        "bid_1e8": quote.bid_1e8,
        "ask_1e8": quote.ask_1e8,
        "bid_size_1e8": quote.bid_size_1e8,
        "ask_size_1e8": quote.ask_size_1e8,
        "at_ns": quote.at_ns,
    }


def _failing(system: "System") -> list[str]:
    return sorted({str(name) for name, _ in system.wiring.checks_memory.failing})


def _assertions(system: "System") -> list[dict[str, Any]]:
    """Each of the ten: what it says, whether it holds, and what was found where it does not."""
    failing = system.wiring.checks_memory.failing
    return [
        {
            "name": each,
            "meaning": MEANING[each],
            "found": [broken.text for (name, _), broken in failing.items() if name is each],
        }
        for each in Assertion
    ]


def _reconciliation(system: "System") -> dict[str, Any]:
    memory, questions = system.wiring.reconciler_memory, system.wiring.questions
    account = None if system.core is None else system.core.account()
    return {
        "is_reconciled": memory.is_reconciled,
        "is_partial": memory.is_partial,
        "is_stopped": account is not None and account.is_reconciliation_stopped,
        "clean_ns": memory.clean_ns,
        "problem": memory.problem,
        "drift": []
        if account is None
        else [
            {"kind": one.kind, "instrument": one.instrument, "subject": one.subject}
            for one in account.drift
        ],
        "venue_calls": questions.calls,
        "venue_calls_naive": questions.naive_calls,
    }


def _position(view: PositionView) -> dict[str, Any]:
    return {
        "position_id": view.position_id,
        "strategy": view.strategy,
        "instrument": view.instrument,
        "phase": view.phase,
        "qty_1e8": view.qty_1e8,
        "average_entry_1e8": view.average_entry_1e8,
        "unrealised_1e8": view.unrealised_1e8,
        "stop_1e8": view.stop_1e8,
        "target_1e8": view.target_1e8,
        "entry_ns": view.entry_ns,
    }


def _order(view: OrderView) -> dict[str, Any]:
    return {
        "client_order_id": view.client_order_id,
        "strategy": view.strategy,
        "instrument": view.instrument,
        "purpose": view.purpose,
        "side": view.side,
        "order_type": view.order_type,
        "state": view.state,
        "qty_1e8": view.qty_1e8,
        "filled_1e8": view.filled_1e8,
        "changed_ns": view.changed_ns,
    }


def _protection(view: ProtectionView) -> dict[str, Any]:
    return {
        "name": view.name,
        "instrument": view.instrument,
        "status": view.status,
        "is_tripped": view.is_tripped,
        "until_ns": view.until_ns,
        "value": view.value,
        "limit": view.limit,
    }
