"""What an account actor is made of: given once, shared by its incarnations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from actors.breakers import Breakers
from actors.checks import ChecksMemory
from actors.latency import LatencyMarks
from actors.questions import Questions
from actors.reconciler import Judged
from actors.rounds import Rounds
from rust_core import ReleaseGate
from trading.market import MarketMessage
from trading.ports import Broker, Record


class Deadline(Protocol):
    """A timer that is armed."""

    def cancel(self) -> None:
        """It is not needed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """What an account actor is made of; shared by its incarnations.

    Attributes:
        account: The account's name.
        config_json: `AccountConfig` of the core.
        run: The run in the record.
        record: Read to rehydrate.
        rounds: Where decisions are staged.
        broker: The way to the venue.
        gate: Compared at every hand-over.
        is_shared: Several strategies ask, so that they may contradict each other (PF-2).
        balance_cache_ns: How old the broker's figures may be for an entry to rest on them without
            asking anew (EX-13); None where our own books say what may be spent.
        is_virtual: Time stands still while the process is dead, so what is proven absent at the
            venue may still leave (architecture.md, Replay and recovery).
        history: The current session's market messages so far, for what is not journaled: the last
            prices.
        order_news: Called with a client order id for each order that was moved, once its instant
            has nothing left to decide.
        position_news: The same for positions, with the position's id.
        filled: Called with each durable OrderFilled event.
        kill_finished: Called with each durable KillFinished event.
        notify: Called with severity, text and ids.
        latency: Told of each stage an order passes.
        questions: What the venue was asked, shared with the reconciler.
        breakers: Told how each call to the venue went.
        unsound: Called once a decision left books that contradict themselves (WD-5).
        looks: Counts how often the books were looked at.
        session_closed: Called with the date of a session that closed in the books.
        judged: Called with each answer once the core has judged it.
        recovered: Called when everything open was asked for after a restart.
    """

    account: str
    config_json: bytes
    run: str
    record: Record
    rounds: Rounds
    broker: Broker
    gate: ReleaseGate
    is_shared: bool
    balance_cache_ns: int | None
    is_virtual: bool
    history: Callable[[], Sequence[MarketMessage]]
    order_news: Callable[[str], None]
    position_news: Callable[[str], None]
    filled: Callable[[Any], None]
    kill_finished: Callable[[Any], None]
    notify: Callable[[str, str, Sequence[str]], None]
    latency: LatencyMarks
    questions: Questions
    breakers: Breakers
    unsound: Callable[[], None]
    looks: ChecksMemory
    session_closed: Callable[[int], None]
    judged: Callable[[Judged], None]
    recovered: Callable[[], None]

    @property
    def journal_id(self) -> str:
        """The account's journal."""
        return f"account:{self.account}"
