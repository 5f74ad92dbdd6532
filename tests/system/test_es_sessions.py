"""Fifty-five real sessions through the actors, against an oracle that shares no code with them."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from streams.tape import Tape
from tests.oracle.vwap_trades import Rules, Trade, sessions, trades
from tests.streams.shared_data import shared_file
from tests.support.play import CONFIGS, Played, play
from trading.config import Config
from trading.config_reader import load

UNIT = 100_000_000
SECOND_NS = 1_000_000_000


def utc_ns(text: str) -> int:
    """Nanoseconds of a UTC time."""
    return int(dt.datetime.fromisoformat(f"{text}+00:00").timestamp()) * SECOND_NS


HALTS = [
    (utc_ns("2020-03-09 13:36"), utc_ns("2020-03-09 13:49")),
    (utc_ns("2020-03-12 13:37"), utc_ns("2020-03-12 13:50")),
    (utc_ns("2020-03-16 13:31"), utc_ns("2020-03-16 13:45")),
    (utc_ns("2020-03-18 16:58"), utc_ns("2020-03-18 17:11")),
]


@pytest.fixture(scope="module")
def config() -> Config:
    """The shipped configuration of the index future."""
    return load(CONFIGS / "es.toml")


@pytest.fixture(scope="module")
def played(config: Config, es_tape: Tape) -> Played:
    """All sessions, once."""
    return play(config, es_tape)


def rules_of(config: Config) -> Rules:
    """The oracle's rules, from the configuration's own figures."""
    instrument, strategy = config.instruments[0], config.strategies[0]
    given: dict[str, Any] = strategy.parameters
    return Rules(
        deviation=Fraction(given["entry_deviation_ratio"]),
        stop=Fraction(given["stop_ratio"]),
        bars_min=given["bars_min"],
        entries_from=dt.time(10, 0),
        entries_until=dt.time(11, 30),
        flat_at=dt.time(15, 55),
        trades_max=given["entries_max"],
        risk_usd=Fraction(config.limits.risk_per_trade_usd),
        notional_usd_max=Fraction(config.limits.position_notional_max_usd),
        multiplier=Fraction(instrument.multiplier),
        tick=Fraction(instrument.tick_size),
        slippage_ticks=config.paper.slippage_ticks,
        fee_usd=Fraction(config.paper.fee_per_unit_usd),
    )


def as_row(trade: Trade) -> tuple[Any, ...]:
    """An oracle's trade in the journal's units."""
    return (
        trade.entry_ns,
        trade.exit_ns,
        trade.qty * UNIT,
        trade.entry_price * UNIT,
        trade.exit_price * UNIT,
        trade.fees * UNIT,
        trade.net * UNIT,
        trade.reason,
    )


def row_of(trade: dict[str, Any]) -> tuple[Any, ...]:
    """A journaled trade in the same form; both names of the day's end count as one."""
    reason = "FORCE_FLAT" if trade["reason"] == "AUTO_FLATTEN" else trade["reason"]
    return (
        trade["entry_ns"],
        trade["exit_ns"],
        trade["qty_1e8"],
        trade["entry_1e8"],
        trade["exit_1e8"],
        trade["fees_1e8"],
        trade["net_1e8"],
        reason,
    )


def test_the_trades_are_those_of_the_oracle(config: Config, played: Played) -> None:
    """SG-3, EX-14, RK-2: entry, exit, size, price, fee, reason and P&L, to the last 1e-8."""
    rules = rules_of(config)
    days = sessions(shared_file("bars/es_1m.parquet"))
    expected = [as_row(trade) for day in days.values() for trade in trades(day, rules)]
    assert [row_of(trade) for trade in played.trades()] == expected
    assert len(expected) >= 20
    assert {row[-1] for row in expected} >= {"STOP_LOSS", "TAKE_PROFIT"}


def test_the_journal_is_the_same_every_time(config: Config, played: Played, es_tape: Tape) -> None:
    """RS-1: the same tape gives the same journal, byte for byte."""
    again = play(config, es_tape)
    assert again.rows() == played.rows()
    assert again.journal_hash() == played.journal_hash()


def test_the_four_halts_are_gaps_and_nothing_is_filled_in(played: Played) -> None:
    """MD-2: a hole is marked from its first missing minute to the next bar's start."""
    gaps = played.payloads("FeedGap", "system")
    assert [(gap["start_ns"], gap["end_ns"]) for gap in gaps] == HALTS


def test_every_session_ends_flat(played: Played) -> None:
    """KC-8, SG-3: no position outlives its session."""
    closed = played.payloads("SessionClosed")
    assert len(closed) == 55
    assert [each["positions_open"] for each in closed] == [0] * 55


def test_money_adds_up(config: Config, played: Played) -> None:
    """ME-3, EX-14: the account's equity is its capital and the net of its trades."""
    net = sum(trade["net_1e8"] for trade in played.trades())
    capital = int(Decimal(config.account.capital_usd) * UNIT)
    assert played.payloads("SessionClosed")[-1]["equity_1e8"] == capital + net
