"""What a venue lists of its account: the present, or for a while what was true a little earlier.

A venue pushes an execution from one machine and lists positions from another, which may not have
heard of it yet; a third may list executions.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from brokers.base import CashStated, OrderStated, PositionStated
from rust_core import VenueReport
from trading.ports import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The account as of one instant."""

    at_ns: int
    orders: tuple[OrderStated, ...]
    positions: tuple[PositionStated, ...]
    cash: CashStated
    fills: tuple[VenueReport, ...]

    @property
    def is_flat(self) -> bool:
        """Nothing works and nothing is held."""
        return not self.orders and not self.positions


class Lists:
    """Shows the account, of now or of a while ago.

    Args:
        look: The account of now.
    """

    def __init__(self, look: Callable[[], Shown]) -> None:
        """They are up to date."""
        self._look = look
        self._behind_ns = 0
        self._until_ns = 0
        self._parts: frozenset[Part] = frozenset()
        self._kept: deque[Shown] = deque()

    def fall_behind(self, parts: frozenset[Part], behind_ns: int, until_ns: int) -> None:
        """From now on, until then, show of these parts what was true so long ago."""
        self._parts, self._behind_ns, self._until_ns = parts, behind_ns, until_ns
        self._kept = deque([self._look()])

    def behind_ns(self, now_ns: int) -> int:
        """How far what is shown now may be behind."""
        return self._behind_ns if now_ns < self._until_ns else 0

    def changed(self, now_ns: int) -> None:
        """The account moved."""
        if now_ns < self._until_ns:
            self._kept.append(self._look())

    def shown(self, now_ns: int) -> Shown:
        """What whoever asks now is told."""
        if now_ns >= self._until_ns:
            self._kept.clear()
            return self._look()
        kept = self._kept
        while len(kept) > 1 and kept[1].at_ns <= now_ns - self._behind_ns:
            kept.popleft()
        old, new, parts = kept[0], self._look(), self._parts
        return Shown(
            at_ns=now_ns,
            orders=old.orders if Part.ORDERS in parts else new.orders,
            positions=old.positions if Part.POSITIONS in parts else new.positions,
            cash=replace(old.cash, at_ns=now_ns) if Part.CASH in parts else new.cash,
            fills=old.fills if Part.FILLS in parts else new.fills,
        )
