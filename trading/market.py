"""What the market says: the messages a feed sends, live or from a tape.

Times are ns UTC, prices and volumes integers at 1e-8. `at_ns` is when the fact became known here,
`source_ns` the venue's own stamp (MD-1). `tape_seq` is the row of the tape a message was read from,
-1 live. Only messages that a newer one replaces share a key: a bar or a trade is never conflated.
"""

from collections.abc import Hashable
from enum import IntEnum
from typing import ClassVar

import msgspec

from trading.mail import MailClass


class Aggressor(IntEnum):
    """The side that took liquidity in a trade; NONE in an auction, or when nobody said."""

    SELL = -1
    NONE = 0
    BUY = 1


class SessionOpened(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A session of the tape's calendar begins; `at_ns` is `open_ns`."""

    MAIL: ClassVar[MailClass] = MailClass.MUST

    session_date: int
    open_ns: int
    close_ns: int
    at_ns: int
    tape_seq: int = -1


class SessionClosed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The session is over; the bar that ends at this instant came before it."""

    MAIL: ClassVar[MailClass] = MailClass.MUST

    session_date: int
    at_ns: int
    tape_seq: int = -1


class OpenPrint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The first price of a bar, known when the bar begins; for the paper venue and the gap watch.

    `volume_1e8` is the whole bar's, which nobody can know yet: the venue limits fills with it, and
    no strategy ever sees it.
    """

    MAIL: ClassVar[MailClass] = MailClass.MARKET

    instrument: str
    price_1e8: int
    volume_1e8: int
    at_ns: int
    source_ns: int
    tape_seq: int = -1
    is_synthetic: bool = False

    @property
    def key(self) -> Hashable:
        """Its own: open prints are never conflated."""
        return ("open", self.instrument, self.source_ns)


class Bar(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A complete bar (MD-5): `source_ns` is its start, `at_ns` its end."""

    MAIL: ClassVar[MailClass] = MailClass.MARKET

    instrument: str
    open_1e8: int
    high_1e8: int
    low_1e8: int
    close_1e8: int
    volume_1e8: int
    at_ns: int
    source_ns: int
    tape_seq: int = -1
    is_synthetic: bool = False
    is_crossed: bool = False

    @property
    def key(self) -> Hashable:
        """Its own: complete bars are never conflated."""
        return ("bar", self.instrument, self.source_ns)


class Quote(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Best bid and ask; sizes are 0 when the source gives none. Crossed when bid > ask (MD-4)."""

    MAIL: ClassVar[MailClass] = MailClass.MARKET

    instrument: str
    bid_1e8: int
    ask_1e8: int
    bid_size_1e8: int
    ask_size_1e8: int
    at_ns: int
    source_ns: int
    tape_seq: int = -1
    is_synthetic: bool = False
    is_crossed: bool = False

    @property
    def key(self) -> Hashable:
        """One per instrument: only the newest quote counts."""
        return ("quote", self.instrument)


class TradePrint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody else's trade; `trade_id` is the venue's number, 0 when it gives none."""

    MAIL: ClassVar[MailClass] = MailClass.MUST  # volume adds up: no print may be left out

    instrument: str
    price_1e8: int
    size_1e8: int
    aggressor: Aggressor
    at_ns: int
    source_ns: int
    trade_id: int = 0
    tape_seq: int = -1
    is_synthetic: bool = False


MarketMessage = SessionOpened | SessionClosed | OpenPrint | Bar | Quote | TradePrint
