"""Five-minute questions, one after another: will the price be at least what it was at the start?

Each is quoted from the spot price, ends with its window, is decided by the reference price, and is
paid out a while later.
"""

from collections.abc import Callable
from functools import partial
from math import erf, sqrt
from typing import Final

from brokers.sim.core import Core
from brokers.sim.market import Instrument
from brokers.sim.polymarket.listing import Listing, Token, listing
from brokers.sim.units import MINUTE_NS, NS, ONE_1E8, utc_text

SPOT: Final = "BTC"
WINDOW_NS: Final = 5 * MINUTE_NS
DECIDED_NS: Final = 2 * NS
_SIGMA_PER_MINUTE: Final = 0.0006
_NEAR_END: Final = 0.03
Open = Callable[[Listing], None]
Decide = Callable[[Listing, Token], None]


def spot() -> Instrument:
    """What the windows ask about; a recording of this name takes its place."""
    return Instrument(symbol=SPOT, start_1e8=100_000 * ONE_1E8, tick_1e8=5 * ONE_1E8)


class Windows:
    """Lists a window when the one before it ends."""

    def __init__(
        self, core: Core, opened: Open, closed: Open, decide: Decide, mark: Callable[[], None]
    ) -> None:
        """Open the one that is under way.

        Args:
            core: Time and market.
            opened: Hears of a window that begins, before it is quoted.
            closed: Hears of one that takes no more orders.
            decide: Hears who won.
            mark: Has the oracle say its price at the instants that count.
        """
        self._core = core
        self._opened = opened
        self._closed = closed
        self._decide = decide
        self._mark = mark
        now_ns = core.now_ns()
        self._open(now_ns - now_ns % WINDOW_NS)

    def plan(self, count: int, in_ns: int, length_ns: int, every_ns: int) -> list[Listing]:
        """Windows beside the usual ones, listed before they begin, the first in `in_ns`."""
        first_ns = self._core.now_ns() + in_ns
        found = []
        for number in range(count):
            starts_ns = first_ns + number * every_ns
            window = _window(f"PLAN-{starts_ns}", starts_ns, starts_ns + length_ns)
            self._opened(window)
            self._core.market.open_book(window.instrument)
            self._core.agenda.add(starts_ns, partial(self._begin, window))
            self._core.agenda.add(window.ends_ns, partial(self._end, window))
            found.append(window)
        return found

    def _open(self, starts_ns: int) -> None:
        window = _window(f"BTC-{starts_ns // NS}", starts_ns, starts_ns + WINDOW_NS)
        window.slug = f"btc-updown-5m-{starts_ns // NS}"
        self._opened(window)
        self._core.market.open_book(window.instrument)
        self._begin(window)
        self._core.agenda.add(window.ends_ns, partial(self._end_and_go_on, window))

    def _begin(self, window: Listing) -> None:
        window.reference_1e8 = self._core.market.last_1e8(SPOT)
        self._mark()
        self._core.market.follow(SPOT, window.symbol, partial(self._price, window))

    def _end_and_go_on(self, window: Listing) -> None:
        self._end(window)
        self._open(window.ends_ns)

    def _end(self, window: Listing) -> None:
        last_1e8 = self._core.market.last_1e8(SPOT)
        self._mark()
        winner = window.first if last_1e8 >= window.reference_1e8 else window.second
        self._closed(window)
        self._core.soon(partial(self._decide, window, winner), DECIDED_NS)

    def _price(self, window: Listing, spot_1e8: int) -> int:
        """The chance that it ends up, if the price walks at random until then."""
        left_min = max(window.ends_ns - self._core.now_ns(), NS) / MINUTE_NS
        moved = spot_1e8 / window.reference_1e8 - 1
        chance = 0.5 * (1 + erf(moved / (_SIGMA_PER_MINUTE * sqrt(2 * left_min))))
        bounded = min(max(chance, _NEAR_END), 1 - _NEAR_END)
        return round(bounded * ONE_1E8)


def _window(symbol: str, starts_ns: int, ends_ns: int) -> Listing:
    return listing(
        symbol,
        f"Bitcoin up or down, {utc_text(starts_ns)} to {utc_text(ends_ns)}",
        ("Up", "Down"),
        fee_rate=0.25,
        fee_exponent=2.0,
        starts_ns=starts_ns,
        ends_ns=ends_ns,
        tags=["Crypto"],
    )
