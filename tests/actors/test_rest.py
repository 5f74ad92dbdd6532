"""Once an instant has nothing left to decide: who looks after what is still open."""

from pathlib import Path
from typing import Any

import pytest

from actors.cell import Cell
from actors.rounds import AT_REST, Rounds, TapePosition
from actors.spec import CellState
from benchmarks.desk import Desk, write_tape
from research.crash.market import busy_config, busy_tape
from storage import MemoryRecord
from streams.tape import Tape
from tests.support.play import play, prepare
from trading.config_reader import load


def test_before_time_moves_on_whatever_is_open_has_an_actor_and_nothing_else_has(
    tmp_path: Path,
) -> None:
    """EX-6, PX-8: each open order and position is looked after, and nothing that is over."""
    tape = Tape(busy_tape(tmp_path, sessions=1))
    played = prepare(load(busy_config(tmp_path)), tape)
    tree, found = played.system.tree, {"orders": 0, "positions": 0}

    def compare(_: Any) -> None:
        core = played.system.core
        assert core is not None
        orders = {f"order:{order.client_order_id}" for order in core.orders()}
        positions = {f"position:{position.position_id}" for position in core.positions()}
        names = {cell.name for cell in tree.cells()}
        assert {name for name in names if name.startswith("order:")} == orders
        assert {name for name in names if name.startswith("position:")} == positions
        found["orders"] += len(orders)
        found["positions"] += len(positions)

    failed: list[str] = []

    def look(message: Any) -> None:
        try:
            compare(message)
        except AssertionError as error:
            failed.append(str(error))

    played.system.market.subscribe(look)
    played.finish()
    assert failed == []
    assert min(found.values()) >= 10


def test_whoever_gave_up_on_what_is_open_is_replaced(tmp_path: Path) -> None:
    """WD-1, EX-6, PX-8: the new one runs, and the one for whom nothing is open does not come."""
    tape = Tape(busy_tape(tmp_path, sessions=1))
    config = load(busy_config(tmp_path))
    expected = play(config, tape).trades()
    played = prepare(config, tape)
    tree, replaced, wrong = played.system.tree, {"order": 0, "position": 0}, list[str]()

    def attendants() -> list[Cell]:
        return [cell for cell in tree.cells() if cell.name.split(":")[0] in replaced]

    def give_up(_: Any) -> None:
        before = attendants()
        for cell in before:
            cell.fail("a test")
        played.system.wiring.attendants.tend()
        after = {cell.name: cell for cell in attendants()}
        for old in before:
            new = after.get(old.name)
            if new is None or new is old or new.state is not CellState.RUNNING:
                wrong.append(old.name)
            replaced[old.name.split(":")[0]] += 1

    played.system.market.subscribe(give_up)
    played.finish()
    assert wrong == []
    assert min(replaced.values()) >= 10
    assert played.trades() == expected


def test_an_order_that_is_over_within_its_instant_gets_no_actor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EX-6: nothing is left to wait for, so nobody is made to wait."""
    enrolled: list[str] = []
    with write_tape(tmp_path / "tape", 40) as tape:
        desk = Desk(tape, MemoryRecord())
        enrol = desk.system.tree.enrol

        def noting(cell: Cell) -> None:
            enrolled.append(cell.name)
            enrol(cell)

        monkeypatch.setattr(desk.system.tree, "enrol", noting)
        played = desk.play()
    assert len(played.taken_ns) == 40
    assert [name.split(":")[0] for name in enrolled] == ["position"] * 20


def test_rest_is_called_once_and_only_when_nothing_waits_for_the_disk() -> None:
    """The runtime: outcomes first; then whoever waits for rest, once however often it asked."""
    mailed: list[tuple[str, object]] = []
    rounds = Rounds(
        MemoryRecord(),
        tell=lambda name, message: mailed.append((name, message)),
        position=TapePosition(),
        now_ns=lambda: 1,
        failed=lambda _: None,
    )
    rounds.call_at_rest("account:a")
    rounds.call_at_rest("account:a")
    rounds.note("run", "Anything", {}, heard=lambda _: mailed.append(("heard", None)))
    rounds.settle()
    assert mailed == [("heard", None)]
    assert rounds.pending() == 1
    rounds.settle()
    assert mailed == [("heard", None), ("account:a", AT_REST)]
    assert rounds.pending() == 0


def test_where_time_goes_on_by_itself_rest_is_mailed_at_once() -> None:
    """The runtime: nobody waits for a moment that a busy live lane may never have."""
    mailed: list[object] = []
    rounds = Rounds(
        MemoryRecord(is_eager=True),
        tell=lambda _, message: mailed.append(message),
        position=TapePosition(),
        now_ns=lambda: 1,
        failed=lambda _: None,
    )
    rounds.note("run", "Anything", {})
    rounds.flush()
    rounds.mail_heard()
    rounds.call_at_rest("account:a")
    assert mailed == [AT_REST]
    assert rounds.pending() == 0
