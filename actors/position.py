"""One position, one actor: it looks whether the position is protected, and acts if not (PX-8)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.messages import CheckDue
from actors.spec import Finished
from rust_core import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionPlan:
    """What a position actor needs; one for all positions of an account.

    Attributes:
        account: Name of the account's actor.
        position: The core's view of a position by its id, None once it is closed.
        check_ns: How often it looks.
        unprotected: Called with the position id when neither stop nor waiver stands.
    """

    account: str
    position: Callable[[str], Any | None]
    check_ns: int
    unprotected: Callable[[str], None]


class PositionActor(LaneActor):
    """Looks after one open position."""

    def __init__(self, lane: Lane, name: str, position_id: str, plan: PositionPlan) -> None:
        """An incarnation; the position itself is the core's."""
        super().__init__(lane, name)
        self.position_id = position_id
        self.plan = plan

    def on_start(self) -> None:
        """Look at once, then regularly."""
        self._check()

    def on_receive(self, message: Any) -> None:
        """Time to look again."""
        if type(message) is not CheckDue:
            raise TypeError(f"{self.name}: expected CheckDue, found {type(message).__name__}")
        self._check()

    def _check(self) -> None:
        view = self.plan.position(self.position_id)
        if view is None:
            raise Finished
        if not view.is_protected:
            self.plan.unprotected(self.position_id)
            advice = Message.exit_advice(
                view.strategy,
                view.instrument,
                "EXECUTION_ERROR",
                "neither stop nor waiver stands",
                0,
            )
            self.tell(self.plan.account, advice)
        self.at(self.lane.now_ns() + self.plan.check_ns, CheckDue(), daemon=True)
