"""A venue's dead-man switch: without its acknowledgement nothing that adds risk leaves (KC-10)."""

import asyncio

import pytest

from actors.dead_man import BREAKER, DeadMan, DeadManPlan
from rust_core import ReleaseGate

S_NS = 1_000_000_000
LAPSE_NS = 10 * S_NS
HANG = "hang"
OPEN, SHUT = (None, None), ("BREAKER_OPEN", None)
"""What the gate says to what adds risk, and to what does not: cancels pass either way."""


class Beats:
    """A venue that answers heartbeats by a script, and a gate of the core.

    Args:
        script: When each beat is sent, in seconds, and its problem.
    """

    def __init__(self, *script: tuple[int, str]) -> None:
        """Nothing was sent."""
        self._script = [*script]
        self._sent = 0
        self.gate = ReleaseGate()
        self.gate.set_fence(1, 1)
        self.seen: list[tuple[str | None, str | None]] = []
        self.notices: list[str] = []
        self.lapses: list[tuple[str | None, str | None]] = []

    def look(self) -> tuple[str | None, str | None]:
        """What the gate says now."""
        return self.gate.refuses(True), self.gate.refuses(False)  # noqa: FBT003 - its own signature

    async def beat(self) -> str:
        """The next answer; the end of the script ends the beating."""
        self.seen.append(self.look())
        if self._sent == len(self._script):
            raise EOFError
        _, problem = self._script[self._sent]
        self._sent += 1
        if problem == HANG:
            await asyncio.Event().wait()
        return problem

    def now_ns(self) -> int:
        """When the next beat is sent."""
        last = len(self._script) - 1
        return self._script[min(self._sent, last)][0] * S_NS

    def play(self) -> list[tuple[str | None, str | None]]:
        """To the end of the script; the gate before each beat, and after the last one."""
        plan = DeadManPlan(
            beat=self.beat,
            every_ns=1_000_000,
            lapse_ns=LAPSE_NS,
            now_ns=self.now_ns,
            hold=lambda cause: self.gate.set_breaker(BREAKER, bool(cause)),
            lapsed=lambda: self.lapses.append(self.look()),
            notify=lambda severity, _: self.notices.append(severity),
        )
        with pytest.raises(EOFError):
            asyncio.run(DeadMan(plan).follow())
        return self.seen


def test_entries_wait_for_the_first_acknowledgement() -> None:
    """KC-10: not known is not acknowledged; cancels pass from the start."""
    beats = Beats((1, "503"), (2, ""))
    assert beats.play() == [SHUT, SHUT, OPEN]
    assert beats.notices == []


@pytest.mark.parametrize("problem", ["503", HANG], ids=["refused", "not answered"])
def test_a_beat_that_is_not_acknowledged_holds_entries_until_one_is(problem: str) -> None:
    """KC-10: at once, and told once; no new risk, cancels pass."""
    beats = Beats((1, ""), (2, problem), (3, problem), (4, ""))
    assert beats.play() == [SHUT, OPEN, SHUT, SHUT, OPEN]
    assert beats.notices == ["ERROR"]
    assert beats.lapses == []


def test_after_a_lapse_everything_is_compared_before_entries_leave() -> None:
    """KC-10, ST-4: the venue has cancelled all; we learn it while the gate is still shut."""
    beats = Beats((1, ""), (5, "503"), (11, ""))
    assert beats.play() == [SHUT, OPEN, SHUT, OPEN]
    assert beats.lapses == [SHUT]
    assert beats.notices == ["ERROR", "CRITICAL"]


def test_a_process_that_stood_still_has_lapsed_without_a_missed_beat() -> None:
    """KC-10: frozen and thawed, its next beat is acknowledged, and the venue has cancelled all."""
    beats = Beats((1, ""), (11, ""))
    assert beats.play() == [SHUT, OPEN, OPEN]
    assert len(beats.lapses) == 1


def test_just_inside_the_lapse_nothing_was_cancelled() -> None:
    """KC-10: one step inside."""
    beats = Beats((1, ""), (10, ""))
    assert beats.play() == [SHUT, OPEN, OPEN]
    assert beats.lapses == []
