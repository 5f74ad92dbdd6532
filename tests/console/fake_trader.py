"""A trader behind the operator port that does as it is told, for tests."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from actors.operator_words import (
    Accepted,
    AnswerSink,
    Changed,
    ControlRequest,
    HealthReport,
    KillDone,
    KillRequest,
    Reconciled,
    ReconcileRequest,
    RefusedAttempt,
    ResumeRequest,
)
from trading.ports import JournalRow


def row(seq: int, journal_id: str = "account:main") -> JournalRow:
    """One journaled event."""
    return JournalRow(
        seq=seq,
        journal_id=journal_id,
        run="r1",
        stream="order/o-1",
        stream_version=seq,
        kind="OrderChanged",
        at_ns=seq,
        payload=orjson.dumps({"n": seq}),
        schema_ver=1,
        tape_seq=-1,
        prev_hash=b"",
        hash=b"",
    )


class FakeTrader:
    """Implements `TraderPort`; keeps what it was asked, answers kills when told to."""

    def __init__(self) -> None:
        """Ready, nothing killed, an empty journal."""
        self.kills: list[KillRequest] = []
        self.resumes: list[ResumeRequest] = []
        self.changes: list[ControlRequest] = []
        self.refused: list[RefusedAttempt] = []
        self.sinks: dict[str, AnswerSink] = {}
        self.is_gate_shut = False
        self.answers_at_once = True
        self.is_ready = True
        self.journal: dict[str, list[JournalRow]] = {"account:main": [], "system": []}
        self.listeners: list[Callable[[JournalRow], None]] = []
        self.reads = 0
        self.fault: Exception | None = None
        self.remaining = 0

    def submit_kill(self, request: KillRequest, answer: AnswerSink) -> None:
        """Shut the gate, then answer, fail, or keep the answer for `finish`."""
        self.is_gate_shut = True
        if self.fault is not None:
            raise self.fault
        self.kills.append(request)
        self.sinks[request.id] = answer
        if self.answers_at_once:
            answer(Accepted(request.id))
            self.finish(request.id)

    def finish(self, id_: str) -> None:
        """Answer that a kill has run its course."""
        self.sinks[id_](KillDone(id=id_, cancelled=2, closed=1, failed=0, remaining=self.remaining))

    def resume(self, request: ResumeRequest, answer: AnswerSink) -> None:
        """Lift at once."""
        self.resumes.append(request)
        answer(Changed(id=request.id, name="kill_level", old="FLATTEN", new="NONE"))

    def reconcile(self, request: ReconcileRequest, answer: AnswerSink) -> None:
        """One difference stands until it is forced."""
        drift = {
            "kind": "POSITION_QTY",
            "instrument": "SPY",
            "subject": "",
            "local_1e8": 1_000_000_000,
            "venue_1e8": 700_000_000,
            "drift_ratio_1e8": 30_000_000,
            "is_adopted": request.is_forced,
            "text": "ours is 10, the venue's 7",
        }
        stops = not request.is_forced
        done = Reconciled(id=request.id, is_conclusive=True, is_stopped=stops, drift=[drift])
        answer(done)

    def set_control(self, request: ControlRequest, answer: AnswerSink) -> None:
        """Change at once."""
        self.changes.append(request)
        answer(Changed(id=request.id, name=request.name, old=None, new=request.value))

    def controls(self) -> list[dict[str, Any]]:
        """Two of them."""
        position = {"name": "max_position", "value": "5", "configured": "10", "in_force": "5"}
        notional = {"name": "max_notional", "value": "90000", "configured": "40000"}
        by = {"version": 1, "set_by": "ann"}
        return [{**position, **by}, {**notional, "in_force": "40000", **by}]

    def status(self) -> dict[str, Any]:
        """A little of everything."""
        return {
            "mode": "PAPER",
            "run": "r1",
            "kill": {"level": "NONE"},
            "equity_1e8": 100_000_000_000,
            "session_pnl_net_1e8": -150_000_000,
            "positions": [],
            "orders": [{"client_order_id": "o-1"}],
            "actors": [{"name": "strategy/vwap", "restarts": 3}],
            "counts": {"orders": 4, "fills": 2},
            "latency": [{"stage": "sent", "p50_ns": 1_000_000, "p99_9_ns": 9_000_000}],
        }

    def health(self) -> HealthReport:
        """Well, or not ready."""
        return {
            "is_live": True,
            "is_ready": self.is_ready,
            "why_not_ready": [] if self.is_ready else ["feed es is stale"],
            "mode": "PAPER",
            "run": "r1",
            "kill_level": "NONE",
            "feeds": [
                {
                    "name": "es",
                    "age_ns": 2_000_000_000,
                    "freshness": "YELLOW",
                    "is_stale": False,
                    "completeness_ratio": 1.0,
                    "repeated": 0,
                    "older": 0,
                    "disordered": 0,
                }
            ],
            "journal_lag_rows": 1,
            "lease_holder": "host/1",
            "watchdog": {"fired": 0},
            "assertions": [],
            "breakers": [],
            "clocks": [],
            "reconciliation": {},
        }

    def journal_ids(self) -> Sequence[str]:
        """Two journals."""
        return tuple(self.journal)

    def events_after(self, journal_id: str, after_seq: int, limit: int) -> Sequence[JournalRow]:
        """From the list."""
        self.reads += 1
        return [row for row in self.journal[journal_id] if row.seq > after_seq][:limit]

    def listen(self, listener: Callable[[JournalRow], None]) -> Callable[[], None]:
        """Until it is stopped."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def make_durable(self, event: JournalRow) -> None:
        """One more event in the journal."""
        self.journal[event.journal_id].append(event)
        for listener in self.listeners:
            listener(event)

    def rescan_strategies(self) -> dict[str, Any]:
        """One more."""
        return {"loaded": ["mine"], "failed": {}}

    def report_refused(self, attempt: RefusedAttempt) -> None:
        """Keep it."""
        self.refused.append(attempt)
