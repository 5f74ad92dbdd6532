"""What is done to single actors: a message nobody understands, and a core that panics once."""

from typing import Any

from actors.account import AccountActor
from rust_core import AccountCore, Decision, Message


class Poison:
    """A message that no actor understands."""


class PanicError(BaseException):
    """Stands for a Rust panic, which Python sees as a BaseException."""


class Panicking:
    """A core whose next decision panics; then it is the core again."""

    def __init__(self, actor: AccountActor, core: AccountCore) -> None:
        """Stand before the core."""
        self._actor = actor
        self._core = core

    def __getattr__(self, name: str) -> Any:
        """Everything else is the core's own."""
        return getattr(self._core, name)

    def decide(self, message: Message, now_ns: int) -> Decision:
        """Panic, once."""
        del message, now_ns
        self._actor.core = self._core
        raise PanicError("explicit panic")

    @staticmethod
    def once(actor: AccountActor) -> None:
        """Have the actor's next decision panic."""
        actor.core = Panicking(actor, actor.core)  # type: ignore[assignment]
