"""Typed reads of a record, the same for both implementations and for read-only visitors."""

from collections.abc import Callable, Iterator
from typing import Any

import apsw

from storage.chain import GENESIS, fold_heads
from trading.ports import Claim, ControlValue, HighWater, JournalRow, RunInfo

_ROW = """SELECT seq, journal_id, run, stream, stream_version, kind, at_ns, payload, schema_ver,
    tape_seq, prev_hash, hash FROM journal"""
_EVENTS = f"{_ROW} WHERE journal_id = ? AND run = ? AND seq > ? ORDER BY seq LIMIT ?"
_BY_POSITION = f"{_ROW.replace(' FROM', ', pos FROM')} WHERE pos > ? ORDER BY pos LIMIT ?"
_SNAPSHOT = f"""{_ROW} WHERE kind = 'AccountSnapshot' AND journal_id = ? AND run = ?
    ORDER BY seq DESC LIMIT 1"""
_RUN = """SELECT run, mode, config_hash, source, tape_path, started_ns, ended_ns, is_clean,
    coalesce((SELECT max(tape_seq) FROM journal WHERE journal.run = runs.run), -1) FROM runs"""
_PAGE_ROWS = 1_000

Fetch = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]


def journal_row(row: tuple[Any, ...]) -> JournalRow:
    """A row of `journal` in the order of `_ROW` as the port's type."""
    (seq, journal_id, run, stream, version, kind, at_ns, payload, schema, tape, prev, own) = row
    return JournalRow(
        seq=seq,
        journal_id=journal_id,
        run=run,
        stream=stream,
        stream_version=version,
        kind=kind,
        at_ns=at_ns,
        payload=payload.encode(),
        schema_ver=schema,
        tape_seq=tape,
        prev_hash=prev,
        hash=own,
    )


def events(fetch: Fetch, journal_id: str, run: str, after_seq: int) -> Iterator[JournalRow]:
    """Events of one journal in pages, so that no read transaction lasts."""
    while page := fetch(_EVENTS, (journal_id, run, after_seq, _PAGE_ROWS)):
        for row in page:
            yield journal_row(row)
        after_seq = page[-1][0]


def rows_after(fetch: Fetch, position: int) -> Iterator[tuple[int, JournalRow]]:
    """Events of all journals and runs after a position, each with its own, as committed."""
    while page := fetch(_BY_POSITION, (position, _PAGE_ROWS)):
        for row in page:
            yield row[-1], journal_row(row[:-1])
        position = page[-1][-1]


def last_snapshot(fetch: Fetch, journal_id: str, run: str) -> JournalRow | None:
    """The newest snapshot event of a journal."""
    rows = fetch(_SNAPSHOT, (journal_id, run))
    return journal_row(rows[0]) if rows else None


def has_claim(fetch: Fetch, claim: Claim, run: str) -> bool:
    """Whether the claim is taken in the run."""
    sql = "SELECT 1 FROM claims WHERE run = ? AND name = ? AND key = ?"
    return bool(fetch(sql, (run, claim.name, claim.key)))


def run_info(fetch: Fetch, run: str | None) -> RunInfo | None:
    """One run by name, or the newest."""
    if run is None:
        rows = fetch(f"{_RUN} ORDER BY number DESC LIMIT 1", ())
    else:
        rows = fetch(f"{_RUN} WHERE run = ?", (run,))
    if not rows:
        return None
    name, mode, config, source, tape, started, ended, clean, last = rows[0]
    return RunInfo(
        run=name,
        mode=mode,
        config_hash=config,
        source=source,
        tape_path=tape,
        started_ns=started,
        ended_ns=ended,
        is_clean=bool(clean),
        last_tape_seq=last,
    )


def controls(fetch: Fetch) -> dict[str, ControlValue]:
    """Runtime controls by name, in order of their names."""
    sql = """SELECT name, value, version, set_by, set_at_ns, reason
        FROM runtime_controls ORDER BY name"""
    return {
        name: ControlValue(
            name=name, value=value, version=version, set_by=by, set_at_ns=at_ns, reason=reason
        )
        for name, value, version, by, at_ns, reason in fetch(sql, ())
    }


def kill_level(fetch: Fetch) -> str:
    """The highest latched level of any journal, or of a kill that was taken and not acted on."""
    sql = """SELECT level FROM (
            SELECT level FROM kill_levels
            UNION ALL
            SELECT level FROM kill_commands AS asked WHERE NOT EXISTS (
                SELECT 1 FROM kill_levels WHERE kill_levels.pos > asked.accepted_pos))
        ORDER BY level = 'EMERGENCY' DESC, level = 'FLATTEN' DESC, level = 'PAUSE' DESC LIMIT 1"""
    rows = fetch(sql, ())
    return str(rows[0][0]) if rows else "NONE"


def high_water(fetch: Fetch) -> HighWater:
    """Position and hash of the newest row; 0 and 32 zero bytes in a new record."""
    rows = fetch("SELECT pos, hash FROM journal ORDER BY pos DESC LIMIT 1", ())
    if not rows:
        return HighWater(position=0, hash=GENESIS)
    return HighWater(position=rows[0][0], hash=rows[0][1])


def newest_schema_ver(fetch: Fetch, count: int) -> int:
    """The newest version of an event's shape among the newest rows, 0 without any."""
    start = max(0, high_water(fetch).position - count)
    sql = "SELECT coalesce(max(schema_ver), 0) FROM journal WHERE pos > ?"
    ((version,),) = fetch(sql, (start,))
    return int(version)


def heads(fetch: Fetch, run: str) -> list[tuple[str, int, bytes]]:
    """The last (journal_id, seq, hash) of every journal of a run."""
    newest = """SELECT journal_id, seq, hash FROM journal WHERE journal_id = ? AND run = ?
        ORDER BY seq DESC LIMIT 1"""
    names = fetch("SELECT DISTINCT journal_id FROM journal WHERE run = ?", (run,))
    found = [fetch(newest, (name, run))[0] for (name,) in names]
    return [(name, seq, own) for name, seq, own in found]


def journal_hash(fetch: Fetch, run: str) -> str:
    """The hash of a whole run."""
    return fold_heads((journal_id, head) for journal_id, _, head in heads(fetch, run))


def fetcher(connection: apsw.Connection) -> Fetch:
    """Reads straight from a connection, for a caller that owns it."""

    def fetch(sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return connection.execute(sql, parameters).fetchall()

    return fetch
