"""At which word of the order path a process ends, and what else happens to it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a child does.

    Attributes:
        options: The trader's own argument.
        point: Where it ends; empty for nowhere.
        occurrence: At which visit of the point, from 1.
        by: The signal that it sends itself there: SIGKILL, SIGINT as if a person had told it to
            end, or SIGSTOP.
        kill_at_ns: When the scripted operator asks for FLATTEN, in a replay; 0 for never.
        kill_at_fill: At which durable fill it does, in LIVE; 0 for never.
        tape: The generated market to play; empty in LIVE.
        unwritten: Which order of the process is kept from its socket behind its release, from 1; 0
            for none.
    """

    options: str
    point: str = ""
    occurrence: int = 1
    by: str = "SIGKILL"
    kill_at_ns: int = 0
    kill_at_fill: int = 0
    tape: str = ""
    unwritten: int = 0

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read it back."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Point:
    """A word between the trader and its record.

    Attributes:
        when: `staged` or `durable`.
        marks: The event that it is.
        opens: Only visits behind an event that this is true of count; None counts all.
    """

    when: str
    marks: Callable[[Any], bool]
    opens: Callable[[Any], bool] | None = None


def _changed_to(*states: str) -> Callable[[Any], bool]:
    return lambda event: (
        event.kind == "OrderChanged" and orjson.loads(event.payload)["new"] in states
    )


def _is(kind: str) -> Callable[[Any], bool]:
    return lambda event: bool(event.kind == kind)


def is_back(event: Any) -> bool:
    """Whether it says that a recovered LIVE process may trade again: stream up, books compared."""
    if event.kind != "ReconcileFinished":
        return False
    said = orjson.loads(event.payload)
    return bool(said["why"] == "RECONNECTED" and not said["is_stopped"])


POINTS: Final[dict[str, Point]] = {
    "intent staged": Point("staged", _is("OrderIntended")),
    "durable": Point("durable", _is("OrderIntended")),
    "released": Point("staged", _changed_to("SUBMITTED")),
    "answered": Point("staged", _changed_to("WORKING")),
    "mid-fill": Point("staged", _is("OrderFilled")),
    "exit pending": Point("durable", _is("ExitTriggered")),
    "mid-kill": Point("durable", lambda _: True, _is("KillAccepted")),
}
"""The named points of the order path, in its order."""
TAKEN_UP: Final[dict[str, Point]] = {
    "kill latched": Point("staged", _is("KillLevelChanged")),
    "kill latched durably": Point("durable", _is("KillLevelChanged")),
    "kill finished": Point("staged", _is("KillFinished")),
    "kill finished durably": Point("durable", _is("KillFinished")),
    "kill done": Point("staged", _is("KillDone")),
}
"""Of a kill that was asked for while no trader ran, and is taken up by the next one."""
UNWRITTEN: Final[dict[str, Point]] = {
    "released durably": Point("durable", _changed_to("SUBMITTED")),
}
"""Our books say that an order's bytes were handed over, and what became of them is unknown."""
ENDS: Final[dict[str, Point]] = {
    "traded again": Point("durable", _is("TradeClosed"), is_back),
    "kill done durably": Point("durable", _is("KillDone")),
}
"""Where a recovered process has shown enough."""
