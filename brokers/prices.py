"""Prices of what binary windows ask about: the oracle's reference and exchanges' spot (MD-10).

A venue says which windows its outcomes belong to and which feeds there are; a configuration names
further exchanges. Each feed is followed for itself: none stands in for another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from brokers.base import StreamDown, StreamUp


class PriceRole(StrEnum):
    """What a price counts for."""

    REFERENCE = "REFERENCE"
    """The oracle's: it decides."""
    SPOT = "SPOT"
    """An exchange's: it is looked at beside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedName:
    """One feed of one asset.

    Attributes:
        feed: Who says it.
        asset: What it is the price of, e.g. `btc/usd`.
        role: What it counts for.
        stream: The connection that brings it.
    """

    feed: str
    asset: str
    role: PriceRole
    stream: str

    @property
    def shown(self) -> str:
        """For people."""
        return f"{self.feed} {self.asset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTick:
    """One price: the source's own stamp, and when it came here (MD-1)."""

    feed: str
    asset: str
    price_1e8: int
    at_ns: int
    source_ns: int


PriceNews = PriceTick | StreamUp | StreamDown


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What an outcome asks: whether the reference ends where it began, or above.

    Attributes:
        instrument: The outcome.
        market: The venue's name of its market.
        asset: What the reference is the price of.
        is_up: It pays when the reference ends at or above its start; else when below.
        starts_ns: From here.
        ends_ns: Until here.
    """

    instrument: str
    market: str
    asset: str
    is_up: bool
    starts_ns: int
    ends_ns: int


class PriceStream(Protocol):
    """One connection that brings prices."""

    @property
    def feeds(self) -> Sequence[FeedName]:
        """What it brings."""

    async def follow(self, hear: Callable[[PriceNews], None]) -> None:
        """Follow it until cancelled; each loss and each return is told, and it never ends."""


class PriceSource(Protocol):
    """What a venue knows of windows and their prices."""

    async def windows(self) -> Sequence[Window]:
        """Those of the run's outcomes; raises one of `CALL_ERRORS`."""

    def streams(self, assets: Sequence[str]) -> Sequence[PriceStream]:
        """What brings the prices of these, not connected yet."""

    def close(self) -> None:
        """Let every connection go."""
