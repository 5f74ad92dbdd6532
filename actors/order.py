"""One order, one actor: it waits, asks and asks again. The truth is in the account's core.

It tells the core when the venue has been silent too long (EX-6), looks an UNKNOWN order up until
the venue has said what became of it, and repeats a cancel that has not ended the order (EX-8). It
never sends. Working orders are asked about all at once, by the reconciler.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.messages import AnswerDue, CancelDue, OrderNews, PollDue
from actors.spec import Finished
from rust_core import Message
from trading.ports import Broker

CANCEL_BACKOFF_MAX_NS = 30_000_000_000
POLLS_KEPT_FOR = 4
"""Looks in a row that bring no news, after which a replay at its end does not wait for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlan:
    """What an order actor needs; one for all orders of an account.

    Attributes:
        account: Name of the account's actor.
        broker: The way to the venue, for questions and cancels.
        order: The core's view of an order by client order id, None once it has left the core.
        answer_wait_ns: Silence after the hand-over that makes an order UNKNOWN (EX-6).
        poll_ns: How often an UNKNOWN order is looked up.
        cancel_retry_ns: First wait before a cancel is asked for again; doubles.
    """

    account: str
    broker: Broker
    order: Callable[[str], Any | None]
    answer_wait_ns: int
    poll_ns: int
    cancel_retry_ns: int


class OrderActor(LaneActor):
    """Waits for what the venue owes one order."""

    def __init__(self, lane: Lane, name: str, client_order_id: str, plan: OrderPlan) -> None:
        """An incarnation; what to wait for follows from the core's view."""
        super().__init__(lane, name)
        self.client_order_id = client_order_id
        self.plan = plan
        self._state = ""
        self._waiting: Any = None
        self._cancelling: Any = None
        self._polls = 0

    def on_start(self) -> None:
        """Find out what there is to wait for."""
        self._look()

    def on_stop(self) -> None:
        """Nothing waits any more."""
        for timer in (self._waiting, self._cancelling):
            if timer is not None:
                timer.cancel()

    def on_receive(self, message: Any) -> None:
        """News from the core, or a wait that is over."""
        kind = type(message)
        if kind is OrderNews:
            self._look()
        elif kind is AnswerDue:
            if self._state == "SUBMITTED":
                self.tell(self.plan.account, Message.no_answer(self.client_order_id))
        elif kind is PollDue:
            self._poll()
        elif kind is CancelDue:
            self._cancel_again(message.attempt)
        else:
            raise TypeError(f"{self.name}: expected news of an order, found {kind.__name__}")

    def _look(self) -> None:
        view = self.plan.order(self.client_order_id)
        if view is None or view.is_terminal:
            raise Finished
        if view.state != self._state:
            self._state = view.state
            self._polls = 0
            self._wait()
        if view.is_cancel_asked and self._cancelling is None:
            due_ns = self.lane.now_ns() + self.plan.cancel_retry_ns
            self._cancelling = self.at(due_ns, CancelDue(attempt=1))

    def _wait(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        now_ns = self.lane.now_ns()
        if self._state == "SUBMITTED":
            self._waiting = self.at(now_ns + self.plan.answer_wait_ns, AnswerDue())
        elif self._state in ("PENDING", "UNKNOWN"):  # PENDING: an answer may have been lost
            self._poll_later()

    def _poll(self) -> None:
        self._polls += 1
        self.plan.broker.look_up(self.client_order_id)
        self._poll_later()

    def _poll_later(self) -> None:
        """Ask again; a replay goes on for it only while there may be something that was lost."""
        due_ns = self.lane.now_ns() + self.plan.poll_ns
        self._waiting = self.at(due_ns, PollDue(), daemon=self._polls >= POLLS_KEPT_FOR)

    def _cancel_again(self, attempt: int) -> None:
        self.plan.broker.cancel(self.client_order_id)
        wait_ns = min(self.plan.cancel_retry_ns << attempt, CANCEL_BACKOFF_MAX_NS)
        self._cancelling = self.at(self.lane.now_ns() + wait_ns, CancelDue(attempt=attempt + 1))
