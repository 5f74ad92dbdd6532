"""What a walk and a run of actors over one tape must have in common."""

from collections import Counter
from typing import Any

import orjson

from research.walk import walk_tape
from rust_core import WalkOutcome
from streams.tape import Tape
from tests.support.play import Played, play
from trading.config import Config

TRADE_FIELDS = (
    "entry_ns",
    "exit_ns",
    "side",
    "qty_1e8",
    "entry_1e8",
    "exit_1e8",
    "fees_1e8",
    "reason",
    "gross_1e8",
    "net_1e8",
)

Row = tuple[Any, ...]


def trade_rows(trades: list[dict[str, Any]]) -> list[Row]:
    """Trades by what two drivers must agree on; integers at 1e-8 and ns."""
    return [tuple(trade[field] for field in TRADE_FIELDS) for trade in trades]


def walked_trades(outcome: WalkOutcome) -> list[Row]:
    """The walker's trades."""
    return trade_rows(orjson.loads(outcome.trades_json()))


def journal(played: Played) -> list[tuple[str, str, int, bytes]]:
    """The account's events without its snapshots, which only a driver that restarts needs."""
    return [row for row in played.rows() if row[1] != "AccountSnapshot"]


def walked_journal(outcome: WalkOutcome) -> list[tuple[str, str, int, bytes]]:
    """The walker's events in the same form."""
    return [
        (stream, kind, at_ns, bytes(payload))
        for stream, kind, at_ns, payload, _ in outcome.events()
    ]


def no_trades(played: Played) -> dict[str, int]:
    """Reasons for not trading, over all sessions."""
    counts: Counter[str] = Counter()
    for each in played.payloads("NoTradesCounted", "system"):
        counts.update(each["counts"])
    return dict(counts)


def assert_equal(config: Config, tape: Tape) -> tuple[Played, WalkOutcome]:
    """Play and walk a tape, and compare all that both say.

    Returns:
        Both, for what a test wants to know beside.
    """
    played, walked = play(config, tape), walk_tape(config, tape, with_events=True)
    assert trade_rows(played.trades()) == walked_trades(walked)
    kinds = Counter(row[1] for row in played.rows())
    assert (walked.signals, walked.orders, walked.fills, walked.trades) == (
        kinds["SignalReceived"],
        kinds["OrderIntended"],
        kinds["OrderFilled"],
        kinds["TradeClosed"],
    )
    assert {name: count for name, count in walked.no_trades.items() if count} == no_trades(played)
    assert journal(played) == walked_journal(walked)
    assert walked.violations == {}
    assert played.system.counters.crashes == 0  # a restarted actor would have proved less
    return played, walked
