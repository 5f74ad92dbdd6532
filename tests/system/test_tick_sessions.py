"""Real quotes and trades through the whole system: bars, orders, and the same every time.

The expected bars are computed by DuckDB from the recording itself, and share no code with the
product.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import orjson
import pytest

from actors.system import StrategyBuild
from storage.warehouse import run_sql
from streams.loading import Content, LoadRequest, ensure_tape
from streams.tape import Tape
from tests.streams.shared_data import shared_file
from tests.support.play import CONFIGS, Played, play
from tests.support.process import ask
from trading.config import Config
from trading.config_reader import load
from trading.strategies import (
    Answer,
    ExitPlan,
    Leg,
    NoTrade,
    NoTradeReason,
    Side,
    Signal,
    StopAt,
    Strategy,
    View,
)
from trading.strategies.api import Level, LevelKind

MINUTE_NS = 60_000_000_000
UNIT = 100_000_000
DAY = "2023-12-25"
FILES = {"quotes": "quotes/es_bbo_20231225.parquet", "trades": "trades/es_trades_20231225.parquet"}
# The evening is in the last two hours of its UTC day; the price rises, so the rule sells.
CHANGES = {
    "calendar": '"ALWAYS"',
    "entry_deviation_ratio": "0.0003",
    "window_start_minutes": "1385",
    "window_end_minutes": "1412",
    "flat_after_open_minutes": "1415",
    "bars_min": "5",
    "entries_max": "3",
    "is_short_allowed": "true",
}
# A tick belongs to the interval of the venue's stamp, if it was received before that was over.
BARS = """
WITH ticks AS (
    SELECT epoch_ns(ts::TIMESTAMP_NS) // {cadence_ns} * {cadence_ns} AS start_ns,
        epoch_ns(ts_recv::TIMESTAMP_NS) AS ns, row_number() OVER () AS row, {value}
    FROM '{file}' {where}
)
SELECT start_ns,
    first(price ORDER BY ns, row), max(price), min(price), last(price ORDER BY ns, row), sum(size)
FROM ticks WHERE ns < start_ns + {cadence_ns} GROUP BY 1 ORDER BY 1
"""
VALUES = {
    "quotes": ("(bid + ask) / 2 AS price, 0 AS size", "WHERE bid > 0 AND bid <= ask"),
    "trades": ("price, size", ""),
}


def write_tick_config(folder: Path, **changes: str) -> Path:
    """The index future's configuration, moved into the evening of the recording."""
    text = (CONFIGS / "es.toml").read_text(encoding="utf-8")
    for name, value in {**CHANGES, **changes}.items():
        text, found = re.subn(rf"(?m)^{name} = \S+", f"{name} = {value}", text)
        assert found == 1, name
    path = folder / "es-ticks.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The same, read."""
    return load(write_tick_config(tmp_path_factory.mktemp("config")))


def sql_bars(content: Content, cadence_ns: int = MINUTE_NS) -> list[tuple[int, ...]]:
    """Start in ns, then open, high, low, close and volume at 1e-8, of intervals with a tick."""
    value, where = VALUES[content]
    file = shared_file(FILES[content])
    query = BARS.format(value=value, where=where, file=file, cadence_ns=cadence_ns)
    rows = duckdb.execute(query).fetchall()
    return [(start_ns, *(round(each * UNIT) for each in values)) for start_ns, *values in rows]


def built_bars(played: Played) -> list[tuple[int, ...]]:
    """The same of the journal."""
    names = ("start_ns", "open_1e8", "high_1e8", "low_1e8", "close_1e8", "volume_1e8")
    return [tuple(bar[name] for name in names) for bar in played.payloads("BarBuilt", "system")]


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Tape]]:
    """The evening of 25 December 2023, by quotes and by trades."""
    folder = tmp_path_factory.mktemp("ticks")
    found = {}
    for content, name in FILES.items():
        request = LoadRequest(path=shared_file(name), calendar="ALWAYS", instruments=("ES",))
        found[content] = Tape(ensure_tape(request, folder))
    yield found
    for tape in found.values():
        tape.close()


@pytest.fixture(scope="module")
def by_trades(config: Config, tapes: dict[str, Tape]) -> Played:
    """The evening by trades, with the shipped rule."""
    return play(config, tapes["trades"])


@pytest.fixture(scope="module")
def by_quotes(config: Config, tapes: dict[str, Tape]) -> Played:
    """The evening by quotes, with the shipped rule."""
    return play(config, tapes["quotes"])


def test_the_bars_of_real_trades_are_those_of_plain_sql(by_trades: Played) -> None:
    """MD-5: forty minutes, to the last contract."""
    expected = sql_bars("trades")
    assert built_bars(by_trades) == expected
    assert len(expected) == 40


def test_the_bars_of_real_quotes_are_those_of_plain_sql(
    by_quotes: Played, tapes: dict[str, Tape]
) -> None:
    """MD-5: crossed quotes of the pre-open auction count for nothing."""
    expected = sql_bars("quotes")
    assert built_bars(by_quotes) == expected
    [counted] = by_quotes.payloads("FeedCounted", "system")
    assert (counted["unsound"], counted["late"], counted["incomplete"]) == (15, 0, 0)
    assert counted["bars"] == len(expected)
    assert counted["ticks"] == len(tapes["quotes"]) - 2  # but the open and the close


def test_the_length_of_the_bars_is_the_configurations(config: Config, tmp_path: Path) -> None:
    """MD-5: `cadence_s` of the input, here five seconds; whole minutes when it says nothing."""
    five_ns = 5_000_000_000
    request = LoadRequest(
        path=shared_file(FILES["trades"]),
        calendar="ALWAYS",
        instruments=("ES",),
        cadence_ns=five_ns,
    )
    with Tape(ensure_tape(request, tmp_path)) as tape:
        played = play(config, tape)
    found = built_bars(played)
    assert found == sql_bars("trades", five_ns)
    assert len(found) > 250
    [counted] = played.payloads("FeedCounted", "system")
    assert counted["late"] == 1  # two contracts, received when their five seconds were over


def test_a_bar_leaves_at_its_end_and_not_with_the_next_tick(by_trades: Played) -> None:
    """MD-5: the instant of the journal is the bar's end, to the nanosecond."""
    events = by_trades.record.events("system", by_trades.run)
    ends = [row.at_ns for row in events if row.kind == "BarBuilt"]
    assert ends == [bar["end_ns"] for bar in by_trades.payloads("BarBuilt", "system")]


def test_the_shipped_rule_trades_on_bars_of_trades(by_trades: Played) -> None:
    """SG-3, EX-14: it is asked at each bar, fills on prints, and is flat before they end."""
    closed = by_trades.trades()
    assert closed
    assert {trade["side"] for trade in closed} == {"SELL"}
    assert by_trades.payloads("SessionClosed")[-1]["positions_open"] == 0
    ends = {bar["end_ns"] for bar in by_trades.payloads("BarBuilt", "system")}
    signals = [row for row in by_trades.rows() if row[1] == "SignalReceived"]
    assert {row[2] for row in signals} <= ends


def test_the_shipped_rule_says_why_it_does_not_trade_on_quotes(by_quotes: Played) -> None:
    """SG-2: bars of quotes have no volume, so there is no average to revert to."""
    counts: Counter[str] = Counter()
    for each in by_quotes.payloads("NoTradesCounted", "system"):
        counts.update(each["counts"])
    assert set(counts) == {"WARMUP", "NO_VWAP"}
    assert counts.total() == len(sql_bars("quotes"))


class _BuysOnce(Strategy):
    """Buys at the tenth bar."""

    name = "buys_once"
    parameters: ClassVar[dict[str, Any]] = {}

    def evaluate(self, view: View) -> Answer:
        if len(view.bars) != 10:
            return NoTrade(NoTradeReason.NO_SETUP)
        stop = StopAt(Level(LevelKind.RATIO, UNIT * 3 // 1000))
        flat_ns = view.now_ns + 5 * MINUTE_NS
        return Signal(
            setup_instance="tenth",
            legs=(Leg(instrument="ES", side=Side.BUY),),
            plan=ExitPlan(stop=stop, force_flat_ns=flat_ns),
            reason="the tenth bar",
        )


def test_an_order_on_a_built_bar_fills_at_the_quote(config: Config, tapes: dict[str, Tape]) -> None:
    """MD-5, EX-14: at the bar's end, at the ask that stands; the venue is shown no bar."""
    name = config.strategies[0].name  # the account knows nobody else
    strategy = StrategyBuild(name=name, instrument="ES", indicators=(), make=lambda: _BuysOnce({}))
    played = play(config, tapes["quotes"], strategies=[strategy])
    [trade] = played.trades()
    end_ns = sql_bars("quotes")[9][0] + MINUTE_NS
    standing = duckdb.execute(
        f"""SELECT ask FROM '{shared_file(FILES["quotes"])}'
            WHERE epoch_ns(ts::TIMESTAMP_NS) < {end_ns} ORDER BY ts DESC, msg_no DESC LIMIT 1"""  # noqa: S608 - our own figures
    ).fetchone()
    assert standing is not None
    assert (trade["entry_ns"], trade["entry_1e8"]) == (end_ns, round(standing[0] * UNIT))


def test_what_no_tick_was_heard_in_is_a_gap(by_trades: Played) -> None:
    """MD-2: from the day's open to the first trade, and from the last to the close."""
    gaps = by_trades.payloads("FeedGap", "system")
    assert [gap["reason"] for gap in gaps] == ["SILENCE", "SILENCE"]
    assert [gap["missing"] for gap in gaps] == [23 * 60, 20]
    assert {(gap["feed"], gap["instrument"], gap["session_date"]) for gap in gaps} == {
        ("feed:main", "ES", 20231225)
    }
    [counted] = by_trades.payloads("FeedCounted", "system")
    assert counted["missing_ns"] == sum(gap["end_ns"] - gap["start_ns"] for gap in gaps)


@pytest.mark.parametrize("content", ["quotes", "trades"])
def test_a_tick_session_is_the_same_every_time(
    content: str, config: Config, tapes: dict[str, Tape], request: pytest.FixtureRequest
) -> None:
    """RS-1: the same ticks give the same journal, byte for byte."""
    before: Played = request.getfixturevalue(f"by_{content}")
    again = play(config, tapes[content])
    assert again.journal_hash() == before.journal_hash()


def test_a_tick_session_runs_by_its_day_as_fast_as_it_goes_and_paced(tmp_path: Path) -> None:
    """MD-5, RS-1: the command line's own run, at two speeds, comes to the same journal."""
    said = [
        ask(
            *("run", "--replay", str(shared_file(FILES["trades"])), "--session", DAY),
            *("--config", str(write_tick_config(tmp_path)), "--speed", speed),
            *("--headless", "--json", "--data-dir", str(tmp_path / speed)),
        )
        for speed in ("max", "40000")
    ]
    assert [each.code for each in said] == [0, 0], said
    fast, paced = (each.json() for each in said)
    assert fast["journal_hash"] == paced["journal_hash"]
    assert (fast["bars"], fast["feed_gaps"]) == (40, 2)
    names = ("start_ns", "open", "high", "low", "close", "volume")
    rows = run_sql(tmp_path / "max", f"SELECT {', '.join(names)} FROM bars ORDER BY 1").rows  # noqa: S608
    scaled = [(row[0], *(round(value * UNIT) for value in row[1:])) for row in rows]
    assert scaled == sql_bars("trades")
    day = run_sql(tmp_path / "max", "SELECT bars, ticks, completeness FROM feed_sessions").rows
    heard_s = duckdb.execute(
        f"SELECT (max(epoch_ns(ts::TIMESTAMP_NS)) - min(epoch_ns(ts::TIMESTAMP_NS))) / 1e9 "  # noqa: S608
        f"FROM '{shared_file(FILES['trades'])}'"
    ).fetchone()
    assert heard_s is not None
    assert day == [(40, 2_271, pytest.approx(heard_s[0] / 86_400))]
    saw = ask("post-mortem", DAY, "--data-dir", str(tmp_path / "max"))
    assert saw.code == 0, saw.err
    assert "SILENCE" in saw.out
    assert fast["trades"] > 0


def test_a_recording_that_ends_with_a_position_open_says_so(tmp_path: Path) -> None:
    """KC-8, WD-7: the run ends, a person is warned, and the journal has the counts."""
    config = write_tick_config(tmp_path, flat_after_open_minutes="1440")
    data_dir = tmp_path / "data"
    said = ask(
        *("run", "--replay", str(shared_file(FILES["trades"])), "--config", str(config)),
        *("--speed", "max", "--json", "--data-dir", str(data_dir)),
    )
    assert said.code == 0, said.err
    assert "the recording ended with 1 orders and 1 positions open" in said.err
    [ended] = run_sql(data_dir, "SELECT payload FROM journal WHERE kind = 'RunEnded'").rows[0]
    found = orjson.loads(ended)
    assert (found["orders_open"], found["positions_open"]) == (1, 1)
