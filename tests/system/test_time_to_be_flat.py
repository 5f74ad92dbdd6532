"""Flat before the close, on a full day and on a half day: exits, the second look, what is said."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace as changed

from research.crash.market import busy_config, busy_plan
from rust_core import ExitPlan, Leg, Message, Signal
from streams.generate import ensure_generated
from streams.tape import Kind, Tape, TapeWriter
from tests.support.play import Played, prepare
from trading.calendar import Calendar
from trading.config import Config
from trading.config_reader import load

ONE_1E8 = 100_000_000
MINUTE_NS = 60_000_000_000
FULL, HALF = 20201130, 20201127
NEW_YORK = ZoneInfo("America/New_York")
DAYS = pytest.mark.parametrize(
    ("session_date", "exit_at", "look_at"),
    [(FULL, "15:55", "15:59"), (HALF, "12:55", "12:59")],
    ids=["a full day", "a half day"],
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """One account that is flat five minutes before each close, and looks again at one."""
    busy = load(busy_config(tmp_path))
    off = {
        name: changed(getattr(busy.protections, name), enabled=False)
        for name in busy.protections.__struct_fields__
    }
    protections = changed(busy.protections, **off)
    return changed(busy, strategies=(), protections=protections)


def tape_of(folder: Path, session_date: int, *, halted_before_ns: int = 0) -> Tape:
    """That day's bars; none of them in the last so many nanoseconds, as in a halt."""
    plan = replace(busy_plan(sessions=1), first_date=session_date)
    with Tape(ensure_generated(plan, folder)) as whole:
        stop_ns = close_of(session_date) - halted_before_ns
        rows = [row for row in whole.rows() if row[1] == Kind.SESSION_CLOSE or row[0] <= stop_ns]
        path = folder / "day.tape"
        with TapeWriter(path, whole.header) as writer:
            writer.extend(rows)
    return Tape(path)


def close_of(session_date: int) -> int:
    """When that day's session ends."""
    return Calendar.load("ES").require(session_date).close_ns


def new_york(ns: int) -> str:
    """Hours and minutes there."""
    moment = datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC).astimezone(NEW_YORK)
    return f"{moment:%H:%M}"


def entered(config: Config, tape: Tape, session_date: int) -> Played:
    """A run that bought half an hour before the close, and would hold for ever."""
    played = prepare(config, tape)
    lane = played.lane
    lane.run(until_ns=close_of(session_date) - 30 * MINUTE_NS)
    core = played.system.core
    assert core is not None
    price_1e8 = played.system.telemetry.prices_1e8["ES"]
    signal = Signal(
        strategy="by_hand",
        setup_instance="m1",
        session_date=session_date,
        legs=[Leg("ES", "BUY")],
        plan=ExitPlan(stop_ratio_1e8=15 * ONE_1E8 // 1000),
        reference_1e8=price_1e8,
        reference_ns=lane.now_ns(),
        qty_1e8=ONE_1E8,
    )
    lane.tell(played.system.account_name, Message.signal(signal))
    lane.run(until_ns=lane.now_ns() + 5 * MINUTE_NS)
    assert len(core.positions()) == 1
    return played


@DAYS
def test_what_is_open_is_closed_in_time_and_looked_at_again(
    config: Config, tmp_path: Path, session_date: int, exit_at: str, look_at: str
) -> None:
    """KC-8: market exits 5 minutes before that day's close, a second look at one; both told."""
    with tape_of(tmp_path, session_date) as tape:
        played = entered(config, tape, session_date)
        told = told_at(played)
        assert told["time to be flat: 1 positions are closed"] == exit_at
        assert told["flat at the last look before the close"] == look_at
        [trade] = played.trades()
        assert trade["reason"] == "AUTO_FLATTEN"
        assert exit_at <= new_york(trade["exit_ns"]) < look_at


@DAYS
def test_what_no_market_takes_is_named_by_the_second_look(
    config: Config, tmp_path: Path, session_date: int, exit_at: str, look_at: str
) -> None:
    """KC-8: trading halts before the time to be flat, so the net finds a survivor and says so."""
    with tape_of(tmp_path, session_date, halted_before_ns=6 * MINUTE_NS) as tape:
        played = entered(config, tape, session_date)
        told = told_at(played)
        assert told["time to be flat: 1 positions are closed"] == exit_at
        assert told["still open after the time to be flat: 1"] == look_at
        assert played.trades() == []


def told_at(played: Played) -> dict[str, str]:
    """Runs on to the end; when each text was said, in New York."""
    said: dict[str, str] = {}
    lane = played.lane
    seen = len(played.notices)
    while lane.now_ns() < close_of(session_of(played)):
        lane.run(until_ns=lane.now_ns() + MINUTE_NS)
        for _, text in played.notices[seen:]:
            said.setdefault(text, new_york(lane.now_ns()))
        seen = len(played.notices)
    return said


def session_of(played: Played) -> int:
    """The day that is played."""
    [opened] = played.payloads("SessionOpened")
    return int(opened["session_date"])
