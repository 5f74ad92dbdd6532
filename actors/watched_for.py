"""What a person watches a session for, passed on to a display as it becomes durable (UI-11)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from actors.rounds import Rounds
from trading.run_report import Happened, Reporter

WATCHED: Final = frozenset(
    {"DuplicateRefused", "FeedGap", "OrderChanged", "ProtectionTripped", "TradeClosed"}
)
"""Kinds; of an order's changes only that a part of it is filled."""
_PARTLY: Final = "PARTIALLY_FILLED"
_PARTLY_BYTES: Final = _PARTLY.encode()


def pass_on(rounds: Rounds, now_ns: Callable[[], int], reporter: Reporter) -> None:
    """Tell `reporter` of every durable event that is watched for, from now on."""

    def heard(_: str, events: Sequence[Any], __: int) -> None:
        for event in events:
            kind = event.kind
            if kind not in WATCHED:
                continue
            is_order = kind == "OrderChanged"
            if is_order and event.payload.find(_PARTLY_BYTES) < 0:  # most changes: unread
                continue
            payload = orjson.loads(event.payload)
            if not is_order or payload["new"] == _PARTLY:
                reporter.happened(Happened(at_ns=now_ns(), kind=kind, payload=payload))

    rounds.watch(WATCHED, heard)
