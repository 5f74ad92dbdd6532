"""Bars around a signal, or of a whole session, with the VWAP as it stood, from the run's tape."""

from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from streams.replay import messages
from streams.tape import Tape, TapeError
from streams.tick_bars import TickBars, bar_messages
from trading.market import Bar

BARS_BEFORE: Final = 5
BARS_AFTER: Final = 3
_1E8: Final = 1e-8


def bars_around(path: Path, instrument: str, tape_seq: int, at_ns: int) -> dict[str, Any]:
    """Bars before and after an instant, of the session of a tape row.

    Args:
        path: The run's tape; of quotes or trades, the bars are built again.
        instrument: Symbol of the bars.
        tape_seq: The row that was being handled.
        at_ns: The instant; what had ended by then was seen.

    Returns:
        `bars`, each with `is_seen`, and a `note` where they cannot be shown.
    """
    try:
        with Tape(path) as tape:
            if instrument not in tape.header.instruments:
                return {"bars": [], "note": f"the tape {path} has no {instrument}"}
            return {"bars": _around(_session_bars(tape, instrument, tape_seq), at_ns), "note": ""}
    except (TapeError, IndexError) as error:
        return {"bars": [], "note": f"bars cannot be shown: {error}"}


def _session_bars(tape: Tape, instrument: str, tape_seq: int) -> list[Bar]:
    session = next((each for each in tape.sessions() if tape_seq in each.rows), None)
    if session is None:
        return []
    header = tape.header
    is_bars = header.content == "bars"
    building = None if is_bars else TickBars([instrument], header.cadence_ns)
    market = messages(tape, session.first_row, session.stop_row)
    sent = bar_messages(market, building, session.close_ns)
    return [each for each in sent if isinstance(each, Bar) and each.instrument == instrument]


def _around(bars: Sequence[Bar], at_ns: int) -> list[dict[str, Any]]:
    from rust_core._native import SessionVwap  # noqa: PLC0415  the other commands go without it

    vwap = SessionVwap()
    seen: deque[dict[str, Any]] = deque(maxlen=BARS_BEFORE)
    later: list[dict[str, Any]] = []
    for each in bars:
        high, low, close, volume = each.high_1e8, each.low_1e8, each.close_1e8, each.volume_1e8
        vwap.update(high * _1E8, low * _1E8, close * _1E8, volume * _1E8)
        is_seen = each.at_ns <= at_ns
        bar = {
            "end_ns": each.at_ns,
            "open_1e8": each.open_1e8,
            "high_1e8": high,
            "low_1e8": low,
            "close_1e8": close,
            "volume_1e8": volume,
            "vwap": vwap.value,
            "is_seen": is_seen,
        }
        (seen if is_seen else later).append(bar)
        if len(later) == BARS_AFTER:
            break
    return [*seen, *later]


def session_bars(path: Path, instrument: str, at_ns: int) -> dict[str, Any]:
    """Every bar of the session in which an instant lies, later ones too: cut off what is not yet.

    Args:
        path: The run's tape.
        instrument: Symbol; empty takes the tape's first.
        at_ns: An instant in the session, or after it.

    Returns:
        `instrument`, `session_date`, `open_ns`, `close_ns`, and `bars` with `end_ns`, prices and
        volume at 1e-8, `vwap` and its `deviation` in the currency; a `note` where there are none.
    """
    nothing = {"instrument": instrument, "session_date": 0, "bars": []}
    try:
        with Tape(path) as tape:
            name = instrument or tape.header.instruments[0]
            if name not in tape.header.instruments:
                return {**nothing, "note": f"the tape has no {name}"}
            begun = [each for each in tape.sessions() if each.open_ns <= at_ns]
            if not begun:
                return {**nothing, "note": "the session has not begun"}
            session = begun[-1]
    except (TapeError, IndexError) as error:
        return {**nothing, "note": f"bars cannot be shown: {error}"}
    bars = _bars_with_vwap(path, name, session.first_row)
    return {
        "instrument": name,
        "session_date": session.session_date,
        "open_ns": session.open_ns,
        "close_ns": session.close_ns,
        "bars": bars,
        "note": "" if bars else "the tape has no bars",
    }


@lru_cache(maxsize=8)
def _bars_with_vwap(path: Path, instrument: str, first_row: int) -> list[dict[str, Any]]:
    """Kept, since a tape does not change and a page asks every minute of the session.

    Floats are for the picture only: no decision is made on them.
    """
    from rust_core._native import SessionVwap  # noqa: PLC0415  the other commands go without it

    with Tape(path) as tape:
        seen = _session_bars(tape, instrument, first_row)
    vwap = SessionVwap()
    volume_sum = square_sum = 0.0
    bars = []
    for each in seen:
        high, low, close = each.high_1e8 * _1E8, each.low_1e8 * _1E8, each.close_1e8 * _1E8
        volume = each.volume_1e8 * _1E8
        vwap.update(high, low, close, volume)
        typical = (high + low + close) / 3
        volume_sum += volume
        square_sum += volume * typical * typical
        mean = vwap.value
        variance = None if not volume_sum or mean is None else square_sum / volume_sum - mean * mean
        bars.append(
            {
                "end_ns": each.at_ns,
                "open_1e8": each.open_1e8,
                "high_1e8": each.high_1e8,
                "low_1e8": each.low_1e8,
                "close_1e8": each.close_1e8,
                "volume_1e8": each.volume_1e8,
                "vwap": mean,
                "deviation": None if variance is None else max(0.0, variance) ** 0.5,
            }
        )
    return bars
