"""The trader's process, killed by SIGKILL at the n-th time it comes to a named point.

Only ports are substituted: the record tells which point is reached, and a scripted operator sends a
kill message at a fixed instant. Run as `python -m tests.crash.child PLAN_JSON`.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import orjson

import actors.trader as trader_module
import storage
from actors.operator_words import KillLevel, KillRequest
from actors.tape_source import Source, find_tape
from actors.trader_port import RunningTrader
from storage import SqliteRecord
from trading.ports import Durable, Outcome, OutcomeSink, Request
from trading.run_options import RunOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a child does.

    Attributes:
        options: The trader's own argument.
        point: Where it dies; empty for nowhere.
        occurrence: At which visit of the point, from 1.
        kill_at_ns: When the scripted operator asks for FLATTEN; 0 for never.
        tape: The generated market to play.
    """

    options: str
    point: str = ""
    occurrence: int = 1
    kill_at_ns: int = 0
    tape: str = ""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read it back."""
        return cls(**json.loads(text))


def _changed_to(*states: str) -> Callable[[Any], bool]:
    return lambda event: (
        event.kind == "OrderChanged" and orjson.loads(event.payload)["new"] in states
    )


def _is(kind: str) -> Callable[[Any], bool]:
    return lambda event: bool(event.kind == kind)


# Point -> (when its request is staged, or when it is durable; the event that marks it).
POINTS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "intent staged": ("staged", _is("OrderIntended")),
    "durable": ("durable", _is("OrderIntended")),
    "released": ("staged", _changed_to("SUBMITTED")),
    "answered": ("staged", _changed_to("WORKING")),
    "mid-fill": ("staged", _is("OrderFilled")),
    "exit pending": ("durable", _is("ExitTriggered")),
    "mid-kill": ("durable", lambda _: True),
}
# The same for a kill that was asked for while no trader ran, and is taken up by the next one.
TAKEN_UP: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "kill latched": ("staged", _is("KillLevelChanged")),
    "kill latched durably": ("durable", _is("KillLevelChanged")),
    "kill finished": ("staged", _is("KillFinished")),
    "kill finished durably": ("durable", _is("KillFinished")),
    "kill done": ("staged", _is("KillDone")),
}


class DeadlyRecord:
    """The record, and a SIGKILL to this process where the plan says."""

    def __init__(self, record: SqliteRecord, plan: Plan) -> None:
        """Wait for the plan's visit."""
        self._record = record
        self._when, self._marks = (POINTS | TAKEN_UP)[plan.point]
        self._left = plan.occurrence
        self._is_counting = plan.point != "mid-kill"

    def __getattr__(self, name: str) -> Any:
        """Everything else is the record's own."""
        return getattr(self._record, name)

    def deliver_to(self, sink: OutcomeSink) -> None:
        """Look at outcomes before anybody hears them."""

        def heard(outcome: Outcome) -> None:
            token: Any = outcome.token
            if self._when == "durable" and isinstance(outcome, Durable):
                self._visit(getattr(token, "events", None) or (token.event,))
            sink(outcome)

        self._record.deliver_to(heard)

    def stage(self, request: Request) -> None:
        """Look at requests as they are staged."""
        self._record.stage(request)
        if self._when == "staged":
            self._visit(request.events)

    def _visit(self, events: Any) -> None:
        for event in events:
            self._is_counting |= event.kind == "KillAccepted"
            if self._is_counting and self._marks(event):
                self._left -= 1
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)


class _ScriptedOperator:
    """Sends one kill message when its timer is due."""

    name = "scripted-operator"

    def __init__(self, trader: trader_module.Trader) -> None:
        self._trader = trader

    def deliver(self, _: Any) -> None:
        port = RunningTrader(self._trader.system, rescan=dict)
        request = KillRequest(
            id="scripted", level=KillLevel.FLATTEN, reason="the script says so", by="script"
        )
        port.submit_kill(request, lambda _: None)


class ScriptedTrader(trader_module.Trader):
    """The product's trader, with an operator that acts at a fixed instant."""

    kill_at_ns = 0

    def _start_system(self) -> None:
        super()._start_system()
        if self.kill_at_ns > self.lane.now_ns():
            operator = _ScriptedOperator(self)
            self.lane.names[operator.name] = operator
            self.lane.at(self.kill_at_ns, operator.name, "now")


def main() -> int:
    """Run the product's own entry with this plan's ports."""
    plan = Plan.from_json(sys.argv[1])
    open_record = storage.open_record

    def deadly(data_dir: Path, **choices: Any) -> Any:
        record = open_record(data_dir, **choices)
        return DeadlyRecord(record, plan) if plan.point else record

    def scripted(options: RunOptions, config: Any, cut_off: Any) -> Source:
        if cut_off is not None:
            return find_tape(options, config, cut_off)
        return Source("generated, for tests", Path(plan.tape))

    ScriptedTrader.kill_at_ns = plan.kill_at_ns
    vars(trader_module).update(open_record=deadly, Trader=ScriptedTrader, find_tape=scripted)
    return trader_module.main(["trader", plan.options])


if __name__ == "__main__":
    sys.exit(main())
