"""`make bench`: gates are read strictly, a broken one is tried again and then fails the run."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks import bench_kept, gates, measure, peers, report
from benchmarks.bench_kept import bytes_in_use
from benchmarks.bench_orders import growth
from benchmarks.desk import Desk, Played, write_tape
from benchmarks.forgetful import ForgetfulRecord, ForgetfulVenueStore
from benchmarks.gates import Bound, GatesError, Row
from benchmarks.groups import GROUPS
from benchmarks.measure import Figure, Missing
from benchmarks.report import Outcome
from benchmarks.run import TRIES_MAX, broken, outcomes_of
from benchmarks.setting import Group, Setting
from storage import MemoryRecord

HERE = Setting(work_dir=Path(), peers=None)


def row(**fields: object) -> Row:
    bounds = {name: Bound.parse(str(fields.pop(name))) for name in ("goal", "gate") & fields.keys()}
    shape = {"key": "a", "number": 1, "measure": "it", "reference": "that", "unit": "ns"}
    return Row(**{**shape, **fields, **bounds})  # type: ignore[arg-type]


def ratios(*values: float) -> Group:
    """A group that measures these ratios, one after another."""
    left = iter(values)

    def take(_: Setting) -> Sequence[Figure]:
        return [Figure(row="a", value=next(left), reference=1.0)]

    return Group(name="it", rows=("a",), measure=take)


def silent(_: str) -> None:
    """Nobody reads it here."""


def test_every_row_is_measured_by_one_group_and_every_group_has_rows() -> None:
    """The house: a row that nobody measures would pass for ever."""
    measured = [key for group in GROUPS for key in group.rows]
    assert sorted(measured) == sorted(gates.load())


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("<= 1/4", 0.25, 0.26), (">= 3", 3.0, 2.9), ("<= 1.10", 1.1, 1.11)],
)
def test_a_bound_holds_at_its_limit_and_not_beyond(
    text: str, inside: float, outside: float
) -> None:
    """The house: at the limit is inside; what is no number never is."""
    bound = Bound.parse(text)
    assert bound.holds(inside)
    assert not bound.holds(outside)
    assert not bound.holds(math.nan)


@pytest.mark.parametrize("text", ["1/4", "< 1", "<= x", "<= 1/0", "<="])
def test_a_bound_of_another_form_is_refused(text: str) -> None:
    """The house: a gate that cannot be read must not pass."""
    with pytest.raises(GatesError, match="bound"):
        Bound.parse(text)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('gate = "<= 1"', "needs the reason"),
        ('gaet = "<= 1"', "unknown fields"),
    ],
)
def test_a_gate_without_a_reason_or_misspelt_is_refused(
    tmp_path: Path, line: str, complaint: str
) -> None:
    """The house: gates.toml is strict."""
    file = tmp_path / "gates.toml"
    head = '[a]\nnumber = 1\nmeasure = "it"\nreference = "that"\nunit = "ns"\n'
    file.write_text(head + line + "\n")
    with pytest.raises(GatesError, match=complaint):
        gates.load(file)


def test_a_broken_gate_is_measured_again_and_the_best_try_counts() -> None:
    """The house: a shared machine may spoil one try."""
    found = outcomes_of(ratios(3.0, 0.9), {"a": row(gate="<= 1")}, HERE, silent)
    assert broken(found) == []
    assert (found[0].tries, found[0].figure) == (2, Figure(row="a", value=0.9, reference=1.0))


def test_a_gate_that_stays_broken_fails_after_the_last_try() -> None:
    """The house: the run fails, with the best of its tries."""
    found = outcomes_of(ratios(3.0, 2.0, 2.5), {"a": row(gate="<= 1")}, HERE, silent)
    assert broken(found) == ["a"]
    assert found[0].tries == TRIES_MAX
    assert found[0].figure is not None
    assert found[0].figure.value == 2.0


def test_a_goal_that_is_missed_fails_nothing() -> None:
    """The house: goals are shown, gates decide."""
    found = outcomes_of(ratios(1.5), {"a": row(goal="<= 1", gate="<= 2")}, HERE, silent)
    assert (found[0].verdict, broken(found)) == ("no", [])


def test_a_gate_without_a_reference_is_broken() -> None:
    """The house: what could not be compared did not pass."""
    outcome = Outcome(row=row(gate="<= 1"), figure=Figure(row="a", value=1.0, reference=None))
    assert outcome.is_broken


def test_a_row_that_needs_a_peer_says_how_to_get_it() -> None:
    """The house: a row that was not measured neither passes nor fails."""
    outcome = Outcome(row=row(goal="<= 1", gate="<= 1"))
    assert (outcome.verdict, outcome.is_broken) == ("", False)
    shown = report.as_json([outcome], loop_ns=(1.0, 1.0), wall_s=1.0)
    assert "--peers" in shown["rows"][0]["note"]


def test_a_row_that_this_machine_cannot_measure_says_what_it_lacks() -> None:
    """The house: no browser is a reason on the screen, not a row that is silently left out."""
    group = Group(name="it", rows=("a",), measure=lambda _: [Missing("a", "no browser")])
    (found,) = outcomes_of(group, {"a": row(goal="<= 1", gate="<= 1")}, HERE, silent)
    assert (found.figure, found.verdict, found.is_broken) == (None, "", False)
    shown = report.as_json([found], loop_ns=(1.0, 1.0), wall_s=1.0)
    assert shown["rows"][0]["note"] == "not measured: no browser"


@pytest.mark.parametrize(("ratio", "code"), [(0.5, 0), (2.0, 1)])
def test_the_program_exits_by_its_gates_and_writes_what_it_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ratio: float, code: int
) -> None:
    """The house: .ci/run fails when a gate does."""
    monkeypatch.setattr(program, "GROUPS", (ratios(*[ratio] * TRIES_MAX),))
    monkeypatch.setattr(program, "BUILD", tmp_path)
    monkeypatch.setattr(gates, "load", lambda: {"a": row(gate="<= 1")})
    monkeypatch.setattr(peers, "find", lambda: None)
    assert program.main(["--json", str(tmp_path / "found.json")]) == code
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["rows"][0]["ratio"] == ratio


def test_two_works_are_timed_in_turns() -> None:
    """The house: what disturbs the machine disturbs both alike, whichever goes first."""
    calls: list[str] = []
    measure.side_by_side(
        lambda: calls.append("ours"), lambda: calls.append("theirs"), operations=1, rounds=4
    )
    assert calls[:2] == ["ours", "theirs"]
    assert calls[2:] == ["theirs", "ours", "ours", "theirs"] * 2


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 2), (0.75, 3), (0.99, 4), (1, 4)])
def test_a_quantile_is_one_of_the_values(share: float, expected: int) -> None:
    """The house: no value in between is made up."""
    assert measure.quantile([4, 1, 3, 2], share) == expected


def test_every_question_of_the_order_benchmark_is_an_order_that_fills(tmp_path: Path) -> None:
    """The house: a rejected order would be a fast one. Each is journaled and filled, in turns."""
    record = MemoryRecord()
    with write_tape(tmp_path / "tape", 120) as tape:
        played = Desk(tape, record).play()
    rows = record.events("account:bench", "r0001")
    kinds = Counter(row.kind for row in rows)
    assert (kinds["OrderIntended"], kinds["OrderFilled"], kinds["TradeClosed"]) == (120, 120, 60)
    assert len(played.taken_ns) == len(played.yard_ns) == 120


@pytest.mark.parametrize(
    ("last_ns", "last_yard_ns", "expected"), [(100, 10, 1.0), (200, 10, 2.0), (200, 20, 1.0)]
)
def test_growth_is_what_the_machine_does_not_explain(
    last_ns: int, last_yard_ns: int, expected: float
) -> None:
    """The house: orders that take longer are growth; a machine that got slower is not."""
    played = Played()
    for number in range(100):
        is_late = number >= 90
        played.taken_ns.append(last_ns if is_late else 100)
        played.yard_ns.append(last_yard_ns if is_late else 10)
    assert growth(played).ratio == pytest.approx(expected)


def test_a_peer_that_prints_nothing_is_an_error(tmp_path: Path) -> None:
    """The house: a peer that failed is never a row that passed."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(peers.PeerError, match=r"exit 3\): broken"):
        peers.Peers(python).run("nautilus_orders", "1")


def test_a_record_that_forgets_is_played_like_any_other(tmp_path: Path) -> None:
    """The house: the memory row plays the same orders, and nothing of them is kept."""
    record = ForgetfulRecord()
    with write_tape(tmp_path / "tape", 120) as tape:
        desk = Desk(tape, record, venue_store=ForgetfulVenueStore())
        assert len(desk.play().taken_ns) == 120
    assert record.query("SELECT count(*) FROM journal", {}) == [(0,)]
    assert record.query("SELECT count(*) FROM claims", {}) == [(0,)]


def test_bytes_in_use_are_counted_where_the_library_can() -> None:
    """The house: a megabyte that is held is seen, and one that is given back is not."""
    count = bytes_in_use()
    if count is None:
        pytest.skip("this C library has no mallinfo2 (glibc 2.33 or later has)")
    before = count()
    held = bytearray(1 << 20)
    during = count()
    del held
    assert during - before >= 1 << 20
    assert count() - before < 1 << 19


def test_what_a_record_keeps_of_an_order_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The house: the memory row tells who keeps each order's events from who does not."""
    count = bytes_in_use()
    if count is None:
        pytest.skip("this C library has no mallinfo2 (glibc 2.33 or later has)")
    monkeypatch.setattr(bench_kept, "FIRST_LOOK", 40)
    monkeypatch.setattr(bench_kept, "LAST_LOOK", 440)
    alone, together = (
        bench_kept.kept_per_order(tmp_path, count, is_forgetful=each) for each in (True, False)
    )
    assert together > 2 * alone  # within a session its bars and newest orders are kept, too
    assert together - alone > 4_000
