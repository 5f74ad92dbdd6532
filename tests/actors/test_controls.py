"""Runtime controls as a running trader tells them: asked for, configured, and what counts."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.operator_words import Answer, Changed, ControlRequest
from actors.trader_port import RunningTrader
from research.crash.market import busy_config, busy_tape
from streams.tape import Tape
from tests.support.play import prepare
from trading.config_reader import load
from trading.controls import CONTROLS, ControlJson, ControlKind, in_force


def test_each_control_is_told_with_the_figure_that_counts(tmp_path: Path) -> None:
    """KC-6, UI-3: what the configuration allows, and what narrows it once somebody asked."""
    config = load(busy_config(tmp_path))
    limits = config.limits
    played = prepare(config, Tape(busy_tape(tmp_path, sessions=1)))
    port = RunningTrader(played.system, rescan=dict)

    def told() -> dict[str, Any]:
        return {each["name"]: each for each in port.controls()}

    def asked(name: str, value: ControlJson) -> None:
        answers: list[Answer] = []
        request = ControlRequest(id=f"{name}/{value}", name=name, value=value, reason="", by="ann")
        port.set_control(request, answers.append)
        played.lane.run(until_ns=played.lane.now_ns() + 1)
        assert isinstance(answers[0], Changed)

    no_value = (ControlKind.ACTION, ControlKind.FIXED)
    taking = {spec.name for spec in CONTROLS.values() if spec.kind not in no_value}
    before = told()
    assert set(before) == taking
    assert before["max_open_positions"]["in_force"] == limits.positions_max
    assert Decimal(before["max_session_loss"]["in_force"]) == limits.daily_loss_max_usd
    assert before["allowed_instruments"]["in_force"] == [config.instruments[0].symbol]
    assert {each["value"] for each in before.values()} == {None}

    asked("max_open_positions", limits.positions_max + 5)
    asked("max_position", "2.5")
    after = told()
    wide = after["max_open_positions"]
    assert (wide["value"], wide["in_force"]) == (limits.positions_max + 5, limits.positions_max)
    narrow = after["max_position"]
    assert (narrow["value"], narrow["in_force"], narrow["set_by"]) == ("2.5", "2.5", "ann")
    asked("max_position", None)
    assert told()["max_position"]["in_force"] == before["max_position"]["configured"]


@pytest.mark.parametrize(
    ("allowed", "value", "counts"),
    [
        (None, None, None),
        (None, "2", "2"),
        ("10", None, "10"),
        ("10", "9.5", "9.5"),
        ("9", "10", "9"),
        (3, 0, 0),
        (["ES", "NQ"], ["NQ", "SPY"], ["NQ"]),
        (["ES"], [], []),
    ],
)
def test_a_control_narrows_and_never_widens(
    allowed: ControlJson, value: ControlJson, counts: ControlJson
) -> None:
    """KC-6: the smaller amount, the names in both."""
    assert in_force(allowed, value) == counts
