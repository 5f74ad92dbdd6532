"""A recording that moves the market: bars, quotes or prints from Parquet or CSV."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import duckdb

from brokers.sim.book import Side
from brokers.sim.market import Market
from brokers.sim.units import MINUTE_NS, ONE_1E8
from trading.errors import SetupError

_LOT_1E8: Final = 500 * ONE_1E8
_TICK_1E8: Final = ONE_1E8 // 100
_BATCH: Final = 5_000
_SHAPES: Final = {
    "bars": ("open", "high", "low", "close"),
    "quotes": ("bid", "ask"),
    "prints": ("price",),
}


class ReplayError(SetupError):
    """The file is no recording that can be played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTick:
    """One price, or a bid and an ask, at an instant of the venue's clock."""

    symbol: str
    at_ns: int
    bid_1e8: int
    ask_1e8: int
    print_1e8: int
    qty_1e8: int


class Replay:
    """Ticks of a recording in their order, moved to where the venue's clock starts."""

    def __init__(
        self, path: Path, symbol: str, start_ns: int | None, day: date | None = None
    ) -> None:
        """Open it.

        Args:
            path: Parquet or CSV with `ts` and the columns of bars, quotes or prints.
            symbol: What to call it, where the file has no column `symbol`.
            day: The only day of it (UTC) that is played; None plays all.
            start_ns: Where its first tick lies on the venue's clock; None is as recorded.

        Raises:
            ReplayError: It cannot be read, or lacks the columns.
        """
        self._base = duckdb.connect(config={"autoload_known_extensions": False})
        self._base.execute("set timezone = 'UTC'")
        reader = "read_csv" if path.suffix == ".csv" else "read_parquet"
        try:
            self._base.execute(f"create view whole as from {reader}({_quoted(str(path))})")
            only = f"where ts::timestamptz::date = '{day}'" if day else ""
            self._base.execute(f"create view recording as from whole {only}")
            self._columns = [
                str(row[0]).lower() for row in self._select("column_name", "(describe recording)")
            ]
            self._shape = self._shape_of(path)
            self.symbols = self._symbols(symbol)
            self._bar_ns = self._bar_length_ns()
            self._ticks = self._read(symbol)
            first = next(self._ticks, None)
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0]
            raise ReplayError(f"{path} cannot be read as a recording: {reason}") from error
        if first is None:
            raise ReplayError(f"{path} holds no rows{f' of {day}' if day else ''}")
        self.first_ns = first.at_ns if start_ns is None else start_ns
        self._shift_ns = self.first_ns - first.at_ns
        self._next: ReplayTick | None = first
        self._first = first

    def _shape_of(self, path: Path) -> str:
        for shape, columns in _SHAPES.items():
            if {"ts", *columns} <= {*self._columns}:
                return shape
        raise ReplayError(
            f"{path} must have a column ts and those of bars (open, high, low, close), quotes "
            f"(bid, ask) or prints (price); it has {', '.join(self._columns)}"
        )

    def _bar_length_ns(self) -> int:
        """The shortest way from one row to the next, a minute at most."""
        gaps = (
            "select epoch_us(ts::timestamptz) - lag(epoch_us(ts::timestamptz)) over (order by ts)"
        )
        found = self._select("min(gap)", f"({gaps} as gap from recording) where gap > 0")
        return min(MINUTE_NS, (found[0][0] or MINUTE_NS) * 1000)

    def _symbols(self, symbol: str) -> list[str]:
        if "symbol" not in self._columns:
            return [symbol]
        return [str(row[0]) for row in self._select("distinct symbol", "recording order by 1")]

    def _select(self, columns: str, source: str) -> list[tuple[Any, ...]]:
        return self._base.execute(f"select {columns} from {source}").fetchall()  # noqa: S608 - our own words

    def first_1e8(self, symbol: str) -> int | None:
        """The price of the first tick, if that is of this symbol."""
        return self._first.print_1e8 if symbol == self._first.symbol else None

    def next(self) -> ReplayTick | None:
        """The next tick, on the venue's clock."""
        tick, self._next = self._next, None
        if tick is None:
            return None
        self._next = next(self._ticks, None)
        return ReplayTick(
            symbol=tick.symbol,
            at_ns=tick.at_ns + self._shift_ns,
            bid_1e8=tick.bid_1e8,
            ask_1e8=tick.ask_1e8,
            print_1e8=tick.print_1e8,
            qty_1e8=tick.qty_1e8,
        )

    @staticmethod
    def play(tick: ReplayTick, market: Market) -> None:
        """Quote it, then print it; a price that cannot be is left out."""
        if tick.bid_1e8 < tick.ask_1e8:
            bids, asks = (
                [(price_1e8, _LOT_1E8)] if market.can_be(tick.symbol, price_1e8) else []
                for price_1e8 in (tick.bid_1e8, tick.ask_1e8)
            )
            market.quote(tick.symbol, bids, asks)
        if market.can_be(tick.symbol, tick.print_1e8) and tick.qty_1e8 > 0:
            middle_1e8 = (tick.bid_1e8 + tick.ask_1e8) // 2
            side = Side.BUY if tick.print_1e8 >= middle_1e8 else Side.SELL
            market.trade(tick.symbol, tick.print_1e8, tick.qty_1e8, side)

    def _read(self, symbol: str) -> Iterator[ReplayTick]:
        wanted = ["open", "high", "low", "close", "volume", "bid", "ask", "price", "size"]
        have = [name for name in wanted if name in self._columns]
        at = "(epoch_us(ts::timestamptz) * 1000)::bigint"
        numbers = [f"coalesce(round({name} * {ONE_1E8}), 0)::bigint" for name in have]
        name = "symbol" if "symbol" in self._columns else _quoted(symbol)
        columns = ", ".join([at, name, *numbers])
        rows = self._base.execute(f"select {columns} from recording order by ts")  # noqa: S608 - our own words
        while batch := rows.fetchmany(_BATCH):
            for _, together in groupby(batch, key=_first):
                ticks = [
                    tick
                    for at_ns, of, *values in together
                    for tick in self._ticks_of(at_ns, str(of), dict(zip(have, values, strict=True)))
                ]
                yield from sorted(ticks, key=_at_ns)

    def _ticks_of(self, at_ns: int, symbol: str, row: dict[str, Any]) -> Iterator[ReplayTick]:
        if self._shape == "quotes":
            middle_1e8 = (row["bid"] + row["ask"]) // 2
            yield ReplayTick(
                symbol=symbol,
                at_ns=at_ns,
                bid_1e8=row["bid"],
                ask_1e8=row["ask"],
                print_1e8=middle_1e8,
                qty_1e8=0,
            )
            return
        if self._shape == "prints":
            yield _around(symbol, at_ns, row["price"], row.get("size") or ONE_1E8)
            return
        # The way through a bar: the extreme nearer to the open first, the last price just before
        # the next bar.
        up_first = row["high"] - row["open"] < row["open"] - row["low"]
        turns = ("high", "low") if up_first else ("low", "high")
        qty_1e8 = max(ONE_1E8, row.get("volume", 0) // 4)
        for part, name in enumerate(("open", *turns, "close")):
            yield _around(symbol, at_ns + part * self._bar_ns * 3 // 10, row[name], qty_1e8)


def _first(row: tuple[int, ...]) -> int:
    return row[0]


def _at_ns(tick: ReplayTick) -> int:
    return tick.at_ns


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _around(symbol: str, at_ns: int, price_1e8: int, qty_1e8: int) -> ReplayTick:
    return ReplayTick(
        symbol=symbol,
        at_ns=at_ns,
        bid_1e8=price_1e8 - _TICK_1E8,
        ask_1e8=price_1e8 + _TICK_1E8,
        print_1e8=price_1e8,
        qty_1e8=qty_1e8,
    )
