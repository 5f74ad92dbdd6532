"""What the admin port needs of a venue, whatever wire it speaks."""

from typing import Any, Protocol

from brokers.sim.core import Core, VenueOptions
from brokers.sim.limits import RateLimit


class Site(Protocol):
    """One venue: its inside and its account; one class for each venue.

    Attributes:
        name: The venue's, as `holdfast venue NAME` has it.
        core: Time, market, faults, audit; new after `open`.
        options: How it was set up.
        limit: How often clients may ask.
    """

    name: str
    core: Core
    options: VenueOptions
    limit: RateLimit

    def open(self, options: VenueOptions) -> None:
        """Begin anew: an empty book, a full account."""

    def cut(self) -> None:
        """Close every stream, without a word."""

    def act(self) -> None:
        """The faults that happen now."""

    def pardon(self) -> None:
        """What faults still do ends now: revoked keys, a closed limit, mute streams."""

    def is_listed(self, symbol: str) -> bool:
        """Whether the symbol trades here; one that may, such as a contract, gets its book."""

    def streams(self) -> dict[str, int]:
        """Who is connected and what they listen to, each with its count."""

    def truth(self) -> dict[str, Any]:
        """Orders, executions, positions and cash as the venue has them."""
