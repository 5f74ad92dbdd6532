"""The trader's process, ended by a signal at the n-th time it comes to a named point.

Only ports are substituted: the record tells which point is reached, and a scripted operator sends a
kill message. Run as `python -m research.crash.child PLAN_JSON`.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import actors.trader as trader_module
import storage
from actors.live import LiveTrader
from actors.operator_words import KillLevel, KillRequest
from actors.system import System
from actors.tape_source import Source, find_tape
from actors.trader_port import RunningTrader
from brokers import http
from brokers.http import Link
from brokers.http_wire import Response
from research.crash.plan import ENDS, POINTS, TAKEN_UP, UNWRITTEN, Plan
from storage import SqliteRecord
from trading.ports import Durable, Outcome, OutcomeSink, Request
from trading.run_options import RunOptions


class DeadlyRecord:
    """The record, and a signal to this process where the plan says."""

    def __init__(self, record: SqliteRecord, plan: Plan) -> None:
        """Wait for the plan's visit."""
        self._record = record
        self._point = (POINTS | TAKEN_UP | UNWRITTEN | ENDS)[plan.point]
        self._signal = signal.Signals[plan.by]
        self._left = plan.occurrence
        self._is_counting = self._point.opens is None

    def __getattr__(self, name: str) -> Any:
        """Everything else is the record's own."""
        return getattr(self._record, name)

    def deliver_to(self, sink: OutcomeSink) -> None:
        """Look at outcomes before anybody hears them."""

        def heard(outcome: Outcome) -> None:
            token: Any = outcome.token
            if self._point.when == "durable" and isinstance(outcome, Durable):
                self._visit(getattr(token, "events", None) or (token.event,))
            sink(outcome)

        self._record.deliver_to(heard)

    def stage(self, request: Request) -> None:
        """Look at requests as they are staged."""
        self._record.stage(request)
        if self._point.when == "staged":
            self._visit(request.events)

    def _visit(self, events: Any) -> None:
        for event in events:
            if not self._is_counting and self._point.opens is not None:
                self._is_counting = self._point.opens(event)
            if self._is_counting and self._point.marks(event):
                self._left -= 1
                if self._left == 0:
                    self._strike()

    def _strike(self) -> None:
        if self._signal is signal.SIGINT:  # for the loop, wherever it runs
            os.kill(os.getpid(), self._signal)
        else:  # this thread goes no further, whatever the others are at
            signal.pthread_kill(threading.get_ident(), self._signal)


def _flatten(system: System) -> None:
    port = RunningTrader(system, rescan=dict)
    request = KillRequest(
        id="scripted", level=KillLevel.FLATTEN, reason="the script says so", by="script"
    )
    port.submit_kill(request, lambda _: None)


class _ScriptedOperator:
    """Sends one kill message when its timer is due."""

    name = "scripted-operator"

    def __init__(self, trader: trader_module.Trader) -> None:
        self._trader = trader

    def deliver(self, _: Any) -> None:
        _flatten(self._trader.system)


class ScriptedTrader(trader_module.Trader):
    """The product's trader, with an operator that acts at a fixed instant."""

    kill_at_ns = 0

    def _start_system(self) -> None:
        super()._start_system()
        if self.kill_at_ns > self.lane.now_ns():
            operator = _ScriptedOperator(self)
            self.lane.names[operator.name] = operator
            self.lane.at(self.kill_at_ns, operator.name, "now")


class ScriptedLive(LiveTrader):
    """The product's live trader, with an operator that acts at a fill."""

    fills_left = 0

    def begin(self) -> None:
        """Start it, and listen."""
        self.system.rounds.listen(self._heard)
        super().begin()

    def _heard(self, _: str, events: Sequence[Any], last_seq: int) -> None:
        del last_seq
        fills = sum(event.kind == "OrderFilled" for event in events)
        if 0 < self.fills_left <= fills:
            _flatten(self.system)
        self.fills_left -= fills


def _keep_from_socket(number: int) -> None:
    """One order's bytes are released, and no socket gets them; nobody ever answers."""
    write, orders = Link.write, count(1)

    def written(link: Link, request: bytes) -> asyncio.Future[Response]:
        if request.startswith(b"POST ") and next(orders) == number:
            return asyncio.get_running_loop().create_future()
        return write(link, request)

    vars(http)["Link"] = type("Link", (Link,), {"write": written})


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
    ScriptedLive.fills_left = plan.kill_at_fill
    if plan.unwritten:
        _keep_from_socket(plan.unwritten)
    vars(trader_module).update(
        open_record=deadly, Trader=ScriptedTrader, LiveTrader=ScriptedLive, find_tape=scripted
    )
    return trader_module.main(["trader", plan.options])


if __name__ == "__main__":
    sys.exit(main())
