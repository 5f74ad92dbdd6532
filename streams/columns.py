"""Which column of a file plays which role, and what the file therefore holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from streams.loading import Content, LoadError, LoadRequest

NO_COLUMN: Final = "none"
_TIME_TYPES: Final = ("TIMESTAMP", "TIME")

# Names a column may have without being mapped, the first is the role itself; letter case is free.
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "ts": ("ts", "timestamp", "datetime", "time", "ts_event"),
    "ts_recv": ("ts_recv", "received_at"),
    "session": ("session", "date", "day"),
    "symbol": ("symbol", "ticker", "instrument"),
    **{name: (name,) for name in ("open", "high", "low", "close", "volume")},
    "bid": ("bid", "bid_price"),
    "ask": ("ask", "ask_price"),
    "bid_size": ("bid_size",),
    "ask_size": ("ask_size",),
    **{
        f"{side}_{name}": (f"{side}_{name}",)
        for side in ("bid", "ask")
        for name in ("open", "high", "low", "close")
    },
    "price": ("price",),
    "size": ("size", "qty", "quantity"),
    "aggressor": ("aggressor", "side"),
    "buyer_maker": ("buyer_maker", "is_buyer_maker"),
    "trade_id": ("trade_id",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One form of file: the roles it must have, and those it may have."""

    name: str
    content: Content
    required: tuple[str, ...]
    optional: tuple[str, ...]


_OHLC: Final = ("open", "high", "low", "close")
SHAPES: Final = (
    Shape(
        name="bars",
        content="bars",
        required=("ts", *_OHLC, "volume"),
        optional=("symbol",),
    ),
    Shape(
        name="bars of bid and ask",
        content="bars",
        required=("ts", *(f"{side}_{name}" for side in ("bid", "ask") for name in _OHLC)),
        optional=("symbol", "volume"),
    ),
    Shape(
        name="trades",
        content="trades",
        required=("ts", "price", "size"),
        optional=("symbol", "ts_recv", "aggressor", "buyer_maker", "trade_id"),
    ),
    Shape(
        name="quotes",
        content="quotes",
        required=("ts", "bid", "ask"),
        optional=("symbol", "ts_recv", "bid_size", "ask_size"),
    ),
    Shape(
        name="daily bars",
        content="bars",
        required=("session", *_OHLC),
        optional=("symbol", "volume"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a file is read: `columns` maps roles to its columns, `types` these to DuckDB's types."""

    shape: str
    content: Content
    columns: Mapping[str, str]
    types: Mapping[str, str]

    @property
    def is_daily(self) -> bool:
        """Whether rows have a day instead of a time."""
        return "ts" not in self.columns

    @property
    def is_bid_ask(self) -> bool:
        """Whether rows are bars of bid and ask."""
        return "bid_open" in self.columns

    @property
    def symbol_column(self) -> str | None:
        """The column that says which instrument a row is about."""
        return self.columns.get("symbol")

    def type_of(self, role: str) -> str:
        """DuckDB's type of the column in a role."""
        return self.types[self.columns[role]]

    def quoted(self, column: str) -> str:
        """A column's name for use in SQL."""
        return '"' + column.replace('"', '""') + '"'

    def sql(self, role: str) -> str:
        """The column in a role, for use in SQL."""
        return self.quoted(self.columns[role])


def lay_out(request: LoadRequest, types: Mapping[str, str]) -> Layout:
    """Find the shape of a file from its columns and the request's mapping.

    Raises:
        LoadError: When a mapped or a needed column is missing; the nearest one is named.
    """
    mapped = _mapped(request, types)
    shapes = [each for each in SHAPES if request.content in (None, each.content)]
    found = [(shape, _resolve(shape, mapped, types)) for shape in shapes]
    for shape, columns in found:
        if not _missing(shape, columns):
            _refuse_near_misses(request, shape, mapped, columns, types)
            layout = Layout(shape=shape.name, content=shape.content, columns=columns, types=types)
            _refuse_times_as_days(request, layout)
            return layout
    closest, columns = min(found, key=lambda each: len(_missing(*each)))
    raise LoadError(
        f"{request.path} has the columns {', '.join(types)}; for {closest.name} it lacks "
        f"{_explain(_missing(closest, columns), columns, types)}"
    )


def _mapped(request: LoadRequest, types: Mapping[str, str]) -> dict[str, str]:
    by_lower = {name.lower(): name for name in types}
    mapped: dict[str, str] = {}
    for role, column in request.columns.items():
        if role not in ROLES:
            raise LoadError(
                f"no column can be mapped to {role!r}; roles are {', '.join(ROLES)}"
                f"{_suggest(role, ROLES)}"
            )
        if column == NO_COLUMN:
            mapped[role] = NO_COLUMN
        elif column.lower() in by_lower:
            mapped[role] = by_lower[column.lower()]
        else:
            raise LoadError(
                f"{request.path} has no column {column!r}, mapped to {role}; it has "
                f"{', '.join(types)}{_suggest(column, types)}"
            )
    return mapped


def _resolve(shape: Shape, mapped: Mapping[str, str], types: Mapping[str, str]) -> dict[str, str]:
    by_lower = {name.lower(): name for name in types}
    columns: dict[str, str] = {}
    for role in (*shape.required, *shape.optional):
        if role in mapped:
            if mapped[role] != NO_COLUMN:
                columns[role] = mapped[role]
            continue
        known = next((name for name in ROLES[role] if name in by_lower), None)
        if known is not None:
            columns[role] = by_lower[known]
    if mapped.get("volume") == NO_COLUMN and "volume" in shape.required:
        columns["volume"] = NO_COLUMN
    return columns


def _missing(shape: Shape, columns: Mapping[str, str]) -> list[str]:
    return [role for role in shape.required if role not in columns]


def _refuse_near_misses(
    request: LoadRequest,
    shape: Shape,
    mapped: Mapping[str, str],
    columns: Mapping[str, str],
    types: Mapping[str, str],
) -> None:
    """A misspelt optional column must not pass for an absent one."""
    unused = [name for name in types if name not in columns.values()]
    for role in shape.optional:
        if role in columns or role in mapped:
            continue
        near = get_close_matches(role, unused, n=1, cutoff=0.8)
        if near:
            raise LoadError(
                f"{request.path} has no column {role!r} but has {near[0]!r}; map {role} to it, "
                f"or to {NO_COLUMN!r}"
            )


def _refuse_times_as_days(request: LoadRequest, layout: Layout) -> None:
    if layout.is_daily and layout.type_of("session").startswith(_TIME_TYPES):
        column = layout.columns["session"]
        raise LoadError(
            f"{request.path}: column {column!r} holds times, so map ts to it; a day is a date, or "
            "text or a number such as 20200309"
        )


def _explain(missing: Iterable[str], columns: Mapping[str, str], types: Mapping[str, str]) -> str:
    unused = [name for name in types if name not in columns.values()]
    return ", ".join(f"{role!r}{_suggest(role, unused)}" for role in missing)


def _suggest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name.lower(), [each.lower() for each in known], n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
