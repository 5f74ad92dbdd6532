"""What the kill switch works with: the gate, and what each account says of a kill."""

from typing import TYPE_CHECKING, Any

import orjson

from actors.kill import KillActor, KillAsked, KillPlan, raise_gate
from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.messages import KILL, KillProgress
from actors.operator_words import KillRequest
from actors.periods import KILL_TIMEOUT_LIVE_NS, KILL_TIMEOUT_VIRTUAL_NS

if TYPE_CHECKING:
    from actors.system import System


class KillWiring:
    """Makes the kill switch's incarnations.

    Args:
        system: Whose kill switch it is.
    """

    def __init__(self, system: "System") -> None:
        """Nothing killed."""
        self._system = system

    def make(self, lane: Lane, name: str) -> LaneActor:
        """Its next incarnation."""
        return KillActor(lane, name, self.plan())

    def plan(self) -> KillPlan:
        """What it works with, also for those who raise the gate."""
        system, ports = self._system, self._system.ports
        timeout_ns = KILL_TIMEOUT_VIRTUAL_NS if ports.is_virtual else KILL_TIMEOUT_LIVE_NS
        return KillPlan(
            accounts=(system.account_name,),
            open_counts=lambda _: self.open_count(),
            level_of=lambda _: self.account_level(),
            unconfirmed=lambda _: self.is_unconfirmed(),
            gate=system.gate,
            rounds=system.rounds,
            record=ports.record,
            run=ports.run,
            memory=system.kill_memory,
            timeout_ns=timeout_ns,
            notify=lambda severity, text: ports.notify(severity, text, ()),
        )

    def trigger(self, request: KillRequest) -> None:
        """The way every kill comes: the gate first, then the mail to its owner (KC-3)."""
        raise_gate(self.plan(), request.level)
        self._system.ports.lane.tell(KILL, KillAsked(request, lambda _: None))

    def finished(self, event: Any) -> None:
        """The account ended its part of a kill."""
        fields = orjson.loads(event.payload)
        progress = KillProgress(
            account=self._system.account_name,
            kill_id=fields["kill_id"],
            cancelled=fields["cancelled"],
            closed=fields["closed"],
            failed=fields["failed"],
            remaining=fields["remaining"],
        )
        self._system.ports.lane.tell(KILL, progress)

    def open_count(self) -> int:
        """Orders that work and positions that are open now."""
        core = self._system.core
        if core is None:
            return 0
        working = sum(1 for order in core.orders() if not order.is_terminal)
        return working + len(core.positions())

    def account_level(self) -> str:
        """The kill level as the account's core has it; empty while it is being rebuilt."""
        core = self._system.core
        return "" if core is None else core.account().kill_level

    def is_unconfirmed(self) -> bool:
        """The account waits for the venue's word on a kill, or cannot be asked now (KC-2)."""
        core = self._system.core
        return core is None or not core.account().is_kill_finished
