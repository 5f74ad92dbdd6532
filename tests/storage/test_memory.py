"""The record in memory packs what waits: no fact is lost by it, and the tokens are let go."""

import gc
import weakref

import pytest

from storage import MemoryRecord, memory
from tests.storage.staging import ACCOUNT, Inbox, event, request
from trading.ports import Claim, JournalRow

RUN = "r0001"


def _played() -> tuple[list[JournalRow], list[tuple[object, ...]], str]:
    """Ten requests of two journals, one of them a duplicate, and what can be read of them."""
    record = MemoryRecord()
    inbox = Inbox()
    record.deliver_to(inbox)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    for number in range(10):
        record.stage(
            request(
                number,
                event("Noted", f"order/{number % 3}", number, text="naïve", n=number),
                event("Noted", "account", number, n=-number),
                claims=[("intent", str(number % 9))],
                journal_id="system" if number % 4 == 0 else ACCOUNT,
                tape_seq=number - 1,
            )
        )
    record.settle()
    assert inbox.tokens == list(range(10))
    assert record.has_claim(Claim(name="intent", key="8"), RUN)
    rows = [*record.events(ACCOUNT, RUN), *record.events("system", RUN)]
    claims = record.query("SELECT name, key, pos FROM claims ORDER BY pos", {})
    return rows, claims, record.journal_hash(RUN)


@pytest.mark.parametrize("together", [1, 2, 4, 9, 10])
def test_what_was_packed_reads_as_if_it_had_not_been(
    together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RS-1: rows, claims and hash are the same however often the record packs."""
    plain = _played()
    assert len(plain[0]) == 18
    monkeypatch.setattr(memory, "PACKED_REQUESTS", together)
    assert _played() == plain


def test_what_was_packed_belongs_to_its_own_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """ST-6: a run that begins takes nothing over from the one before it."""
    monkeypatch.setattr(memory, "PACKED_REQUESTS", 2)
    record = MemoryRecord()
    for _ in range(2):
        record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
        for number in range(5):
            record.stage(request(number, claims=[("intent", str(number))]))
    assert [len(list(record.events(ACCOUNT, run))) for run in (RUN, "r0002")] == [5, 5]


class _Token:
    """Something that can be seen to be let go."""


def test_tokens_are_let_go_when_requests_are_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The house: of what a sender had on his mind nothing is kept; unpacked, it would be."""
    monkeypatch.setattr(memory, "PACKED_REQUESTS", 4)
    record = MemoryRecord()
    record.deliver_to(lambda _: None)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    seen = []
    for _ in range(5):
        token = _Token()
        seen.append(weakref.ref(token))
        record.stage(request(token))
    del token
    record.settle()
    gc.collect()
    assert [each() is not None for each in seen] == [False, False, False, False, True]
