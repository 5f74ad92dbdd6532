"""The scribe: groups, order, limits, and what happens when the disk says no."""

import threading
from pathlib import Path

import apsw
import pytest

from storage import RecordFullError, open_record
from storage.scribe import GROUP_REQUESTS_MAX, Mark, Scribe
from tests.storage.staging import ACCOUNT, Inbox, event, request
from trading.ports import Durable, Failed, Outcome, Request


class FakeWriter:
    """Commits into lists; fails when told, and can be held at the door."""

    def __init__(self) -> None:
        """Nothing committed, no failure ahead."""
        self.groups: list[list[Request]] = []
        self.housekeeping = 0
        self.failure: Exception | None = None
        self.is_held = False
        self.entered, self.leave = threading.Event(), threading.Event()

    def commit(self, batch: list[Request], marks: list[Mark]) -> list[Outcome]:
        """Note the group."""
        assert marks == []
        if self.is_held:
            self.entered.set()
            assert self.leave.wait(10)
        if self.failure is not None:
            raise self.failure
        self.groups.append(batch)
        return [Durable(request.token, 1) for request in batch]

    def keep_house(self) -> None:
        """Count."""
        self.housekeeping += 1


def test_what_waits_is_committed_together() -> None:
    """ST-1: one sync carries everything staged meanwhile, in groups of at most 512 requests."""
    writer = FakeWriter()
    scribe = Scribe(writer, is_eager=False)
    inbox = Inbox()
    scribe.deliver_to(inbox)
    for token in range(200):
        scribe.stage(request(token))
    scribe.settle()
    assert [len(group) for group in writer.groups] == [200]
    scribe.close()


def test_groups_are_bounded_in_number_and_size() -> None:
    """ST-1: a pile does not become one endless transaction."""
    writer = FakeWriter()
    writer.is_held = True
    scribe = Scribe(writer, is_eager=True)
    scribe.stage(request("first"))
    assert writer.entered.wait(10)
    big = event("Noted", text="x" * 600_000)
    for token in range(GROUP_REQUESTS_MAX + 1):
        scribe.stage(request(token))
    for token in range(3):
        scribe.stage(request(token, big))
    writer.leave.set()
    scribe.settle()
    assert [len(group) for group in writer.groups] == [1, 512, 3, 1]
    scribe.close()


def test_outcomes_arrive_on_the_thread_that_commits() -> None:
    """ST-1: an eager scribe commits without being asked, on its own thread."""
    writer = FakeWriter()
    scribe = Scribe(writer, is_eager=True)
    threads: list[str] = []
    arrived = threading.Event()

    def sink(_: Outcome) -> None:
        threads.append(threading.current_thread().name)
        arrived.set()

    scribe.deliver_to(sink)
    scribe.stage(request(1))
    assert arrived.wait(10)
    assert threads == ["scribe"]
    scribe.close()


def test_a_failed_commit_ends_all_writing() -> None:
    """ST-8: no retry after a failed sync; everything after it fails in order, nothing hangs."""
    writer = FakeWriter()
    scribe = Scribe(writer, is_eager=False)
    inbox = Inbox()
    scribe.deliver_to(inbox)
    scribe.stage(request(1))
    scribe.settle()
    writer.failure = apsw.IOError("disk I/O error")
    scribe.stage(request(2))
    scribe.settle()
    writer.failure = None
    scribe.stage(request(3))
    scribe.settle()
    assert [type(outcome) for outcome in inbox.outcomes] == [Durable, Failed, Failed]
    assert "disk I/O error" in str(inbox.outcomes[2])
    assert len(writer.groups) == 1
    assert scribe.poison is not None
    scribe.close()


def test_a_sink_that_raises_ends_all_writing() -> None:
    """ST-1: an outcome that nobody took must not pass unnoticed."""
    scribe = Scribe(FakeWriter(), is_eager=False)

    def sink(_: Outcome) -> None:
        raise ValueError("lost")

    scribe.deliver_to(sink)
    scribe.stage(request(1))
    scribe.settle()
    assert scribe.pending() == 0
    assert scribe.poison is not None
    assert "lost" in scribe.poison
    scribe.close()


def test_a_full_queue_says_so() -> None:
    """ST-8: orders are never dropped: what cannot wait is refused to the caller's face."""
    scribe = Scribe(FakeWriter(), is_eager=False, capacity=2)
    scribe.stage(request(1))
    scribe.stage(request(2))
    with pytest.raises(RecordFullError, match="2 requests wait for the disk, at most 2 may"):
        scribe.stage(request(3))
    scribe.settle()
    scribe.stage(request(3))
    scribe.close()


def test_settling_inside_an_outcome_is_refused() -> None:
    """ST-1: it could never return."""
    scribe = Scribe(FakeWriter(), is_eager=False)
    errors: list[str] = []

    def sink(_: Outcome) -> None:
        try:
            scribe.settle()
        except RuntimeError as error:
            errors.append(str(error))

    scribe.deliver_to(sink)
    scribe.stage(request(1))
    scribe.settle()
    assert len(errors) == 1
    scribe.close()


def test_a_request_that_cannot_be_written_fails_alone(tmp_path: Path) -> None:
    """ST-1: a payload that is no JSON is refused whole, and the chain goes on without it."""
    inbox = Inbox()
    record = open_record(tmp_path, is_eager=False)
    record.deliver_to(inbox)
    run = record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    broken = request("broken", event("Noted", "order/a"), event("Noted", "order/a"))
    bad = broken.events[1].__class__(stream="order/a", kind="Noted", at_ns=1, payload=b"{oops")
    record.stage(request("a", event("Noted", "order/a")))
    record.stage(request("bad", broken.events[0], bad, claims=[("intent", "o-1")]))
    record.stage(request("b", event("Noted", "order/a"), claims=[("intent", "o-1")]))
    record.settle()
    assert [type(outcome) for outcome in inbox.outcomes] == [Durable, Failed, Durable]
    assert "Noted" in str(inbox.outcomes[1])
    rows = list(record.events(ACCOUNT, run))
    assert [(row.seq, row.stream_version) for row in rows] == [(1, 1), (2, 2)]
    assert record.poison is None
    record.close()


def test_a_full_disk_poisons_the_record(tmp_path: Path) -> None:
    """ST-8: when the file cannot grow the group fails, and so does every entry that follows."""
    inbox = Inbox()
    record = open_record(tmp_path, is_eager=False)
    record.deliver_to(inbox)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    pages = record._book.connection.pragma("page_count")  # noqa: SLF001
    record._book.connection.pragma("max_page_count", pages)  # noqa: SLF001
    record.stage(request(1, event("Noted", text="x" * 8_000_000)))
    record.settle()
    record.stage(request(2, event("OrderIntended", adds_risk=True)))
    record.settle()
    assert [type(outcome) for outcome in inbox.outcomes] == [Failed, Failed]
    assert record.high_water().position == 0
    record.close()


def test_every_commit_is_synced(tmp_path: Path) -> None:
    """ST-1: the settings that make a commit durable are the ones in force."""
    record = open_record(tmp_path)
    connection = record._book.connection  # noqa: SLF001
    settings = {
        name: connection.pragma(name)
        for name in ("journal_mode", "synchronous", "wal_autocheckpoint", "recursive_triggers")
    }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "wal_autocheckpoint": 0,
        "recursive_triggers": 1,
    }
    record.close()


def test_the_write_ahead_file_does_not_grow_without_end(tmp_path: Path) -> None:
    """ST-8: the scribe checkpoints when it has time, so the file is overwritten from its start."""
    record = open_record(tmp_path, is_eager=False)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    for token in range(40):
        record.stage(request(token, event("Noted", text="x" * 500_000)))
        record.settle()
    assert (tmp_path / "record.db-wal").stat().st_size < 8 << 20
    record.close()


class MarkingWriter(FakeWriter):
    """Notes how many requests and how many marks each commit had."""

    def __init__(self, marks_expected: int) -> None:
        """Nothing committed; `all_marks` is set once so many marks were."""
        super().__init__()
        self.sizes: list[tuple[int, int]] = []
        self.all_marks = threading.Event()
        self._expected = marks_expected

    def commit(self, batch: list[Request], marks: list[Mark]) -> list[Outcome]:
        """Count both."""
        self.sizes.append((len(batch), len(marks)))
        if sum(marks for _, marks in self.sizes) >= self._expected:
            self.all_marks.set()
        return [Durable(request.token, 1) for request in batch]


def test_no_order_waits_for_latency_marks() -> None:
    """EX-15: marks are stored by themselves once it is quiet, not within an order's sync."""
    writer = MarkingWriter(marks_expected=2)
    scribe = Scribe(writer, is_eager=True)
    scribe.mark(("o1", "risk", 1))
    scribe.stage(request(1))
    scribe.settle()
    scribe.mark(("o1", "durable", 2))
    assert writer.all_marks.wait(20)
    scribe.close()
    assert [size for size in writer.sizes if size[0]] == [(1, 0)]


def test_a_pile_of_latency_marks_goes_with_the_next_commit() -> None:
    """EX-15: where it never is quiet, marks are stored all the same."""
    writer = MarkingWriter(marks_expected=600)
    scribe = Scribe(writer, is_eager=False)
    for number in range(600):
        scribe.mark((f"o{number}", "risk", number))
    scribe.stage(request(1))
    scribe.settle()
    scribe.close()
    assert writer.sizes == [(1, 600)]


def test_marks_of_a_lane_that_settles_by_itself_are_seen_while_it_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """EX-15: a session that is watched has few orders; its marks wait for no pile."""
    monkeypatch.setattr("storage.scribe._MARKS_WAIT_S", 0.0)
    writer = MarkingWriter(marks_expected=1)
    scribe = Scribe(writer, is_eager=False)
    scribe.mark(("o1", "risk", 1))
    scribe.settle()
    sizes = list(writer.sizes)
    scribe.close()
    assert sizes == [(0, 1)]
