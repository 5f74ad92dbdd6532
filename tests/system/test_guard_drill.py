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


def test_a_part_that_is_killed_is_back_and_the_trader_has_not_noticed() -> None:
    """WD-10, KC-9: the archivist of a whole paper run; nothing but it was started again."""
    said = ask("drill", "--guard", "--only", "archivist killed", "--json")
    assert said.code == 0, said.err
    (row,) = said.json()["rows"]
    assert (row["fault"], row["note"], row["alerted"]) == ("archivist killed", "", True)
    assert row["safe_ms"] >= row["detect_ms"] > 0


def test_a_feed_that_is_cut_and_a_strategy_that_raises_are_back_and_trade() -> None:
    """WD-10, WD-1, MD-9: each told of, and the same strategy has traded again at the venue."""
    said = ask("drill", "--guard", "--only", "feed cut", "--only", "strategy raises", "--json")
    assert said.code == 0, said.err
    for row in said.json()["rows"]:
        assert (row["note"], row["alerted"]) == ("", True)
        assert row["safe_ms"] >= row["detect_ms"] > 0


def test_a_fault_that_the_drill_does_not_know_is_named() -> None:
    """UI-14: exit 2, with the nearest one."""
    said = ask("drill", "--guard", "--only", "SIGSTOPP")
    assert said.code == 2
    assert "did you mean SIGSTOP" in said.err
