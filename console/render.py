"""How figures are shown to people: amounts, prices, times, tables."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from trading.run_report import money_decimal

_NEW_YORK: Final = ZoneInfo("America/New_York")
_SECOND_NS: Final = 1_000_000_000
_NONE: Final = "-"


def amount(value_1e8: int | None, decimals: int = 2) -> str:
    """An amount at 1e-8 with a fixed number of decimals; a dash for what is not known."""
    if value_1e8 is None:
        return _NONE
    return f"{money_decimal(value_1e8):,.{decimals}f}"


def signed(value_1e8: int | None, decimals: int = 2) -> str:
    """As `amount`, with the sign always shown."""
    if value_1e8 is None:
        return _NONE
    return f"{money_decimal(value_1e8):+,.{decimals}f}"


def quantity(value_1e8: int | None) -> str:
    """A price or quantity with the decimals it needs and no more."""
    if value_1e8 is None:
        return _NONE
    return f"{money_decimal(value_1e8).normalize():,f}"


def price(value_1e8: int | None) -> str:
    """A price, to a hundredth of a cent: an average of fills has eight decimals that nobody reads.

    What is smaller than that keeps them all.
    """
    if value_1e8 is None:
        return _NONE
    rounded_1e8 = round(value_1e8, -4)
    return quantity(rounded_1e8 if rounded_1e8 else value_1e8)


def session_date(yyyymmdd: int | None) -> str:
    """20200309 as 2020-03-09."""
    if not yyyymmdd:
        return _NONE
    text = str(yyyymmdd)
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def moment(at_ns: int | None, *, with_date: bool = True) -> str:
    """An instant in exchange time to the millisecond; UTC stands in `moment_utc`."""
    if not at_ns:
        return _NONE
    seconds, rest_ns = divmod(at_ns, _SECOND_NS)
    local = datetime.fromtimestamp(seconds, tz=_NEW_YORK)
    form = "%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S"
    return f"{local.strftime(form)}.{rest_ns // 1_000_000:03d}"


def moment_utc(at_ns: int | None) -> str:
    """An instant in UTC with all nine decimals, in ISO form."""
    if not at_ns:
        return _NONE
    seconds, rest_ns = divmod(at_ns, _SECOND_NS)
    return (
        datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest_ns:09d}Z"
    )


def duration(span_ns: int | None) -> str:
    """A span in the unit that keeps it short: ns, µs, ms, s, min."""
    if span_ns is None:
        return _NONE
    size = abs(span_ns)
    for limit_ns, unit_ns, unit in _UNITS:
        if size < limit_ns:
            return f"{span_ns / unit_ns:.3g} {unit}"
    minutes, seconds = divmod(size // _SECOND_NS, 60)
    return f"{'-' if span_ns < 0 else ''}{minutes} min {seconds} s"


_UNITS: Final = (
    (1_000, 1, "ns"),
    (1_000_000, 1_000, "µs"),
    (_SECOND_NS, 1_000_000, "ms"),
    (120 * _SECOND_NS, _SECOND_NS, "s"),
)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()
) -> Table:
    """A table; `right` names the columns of figures. Cells are text, never markup."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in right else "left"
        made.add_column(column, justify=justify, overflow="fold")  # nothing is cut away
    for row in rows:
        made.add_row(*(Text(_cell(cell)) for cell in row))
    return made


def _cell(value: Any) -> str:
    match value:
        case None:
            return _NONE
        case Decimal():
            return f"{value.normalize():f}"
        case bytes():
            return value.hex()
        case _:
            return str(value)


def summary_table(summary: Mapping[str, Any]) -> Table:
    """The totals of a run."""
    skipped = ", ".join(f"{reason} {n}" for reason, n in summary.get("no_trades", {}).items())
    rows = [
        ("sessions, bars", f"{summary['sessions']}, {summary['bars']}"),
        ("signals", summary["signals"]),
        ("not traded", skipped or "none"),
        ("orders, fills, trades", f"{summary['orders']}, {summary['fills']}, {summary['trades']}"),
        ("P&L net", f"{Decimal(str(summary['pnl_net'])):+,.2f}"),
        (
            "gross, fees",
            f"{Decimal(str(summary['pnl_gross'])):+,.2f}, {Decimal(str(summary['fees'])):,.2f}",
        ),
        ("feed gaps, restarts", f"{summary['feed_gaps']}, {summary['restarts']}"),
        ("journal", f"{summary['journal_events']} events, {summary['journal_hash'][:16]}…"),
        ("took", f"{summary['wall_s']} s"),
    ]
    return table("Run", ("", "total"), rows)
