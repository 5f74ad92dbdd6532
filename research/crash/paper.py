"""One crash round in PAPER: a replay that is cut off, goes on to its end, and is compared."""

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

from research.crash.books import Kept, read_paper_venue, read_record
from research.crash.judge import Findings, compare, compare_trades
from research.crash.market import busy_config, busy_tape
from research.crash.plan import Plan
from research.crash.process import KILLED, Round, RoundFailedError, expect
from trading.config_reader import load
from trading.run_options import ExitCode, RunOptions

CALM_KILLS: Final = 4
"""At how many instants the scripted operator asks for a kill."""
_KILL_DECISIONS: Final = 5
_VISITS: Final = {
    "intent staged": "OrderIntended",
    "durable": "OrderIntended",
    "mid-fill": "OrderFilled",
    "exit pending": "ExitTriggered",
}


@dataclass(frozen=True, slots=True)
class Calm:
    """What a run came to that was not cut off."""

    kept: Kept
    kill_at_ns: int = 0


class PaperRounds:
    """A market, what it comes to undisturbed, and rounds that are cut off in it.

    Attributes:
        venue: The paper venue's configuration, as its book wants it.
    """

    def __init__(self, folder: Path) -> None:
        """Make the market; nothing has run."""
        self._folder = folder
        self._config = busy_config(folder)
        self._tape = busy_tape(folder, sessions=1)
        self.venue = load(self._config).paper_json()
        self._calm: list[Calm] = []

    async def prepare(self) -> None:
        """Run it undisturbed: without a kill, and with one in the middle of some trades."""
        whole = Calm(await self.undisturbed(Plan(options=""), "calm"))
        self._calm = [whole]
        trades = whole.kept.trades
        step = max(1, len(trades) // CALM_KILLS)
        for number, trade in enumerate(trades[::step][:CALM_KILLS]):
            entry_ns, exit_ns = trade[0], trade[1]
            at_ns = entry_ns + (exit_ns - entry_ns) * (number % 3) // 3 + 1
            plan = Plan(options="", kill_at_ns=at_ns)
            self._calm.append(Calm(await self.undisturbed(plan, f"calm-{number}"), at_ns))

    async def undisturbed(self, plan: Plan, name: str) -> Kept:
        """A run that nothing happens to, but a kill that is part of the plan."""
        data_dir = self._folder / name
        await expect(self.plan(data_dir, plan), data_dir, ExitCode.DONE)
        return read_record(data_dir)

    def plan(self, data_dir: Path, plan: Plan, *, recover: bool = False) -> Plan:
        """What a child on this market is told."""
        options = RunOptions(
            config=self._config, data_dir=data_dir, speed_ratio=None, recover=recover
        )
        return replace(plan, options=options.to_json(), tape=str(self._tape))

    async def round(self, number: int, point: str, random: Random) -> Round:
        """Cut one run off at a visit of a point, let it go on to its end, and compare."""
        calm, plan = self._drawn(point, random)
        data_dir = self._folder / f"round-{number}"
        await expect(self.plan(data_dir, plan), data_dir, KILLED)
        before = read_record(data_dir)
        at_venue = read_paper_venue(data_dir, before.run, self.venue)
        again = self.plan(data_dir, replace(plan, point=""), recover=True)
        started_ns = await expect(again, data_dir, ExitCode.DONE)
        after = read_record(data_dir)
        if not after.back_ns:
            raise RoundFailedError("the recovered run never compared its books")
        venue = read_paper_venue(data_dir, after.run, self.venue)
        found = compare(after.book, venue, before=before.book)
        found.add(compare_trades(after.trades, calm.kept.trades))
        for order in sorted(set(at_venue.orders) - before.book.intended):
            found.orphans.append(f"order {order} was at the venue before its intent was durable")
        _check_end(point, calm.kept, after, found)
        return Round(
            number=number,
            mode="PAPER",
            point=point,
            occurrence=plan.occurrence,
            state=before.state,
            findings=found,
            recover_ms=(after.back_ns - started_ns) / 1e6,
        )

    def _drawn(self, point: str, random: Random) -> tuple[Calm, Plan]:
        if point == "mid-kill":
            calm = random.choice(self._calm[1:])
            occurrence = random.randint(1, _KILL_DECISIONS)
        else:
            calm = self._calm[0]
            occurrence = random.randint(1, self._visits(point))
        return calm, Plan(
            options="", point=point, occurrence=occurrence, kill_at_ns=calm.kill_at_ns
        )

    def _visits(self, point: str) -> int:
        kinds, sent = self._calm[0].kept.book.kinds, self._calm[0].kept.book.sent
        return kinds[_VISITS[point]] if point in _VISITS else len(sent)


def _check_end(point: str, calm: Kept, after: Kept, found: Findings) -> None:
    """The tape is over: nothing may be open, and a kill is carried out once and stays latched."""
    if after.book.open or after.book.held:
        found.orphans.append(f"{after.state} is open behind the end of the tape")
    if after.kill_level != calm.kill_level:
        found.lost.append(f"the kill level is {after.kill_level}, must be {calm.kill_level}")
    done = after.book.kinds.get("KillDone", 0)
    if point == "mid-kill" and done != 1:
        (found.duplicates if done else found.lost).append(f"the kill was carried out {done} times")
