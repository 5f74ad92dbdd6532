"""Who looks after each open order and position: an actor each, made and taken away at rest."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors.messages import OrderNews
from actors.order import OrderActor, OrderPlan
from actors.periods import (
    ANSWER_WAIT_NS,
    CANCEL_RETRY_NS,
    POLL_LIVE_NS,
    POLL_VIRTUAL_NS,
    POSITION_CHECK_NS,
)
from actors.position import PositionActor, PositionPlan
from actors.spec import MONEY_BACKOFF, CellState, Spec
from actors.supervisor import Supervisor
from trading.ports import Broker

if TYPE_CHECKING:
    from actors.system import System

_ORDER_SPEC = Spec(name="order", restart="transient", backoff=MONEY_BACKOFF)
_POSITION_SPEC = Spec(name="position", restart="transient", backoff=MONEY_BACKOFF)
_ORDER_NEWS = OrderNews()


class Attendants:
    """Keeps the actors of orders and positions in step with the account's core.

    Args:
        system: Whose core is looked at, and in whose tree they live.
        note: Journals that a position was found without protection.
    """

    def __init__(self, system: "System", note: Callable[[str, str, dict[str, Any]], None]) -> None:
        """Nobody to look after before `serve`."""
        self._system = system
        self._note = note
        self._account = system.config.run.account
        self._order_plan: OrderPlan | None = None
        self._position_plan: PositionPlan | None = None

    def serve(self, account: str, broker: Broker) -> None:
        """A new incarnation of the account, by its actor's name, and its way to the venue."""
        self._order_plan = OrderPlan(
            account=account,
            broker=broker,
            order=self._order,
            answer_wait_ns=ANSWER_WAIT_NS,
            poll_ns=POLL_VIRTUAL_NS if self._system.ports.is_virtual else POLL_LIVE_NS,
            cancel_retry_ns=CANCEL_RETRY_NS,
        )
        self._position_plan = PositionPlan(
            account=account,
            position=self._position,
            check_ns=POSITION_CHECK_NS,
            unprotected=self._unprotected,
        )

    def order_news(self, client_order_id: str) -> None:
        """The core moved this order: an open one has an actor that looks again, no other has."""
        orders, name = self._supervisor("orders"), f"order:{client_order_id}"
        view, cell = self._order(client_order_id), orders.children.get(name)
        if view is None or view.is_terminal:
            orders.remove(name)
        elif cell is None:
            plan = self._order_plan
            if plan is not None:
                orders.add(
                    _ORDER_SPEC,
                    name=name,
                    make=lambda lane, own: OrderActor(lane, own, client_order_id, plan),
                )
        else:
            self._system.ports.lane.tell(name, _ORDER_NEWS)

    def position_news(self, position_id: str) -> None:
        """The same for a position."""
        positions, name = self._supervisor("positions"), f"position:{position_id}"
        view = self._position(position_id)
        if view is None:
            positions.remove(name)
        elif name not in positions.children and self._position_plan is not None:
            plan = self._position_plan
            positions.add(
                _POSITION_SPEC,
                name=name,
                make=lambda lane, own: PositionActor(lane, own, position_id, plan),
            )

    def tend(self) -> None:
        """Put somebody in the place of who gave up: nothing that is open is left alone (WD-1).

        Called again and again, so that whoever crashes for good costs a crash a while, and no more.
        """
        core = self._system.core
        if core is not None:
            for order in core.orders():
                if self._has_failed("orders", f"order:{order.client_order_id}"):
                    self.order_news(order.client_order_id)
            for position in core.positions():
                if self._has_failed("positions", f"position:{position.position_id}"):
                    self.position_news(position.position_id)

    def _has_failed(self, group: str, name: str) -> bool:
        """Whether whoever bears that name has given up; the place is free then."""
        supervisor = self._supervisor(group)
        cell = supervisor.children.get(name)
        if cell is None or cell.state is not CellState.FAILED:
            return False
        supervisor.remove(name)
        return True

    def _supervisor(self, name: str) -> Supervisor:
        return self._system.tree.supervisor(f"{name}:{self._account}")

    def _order(self, client_order_id: str) -> Any | None:
        core = self._system.core
        return None if core is None else core.order(client_order_id)

    def _position(self, position_id: str) -> Any | None:
        core = self._system.core
        return None if core is None else core.position_of_id(position_id)

    def _unprotected(self, position_id: str) -> None:
        text = f"position {position_id} has neither stop nor waiver: it is closed"
        violated = {"name": "Unprotected", "subject": position_id, "text": text}
        self._note("account", "InvariantViolated", violated)
        self._system.ports.notify("CRITICAL", text, (position_id,))
