"""All groups of rows, in the order in which they are measured."""

from benchmarks import bench_indicators, bench_record, bench_streams
from benchmarks.setting import Group

GROUPS: tuple[Group, ...] = (
    bench_streams.GROUP,
    bench_indicators.GROUP,
    bench_record.GROUP,
)
