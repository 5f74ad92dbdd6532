"""`holdfast drill --guard`: faults of real processes, rehearsed and timed."""

from tests.support.process import ask


def test_a_trader_whose_guard_is_killed_says_so_and_lets_no_entry_out() -> None:
    """WD-6, KC-9: a row of the drill's table; the trader lives, and looks after its orders."""
    said = ask("drill", "--guard", "--only", "guard killed", "--json")
    assert said.code == 0, said.err
    (row,) = said.json()["rows"]
    assert (row["fault"], row["orders_left"], row["alerted"]) == ("guard killed", None, True)
    assert row["note"] == ""
    assert row["safe_ms"] >= row["detect_ms"] > 0


def test_a_fault_that_the_drill_does_not_know_is_named() -> None:
    """UI-14: exit 2, with the nearest one."""
    said = ask("drill", "--guard", "--only", "SIGSTOPP")
    assert said.code == 2
    assert "did you mean SIGSTOP" in said.err
