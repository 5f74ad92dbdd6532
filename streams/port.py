"""The edge of a slow consumer: bounded by the number of keys, never by its patience."""

from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Generic, TypeVar

from trading.mail import MailClass

T = TypeVar("T")


class Take:
    """Mail that says that a port holds something: the consumer calls `take`."""

    MAIL: ClassVar[MailClass] = MailClass.MUST  # lost, it would leave its key waiting
    __slots__ = ("_key", "_port")

    def __init__(self, port: "ConflatingPort[Any]", key: Hashable) -> None:
        """Made by the port."""
        self._port = port
        self._key = key

    def take(self) -> Any:
        """The newest item of the key; None when the port was reset since."""
        return self._port.take(self._key)


class ConflatingPort(Generic[T]):
    """Holds at most one item a key, and has at most one mail a key under way.

    The newest item wins, unless `merge` says how two become one: volumes are added, not replaced.
    `conflated` counts items that did not reach the consumer on their own.
    """

    def __init__(
        self,
        tell: Callable[[Take], None],
        key: Callable[[T], Hashable],
        merge: Callable[[T, T], T] | None = None,
    ) -> None:
        """Hand mail to the consumer through `tell`; `merge(older, newer)` gives what stays."""
        self._tell = tell
        self._key = key
        self._merge = merge
        self._pending: dict[Hashable, T] = {}
        self.conflated = 0

    def __len__(self) -> int:
        """Keys that wait to be taken."""
        return len(self._pending)

    def offer(self, item: T) -> None:
        """Take over an item; tells the consumer when its key was empty."""
        key = self._key(item)
        if key not in self._pending:
            self._pending[key] = item
            self._tell(Take(self, key))
            return
        self.conflated += 1
        older = self._pending[key]
        self._pending[key] = item if self._merge is None else self._merge(older, item)

    def take(self, key: Hashable) -> T | None:
        """What waits under a key, which is empty afterwards; None when nothing waits."""
        return self._pending.pop(key, None)

    def reset(self) -> None:
        """Forget what waits: for a consumer that restarted and whose mail is gone."""
        self._pending.clear()
