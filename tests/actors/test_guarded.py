"""The trader's side of the guard: the heartbeat, and what it does when nobody watches."""

import asyncio
import struct
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actors import guarded
from actors.breakers import Breakers
from actors.guarded import GuardWatch, Heart, heart_page, take_up_guard
from actors.lane_virtual import VirtualLane
from rust_core import ReleaseGate
from storage.errors import RecordDamagedError
from storage.guard_log import guard_lines
from storage.heartbeat import PAGE_NAME, HeartbeatPage, Phase, Vitals
from storage.lease import WORD_NAME, FenceWord, Hold
from trading.errors import SafetyRefusedError

HOLD_AT = 16
BEAT_AT = 24
S = 1_000_000_000


def world(silence_max_s: int | None = None) -> Any:
    """As much of a system as the heartbeat looks at."""
    gate = ReleaseGate()
    gate.set_fence(1, 1)
    noted: list[str] = []
    return SimpleNamespace(
        gate=gate,
        core=None,
        noted=noted,
        rounds=SimpleNamespace(counted=Counter({"OrderFilled": 3}), pending=lambda: 2),
        config=SimpleNamespace(watchdog=SimpleNamespace(guard_silence_max_s=silence_max_s)),
        wiring=SimpleNamespace(
            note=lambda *said: noted.append(said[1]),
            breakers=Breakers(gate=gate, note=_nothing, notify=_nothing),
        ),
        ports=SimpleNamespace(notify=lambda *said: noted.append(said[0])),
    )


def _nothing(*_: Any) -> None:
    """Nobody listens here."""


def page_fields(data_dir: Path) -> tuple[int, ...]:
    """Phase, sequence, mail age, journaled and pending, as the guard reads them."""
    return struct.unpack_from("<5Q", (data_dir / PAGE_NAME).read_bytes(), 24)


def test_only_the_lane_advances_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WD-2, WD-6: a loop that runs beside a lane that stands still is no heartbeat."""
    monkeypatch.setattr(guarded, "BEAT_EVERY_S", 0.0)
    lane, page, word = VirtualLane(), HeartbeatPage(tmp_path), FenceWord(tmp_path)

    async def beside_the_lane() -> Heart:
        heart = Heart(lane, page, world(), word)
        assert page_fields(tmp_path)[0] == Phase.STARTING
        heart.start()
        for _ in range(20):
            await asyncio.sleep(0)
        heart.close()
        return heart

    heart = asyncio.run(beside_the_lane())
    assert page_fields(tmp_path)[:2] == (Phase.TRADING, 0)
    assert lane.depth() == 1  # one beat waits, however often the loop came by
    lane.run()
    assert page_fields(tmp_path) == (Phase.TRADING, 1, 0, 3, 2)
    heart.stopping()
    assert page_fields(tmp_path)[0] == Phase.STOPPING
    word.close()


def test_one_that_was_taken_over_from_leaves_the_page_to_its_successor(tmp_path: Path) -> None:
    """ST-5, WD-6: thawed, it neither beats nor ends in the successor's name."""
    page = HeartbeatPage(tmp_path)
    with (tmp_path / PAGE_NAME).open("r+b") as file:
        file.seek(8)
        file.write(struct.pack("<Q", 4711))
    page.beat(Vitals(mail_age_ns=1, journaled=1, pending=1, orders=1, positions=1))
    page.enter(Phase.ENDED)
    assert page_fields(tmp_path) == (Phase.STARTING, 0, 0, 0, 0)


def guard_beats(data_dir: Path, number: int) -> None:
    """What a guard does at each look."""
    with (data_dir / WORD_NAME).open("r+b") as file:
        file.seek(BEAT_AT)
        file.write(struct.pack("<Q", number))


def test_entries_wait_while_no_guard_watches_and_exits_go_on(tmp_path: Path) -> None:
    """WD-3, WD-6: by policy the gate is shut until a guard is seen, and again when it is gone.

    The status and `/health` name its breaker like any other.
    """
    word, system = FenceWord(tmp_path), world()
    guard_beats(tmp_path, 7)  # of a guard that is gone
    watch = GuardWatch(system, word, 2)

    def entries_wait() -> bool:
        assert system.gate.refuses(adds_risk=False) is None
        return system.gate.refuses(adds_risk=True) is not None

    def shown() -> list[tuple[str, str, str]]:
        breakers = system.wiring.breakers.states()
        return [(each["name"], each["state"], each["cause"]) for each in breakers]

    watch.look(1 * S)
    assert entries_wait()
    assert shown() == [("guard", "OPEN", "no guard was seen yet")]
    guard_beats(tmp_path, 8)
    watch.look(2 * S)
    assert not entries_wait()
    assert shown() == [("guard", "CLOSED", "")]
    watch.look(4 * S)
    assert not entries_wait()
    watch.look(4 * S + 1)
    assert entries_wait()
    watch.look(9 * S)
    guard_beats(tmp_path, 9)
    watch.look(10 * S)
    assert not entries_wait()
    kinds = ["GuardSeen", "INFO", "GuardLost", "CRITICAL", "GuardSeen", "INFO"]
    assert system.noted == kinds
    word.close()


def guard_holds(data_dir: Path, hold: Hold) -> None:
    """What a guard does while it acts."""
    with (data_dir / WORD_NAME).open("r+b") as file:
        file.seek(HOLD_AT)
        file.write(struct.pack("<Q", hold))


def test_a_start_waits_for_a_guard_that_takes_orders_off(tmp_path: Path) -> None:
    """WD-6: a restart comes behind the sweep; nothing of it shows before."""
    word = FenceWord(tmp_path)
    record: Any = SimpleNamespace(lease=SimpleNamespace(word=word))
    guard_holds(tmp_path, Hold.PASSING)

    async def started() -> HeartbeatPage:
        starting = asyncio.create_task(heart_page(record, tmp_path))
        await asyncio.sleep(0)
        assert not (tmp_path / PAGE_NAME).exists()
        guard_holds(tmp_path, Hold.FREE)
        return await starting

    asyncio.run(started())
    assert page_fields(tmp_path)[0] == Phase.STARTING
    word.close()


@pytest.mark.parametrize("hold", [Hold.PERSON, Hold.PASSING])
def test_no_trader_starts_while_trading_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hold: Hold
) -> None:
    """WD-6: for a person, or by a guard that does not come to an end: refused, no page."""
    monkeypatch.setattr(guarded, "HOLD_WAIT_S", 0.0)
    word = FenceWord(tmp_path)
    record: Any = SimpleNamespace(lease=SimpleNamespace(word=word))
    guard_holds(tmp_path, hold)
    with pytest.raises(SafetyRefusedError, match="the guard holds trading"):
        asyncio.run(heart_page(record, tmp_path))
    assert not (tmp_path / PAGE_NAME).exists()
    word.close()


def test_a_guards_log_that_was_changed_is_not_traded_on(tmp_path: Path) -> None:
    """AL-3, WD-6: it tells what was done to our orders, so it has to be whole."""
    (tmp_path / "guard.log").write_text('00 {"seq":1,"prev":"","at_ns":1,"kind":"Kill"}\n')
    record = SimpleNamespace(query=lambda *_: [])
    port: Any = SimpleNamespace(system=SimpleNamespace(ports=SimpleNamespace(record=record)))
    with pytest.raises(RecordDamagedError, match="line 1 does not follow"):
        take_up_guard(port, tmp_path)
    (tmp_path / "guard.log").write_text("a torn line, never acted upon")
    assert list(guard_lines(tmp_path)) == []
