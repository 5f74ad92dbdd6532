"""`holdfast drill --guard`: faults of real processes, rehearsed and timed."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.process import ask

pytestmark = pytest.mark.timeout(300)
LIMIT_S = 280.0
TRIES = 3
BACK_WITHIN_MS = 5000
"""WD-10."""
STANDS_STILL = ("SIGSTOP", "busy loop in handler", "blocking native call")


def drilled(*faults: str) -> list[dict[str, Any]]:
    """The rows of these faults; each could be shown, and a person was told."""
    only = [word for fault in faults for word in ("--only", fault)]
    said = ask("drill", "--guard", "--json", *only, limit_s=LIMIT_S)
    assert said.code == 0, said.out + said.err
    rows: list[dict[str, Any]] = said.json()["rows"]
    assert [(row["fault"], row["note"], row["alerted"]) for row in rows] == [
        (fault, "", True) for fault in faults
    ]
    assert all(row["safe_ms"] > -1 and row["detect_ms"] > 0 for row in rows)
    return rows


def soon(faults: tuple[str, ...], is_soon: Callable[[dict[str, Any]], bool]) -> None:
    """Each within its time; what a busy machine was late with may be shown once more."""
    for _ in range(TRIES):
        late = [row for row in drilled(*faults) if not is_soon(row)]
        if not late:
            return
        faults = tuple(row["fault"] for row in late)
    raise AssertionError(f"late {TRIES} times: {late}")


def test_a_lane_that_stands_still_is_seen_within_its_period_whatever_holds_it() -> None:
    """WD-6, WD-2, KC-2: at 1 s, counted from the fault itself; nothing of ours works behind it.

    1.2 s are promised where the machine is free; the bound here leaves room for a busy one, and
    none for two periods. The looks by themselves are proven in the guard's own tests.
    """

    def is_soon(row: dict[str, Any]) -> bool:
        assert row["orders_left"] == 0
        assert row["detect_ms"] > 800, f"a false alarm: {row}"
        return bool(row["detect_ms"] < 1500 and row["safe_ms"] < 2500)

    soon(STANDS_STILL, is_soon)


def test_orders_of_a_killed_trader_are_off_within_a_period_and_a_second() -> None:
    """WD-6, KC-2: by the venue's own book."""

    def is_soon(row: dict[str, Any]) -> bool:
        assert row["orders_left"] == 0
        return bool(row["detect_ms"] < 1200 and row["safe_ms"] < 2000)

    soon(("SIGKILL",), is_soon)


def test_a_position_whose_trader_died_is_closed_by_a_fresh_process() -> None:
    """WD-6, KC-2: where the policy says so; the venue's book has no position and no order then."""
    (row,) = drilled("killed with a position")
    assert row["orders_left"] == 0
    assert row["safe_ms"] > row["detect_ms"]


def test_a_trader_whose_guard_is_killed_says_so_and_lets_no_entry_out() -> None:
    """WD-6, KC-9: the trader lives, and looks after its orders."""
    (row,) = drilled("guard killed")
    assert row["orders_left"] is None
    assert row["safe_ms"] >= row["detect_ms"]


def wanting() -> float:
    """How many processes want each processor, at least one: a start takes as much longer."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def is_back(row: dict[str, Any]) -> bool:
    """Within what WD-10 allows, on a machine of its own."""
    assert row["safe_ms"] >= row["detect_ms"]
    return bool(row["safe_ms"] < BACK_WITHIN_MS * wanting())


@pytest.mark.parametrize("part", ["console", "archivist", "trader"])
def test_a_part_that_is_killed_is_back_within_5_s_and_only_it_was_started_again(part: str) -> None:
    """WD-10, KC-9: a process of a whole paper run; the others have not noticed."""
    soon((f"{part} killed",), is_back)


def test_a_feed_that_is_cut_and_a_strategy_that_raises_are_back_within_5_s_and_trade() -> None:
    """WD-10, WD-1, MD-9: each told of, and the same strategy has traded again at the venue."""
    soon(("feed cut", "strategy raises"), is_back)


def test_a_fault_that_the_drill_does_not_know_is_named() -> None:
    """UI-14: exit 2, with the nearest one."""
    said = ask("drill", "--guard", "--only", "SIGSTOPP")
    assert said.code == 2
    assert "did you mean SIGSTOP" in said.err
