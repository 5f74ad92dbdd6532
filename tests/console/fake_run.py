"""Stands in for the trader's process: plays the part that `RunOptions.url` names."""

import os
import signal
import sys
import threading
from collections.abc import Callable

from storage.heartbeat import HeartbeatPage
from trading.run_options import HELD_SIGNALS, ExitCode, RunOptions
from trading.run_report import Notice, Progress, Reporter, RunSummary


def _finish(options: RunOptions) -> int:
    RunSummary(
        sessions=1,
        bars=390,
        signals=2,
        no_trades={"WARMUP": 20},
        orders=4,
        fills=4,
        trades=2,
        pnl_gross_1e8=150_000_000,
        pnl_net_1e8=-25_000_000,
        fees_1e8=175_000_000,
        journal_events=40,
        journal_hash="ab" * 32,
        feed_gaps=1,
        restarts=options.restarts,
        wall_s=0.5,
    ).write(options.data_dir)
    return ExitCode.DONE


def _ok(options: RunOptions, reporter: Reporter) -> int:
    reporter.operator("127.0.0.1", 4711)
    for minute in range(3):
        now_ns = 1_583_760_600_000_000_000 + minute * 3_600_000_000_000
        reporter.progress(
            Progress(
                mode="PAPER",
                source="es_1m",
                session_yyyymmdd=20200309,
                now_ns=now_ns,
                instrument="ES",
                price_1e8=275_025_000_000,
                vwap_1e8=275_100_000_000,
                speed_ratio=options.speed_ratio,
            )
        )
    reporter.notice(Notice(at_ns=now_ns, text="feed gap of 12 min", severity="WARNING"))
    reporter.notice(Notice(at_ns=now_ns, text="bought 1 ES"))
    return _finish(options)


def _die_twice(options: RunOptions, reporter: Reporter) -> int:
    if options.restarts == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if options.restarts == 1:
        return ExitCode.RESTART
    return _ok(options, reporter) if options.recover else ExitCode.FAILED


def _always_dies(_options: RunOptions, _reporter: Reporter) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return ExitCode.DONE


def _refuses(_options: RunOptions, reporter: Reporter) -> int:
    reporter.error("column `close` is missing; did you mean clos?", ExitCode.USAGE)
    return ExitCode.USAGE


def _raises(_options: RunOptions, _reporter: Reporter) -> int:
    raise RuntimeError("a fault that nobody expected")


def _stops_when_told(options: RunOptions, reporter: Reporter) -> int:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)
    HeartbeatPage(options.data_dir)
    (options.data_dir / "pid").write_text(str(os.getpid()))
    reporter.notice(Notice(at_ns=1, text="ready", severity="WARNING"))
    told.wait(30)
    return _finish(options)


def _told_while_loading(options: RunOptions, reporter: Reporter) -> int:
    (options.data_dir / "pid").write_text(str(os.getpid()))
    reporter.notice(Notice(at_ns=1, text="ready", severity="WARNING"))
    threading.Event().wait(0.5)  # a signal now would end it
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
    HeartbeatPage(options.data_dir)  # from here on it may come
    signal.sigwait({signal.SIGTERM})
    return _finish(options)


PARTS: dict[str, Callable[[RunOptions, Reporter], int]] = {
    "ok": _ok,
    "die twice": _die_twice,
    "always dies": _always_dies,
    "refuses": _refuses,
    "raises": _raises,
    "stops when told": _stops_when_told,
    "told while loading": _told_while_loading,
}


if __name__ == "__main__":
    asked = RunOptions.from_json(sys.argv[1])
    sys.exit(PARTS[asked.url or "ok"](asked, Reporter(asked.progress_fd)))
