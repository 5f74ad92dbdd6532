"""What Holdfast costs, as ratios to something measured in the same run; `make bench`.

A row is one figure beside its reference. `gates.toml` says what each row must keep; `rows.py` lists
who measures which; the `bench_*` files hold the measuring functions, which
`pytest benchmarks --benchmark-only` runs under pytest-benchmark as well.
"""
