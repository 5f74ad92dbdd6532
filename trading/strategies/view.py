"""What a strategy sees: complete bars up to now, nothing that leads to a later one (SG-1, SG-3).

Look-ahead is impossible by construction: a view is made of tuples of what is already known, copied
at the instant of the question. It holds no feed, no tape, no queue and no clock, so there is
nothing behind it to reach. Keeping a view changes nothing: it stays at its instant for ever.

Prices come twice: `close` is a float to think with, `close_1e8` the exact integer to order with.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, NoReturn, overload

from rust_core._native import IndicatorSet
from trading.errors import HoldfastError
from trading.market import Bar
from trading.money import SCALE_1E8

_CHUNK: Final = 64


class LookAheadError(HoldfastError):
    """A bar was asked for that is not known at this instant; the strategy is at fault."""


class ViewBar(NamedTuple):
    """A complete bar; prices and volume at 1e-8, times ns UTC."""

    start_ns: int
    end_ns: int
    open_1e8: int
    high_1e8: int
    low_1e8: int
    close_1e8: int
    volume_1e8: int

    @property
    def open(self) -> float:
        """First price."""
        return self.open_1e8 / SCALE_1E8

    @property
    def high(self) -> float:
        """Highest price."""
        return self.high_1e8 / SCALE_1E8

    @property
    def low(self) -> float:
        """Lowest price."""
        return self.low_1e8 / SCALE_1E8

    @property
    def close(self) -> float:
        """Last price."""
        return self.close_1e8 / SCALE_1E8

    @property
    def volume(self) -> float:
        """Units traded."""
        return self.volume_1e8 / SCALE_1E8


class InstrumentSeen(NamedTuple):
    """What is traded."""

    symbol: str
    tick_1e8: int
    lot_1e8: int
    multiplier_1e8: int


class SessionSeen(NamedTuple):
    """The session, and this strategy's part in it.

    Attributes:
        entries: Entry orders it intended.
        net_1e8: Its realised P&L after fees.
        is_entry_pending: An entry order of its own is under way.
    """

    session_date: int
    open_ns: int
    close_ns: int
    entries: int = 0
    net_1e8: int = 0
    is_entry_pending: bool = False


class PositionSeen(NamedTuple):
    """This strategy's own open position; `qty_1e8` is above zero when long."""

    qty_1e8: int
    entry_price_1e8: int
    opened_ns: int
    stop_1e8: int | None = None
    is_exit_pending: bool = False


class AccountSeen(NamedTuple):
    """The account as a strategy may know it.

    Attributes:
        equity_1e8: None when it is unknown.
        session_net_1e8: Realised P&L of the session after fees, all strategies.
        is_trading_allowed: Whether this strategy may enter now: controls, kills, halts.
    """

    equity_1e8: int | None
    session_net_1e8: int
    is_trading_allowed: bool = True


class IndicatorsSeen:
    """Values of the declared indicators as of the newest bar, None until warm."""

    __slots__ = ("_names", "_values")
    _names: tuple[str, ...]
    _values: tuple[float | None, ...]

    def __init__(self, names: tuple[str, ...], values: tuple[float | None, ...]) -> None:
        """Freeze them."""
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_values", values)

    def __getitem__(self, name: str) -> float | None:
        """The value of `name`.

        Raises:
            KeyError: The strategy did not declare it; the text names those that it did.
        """
        try:
            return self._values[self._names.index(name)]
        except ValueError:
            known = ", ".join(self._names) or "none"
            raise KeyError(f"{name} is not among the declared indicators: {known}") from None

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: a view is read-only."""
        raise AttributeError(f"a view is read-only; {name} cannot be set")

    def __iter__(self) -> Iterator[tuple[str, float | None]]:
        """Pairs of name and value."""
        return zip(self._names, self._values, strict=True)


class BarsView(Sequence[ViewBar]):
    """The session's complete bars up to now, oldest first; `bars[-1]` is the newest."""

    __slots__ = ("_sealed", "_tail")
    _sealed: tuple[tuple[ViewBar, ...], ...]
    _tail: tuple[ViewBar, ...]

    def __init__(
        self, sealed: tuple[tuple[ViewBar, ...], ...] = (), tail: tuple[ViewBar, ...] = ()
    ) -> None:
        """Freeze full chunks and the rest."""
        object.__setattr__(self, "_sealed", sealed)
        object.__setattr__(self, "_tail", tail)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: a view is read-only."""
        raise AttributeError(f"a view is read-only; {name} cannot be set")

    def __len__(self) -> int:
        """How many are complete."""
        return len(self._sealed) * _CHUNK + len(self._tail)

    @overload
    def __getitem__(self, index: int) -> ViewBar: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ViewBar, ...]: ...
    def __getitem__(self, index: int | slice) -> ViewBar | tuple[ViewBar, ...]:
        """One bar, or several.

        Raises:
            LookAheadError: Beyond either end: later bars do not exist yet, and a wish for more bars
                than the session has is a strategy that did not wait to be warm.
        """
        if isinstance(index, slice):
            return self._several(index)
        length = len(self)
        at = index + length if index < 0 else index
        if not 0 <= at < length:
            raise LookAheadError(
                f"bar {index} was asked for; {length} bars are complete at this instant"
            )
        chunk = at // _CHUNK
        return (self._sealed[chunk] if chunk < len(self._sealed) else self._tail)[at % _CHUNK]

    def __iter__(self) -> Iterator[ViewBar]:
        """Oldest first."""
        for chunk in self._sealed:
            yield from chunk
        yield from self._tail

    def _several(self, wanted: slice) -> tuple[ViewBar, ...]:
        length = len(self)
        for edge in (wanted.start, wanted.stop):
            if edge is not None and not -length <= edge <= length:
                raise LookAheadError(
                    f"bars {wanted.start}:{wanted.stop} were asked for; "
                    f"{length} bars are complete at this instant"
                )
        return tuple(self[at] for at in range(*wanted.indices(length)))


class View(NamedTuple):
    """All that is known at `now_ns` and that a strategy may use. A tuple: nobody can change it."""

    now_ns: int
    instrument: InstrumentSeen
    session: SessionSeen
    bars: BarsView
    indicators: IndicatorsSeen
    position: PositionSeen | None
    account: AccountSeen

    @property
    def bar(self) -> ViewBar:
        """The newest complete bar."""
        return self.bars[-1]


class ViewBuilder:
    """Collects a session's bars and indicators for one strategy, and makes its views.

    It stays with the actor that asks the strategy; no view refers back to it.
    """

    def __init__(self, instrument: InstrumentSeen, specs: Sequence[tuple[str, float]] = ()) -> None:
        """Start without a session.

        Raises:
            ValueError: An indicator or its parameter does not exist.
        """
        self._instrument = instrument
        self._indicators = IndicatorSet(list(specs)) if specs else None
        self._session: SessionSeen | None = None
        self._sealed: tuple[tuple[ViewBar, ...], ...] = ()
        self._tail: tuple[ViewBar, ...] = ()
        self._newest_ns = 0

    @property
    def bars(self) -> int:
        """How many bars of the session were taken."""
        return len(self._sealed) * _CHUNK + len(self._tail)

    def open_session(self, session_date: int, open_ns: int, close_ns: int) -> None:
        """A session begins: its bars start at none."""
        self._session = SessionSeen(session_date, open_ns, close_ns)
        self._sealed, self._tail = (), ()
        if self._indicators is not None:
            self._indicators.reset_session()

    def add(self, bar: Bar) -> None:
        """Take the next complete bar.

        Raises:
            ValueError: It is not later than the one before.
        """
        if bar.at_ns <= self._newest_ns:
            raise ValueError(f"bars come in order: {bar.at_ns} after {self._newest_ns}")
        self._newest_ns = bar.at_ns
        seen = ViewBar(
            bar.source_ns,
            bar.at_ns,
            bar.open_1e8,
            bar.high_1e8,
            bar.low_1e8,
            bar.close_1e8,
            bar.volume_1e8,
        )
        self._tail = (*self._tail, seen)
        if len(self._tail) == _CHUNK:
            self._sealed, self._tail = (*self._sealed, self._tail), ()
        if self._indicators is not None:
            self._indicators.update(seen.open, seen.high, seen.low, seen.close, seen.volume)

    def view(
        self,
        now_ns: int,
        *,
        position: PositionSeen | None,
        account: AccountSeen,
        entries: int = 0,
        net_1e8: int = 0,
        is_entry_pending: bool = False,
    ) -> View:
        """What is known at `now_ns`.

        Raises:
            LookAheadError: A bar was taken that ends after `now_ns`; the feed is at fault.
            ValueError: No session is open.
        """
        if self._session is None:
            raise ValueError("a view needs an open session")
        if self._newest_ns > now_ns:
            raise LookAheadError(f"a bar ends at {self._newest_ns}, after the instant {now_ns}")
        return View(
            now_ns,
            self._instrument,
            SessionSeen(*self._session[:3], entries, net_1e8, is_entry_pending),
            BarsView(self._sealed, self._tail),
            self._indicators_seen(),
            position,
            account,
        )

    def _indicators_seen(self) -> IndicatorsSeen:
        if self._indicators is None:
            return IndicatorsSeen((), ())
        return IndicatorsSeen(tuple(self._indicators.names), tuple(self._indicators.values))


def to_builtins(view: View) -> dict[str, Any]:
    """The view without its bars but the newest, for the journal and for post-mortems (PM-1)."""
    return {
        "now_ns": view.now_ns,
        "bars": len(view.bars),
        "bar": view.bar._asdict() if len(view.bars) else None,
        "indicators": dict(view.indicators),
        "position": view.position._asdict() if view.position else None,
    }
