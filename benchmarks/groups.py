"""All groups of rows, in the order in which they are measured."""

from benchmarks import (
    bench_feed,
    bench_indicators,
    bench_orders,
    bench_record,
    bench_restart,
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
    bench_trader.GROUP,
    bench_restart.GROUP,
    bench_wire.GROUP,
)
