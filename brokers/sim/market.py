"""Everybody else: quotes, prints and bars, generated or set by hand, that feed the books."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from brokers.sim.book import Book, BookOrder, Match, Side
from brokers.sim.units import MINUTE_NS, ONE_1E8, show, times

FOREIGN: Final = "market"
_BARS_MAX: Final = 20_000
_LEVELS: Final = 3
Level = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What trades here.

    Attributes:
        start_1e8: Its first price when a market is generated.
        ceiling_1e8: What a generated price does not go above.
        below_1e8: What every price is below, such as the dollar that an outcome may pay.
    """

    symbol: str
    start_1e8: int
    tick_1e8: int = ONE_1E8 // 100
    multiplier: int = 1
    ceiling_1e8: int | None = None
    below_1e8: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteTick:
    """The best bid and ask; a price of 0 means that the side is empty."""

    symbol: str
    at_ns: int
    bid_1e8: int
    bid_qty_1e8: int
    ask_1e8: int
    ask_qty_1e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeTick:
    """One print; ids ascend per venue."""

    symbol: str
    at_ns: int
    trade_id: int
    price_1e8: int
    qty_1e8: int
    side: Side


@dataclass(slots=True, kw_only=True)
class BarTick:
    """A minute's prints; `turnover_1e8` is price times quantity."""

    symbol: str
    start_ns: int
    open_1e8: int
    high_1e8: int
    low_1e8: int
    close_1e8: int
    volume_1e8: int = 0
    turnover_1e8: int = 0
    count: int = 0

    def add(self, price_1e8: int, qty_1e8: int) -> None:
        """One more print."""
        self.high_1e8 = max(self.high_1e8, price_1e8)
        self.low_1e8 = min(self.low_1e8, price_1e8)
        self.close_1e8 = price_1e8
        self.volume_1e8 += qty_1e8
        self.turnover_1e8 += times(price_1e8, qty_1e8)
        self.count += 1


Tick = QuoteTick | TradeTick | BarTick
Pricing = Callable[[int], int]
"""From the price of the underlying to that of the option, both at 1e-8."""


@dataclass(slots=True)
class _Listing:
    instrument: Instrument
    book: Book = field(default_factory=Book)
    last_1e8: int = 0
    quote: QuoteTick | None = None
    trade: TradeTick | None = None
    bars: list[BarTick] = field(default_factory=list)
    makers: dict[str, BookOrder] = field(default_factory=dict)
    derived: dict[str, Pricing] = field(default_factory=dict)


class Market:
    """The books of all instruments and the foreign orders in them."""

    def __init__(
        self,
        now_ns: Callable[[], int],
        on_matches: Callable[[str, Sequence[Match]], None],
    ) -> None:
        """It has no instruments yet.

        Args:
            now_ns: The venue's time.
            on_matches: Hears every match, whoever's orders they are.
        """
        self._now_ns = now_ns
        self._on_matches = on_matches
        self._listings: dict[str, _Listing] = {}
        self._count = 0
        self.listeners: list[Callable[[Tick], None]] = []

    def open_book(self, instrument: Instrument) -> None:
        """Open a book; a second time changes nothing."""
        self._listings.setdefault(
            instrument.symbol, _Listing(instrument, last_1e8=instrument.start_1e8)
        )

    def derive(self, underlying: str, instrument: Instrument, pricing: Pricing) -> None:
        """List an option whose quotes follow its underlying's."""
        if instrument.symbol in self._listings:
            return
        self.open_book(instrument)
        self.follow(underlying, instrument.symbol, pricing)

    def follow(self, underlying: str, symbol: str, pricing: Pricing) -> None:
        """Quote what is listed by its underlying's price from now on."""
        self._listings[underlying].derived[symbol] = pricing
        self._price(symbol, pricing(self.last_1e8(underlying)))

    def undo(self, underlying: str, symbol: str) -> None:
        """Its quotes no longer follow; a second time changes nothing."""
        self._listings[underlying].derived.pop(symbol, None)

    def symbols(self) -> list[str]:
        """All that are listed, in the order of their listing."""
        return [*self._listings]

    def instrument(self, symbol: str) -> Instrument:
        """What a symbol is."""
        return self._listings[symbol].instrument

    def __contains__(self, symbol: str) -> bool:
        """Whether it is listed."""
        return symbol in self._listings

    def book(self, symbol: str) -> Book:
        """The orders of an instrument."""
        return self._listings[symbol].book

    def last_1e8(self, symbol: str) -> int:
        """The last price: of a print, or the middle of a quote that came later."""
        return self._listings[symbol].last_1e8

    def quote_of(self, symbol: str) -> QuoteTick | None:
        """The newest quote."""
        return self._listings[symbol].quote

    def trade_of(self, symbol: str) -> TradeTick | None:
        """The newest print."""
        return self._listings[symbol].trade

    def bars_of(self, symbol: str) -> list[BarTick]:
        """Minute bars, oldest first; the last one may be unfinished."""
        return self._listings[symbol].bars

    def ask_or_last_1e8(self, symbol: str) -> int:
        """What a buyer would pay for the first share."""
        return self.book(symbol).best_1e8(Side.SELL) or self.last_1e8(symbol)

    # --- what happens -----------------------------------------------------------------------------

    def quote(self, symbol: str, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """The foreign orders become these `(price, quantity)`; kept ones keep their place.

        Raises:
            ValueError: The quote crosses itself, or a price or quantity is not above zero, or
                a price not below what it must be.
        """
        for price_1e8, qty_1e8 in (*bids, *asks):
            self._check(symbol, price_1e8, qty_1e8)
        if bids and asks and max(bids)[0] >= min(asks)[0]:
            raise ValueError(f"the bid must be below the ask, was {max(bids)[0]} {min(asks)[0]}")
        listing = self._listings[symbol]
        wanted = {(Side.BUY, price): qty for price, qty in bids}
        wanted |= {(Side.SELL, price): qty for price, qty in asks}
        missing = self._keep(listing, wanted)
        for (side, price_1e8), qty_1e8 in missing.items():
            self._rest(listing, side, price_1e8, qty_1e8)
        self._quoted(listing)
        self._follow(symbol)

    def can_be(self, symbol: str, price_1e8: int) -> bool:
        """Whether something can trade at this price."""
        below_1e8 = self.instrument(symbol).below_1e8
        return price_1e8 > 0 and (below_1e8 is None or price_1e8 < below_1e8)

    def _check(self, symbol: str, price_1e8: int, qty_1e8: int) -> None:
        if price_1e8 <= 0 or qty_1e8 <= 0:
            raise ValueError("prices and quantities must be above zero")
        if not self.can_be(symbol, price_1e8):
            below = show(self.instrument(symbol).below_1e8 or 0)
            raise ValueError(f"prices of {symbol} are below {below}, was {show(price_1e8)}")

    @staticmethod
    def _keep(
        listing: _Listing, wanted: Mapping[tuple[Side, int], int]
    ) -> dict[tuple[Side, int], int]:
        """Take out foreign orders that are not wanted; what is still missing."""
        missing = dict(wanted)
        for order_id, order in list(listing.makers.items()):
            if order_id not in listing.book:
                del listing.makers[order_id]
                continue
            key = (order.side, order.limit_1e8 or 0)
            want_1e8 = missing.get(key, 0)
            if want_1e8 <= 0:
                listing.book.cancel(order_id)
                del listing.makers[order_id]
                continue
            if order.qty_1e8 > want_1e8:
                listing.book.reduce(order_id, want_1e8)
            missing[key] = want_1e8 - order.qty_1e8
        return {key: qty_1e8 for key, qty_1e8 in missing.items() if qty_1e8 > 0}

    def _rest(self, listing: _Listing, side: Side, price_1e8: int, qty_1e8: int) -> None:
        self._count += 1
        order = BookOrder(
            order_id=f"{FOREIGN}-{self._count}",
            owner=FOREIGN,
            side=side,
            qty_1e8=qty_1e8,
            limit_1e8=price_1e8,
        )
        listing.makers[order.order_id] = order
        self.place(listing.instrument.symbol, order)

    def place(self, symbol: str, order: BookOrder) -> int:
        """Put an order into a book; the quantity that it traded at once."""
        listing = self._listings[symbol]
        matches = listing.book.place(order)
        for match in matches:
            self._print(listing, match.price_1e8, match.qty_1e8, match.taker_side)
        if matches:
            self._on_matches(symbol, matches)
        return sum(match.qty_1e8 for match in matches)

    def trade(self, symbol: str, price_1e8: int, qty_1e8: int, side: Side) -> None:
        """A foreign order comes and takes what it finds down or up to a price; then it is a print.

        Raises:
            ValueError: Price or quantity is not above zero, or the price not below what it must be.
        """
        self._check(symbol, price_1e8, qty_1e8)
        self._count += 1
        order = BookOrder(
            order_id=f"{FOREIGN}-{self._count}",
            owner=FOREIGN,
            side=side,
            qty_1e8=qty_1e8,
            limit_1e8=price_1e8,
            rests=False,
        )
        if not self.place(symbol, order):  # it met another foreign order, hidden from us
            self._print(self._listings[symbol], price_1e8, qty_1e8, side)

    # --- what is told -----------------------------------------------------------------------------

    def _quoted(self, listing: _Listing) -> None:
        bid = next(iter(listing.book.side(Side.BUY)), None)
        ask = next(iter(listing.book.side(Side.SELL)), None)
        quote = QuoteTick(
            symbol=listing.instrument.symbol,
            at_ns=self._now_ns(),
            bid_1e8=(bid.limit_1e8 or 0) if bid else 0,
            bid_qty_1e8=bid.qty_1e8 if bid else 0,
            ask_1e8=(ask.limit_1e8 or 0) if ask else 0,
            ask_qty_1e8=ask.qty_1e8 if ask else 0,
        )
        listing.quote = quote
        if bid and ask:
            listing.last_1e8 = (quote.bid_1e8 + quote.ask_1e8) // 2
        self._tell(quote)

    def _print(self, listing: _Listing, price_1e8: int, qty_1e8: int, side: Side) -> None:
        self._count += 1
        at_ns = self._now_ns()
        trade = TradeTick(
            symbol=listing.instrument.symbol,
            at_ns=at_ns,
            trade_id=self._count,
            price_1e8=price_1e8,
            qty_1e8=qty_1e8,
            side=side,
        )
        listing.trade = trade
        listing.last_1e8 = price_1e8
        self._bar_of(listing, at_ns, price_1e8).add(price_1e8, qty_1e8)
        self._tell(trade)

    @staticmethod
    def _bar_of(listing: _Listing, at_ns: int, price_1e8: int) -> BarTick:
        start_ns = at_ns - at_ns % MINUTE_NS
        if not listing.bars or listing.bars[-1].start_ns != start_ns:
            listing.bars.append(new_bar(listing.instrument.symbol, start_ns, price_1e8))
            del listing.bars[:-_BARS_MAX]
        return listing.bars[-1]

    def finish_minute(self, end_ns: int) -> None:
        """Tell the bars of the minute that ended at `end_ns`."""
        for listing in [*self._listings.values()]:
            if listing.bars and listing.bars[-1].start_ns == end_ns - MINUTE_NS:
                self._tell(listing.bars[-1])

    def _follow(self, underlying: str) -> None:
        listing = self._listings[underlying]
        for symbol, pricing in listing.derived.items():
            self._price(symbol, pricing(listing.last_1e8))

    def _price(self, symbol: str, price_1e8: int) -> None:
        tick_1e8 = self.instrument(symbol).tick_1e8
        middle_1e8 = max(2 * tick_1e8, price_1e8 // tick_1e8 * tick_1e8)
        lot = 50 * ONE_1E8
        self.quote(symbol, [(middle_1e8 - tick_1e8, lot)], [(middle_1e8 + tick_1e8, lot)])

    def _tell(self, tick: Tick) -> None:
        for listener in self.listeners:
            listener(tick)


def new_bar(symbol: str, start_ns: int, price_1e8: int) -> BarTick:
    """A minute that begins with a price and has no print yet."""
    return BarTick(
        symbol=symbol,
        start_ns=start_ns,
        open_1e8=price_1e8,
        high_1e8=price_1e8,
        low_1e8=price_1e8,
        close_1e8=price_1e8,
    )


class GeneratedMarket:
    """A random walk per instrument, from a seed."""

    def __init__(self, market: Market, symbols: Sequence[str], random: Random) -> None:
        """Quote every instrument at its first price."""
        self._market = market
        self._random = random
        self._middles = {symbol: market.instrument(symbol).start_1e8 for symbol in symbols}
        for symbol in symbols:
            self._quote(symbol)

    def step(self) -> None:
        """Move, quote and, every second time, trade."""
        for symbol in self._middles:
            instrument = self._market.instrument(symbol)
            tick_1e8 = instrument.tick_1e8
            moved = self._middles[symbol] + self._random.choice((-1, 0, 0, 1)) * tick_1e8
            moved = min(moved, instrument.ceiling_1e8 or moved)
            self._middles[symbol] = max(20 * tick_1e8, moved)
            self._quote(symbol)
            if self._random.getrandbits(1):
                self._trade(symbol)

    def _quote(self, symbol: str) -> None:
        tick_1e8 = self._market.instrument(symbol).tick_1e8
        middle_1e8 = self._middles[symbol]
        bids, asks = [], []
        for level in range(1, _LEVELS + 1):
            bids.append((middle_1e8 - level * tick_1e8, self._lots()))
            asks.append((middle_1e8 + level * tick_1e8, self._lots()))
        self._market.quote(symbol, bids, asks)

    def _trade(self, symbol: str) -> None:
        side = self._random.choice((Side.BUY, Side.SELL))
        price_1e8 = self._market.book(symbol).best_1e8(side.other)
        if price_1e8 is not None:
            qty_1e8 = self._random.randint(1, 100) * ONE_1E8
            self._market.trade(symbol, price_1e8, qty_1e8, side)

    def _lots(self) -> int:
        return self._random.randint(1, 8) * 100 * ONE_1E8
