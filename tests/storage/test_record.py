"""What every record promises, whether it lies on disk or in memory."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import MemoryRecord, RecordClosedError, RecordError
from storage.chain import GENESIS, is_row_true
from tests.storage.staging import ACCOUNT, Inbox, event, request
from trading.ports import Claim, Duplicate, Durable, Record

RUN = "r0001"


def test_outcomes_come_once_each_and_in_order_of_staging(record: Record) -> None:
    """ST-1: a request is durable or refused exactly once, and nothing overtakes."""
    inbox = Inbox()
    record.deliver_to(inbox)
    for token in range(1_000):
        record.stage(request(token))
    record.settle()
    assert inbox.tokens == list(range(1_000))
    assert record.pending() == 0
    assert inbox.outcomes[-1] == Durable(999, last_seq=1_000)


def test_rows_read_back_as_they_were_staged(record: Record) -> None:
    """ST-2: rehydration reads what was durable, in order, and from any sequence on."""
    first = event("OrderNoted", "order/a", 7, qty_1e8=100_000_000, text="naïve")
    record.stage(request(1, first, event("Noted", "account", 8), tape_seq=41))
    record.stage(request(2, event("OrderNoted", "order/a", 9)))
    record.settle()

    rows = list(record.events(ACCOUNT, RUN))
    assert [(r.seq, r.stream, r.stream_version, r.kind, r.at_ns, r.tape_seq) for r in rows] == [
        (1, "order/a", 1, "OrderNoted", 7, 41),
        (2, "account", 1, "Noted", 8, 41),
        (3, "order/a", 2, "OrderNoted", 9, -1),
    ]
    assert rows[0].payload == first.payload
    assert list(record.events(ACCOUNT, RUN, after_seq=2)) == rows[2:]
    assert list(record.events("account:other", RUN)) == []


def test_rows_follow_each_other_in_a_chain(record: Record) -> None:
    """AL-3: each row's hash covers its content and the row before it, per journal."""
    for token in range(3):
        record.stage(request(token))
        record.stage(request(token, journal_id="system"))
    record.settle()
    for journal_id in (ACCOUNT, "system"):
        rows = list(record.events(journal_id, RUN))
        assert [row.seq for row in rows] == [1, 2, 3]
        assert rows[0].prev_hash == GENESIS
        assert [row.prev_hash for row in rows[1:]] == [row.hash for row in rows[:-1]]
        assert all(is_row_true(row) for row in rows)


def test_a_claim_is_made_once_and_a_repeat_writes_nothing(record: Record) -> None:
    """EX-4: of equal claims one wins; the others leave no row and fail nobody else."""
    inbox = Inbox()
    record.deliver_to(inbox)
    record.stage(request("a", claims=[("intent", "o-1"), ("setup", "s-1")]))
    record.stage(request("b", claims=[("intent", "o-2"), ("setup", "s-1")]))
    record.stage(request("c", claims=[("intent", "o-2")]))
    record.settle()
    assert inbox.outcomes == [
        Durable("a", 1),
        Duplicate("b", Claim(name="setup", key="s-1")),
        Durable("c", 2),
    ]
    assert len(list(record.events(ACCOUNT, RUN))) == 2
    assert record.has_claim(Claim(name="intent", key="o-2"), RUN)
    assert not record.has_claim(Claim(name="intent", key="o-3"), RUN)


def test_a_claim_may_be_made_again_in_another_run(record: Record) -> None:
    """ST-6: uniqueness is per run, so that the same day can be replayed into one record."""
    inbox = Inbox()
    record.deliver_to(inbox)
    record.stage(request("first", claims=[("setup", "s-1")]))
    record.end_run(ended_ns=2, is_clean=True)
    record.begin_run(mode="PAPER", config_hash="c0ffee", source="test", started_ns=3)
    record.stage(request("again", claims=[("setup", "s-1")]))
    record.settle()
    assert [type(outcome) for outcome in inbox.outcomes] == [Durable, Durable]


def test_equal_runs_have_equal_hashes(record: Record) -> None:
    """RS-1: the hash of a run covers what happened, not when or under which name it was stored."""
    for _ in range(2):
        run = record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
        for token in range(5):
            record.stage(request(token, tape_seq=token))
            record.stage(request(token, journal_id="system"))
        record.end_run(ended_ns=2, is_clean=True)
    assert run == "r0003"
    assert record.journal_hash("r0002") == record.journal_hash("r0003")
    assert record.journal_hash("r0001") != record.journal_hash("r0002")


def test_a_run_says_how_it_ended_and_how_far_it_came(record: Record) -> None:
    """ST-2: a start sees at once whether the last run was cut off, and at which row of its tape."""
    record.stage(request(1, tape_seq=17))
    record.stage(request(2))
    record.settle()
    cut_off = record.last_run()
    assert cut_off is not None
    assert (cut_off.run, cut_off.mode, cut_off.ended_ns, cut_off.is_clean) == (
        RUN,
        "PAPER",
        None,
        False,
    )
    assert cut_off.last_tape_seq == 17
    record.end_run(ended_ns=9, is_clean=True)
    ended = record.last_run()
    assert ended is not None
    assert (ended.ended_ns, ended.is_clean) == (9, True)


def test_a_resumed_run_goes_on_where_it_stopped(record: Record) -> None:
    """ST-2: sequences, stream versions, claims and the chain continue across a restart."""
    inbox = Inbox()
    record.deliver_to(inbox)
    record.stage(request(1, event("OrderNoted", "order/a"), claims=[("intent", "a")]))
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=2)
    record.stage(request(2))
    assert record.resume_run(RUN).run == RUN
    record.stage(request(3, event("OrderNoted", "order/a"), claims=[("intent", "a")]))
    record.stage(request(4, event("OrderNoted", "order/a")))
    record.settle()
    assert [type(outcome) for outcome in inbox.outcomes] == [Durable, Durable, Duplicate, Durable]
    rows = list(record.events(ACCOUNT, RUN))
    assert [(row.seq, row.stream_version) for row in rows] == [(1, 1), (2, 2)]
    assert rows[1].prev_hash == rows[0].hash
    with pytest.raises(RecordError, match="r0099"):
        record.resume_run("r0099")


def test_the_newest_snapshot_is_found(record: Record) -> None:
    """ST-2: rehydration starts from the newest snapshot instead of the beginning."""
    assert record.last_snapshot(ACCOUNT, RUN) is None
    for n in (1, 2):
        record.stage(request(n, event("AccountSnapshot", n=n), event("Noted")))
    record.settle()
    snapshot = record.last_snapshot(ACCOUNT, RUN)
    assert snapshot is not None
    assert (snapshot.seq, snapshot.payload) == (3, b'{"n":2}')


def test_waiting_without_blocking_sees_every_outcome(record: Record) -> None:
    """ST-1: the lane's barrier may wait on a loop that goes on serving others."""
    inbox = Inbox()
    record.deliver_to(inbox)

    async def stage_and_wait() -> None:
        for token in range(10):
            record.stage(request(token))
        await record.wait()
        assert inbox.tokens == list(range(10))
        await record.wait()

    asyncio.run(stage_and_wait())


def test_an_outcome_may_stage_the_next_request(record: Record) -> None:
    """ST-1: what follows from a commit is staged from its outcome and settled in the same call."""
    seen: list[object] = []

    def follow(outcome: object) -> None:
        seen.append(outcome)
        if len(seen) < 3:
            record.stage(request(len(seen)))

    record.deliver_to(follow)
    record.stage(request(0))
    while record.pending():
        record.settle()
    assert len(seen) == 3


def test_a_closed_record_takes_nothing(record: Record) -> None:
    """ST-1: after close nothing can be staged that nobody would write."""
    record.stage(request(1))
    record.close()
    with pytest.raises(RecordClosedError, match="closed"):
        record.stage(request(2))


def test_latency_marks_stand_beside_the_journal(record: Record) -> None:
    """EX-15: marks are stored with the run, and do not move its hash."""
    record.stage(request(1))
    before = record.journal_hash(RUN)
    record.mark("o-1", "sent", 10)
    record.mark("o-1", "filled", 30)
    record.end_run(ended_ns=2, is_clean=True)
    assert record.query(
        "SELECT order_id, stage, mono_ns FROM latency_marks WHERE run = :run ORDER BY mono_ns",
        {"run": RUN},
    ) == [("o-1", "sent", 10), ("o-1", "filled", 30)]
    assert record.journal_hash(RUN) == before


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    staged=st.lists(
        st.tuples(
            st.sampled_from([ACCOUNT, "account:two", "system"]),
            st.sampled_from(["account", "order/a", "order/b"]),
            st.text(max_size=5),
            st.lists(st.sampled_from("xyz"), max_size=2, unique=True),
        ),
        max_size=20,
    )
)
def test_both_records_agree_on_anything(
    record: Record, staged: list[tuple[str, str, str, list[str]]]
) -> None:
    """RS-1: file and memory give the same outcomes and the same hash for the same requests."""
    answers = []
    for each in (record, MemoryRecord()):
        inbox = Inbox()
        each.deliver_to(inbox)
        run = each.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
        for token, (journal_id, stream, text, keys) in enumerate(staged):
            claims = [("claim", key) for key in keys]
            noted = event("Noted", stream, text=text)
            each.stage(request(token, noted, claims=claims, journal_id=journal_id))
        each.settle()
        answers.append((inbox.outcomes, each.journal_hash(run)))
    assert answers[0] == answers[1]
