"""What many looks at a long run come to."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from research.soak.sample import (
    SAMPLES_MIN,
    WAL_MB_MAX,
    WARM_UP_ORDERS,
    Sample,
    lines,
    take,
    verdict,
)
from storage.heartbeat import HeartbeatPage

CALM = Sample(
    at_s=0.0,
    now_ns=0,
    resident_mb=100.0,
    actors=9,
    timers=12,
    descriptors=30,
    threads=7,
    journal_mb=1.0,
    wal_mb=4.0,
    archive_mb=0.0,
    logs_mb=1.0,
    dead_letters=0,
    mail_age_ms=0.0,
    events=10,
    orders=WARM_UP_ORDERS,
    guard_mb=4.0,
    guard_cpu_s=0.0,
    timers_by={},
    files_by={},
)
LOOKS = 40


def looks(**at: Any) -> list[Sample]:
    """A calm run; each name of `at` is a function of the look's number."""
    return [
        replace(CALM, at_s=number * 10.0, **{name: how(number) for name, how in at.items()})
        for number in range(LOOKS)
    ]


def test_a_calm_run_and_one_that_grows_only_while_it_warms_up_are_well() -> None:
    """WD-8: what is built while the bounded memories fill is no growth; orders count, not time."""
    assert verdict(looks())[1] == []
    warming: dict[str, Any] = {"orders": lambda number: number * WARM_UP_ORDERS // 10}
    figures, problems = verdict(
        looks(**warming, resident_mb=lambda number: 60.0 + 4 * min(number, 10))
    )
    assert problems == []
    assert figures["resident_mb"] == {"early": 100.0, "late": 100.0}


@pytest.mark.parametrize(
    ("name", "how", "words"),
    [
        ("resident_mb", lambda number: 100.0 + number, "resident_mb grew from"),
        ("actors", lambda number: 9 + number, "actors grew from"),
        ("timers", lambda number: 12 + number, "timers grew from"),
        ("descriptors", lambda number: 30 + number, "descriptors grew from"),
        ("threads", lambda number: 7 + number, "threads grew from"),
        ("wal_mb", lambda number: number * WAL_MB_MAX, "wal_mb_max is"),
        ("guard_mb", lambda _: 15.1, "guard_mb_max is"),
        ("guard_cpu_s", lambda number: number * 0.06, "guard_cpu_ratio is"),
    ],
)
def test_what_grows_or_is_above_its_limit_is_named(name: str, how: Any, words: str) -> None:
    """WD-8, WD-6: memory within 5 %, counts back to where they were, the guard small."""
    (problem,) = verdict(looks(**{name: how}))[1]
    assert problem.startswith(words)


def test_too_few_looks_show_nothing() -> None:
    """WD-8: a run that was over at once has not been shown to be well."""
    (problem,) = verdict(looks()[: SAMPLES_MIN - 1])[1]
    assert "run it for longer" in problem
    (problem,) = verdict(looks(orders=lambda _: WARM_UP_ORDERS - 1))[1]
    assert f"0 looks behind {WARM_UP_ORDERS} orders" in problem


def test_a_look_is_of_real_processes(tmp_path: Path) -> None:
    """WD-8: memory, threads and files of a process, sizes of the record, the lane's mail."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "record.db").write_bytes(bytes(1 << 20))
    HeartbeatPage(tmp_path)
    runtime = {
        "nodes": [{"is_actor": True}],
        "timers": 3,
        "timers_by": {"feed BarDue": 3},
        "dead_letters": {"gone": 2},
    }
    status = {"runtime": runtime, "now_ns": 5, "counts": {"journal_events": 7, "orders": 1}}
    seen = take(1.0, tmp_path, os.getpid(), os.getpid(), status)
    assert seen.resident_mb > 10
    assert seen.resident_mb == pytest.approx(seen.guard_mb)
    assert seen.threads >= 1
    assert seen.descriptors > 2
    assert (seen.journal_mb, seen.wal_mb, seen.dead_letters) == (1.0, 0.0, 2)
    assert (seen.actors, seen.timers, seen.events, seen.mail_age_ms) == (1, 3, 7, 0.0)
    assert seen.timers_by == {"feed BarDue": 3}
    assert sum(seen.files_by.values()) == seen.descriptors
    assert lines([seen])[0].startswith(b'{"at_s":1.0,')
