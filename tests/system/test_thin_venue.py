"""A venue that trades next to nothing: what it could not close is told of, and soon closed."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from actors.lane_virtual import BEHIND_TAPE_NS, RunEnd
from research.crash.market import busy_config, busy_tape
from research.walk import walk_tape
from streams.tape import Tape
from tests.support.parity import journal, walked_journal
from tests.support.play import Played, prepare
from trading.config_reader import load


def thin(directory: Path) -> tuple[Played, Tape]:
    """Three sessions in which one order gets a ten-thousandth of the volume, not yet played."""
    config = load(busy_config(directory))
    paper = msgspec.structs.replace(config.paper, participation_max_ratio=Decimal("0.0001"))
    tape = Tape(busy_tape(directory))
    return prepare(msgspec.structs.replace(config, paper=paper), tape), tape


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Tape]:
    """The three sessions, played to their end and stopped."""
    played, tape = thin(tmp_path_factory.mktemp("thin"))
    return played.finish(), tape


def test_a_run_ends_although_something_is_left_open(tmp_path: Path) -> None:
    """ST-9, KC-8: behind its last row a tape fills nothing, and time does not go on for ever."""
    played, tape = thin(tmp_path)
    assert played.lane.run() is RunEnd.EXHAUSTED
    last_ns = tape.row(len(tape) - 1)[0]
    assert last_ns <= played.lane.now_ns() <= last_ns + BEHIND_TAPE_NS
    assert played.system.counters.crashes == 0


def test_what_is_held_overnight_is_an_error_and_closed_at_the_next_open(
    over: tuple[Played, Tape],
) -> None:
    """ST-9, KC-8: said at 15:59, at the close and at the open; flat as soon as anything trades."""
    played, _ = over
    closed = played.payloads("SessionClosed")
    assert [session["positions_open"] for session in closed] == [1, 0, 1]
    errors = [text for severity, text in played.notices if severity == "ERROR"]
    assert errors[0] == "still open after the time to be flat: 1"
    assert "still open after the session" in errors[1]
    assert "still open as a session begins" in errors[2]
    opened = {each["session_date"]: each["open_ns"] for each in played.payloads("SessionOpened")}
    [held] = [
        trade
        for trade in played.trades()
        if trade["exit_ns"] >= opened[20240103] > trade["entry_ns"]
    ]
    assert held["reason"] in ("AUTO_FLATTEN", "FORCE_FLAT")
    assert held["exit_ns"] == opened[20240103]


def test_the_walker_leaves_the_same_open(over: tuple[Played, Tape]) -> None:
    """RS-1, ST-9: both drivers journal the same of a venue that is too thin, and both end."""
    played, tape = over
    walked = walk_tape(played.system.config, tape, with_events=True)
    assert journal(played) == walked_journal(walked)
