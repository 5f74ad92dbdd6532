"""What this run's journal says was heard of each instrument before this process began (MD-2)."""

from typing import Any, Final

from streams.gaps import HeardBefore
from trading.ports import Record

_BARS: Final = """SELECT payload ->> '$.instrument', max(payload ->> '$.end_ns') FROM journal
    WHERE run = :run AND kind = 'BarBuilt' GROUP BY 1"""
_HOLES: Final = """SELECT payload ->> '$.instrument', payload ->> '$.start_ns',
        payload ->> '$.end_ns' FROM journal
    WHERE run = :run AND kind = 'FeedGap' ORDER BY pos"""


def heard_before(record: Record, run: str) -> dict[str, HeardBefore]:
    """Until when each instrument was heard, by its newest bar or hole, and its holes so far."""
    asked: dict[str, Any] = {"run": run}
    until_ns: dict[str, int] = dict(record.query(_BARS, asked))
    holes: dict[str, list[tuple[int, int]]] = {}
    for instrument, start_ns, end_ns in record.query(_HOLES, asked):
        holes.setdefault(instrument, []).append((start_ns, end_ns))
        until_ns[instrument] = max(until_ns.get(instrument, 0), end_ns)
    return {
        instrument: HeardBefore(until_ns=heard_ns, holes=tuple(holes.get(instrument, ())))
        for instrument, heard_ns in until_ns.items()
    }
