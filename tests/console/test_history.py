"""What the console tells of the past: trades as asked for, equity, violations, bars so far."""

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from console import history
from console.levels import levels, planned
from tests.console import recorded
from tests.console.recorded import CLOSE_NS, MINUTE_NS, ONE, OPEN_NS, POSITION, Scribbler


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with one recorded session."""
    recorded.write_record(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 1),
        ({"strategy": "vwap", "instrument": "ES", "outcome": "won"}, 1),
        ({"first": "2020-03-09", "last": "2020-03-09", "reason": "TAKE_PROFIT"}, 1),
        ({"outcome": "lost"}, 0),
        ({"first": "2020-03-10"}, 0),
        ({"strategy": "vwap' OR '1'='1"}, 0),
    ],
)
def test_trades_are_those_that_were_asked_for(
    data_dir: Path, query: dict[str, str], count: int
) -> None:
    """UI-4: filters are bound, never part of the query's text; totals are of all that match."""
    found = history.trades(data_dir, history.parse_filters(query))
    assert (len(found.rows), found.totals["trades"]) == (count, count)
    assert found.totals["net"] == 496 * count


def test_the_csv_is_exactly_what_is_shown(data_dir: Path) -> None:
    """UI-4: the same columns and rows, amounts exact."""
    found = history.trades(data_dir, history.Filters())
    (line,) = csv.DictReader(io.StringIO(history.as_csv(found)))
    assert list(line) == found.columns
    assert (line["trade_id"], Decimal(line["net"])) == (POSITION, Decimal(496))


@pytest.mark.parametrize(
    ("reason", "worth_1e8", "doubts", "told"),
    [
        ("SETTLEMENT", 2741 * ONE, [], "as decided"),
        ("SETTLEMENT", 0, [], "differs"),
        ("SETTLEMENT", 2741 * ONE, ["the reference says otherwise"], "in doubt"),
        ("TAKE_PROFIT", 2741 * ONE, [], "closed before"),
        ("TAKE_PROFIT", None, [], None),
    ],
)
def test_what_a_market_paid_is_laid_beside_what_the_trade_got(
    tmp_path: Path, reason: str, worth_1e8: int | None, doubts: list[str], told: str | None
) -> None:
    """UI-4, MD-8: the settlement check of each trade; none where no market was decided."""
    scribe = Scribbler(tmp_path)
    recorded.trade(scribe, reason)
    if worth_1e8 is not None:
        scribe.put(
            "MarketResolved", "market/m", 60, journal_id="system", instrument="ES", market="m",
            worth_1e8=worth_1e8, doubts=doubts,
        )  # fmt: skip
    scribe.close()
    found = history.trades(tmp_path, history.Filters())
    assert [row[found.columns.index("settlement")] for row in found.rows] == [told]


def test_a_filter_that_does_not_exist_names_those_that_do() -> None:
    """UI-13: a clear error."""
    with pytest.raises(msgspec.ValidationError, match="expected run, strategy"):
        history.parse_filters({"colour": "red"})


def test_equity_starts_with_the_session_and_steps_with_each_trade(data_dir: Path) -> None:
    """UI-3: the curve and the profit of each strategy add up to the session's."""
    found = history.equity(data_dir)
    assert [value for _, value in found["points"]] == [100_000 * ONE, 100_496 * ONE]
    assert found["by_strategy"]["vwap"]["net_1e8"] == 496 * ONE
    assert found["sessions"][0]["equity_1e8"] == 100_496 * ONE


def test_what_was_violated_is_told_with_its_last_values(tmp_path: Path) -> None:
    """WD-5, UI-3: one line for each assertion: how often, when last, what was found."""
    scribe = Scribbler(tmp_path)
    for minute, found in ((1, "5 of 4"), (2, "6 of 4")):
        scribe.put(
            "InvariantViolated", "account", minute, name="CAPITAL_CAP", subject="ES", text=found
        )
    scribe.close()
    (told,) = history.assertions(tmp_path)
    assert (told["name"], told["failures"], told["text"]) == ("CAPITAL_CAP", 2, "6 of 4")
    assert told["last_ns"] == OPEN_NS + 2 * MINUTE_NS


def test_bars_end_where_the_trader_is(data_dir: Path) -> None:
    """SG-2: the tape of a replay knows the day's end; nobody is shown it before its time."""
    until_ns = OPEN_NS + 20 * MINUTE_NS
    found = history.bars(data_dir, "ES", until_ns=until_ns)
    assert [found["bars"][0][0], found["bars"][-1][0]] == [OPEN_NS + MINUTE_NS, until_ns]
    later = history.bars(data_dir, "", until_ns=CLOSE_NS, after_ns=until_ns)
    assert later["bars"][0][0] == until_ns + MINUTE_NS
    assert "no NQ" in history.bars(data_dir, "NQ", until_ns=until_ns)["note"]


def test_the_journal_can_be_searched(data_dir: Path) -> None:
    """AL-4: by word, kind and stream; newest first, in words and as it was written."""
    found = history.events(data_dir, words="ZeroDivision", kind="", stream="", limit=10)
    assert [each["kind"] for each in found["events"]] == ["ActorCrashed"]
    assert found["events"][0]["payload"]["incarnation"] == 1
    fills = history.events(data_dir, words="", kind="OrderFilled", stream="order/", limit=1)
    assert len(fills["events"]) == 1
    assert fills["events"][0]["text"].startswith("filled 1 at 2,741")
    assert {"kind": "OrderFilled", "n": 2} in found["kinds"]


def test_stops_and_targets_are_told_as_planned_and_reached(data_dir: Path) -> None:
    """UI-3: the history of levels, newest first, in words."""
    found = levels(data_dir)
    assert [(each["what"], each["text"]) for each in found] == [
        ("reached", "TAKE_PROFIT: 2,740 against 2,739. the close is above the VWAP"),
        ("planned", "stop 0.3 % from the entry, target at 2 R"),
    ]
    assert {each["position_id"] for each in found} == {POSITION}
    assert [each["what"] for each in levels(data_dir, most=1)] == ["reached"]


def test_a_level_that_a_strategy_moved_is_told(tmp_path: Path) -> None:
    """UI-3: only what it set, and no other change of the position."""
    scribe = Scribbler(tmp_path)
    recorded.position(scribe, "MONITORING", 31)
    recorded.position(scribe, "MONITORING", 32, cause="levels moved", stop_1e8=2725 * ONE)
    scribe.close()
    assert [(each["what"], each["text"]) for each in levels(tmp_path)] == [
        ("moved", "stop at 2,725")
    ]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"stop": {"kind": "AT", "level": {"kind": "RATIO", "value_1e8": 150_000}},
          "target": {"kind": "R", "value_1e8": 200_000_000}},
         "stop 0.15 % from the entry, target at 2 R"),
        ({"stop": {"kind": "NONE", "waiver": "the loss is what was paid"}},
         "no stop: the loss is what was paid"),
        ({"stop": {"kind": "AT", "level": {"kind": "PRICE", "value_1e8": 272_250_000_000}},
          "trailing_ratio_1e8": 500_000,
          "target_1": {"level": {"kind": "R", "value_1e8": 100_000_000},
                       "portion_ratio_1e8": 50_000_000},
          "target_2": {"kind": "R", "value_1e8": 250_000_000}},
         "stop at 2,722.5, stop trails by 0.5 %, first target at 1 R, second target at 2.5 R"),
        ({}, "no plan of its own"),
    ],
)  # fmt: skip
def test_a_plan_is_told_in_words(plan: dict[str, Any], words: str) -> None:
    """UI-3: each part of an exit plan that is there."""
    assert planned(plan) == words
