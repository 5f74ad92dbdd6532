"""Projections: the tables that answer questions, changed in the transaction that appends an event.

The rules are plain SQL in storage/sql/projections, grouped by the table they keep. A file is a list
of sections; `-- on OrderFilled, FillReversed` starts the statements run for those kinds. Statements
read the event through named parameters (`:run`, `:mode`, `:account`, `:journal_id`, `:seq`,
`:pos`, `:kind`, `:at_ns`, `:payload`) and its fields through `:payload ->> '$.name'`.
"""

import re
from functools import cache
from importlib import resources
from typing import Any

from trading.ports import JournalRow

# Every table that can be worked out again from the journal.
PROJECTION_TABLES = (
    "orders",
    "fills",
    "positions",
    "trades",
    "sessions",
    "runtime_controls",
    "kill_levels",
    "kill_commands",
)

_ON = re.compile(r"^-- on (?P<kinds>\w+(?:, \w+)*)$", re.MULTILINE)
_END = re.compile(r";\s*$", re.MULTILINE)
_COMMENT = re.compile(r"--.*$", re.MULTILINE)


def _sections(text: str) -> list[tuple[list[str], list[str]]]:
    starts = list(_ON.finditer(text))
    found = []
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        body = text[start.end() : following.start() if following else len(text)]
        statements = [s.strip() for s in _END.split(_COMMENT.sub("", body)) if s.strip()]
        found.append((start["kinds"].split(", "), statements))
    return found


@cache
def statements_by_kind() -> dict[str, tuple[str, ...]]:
    """SQL statements to run for each kind of event, files in order of their names."""
    folder = resources.files("storage") / "sql" / "projections"
    by_kind: dict[str, list[str]] = {}
    files = (f for f in folder.iterdir() if f.name.endswith(".sql"))
    for file in sorted(files, key=lambda each: each.name):
        for kinds, statements in _sections(file.read_text(encoding="utf-8")):
            for kind in kinds:
                by_kind.setdefault(kind, []).extend(statements)
    return {kind: tuple(statements) for kind, statements in by_kind.items()}


def bindings(row: JournalRow, mode: str, position: int) -> dict[str, Any]:
    """What the statements of one event may name."""
    return {
        "journal_id": row.journal_id,
        "account": row.journal_id.removeprefix("account:"),
        "run": row.run,
        "mode": mode,
        "seq": row.seq,
        "pos": position,
        "kind": row.kind,
        "at_ns": row.at_ns,
        "payload": row.payload.decode(),
    }
