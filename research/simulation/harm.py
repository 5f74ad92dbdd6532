"""What is done to single actors: a message nobody understands, and a core that panics once."""

from collections.abc import Callable
from typing import Any

from actors.account import AccountActor
from rust_core import AccountCore, Decision, Message


class Poison:
    """A message that no actor understands."""


class PanicError(BaseException):
    """Stands for a Rust panic, which Python sees as a BaseException."""


class Panicking:
    """A core whose next decision panics; then it is the core again.

    Args:
        actor: Whose core it is.
        core: What it stands before.
        happened: Called as it panics.
    """

    def __init__(
        self, actor: AccountActor, core: AccountCore, happened: Callable[[], None]
    ) -> None:
        """Stand before the core."""
        self._actor = actor
        self._core = core
        self._happened = happened

    def __getattr__(self, name: str) -> Any:
        """Everything else is the core's own."""
        return getattr(self._core, name)

    def take(self, message: Message, now_ns: int) -> Decision | None:
        """Panic, once, where the account decides."""
        del message, now_ns
        self._actor.core = self._core
        self._happened()
        raise PanicError("explicit panic")

    @staticmethod
    def once(actor: AccountActor, happened: Callable[[], None]) -> None:
        """Have the actor's next decision panic."""
        actor.core = Panicking(actor, actor.core, happened)  # type: ignore[assignment]
