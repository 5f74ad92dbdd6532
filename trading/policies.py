"""Veto policies in a user's own Python: they may say no, and nothing else (RK-16)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from trading.strategies.api import Signal
from trading.strategies.view import View


class Policy(ABC):
    """Base of a veto policy; a file of its own in the policies folder.

    Attributes:
        name: How configuration and verdict call it; for a file, the file's name.
    """

    name: str = ""

    @abstractmethod
    def veto(self, signal: Signal, view: View) -> str | None:
        """A reason to refuse the signal, or None to leave it to the account's own rules."""


@dataclass(frozen=True, slots=True)
class Veto:
    """A policy's no; it stands in the verdict by the policy's name."""

    policy: str
    reason: str


def vetoes(policies: Sequence[Policy], signal: Signal, view: View) -> list[Veto]:
    """Ask every policy; each sees a copy, so that none can enlarge what is asked for.

    A policy that raises, is interrupted because it blocks, or answers anything but None refuses:
    what cannot be judged is not traded.
    """
    found = []
    for policy in policies:
        try:
            answer: object = policy.veto(deepcopy(signal), view)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - fail closed, whatever a user's code does
            answer = f"raised {type(error).__name__}: {error}"
        if answer is not None:
            found.append(Veto(policy.name, str(answer)))
    return found
