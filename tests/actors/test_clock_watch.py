"""Clocks beside ours: what is logged, shown and shut."""

import asyncio
from typing import Any

import pytest

from actors.breakers import Breakers
from actors.clock_watch import BREAKER, TRIES, ClockPlan, ClockWatch
from brokers.offset import Offset
from rust_core import ReleaseGate

MS = 1_000_000


class Clocks:
    """Clocks that show what a test says, and what the watch made of it."""

    def __init__(self, *answers: Offset | Exception) -> None:
        """One clock, `venue`, with these answers in turn; the last is repeated."""
        self.answers = list(answers)
        self.asked = 0
        self.notes: list[dict[str, Any]] = []
        self.told: list[str] = []
        self.naps = 0
        self.breakers = Breakers(
            gate=ReleaseGate(), note=lambda *_: None, notify=lambda _, text: self.told.append(text)
        )
        self.plan = ClockPlan(
            ask={"venue": self.ask},
            faults=(OSError,),
            seen={},
            breakers=self.breakers,
            warn_ns=20 * MS,
            max_ns=100 * MS,
            now_ns=lambda: 7,
            note=lambda _stream, _kind, payload: self.notes.append(payload),
            notify=lambda _severity, text, _ids: self.told.append(text),
            sleep=self.sleep,
        )
        self.is_closed = False

    async def ask(self) -> Offset:
        """The next answer."""
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, _: float) -> None:
        """An hour; the third is never over."""
        self.naps += 1
        if self.naps == 3:
            raise asyncio.CancelledError

    async def close(self) -> None:
        """Let go."""
        self.is_closed = True

    def look(self) -> str:
        """One look; the verdict."""
        asyncio.run(ClockWatch(self.plan, self.close).look())
        return self.plan.seen["venue"]["verdict"]

    @property
    def is_shut(self) -> bool:
        """Whether entries are stopped."""
        return self.breakers.is_any_shut()


def near(middle_ms: float, within_ms: float = 1) -> Offset:
    middle, half = int(middle_ms * MS), int(within_ms * MS)
    return Offset(low_ns=middle - half, high_ns=middle + half)


@pytest.mark.parametrize(
    ("answer", "verdict", "is_shut"),
    [
        (near(0), "NEAR", False),
        (near(21), "NEAR", False),
        (near(22), "OFF", False),
        (near(101), "OFF", False),
        (near(102), "FAR", True),
        (near(-102), "FAR", True),
        (near(0, 101), "UNSURE", False),
        (OSError("no route"), "SILENT", False),
    ],
)
def test_a_clock_that_is_certainly_far_stops_entries(
    answer: Offset | Exception, verdict: str, *, is_shut: bool
) -> None:
    """MD-3: warned from 20 ms, nothing enters beyond 100 ms; silence is told, and is not near."""
    clocks = Clocks(answer)
    assert clocks.look() == verdict
    assert clocks.is_shut is is_shut
    assert clocks.notes[0]["verdict"] == verdict
    assert bool(clocks.told) is (verdict != "NEAR")


def test_entries_are_let_go_when_the_clock_is_near_again() -> None:
    """MD-3: looked at each hour until the run ends; then its connections are let go."""
    clocks = Clocks(near(500), near(500), near(1))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(ClockWatch(clocks.plan, clocks.close).run())
    assert [note["verdict"] for note in clocks.notes] == ["FAR", "FAR", "NEAR"]
    assert any("breaker clock is open" in text for text in clocks.told)
    assert not clocks.is_shut
    assert clocks.breakers.has(BREAKER)
    assert clocks.is_closed


def test_a_slow_answer_is_asked_for_again() -> None:
    """MD-3: what all tries allow together counts, so a busy machine does not stop trading."""
    clocks = Clocks(near(300, 301), near(260, 301), near(0, 10))
    assert clocks.look() == "NEAR"
    assert clocks.asked == TRIES
    assert clocks.notes[0]["within_ns"] < 10 * MS + 1
