"""A trader's lane and operator port for the console's rows, in a process of its own.

`python -m benchmarks.console_trader DATA_DIR`: the real lane, port and feed of events, before a
state that a script moves. It reads one request a line and answers each with a line of JSON:
`rate N` makes N events a second durable from now on, `lane` tells how late the lane's timers were
since it was last asked.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any, Final

import orjson
import uvloop

from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.lane_live import LiveLane
from actors.operator import OperatorServer, OperatorSettings
from actors.spec import Spec
from actors.tree import Tree
from benchmarks.measure import quantile
from tests.browser.rich_trader import RichTrader
from tests.console.recorded import ONE
from trading.ports import JournalRow

EVENT_KIND: Final = "OrderChanged"
_FIRST_SEQ: Final = 1000  # after all that the record holds
_PROBE_NS: Final = 2_000_000
_TICK_1E8: Final = 25_000_000


class Probe(LaneActor):
    """Wakes by a timer again and again, and notes by how much it was late."""

    def __init__(self, lane: Lane, name: str, late_ns: list[int]) -> None:
        """Note into this list."""
        super().__init__(lane, name)
        self._late_ns = late_ns

    def on_start(self) -> None:
        """Begin."""
        self._arm()

    def on_receive(self, message: Any) -> None:
        """It is later than `message` says."""
        self._late_ns.append(self.lane.now_ns() - message)
        self._arm()

    def _arm(self) -> None:
        due_ns = self.lane.now_ns() + _PROBE_NS
        self.at(due_ns, due_ns)


class Script:
    """Moves the trader: an event and a new price at each step."""

    def __init__(self, trader: RichTrader) -> None:
        """Nothing moves yet."""
        self._trader = trader
        self._seq = _FIRST_SEQ
        self.rate = 0

    async def play(self) -> None:
        """At an even pace; a step that is late is not made up for."""
        while True:
            await asyncio.sleep(1 / self.rate if self.rate else 0.05)
            if self.rate:
                self._step()

    def _step(self) -> None:
        self._seq += 1
        steps = self._seq % 8
        self._trader.price_1e8 = 2750 * ONE + (steps if steps < 4 else 8 - steps) * _TICK_1E8
        self._trader.make_durable(_event(self._seq))


def _event(seq: int) -> JournalRow:
    """An event that carries the wall's time, so that the page can tell how old it is when seen."""
    return JournalRow(
        seq=seq,
        journal_id="account:main",
        run="r1",
        stream="order/o-1",
        stream_version=seq,
        kind=EVENT_KIND,
        at_ns=seq,
        payload=orjson.dumps({"n": seq, "wall_ns": time.time_ns()}),
        schema_ver=1,
        tape_seq=-1,
        prev_hash=b"",
        hash=b"",
    )


async def _serve(data_dir: Path) -> None:
    lane = LiveLane()
    late_ns: list[int] = []
    probe = Spec(name="probe", make=lambda lane, name: Probe(lane, name, late_ns))
    tree = Tree(lane, Spec(name="root", children=(probe,)), on_event=lambda _: None, halt=_halted)
    trader = RichTrader()
    server = OperatorServer(
        trader,
        OperatorSettings(data_dir=data_dir, run="r1"),
        wall_ns=time.time_ns,
        monotonic_ns=time.monotonic_ns,
    )
    script = Script(trader)
    tree.start()
    await server.start()
    playing = asyncio.create_task(script.play())
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            match line.split():
                case ["rate", rate]:
                    script.rate = int(rate)
                    _answer({"rate": script.rate})
                case ["lane"]:
                    _answer(
                        {"wakes": len(late_ns), "p99_us": quantile(late_ns, 0.99) / 1000}
                        if late_ns
                        else {"wakes": 0}
                    )
                    late_ns.clear()
                case _:
                    _answer({"error": f"expected `rate N` or `lane`, found {line!r}"})
    finally:
        playing.cancel()
        await server.stop()
        tree.stop("over")
        lane.close()


def _answer(said: dict[str, Any]) -> None:
    sys.stdout.write(orjson.dumps(said).decode() + "\n")
    sys.stdout.flush()


def _halted(why: str) -> None:
    raise AssertionError(f"nothing halts here: {why}")


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
