"""What the console tells of the past: trades as asked for, equity, violations, bars so far."""

import csv
import io
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from console import history
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
