"""The bars around a signal, with the VWAP as it stood, read from the run's tape."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from streams.tape import Kind, Tape, TapeError, TapeRow

BARS_BEFORE: Final = 5
BARS_AFTER: Final = 3
_1E8: Final = 1e-8


def bars_around(path: Path, instrument: str, tape_seq: int) -> dict[str, Any]:
    """Bars before and after a tape row of the same session.

    Args:
        path: The run's tape.
        instrument: Symbol of the bars.
        tape_seq: The row that was being handled; its bar is the last one that was seen.

    Returns:
        `bars`, each with `is_seen`, and a `note` where they cannot be shown.
    """
    try:
        with Tape(path) as tape:
            if instrument not in tape.header.instruments:
                return {"bars": [], "note": f"the tape {path} has no {instrument}"}
            index = tape.header.instruments.index(instrument)
            return {"bars": _around(_session_bars(tape, index, tape_seq), tape_seq), "note": ""}
    except (TapeError, IndexError) as error:
        return {"bars": [], "note": f"bars cannot be shown: {error}"}


def _session_bars(tape: Tape, instrument: int, tape_seq: int) -> Iterator[tuple[int, TapeRow]]:
    session = next((each for each in tape.sessions() if tape_seq in each.rows), None)
    if session is None:
        return
    for seq, row in enumerate(tape.rows(session.first_row, session.stop_row), session.first_row):
        if row[1] == Kind.BAR and row[2] == instrument:
            yield seq, row


def _around(bars: Iterator[tuple[int, TapeRow]], tape_seq: int) -> list[dict[str, Any]]:
    from rust_core._native import SessionVwap  # noqa: PLC0415  the other commands go without it

    vwap = SessionVwap()
    seen: deque[dict[str, Any]] = deque(maxlen=BARS_BEFORE)
    later: list[dict[str, Any]] = []
    for seq, row in bars:
        at_ns, high, low, close, volume = row[0], row[5], row[6], row[7], row[8]
        vwap.update(high * _1E8, low * _1E8, close * _1E8, volume * _1E8)
        bar = {
            "end_ns": at_ns,
            "open_1e8": row[4],
            "high_1e8": high,
            "low_1e8": low,
            "close_1e8": close,
            "volume_1e8": volume,
            "vwap": vwap.value,
            "is_seen": seq <= tape_seq,
        }
        if seq <= tape_seq:
            seen.append(bar)
        else:
            later.append(bar)
            if len(later) == BARS_AFTER:
                break
    return [*seen, *later]
