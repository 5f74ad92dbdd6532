"""When the record fails, what lowers risk is written beside it and taken over at the next start."""

from pathlib import Path

import pytest

from storage import RecordDamagedError, RecordError, SqliteRecord, open_record
from storage.emergency import EMERGENCY_NAME
from storage.verify import verify
from tests.storage.staging import ACCOUNT, Inbox, event, request
from trading.ports import Duplicate, Durable, Failed, Fenced

ENTRY = event("OrderIntended", "order/e1", client_order_id="e1", adds_risk=True)
EXIT = event("OrderIntended", "order/x1", client_order_id="x1", adds_risk=False)


def failed_record(data_dir: Path) -> tuple[SqliteRecord, Inbox, str]:
    """A record with one row, whose disk is full since then."""
    record, inbox = open_record(data_dir, is_eager=False), Inbox()
    record.deliver_to(inbox)
    run = record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    record.stage(request("before", event("Noted", n="1"), claims=[("intent", "old")]))
    record.settle()
    connection = record._book.connection  # noqa: SLF001
    connection.pragma("max_page_count", connection.pragma("page_count"))
    record.stage(request("too much", event("Noted", text="x" * 8_000_000)))
    record.settle()
    assert [type(outcome) for outcome in inbox.outcomes] == [Durable, Failed]
    inbox.outcomes.clear()
    return record, inbox, run


def test_a_failed_record_still_takes_exits_and_refuses_entries(tmp_path: Path) -> None:
    """ST-8: fail closed, but never trapped; numbered on, and read back like any row."""
    record, inbox, run = failed_record(tmp_path)
    record.stage(request("entry", ENTRY, claims=[("intent", "e1")]))
    record.stage(request("exit", EXIT, event("ExitTriggered"), claims=[("intent", "x1")]))
    record.settle()
    entry, exit_ = inbox.outcomes
    assert (type(entry), exit_) == (Failed, Durable("exit", 3))
    rows = [(row.seq, row.kind) for row in record.events(ACCOUNT, run)]
    assert rows == [(1, "Noted"), (2, "OrderIntended"), (3, "ExitTriggered")]
    assert [row.seq for row in record.events(ACCOUNT, run, after_seq=2)] == [3]
    record.close()


def test_what_was_written_beside_the_record_is_taken_over_once(tmp_path: Path) -> None:
    """ST-8, ST-1: into the chain, in order, by whoever opens the record next."""
    record, _, run = failed_record(tmp_path)
    record.stage(request(2, claims=[("intent", "x1")], tape_seq=7))
    record.stage(request(3, tape_seq=8))
    record.settle()
    with pytest.raises(RecordError, match=r"emergency\.log.*run --recover"):
        record.end_run(ended_ns=9, is_clean=True)
    record.close()
    for _ in range(2):
        record = open_record(tmp_path, is_eager=False)
        rows = [(row.seq, row.kind, row.tape_seq) for row in record.events(ACCOUNT, run)]
        assert rows == [(1, "Noted", -1), (2, "Noted", 7), (3, "Noted", 8)]
        last = record.last_run()
        assert last is not None
        assert (last.ended_ns, last.last_tape_seq) == (None, 8)
        record.close()
    assert verify(tmp_path).is_whole


def test_a_take_over_that_is_cut_off_is_done_again(tmp_path: Path) -> None:
    """ST-8, ST-2: half of it in the record already: the other half follows, nothing twice."""
    record, _, run = failed_record(tmp_path)
    for number in range(3):
        record.stage(request(number, event("Noted", n=f"later {number}")))
        record.settle()
    record.close()
    kept = (tmp_path / EMERGENCY_NAME).read_bytes()
    whole = kept.split(b"\n")
    (tmp_path / EMERGENCY_NAME).write_bytes(b"\n".join(whole[:2]) + b"\n")
    open_record(tmp_path, is_eager=False).close()
    (tmp_path / EMERGENCY_NAME).write_bytes(kept)
    record = open_record(tmp_path, is_eager=False)
    assert [row.seq for row in record.events(ACCOUNT, run)] == [1, 2, 3, 4]
    record.close()


def test_a_claim_holds_beside_the_record_too(tmp_path: Path) -> None:
    """EX-4: what was intended before the failure, or after it, is intended once."""
    record, inbox, _ = failed_record(tmp_path)
    for key in ("old", "new", "new"):
        record.stage(request(key, event("Noted"), claims=[("intent", key)]))
    record.settle()
    assert [type(outcome) for outcome in inbox.outcomes] == [Duplicate, Durable, Duplicate]
    record.close()


def test_a_holder_without_the_fence_writes_nothing_beside_either(tmp_path: Path) -> None:
    """ST-5: the fence counts for the emergency file as it does for the record."""
    record, inbox, _ = failed_record(tmp_path)
    record.lease.word.write(record.fence + 1)
    record.stage(request("exit", EXIT))
    record.settle()
    assert inbox.outcomes == [Fenced("exit")]
    record.close()


def test_a_torn_line_was_never_acknowledged_and_a_changed_one_stops_the_start(
    tmp_path: Path,
) -> None:
    """ST-8: the end may be torn by a power cut; nothing in the middle may be missing."""
    record, _, run = failed_record(tmp_path)
    for number in range(2):
        record.stage(request(number, event("Noted", n=f"later {number}")))
        record.settle()
    record.close()
    path = tmp_path / EMERGENCY_NAME
    lines = path.read_bytes().split(b"\0", 1)[0].splitlines(keepends=True)
    path.write_bytes(lines[0].replace(b"later", b"LATER") + lines[1])
    with pytest.raises(RecordDamagedError, match="line 1 cannot be read"):
        open_record(tmp_path)
    path.write_bytes(lines[0] + lines[1][:-9])
    record = open_record(tmp_path, is_eager=False)
    assert [row.seq for row in record.events(ACCOUNT, run)] == [1, 2]
    record.close()


def test_the_file_has_its_room_before_it_is_needed(tmp_path: Path) -> None:
    """ST-8: a disk that is full by then has room for what lowers risk."""
    open_record(tmp_path).close()
    stat = (tmp_path / EMERGENCY_NAME).stat()
    assert stat.st_size == stat.st_blocks * 512 == 1 << 20
