"""What the venue was asked about its own account, and what our books were when it was asked."""

from dataclasses import dataclass, field
from enum import StrEnum

from rust_core import AccountCore
from trading.ports import Broker, Part

OPEN = frozenset((Part.ORDERS, Part.POSITIONS, Part.FILLS))
"""What a kill wants to know (KC-2): a position whose fills were missed is not somebody else's."""
NEWS = frozenset((Part.ORDERS,))
"""The net under the stream of reports: one call for all orders; what it does not explain is looked
up by itself (EX-6, EX-16)."""
BALANCE = frozenset((Part.CASH,))
"""What an entry rests on (EX-13)."""
ALL = frozenset(Part)
FILLS_OVERLAP_NS = 60_000_000_000
"""How far before the newest fill we know executions are asked for: they may come out of order, and
the venue has a clock of its own."""
ANSWER_DUE_NS = 10_000_000_000
"""An answer that has not come by then was lost on its way."""


class Why(StrEnum):
    """What a question is for."""

    KILL = "KILL"
    POLL = "POLL"
    SWEEP = "SWEEP"
    START = "START"
    RECONNECTED = "RECONNECTED"
    OPERATOR = "OPERATOR"
    ENTRY = "ENTRY"


WHOLE = frozenset((Why.START, Why.RECONNECTED, Why.OPERATOR))
"""Nobody listened for a while, or somebody wants to be sure: every execution that our books
remember is asked for again, because the venue may have taken one back (ST-4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question under way.

    Attributes:
        version: How many decisions the core had applied.
        fills_after_ns: From when on executions were asked for.
        fills_known_ns: Executions up to then were known.
        is_forced: An operator takes the venue's word, however large the difference.
    """

    number: int
    why: Why
    parts: frozenset[Part]
    version: int
    fills_after_ns: int
    fills_known_ns: int
    is_forced: bool
    asked_ns: int


@dataclass(slots=True)
class Questions:
    """The questions of one account, across incarnations of who asks them.

    Attributes:
        calls: Questions put to the venue, one a part (EX-16).
        leaving: Orders that were given to the broker and neither left nor were held back yet.
        naive_calls: What naive polling would have cost: each live order, the positions and the
            account, in every cycle.
    """

    under_way: dict[int, Asked] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    calls: int = 0
    naive_calls: int = 0
    last: int = 0
    last_fill_ns: int = 0

    def ask(
        self,
        broker: Broker,
        core: AccountCore,
        why: Why,
        parts: frozenset[Part],
        *,
        now_ns: int,
        is_forced: bool = False,
    ) -> int:
        """Put one question; its answer is mail to the account, and carries the number returned."""
        self.last += 1
        after_ns = self._fills_after_ns(core, why)
        self.under_way[self.last] = Asked(
            number=self.last,
            why=why,
            parts=parts,
            version=core.version,
            fills_after_ns=after_ns,
            fills_known_ns=self.last_fill_ns,
            is_forced=is_forced,
            asked_ns=now_ns,
        )
        self.calls += len(parts)
        broker.state(self.last, parts, after_ns, is_urgent=why is Why.KILL)
        return self.last

    def _fills_after_ns(self, core: AccountCore, why: Why) -> int:
        """The high-water mark, or all the way back while a difference is unexplained."""
        oldest_ns = core.oldest_execution_ns if why in WHOLE or core.has_suspects else None
        known_ns = self.last_fill_ns
        return known_ns if oldest_ns is None else min(known_ns, oldest_ns - FILLS_OVERLAP_NS)

    def answered(self, number: int) -> Asked | None:
        """The question of that number, once; None when nobody waits for it any more."""
        return self.under_way.pop(number, None)

    def waits(self, why: Why, now_ns: int) -> bool:
        """Whether a question of that kind may still be answered; what is overdue was lost."""
        lost = [
            asked.number
            for asked in self.under_way.values()
            if asked.why is why and now_ns - asked.asked_ns >= ANSWER_DUE_NS
        ]
        for number in lost:
            del self.under_way[number]
        return any(asked.why is why for asked in self.under_way.values())

    def forget(self) -> None:
        """The account starts anew: the versions that were noted are not its own."""
        self.under_way.clear()
        self.leaving.clear()
