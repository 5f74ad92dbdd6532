"""The operator: kills, resumes, and starts again what died; through the trader's own port."""

from functools import partial
from typing import TYPE_CHECKING

from actors.operator_words import (
    Accepted,
    Answer,
    Changed,
    ControlRequest,
    KillDone,
    KillLevel,
    KillRequest,
    ReconcileRequest,
    Refused,
    ResumeRequest,
)
from research.simulation.judge_kills import KillJudge
from research.simulation.world import SECOND_NS, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from research.simulation.process import Process

ASK_AGAIN_NS = 3 * SECOND_NS
CLEAR_HALTS = "clear_halts"


class Operator:
    """A person who repeats what was not answered.

    Args:
        world: Time.
        judge: Told what was acknowledged.
        current: The process that is in charge now, None while there is none.
    """

    def __init__(
        self, world: World, judge: KillJudge, current: "Callable[[], Process | None]"
    ) -> None:
        """Nothing is asked yet."""
        self.world = world
        self.judge = judge
        self._current = current
        self._asked = 0

    def kill(
        self,
        level: str,
        resume_after_ns: int,
        *,
        answered: "Callable[[], None] | None" = None,
        resuming: "Callable[[], None] | None" = None,
        clears_halts: bool = False,
    ) -> None:
        """Ask for a kill until it is acknowledged, and lift it later.

        Args:
            level: Of the kill.
            resume_after_ns: When to lift it.
            answered: Called as the acknowledgement is heard.
            resuming: Called just before it is lifted.
            clears_halts: Whether what stopped entries beside it is cleared with it.
        """
        self._asked += 1
        request = KillRequest(
            id=f"kill-{self._asked}", level=KillLevel(level), reason="a drill", by="simulation"
        )
        self._ask_kill(request, answered)

        def resume() -> None:
            if resuming is not None:
                resuming()
            self._resume(f"resume-{request.id}", clears_halts=clears_halts)

        self.world.after(resume_after_ns, resume)

    def _ask_kill(self, request: KillRequest, answered: "Callable[[], None] | None") -> None:
        process, judge = self._current(), self.judge
        state = {"is_acknowledged": False}

        def again() -> None:
            if not state["is_acknowledged"]:
                self._ask_kill(request, answered)

        self.world.after(ASK_AGAIN_NS, again)
        if process is None:
            return

        def heard(answer: Answer) -> None:
            self.world.say(f"operator heard {answer}")
            if isinstance(answer, Accepted):
                state["is_acknowledged"] = True
                judge.accepted(process, request.id, str(request.level))
                if answered is not None:
                    answered()
            elif isinstance(answer, KillDone):
                judge.done(str(request.level), answer)
            process.point("kill_answered")

        judge.asked(request.id)
        process.trader.submit_kill(request, heard)

    def reconcile(self) -> None:
        """Ask how the books differ; whoever asks again may do so before the answer is here."""
        process = self._current()
        if process is None:
            return
        self._asked += 1
        request = ReconcileRequest(
            id=f"reconcile-{self._asked}", reason="a look", by="simulation", is_forced=False
        )
        process.trader.reconcile(request, lambda _: None)

    def resume_all(self) -> None:
        """Lift what stops it, whoever asked for it: a trigger may have."""
        process = self._current()
        level = "NONE" if process is None else process.system.kill_memory.level
        if level != "NONE":
            self.judge.by_id.setdefault("trigger", level)
        self._asked += 1
        self._resume(f"resume-all-{self._asked}")

    def _resume(self, request_id: str, *, clears_halts: bool = False) -> None:
        process, judge = self._current(), self.judge
        if not judge.by_id:
            return
        again = partial(self._resume, request_id, clears_halts=clears_halts)
        if process is None:
            self.world.after(ASK_AGAIN_NS, again)
            return
        held, judge.by_id = judge.by_id, {}

        def heard(answer: Answer) -> None:
            self.world.say(f"operator heard {answer}")
            if isinstance(answer, Refused):
                judge.by_id = held | judge.by_id
                self.world.after(10 * SECOND_NS, again)
            elif isinstance(answer, Changed):
                self.world.hits["operator.resumed"] += 1
                if clears_halts:
                    self._clear_halts(process)

        request = ResumeRequest(id=request_id, reason="done", by="simulation", rearm=True)
        process.trader.resume(request, heard)

    @staticmethod
    def _clear_halts(process: "Process") -> None:
        """What was found beside the kill is understood, and entries may go on."""
        request = ControlRequest(
            id="clear", name=CLEAR_HALTS, value=True, reason="understood", by="simulation"
        )
        process.trader.set_control(request, lambda _: None)
