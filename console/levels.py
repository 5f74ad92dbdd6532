"""Stops and targets of a run: planned with the entry, moved by a strategy, reached (UI-3)."""

from pathlib import Path
from typing import Any, Final

from console.reader import RecordReader, payload
from console.render import quantity
from console.timeline import told

ROWS_MAX: Final = 100
_WHAT: Final = {"OrderIntended": "planned", "PositionChanged": "moved", "ExitTriggered": "reached"}
_SQL: Final = """SELECT kind, at_ns, payload FROM journal
    WHERE run = :run AND (kind = 'ExitTriggered'
        OR (kind = 'OrderIntended' AND payload ->> '$.purpose' = 'ENTRY')
        OR (kind = 'PositionChanged' AND payload ->> '$.cause' = 'levels moved'))
    ORDER BY pos DESC LIMIT :most"""


def levels(data_dir: Path, most: int = ROWS_MAX) -> list[dict[str, Any]]:
    """The newest of them in the newest run, newest first."""
    with RecordReader(data_dir) as reader:
        info = reader.newest_run()
        rows = reader.rows(_SQL, run=info.run, most=most)
    found = []
    for row in rows:
        body = payload(row)
        found.append(
            {
                "at_ns": row["at_ns"],
                "what": _WHAT[row["kind"]],
                "position_id": body["position_id"],
                "strategy": body["strategy"],
                "instrument": body["instrument"],
                "text": _text(row["kind"], body),
            }
        )
    return found


def _text(kind: str, body: dict[str, Any]) -> str:
    if kind == "OrderIntended":
        return planned(body.get("plan") or {})
    if kind == "PositionChanged":
        set_1e8 = {name: body.get(f"{name}_override_1e8") for name in ("stop", "target")}
        return ", ".join(f"{name} at {quantity(at)}" for name, at in set_1e8.items() if at)
    return told(kind, body)


def planned(plan: dict[str, Any]) -> str:
    """An exit plan in words, by the keys that `ExitPlan` of rust_core has."""
    stop = plan.get("stop") or {}
    parts = []
    if stop.get("kind") == "AT":
        parts.append(f"stop {_level(stop['level'])}")
    elif stop.get("waiver"):
        parts.append(f"no stop: {stop['waiver']}")
    if plan.get("trailing_ratio_1e8"):
        parts.append(f"stop trails by {_percent(plan['trailing_ratio_1e8'])}")
    if plan.get("target"):
        parts.append(f"target {_level(plan['target'])}")
    if plan.get("target_trailing_ratio_1e8"):
        parts.append(f"target trails by {_percent(plan['target_trailing_ratio_1e8'])}")
    if plan.get("target_1"):
        parts.append(f"first target {_level(plan['target_1']['level'])}")
    if plan.get("target_2"):
        parts.append(f"second target {_level(plan['target_2'])}")
    return ", ".join(parts) or "no plan of its own"


def _level(level: dict[str, Any]) -> str:
    match level["kind"]:
        case "PRICE":
            return f"at {quantity(level['value_1e8'])}"
        case "RATIO":
            return f"{_percent(level['value_1e8'])} from the entry"
        case _:
            return f"at {quantity(level['value_1e8'])} R"


def _percent(ratio_1e8: int) -> str:
    return f"{quantity(ratio_1e8 * 100)} %"
