"""A kill, a resume and a restart of the account, in every order: found by simulation, kept here."""

from typing import TYPE_CHECKING

import pytest

from actors.breakers import Breakers
from actors.kill import KillAsked, ResumeAsked, Running
from actors.messages import KILL, KillTimeout
from actors.operator_words import (
    Answer,
    Changed,
    KillDone,
    KillLevel,
    KillRequest,
    Refused,
    ResumeRequest,
)
from brokers.breaker import BreakerLimits, BreakerState
from research.crash.market import busy_config, busy_tape
from rust_core import ReleaseGate
from streams.tape import Tape
from tests.support.play import Played, prepare
from trading.config import Config
from trading.config_reader import load

if TYPE_CHECKING:
    from pathlib import Path

S_NS = 1_000_000_000


class Poison:
    """A message that no account understands."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Tape]:
    """A configuration and a session with many trades."""
    directory: Path = tmp_path_factory.mktemp("busy")
    return load(busy_config(directory)), Tape(busy_tape(directory, sessions=1))


def kill(played: Played, level: KillLevel) -> list[Answer]:
    """Ask for a kill; the list fills as the lane goes on."""
    answers: list[Answer] = []
    request = KillRequest(id=f"k-{level}", level=level, reason="a test", by="me")
    played.lane.tell(KILL, KillAsked(request, answers.append))
    return answers


def resume(played: Played) -> list[Answer]:
    """Ask for a resume."""
    answers: list[Answer] = []
    request = ResumeRequest(id="r", reason="a test", by="me", rearm=True)
    played.lane.tell(KILL, ResumeAsked(request, answers.append))
    return answers


def go_on(played: Played, seconds: int = 1) -> None:
    """Let time pass."""
    played.lane.run(until_ns=played.lane.now_ns() + seconds * S_NS)


def level_of(played: Played) -> str:
    """The kill level as the account's core has it."""
    core = played.system.core
    assert core is not None
    return core.account().kill_level


def test_a_resume_that_the_account_never_heard_reaches_it_after_its_restart(
    market: tuple[Config, Tape],
) -> None:
    """KC-4, WD-1: the level in the record and the one in the account's core are the same again."""
    played = prepare(*market)
    go_on(played)
    kill(played, KillLevel.PAUSE)
    go_on(played)
    assert level_of(played) == "PAUSE"
    memory = played.system.kill_memory  # as after a resume whose mail was lost with an incarnation
    memory.level = memory.latched = "NONE"
    played.lane.tell(played.system.account_name, Poison())
    go_on(played)
    assert level_of(played) == "NONE"


def test_a_kill_that_the_account_never_heard_reaches_it_after_its_restart(
    market: tuple[Config, Tape],
) -> None:
    """KC-3, WD-1: the mail that brought it was in hand when the account crashed."""
    played = prepare(*market)
    go_on(played)
    tell = played.lane.tell
    lost: list[object] = []

    def once(name: str, message: object) -> None:
        if name == played.system.account_name and not lost:
            lost.append(message)
            tell(name, Poison())
        else:
            tell(name, message)

    vars(played.lane)["tell"] = once
    kill(played, KillLevel.PAUSE)
    go_on(played)
    assert lost
    assert level_of(played) == "PAUSE"


def test_a_kill_that_the_venue_has_not_confirmed_is_not_lifted(
    market: tuple[Config, Tape], monkeypatch: pytest.MonkeyPatch
) -> None:
    """KC-2: gate and core never say different things; the refusal names who waits."""
    played = prepare(*market)
    go_on(played)
    monkeypatch.setattr(played.system.wiring.kill, "is_unconfirmed", lambda: True)
    kill(played, KillLevel.PAUSE)
    go_on(played)
    refused = resume(played)
    go_on(played)
    (answer,) = refused
    assert isinstance(answer, Refused)
    assert "has not confirmed" in answer.error
    monkeypatch.undo()
    lifted = resume(played)
    go_on(played)
    assert [type(each) for each in lifted] == [Changed]
    assert level_of(played) == played.system.gate.kill_level == "NONE"


def test_a_kill_that_timed_out_never_says_that_nothing_is_left(
    market: tuple[Config, Tape],
) -> None:
    """KC-2: our books are empty, and the venue could not be asked."""
    played = prepare(*market)
    go_on(played)
    answers: list[Answer] = []
    request = KillRequest(id="k", level=KillLevel.FLATTEN, reason="a test", by="me")
    account = played.system.account_name
    played.system.kill_memory.running["k"] = Running(request, [answers.append], {account})
    played.lane.tell(KILL, KillTimeout(kill_id="k"))
    go_on(played)
    (done,) = answers
    assert isinstance(done, KillDone)
    assert done.remaining == 1


def test_an_entry_probes_the_breaker_of_orders_and_no_other() -> None:
    """WD-3: an entry asks the other endpoints nothing, so that they would be shut for ever."""
    gate = ReleaseGate()
    gate.set_fence(1, 1)
    limits = BreakerLimits(errors_max=0)
    breakers = Breakers(gate=gate, note=lambda *_: None, notify=lambda *_: None, limits=limits)
    for name in ("orders", "look_up"):
        breakers.endpoint(name).failed("no answer", 0)
    breakers.tick(limits.open_ns)
    assert gate.refuses(adds_risk=True) is None
    breakers.probed()
    assert gate.refuses(adds_risk=True) == "BREAKER_OPEN"
    breakers.endpoint("orders").succeeded(0, limits.open_ns)
    assert gate.refuses(adds_risk=True) is None
    assert breakers.endpoint("look_up").state is BreakerState.HALF_OPEN


def test_the_account_acts_on_a_kill_with_the_commit_that_makes_it_durable(
    market: tuple[Config, Tape],
) -> None:
    """KC-2, KC-4: its cancels wait for one commit, and stand behind the kill's own event in it."""
    played = prepare(*market)
    go_on(played)
    kill(played, KillLevel.FLATTEN)
    go_on(played)
    sql = "SELECT journal_id, kind FROM journal WHERE kind IN (:one, :other) ORDER BY pos"
    rows = played.record.query(sql, {"one": "KillAccepted", "other": "KillLevelChanged"})
    assert rows == [
        ("system", "KillAccepted"),
        (played.system.account_name, "KillLevelChanged"),
        ("system", "KillLevelChanged"),
    ]


def test_a_kill_of_before_a_restart_is_answered_and_does_not_act_again(
    market: tuple[Config, Tape],
) -> None:
    """KC-2, EX-4: its id is in the record, so the account does not hear of it a second time."""
    played = prepare(*market)
    go_on(played)
    first = kill(played, KillLevel.PAUSE)
    go_on(played)
    resume(played)
    go_on(played)
    assert level_of(played) == "NONE"
    played.system.kill_memory.done.clear()  # as in the next process
    told: list[object] = []
    tell = played.lane.tell
    account = played.system.account_name

    def seen(name: str, message: object) -> None:
        told.append(message if name == account else None)
        tell(name, message)

    vars(played.lane)["tell"] = seen
    again = kill(played, KillLevel.PAUSE)
    go_on(played)
    assert again == first
    assert level_of(played) == "NONE"
    assert [each for each in told if "kill" in repr(each).lower()] == []
