"""All groups of rows, in the order in which they are measured."""

from benchmarks import (
    bench_console,
    bench_feed,
    bench_indicators,
    bench_kept,
    bench_kill,
    bench_orders,
    bench_record,
    bench_restart,
    bench_restart_live,
    bench_signing,
    bench_streams,
    bench_trader,
    bench_wire,
)
from benchmarks.setting import Group

GROUPS: tuple[Group, ...] = (
    bench_streams.GROUP,
    bench_feed.GROUP,
    bench_indicators.GROUP,
    bench_record.GROUP,
    bench_orders.GROUP,
    bench_orders.DURABLE_GROUP,
    bench_kept.GROUP,
    bench_trader.GROUP,
    bench_restart.GROUP,
    bench_restart_live.GROUP,
    bench_kill.GROUP,
    bench_wire.GROUP,
    bench_signing.GROUP,
    bench_console.SIZE_GROUP,
    bench_console.GROUP,
    bench_console.LANE_GROUP,
)
