"""What a run came to, read from its record; and where it stands, for whoever watches."""

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from streams.tape import Tape
from trading.ports import Record
from trading.run_report import Progress, RunSummary

if TYPE_CHECKING:
    from actors.system import System
    from actors.tape_source import Source

_TOTALS = """
SELECT
    (SELECT count(*) FROM sessions WHERE run = :run),
    (SELECT count(*) FROM journal WHERE run = :run AND kind = 'SignalReceived'),
    (SELECT count(*) FROM orders WHERE run = :run),
    (SELECT count(*) FROM fills WHERE run = :run AND reversed_ns IS NULL),
    (SELECT count(*) FROM trades WHERE run = :run),
    (SELECT coalesce(sum(gross_1e8), 0) FROM trades WHERE run = :run),
    (SELECT coalesce(sum(net_1e8), 0) FROM trades WHERE run = :run),
    (SELECT coalesce(sum(fees_1e8), 0) FROM trades WHERE run = :run),
    (SELECT count(*) FROM journal WHERE run = :run),
    (SELECT count(*) FROM journal WHERE run = :run AND kind = 'FeedGap'),
    (SELECT coalesce(sum(payload ->> '$.bars'), 0) FROM journal
        WHERE run = :run AND kind = 'FeedCounted')
"""
_NO_TRADES = "SELECT payload FROM journal WHERE run = :run AND kind = 'NoTradesCounted'"


def summary_of(
    record: Record, run: str, restarts: int, wall_s: float, *, bars_uncounted: int
) -> RunSummary:
    """The totals of a run, over all the processes it took.

    Args:
        record: Where its journal is.
        run: Which one.
        restarts: How often its process was started again.
        wall_s: How long it took.
        bars_uncounted: Bars of the session in which it was stopped, which the journal counts at the
            session's close.
    """
    of_run = {"run": run}
    journal_hash = record.journal_hash(run)
    totals = record.query(_TOTALS, of_run)[0]
    sessions, signals, orders, fills, trades, gross, net, fees, events, gaps, bars = totals
    no_trades: dict[str, int] = {}
    for (payload,) in record.query(_NO_TRADES, of_run):
        for reason, count in orjson.loads(payload)["counts"].items():
            no_trades[reason] = no_trades.get(reason, 0) + count
    return RunSummary(
        sessions=sessions,
        bars=bars + bars_uncounted,
        signals=signals,
        no_trades=no_trades,
        orders=orders,
        fills=fills,
        trades=trades,
        pnl_gross_1e8=gross,
        pnl_net_1e8=net,
        fees_1e8=fees,
        journal_events=events,
        journal_hash=journal_hash,
        feed_gaps=gaps,
        restarts=restarts,
        wall_s=wall_s,
    )


def progress_of(
    system: "System", source: "Source", tape: Tape, speed_ratio: float | None
) -> Progress:
    """Where the session of a recording stands."""
    dates = tape.header.sessions
    date = system.wiring.feed.memory.session_date
    return replace(
        live_progress(system, source.name),
        is_synthetic=tape.header.synthetic,
        session=dates.index(date) + 1 if date in dates else 0,
        sessions=len(dates),
        speed_ratio=speed_ratio,
    )


def live_progress(system: "System", source: str) -> Progress:
    """Where the session stands."""
    core, wiring = system.core, system.wiring
    first = system.config.instruments[0].symbol
    account = None if core is None else core.account()
    held = [] if core is None else [each for each in core.positions() if each.instrument == first]
    telemetry = system.telemetry
    seen = system.rounds.counted
    return Progress(
        mode=str(system.mode),
        run=system.ports.run,
        source=source,
        session_yyyymmdd=wiring.feed.memory.session_date,
        now_ns=system.ports.lane.now_ns(),
        instrument=first,
        price_1e8=telemetry.prices_1e8.get(first),
        vwap_1e8=telemetry.vwap_1e8(first),
        position_qty_1e8=sum(each.qty_1e8 for each in held),
        entry_price_1e8=held[0].average_entry_1e8 if held else None,
        pnl_session_1e8=0 if account is None else account.session_net_1e8,
        pnl_run_1e8=0 if account is None else account.gross_1e8 - account.fees_1e8,
        orders_working=0 if core is None else len(core.orders()),
        orders=seen["OrderIntended"],
        fills=seen["OrderFilled"],
        trades=seen["TradeClosed"],
        bars=wiring.feed.memory.bars,
        kill_level=system.kill_memory.level,
    )
