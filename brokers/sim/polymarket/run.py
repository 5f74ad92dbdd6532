"""A Polymarket venue, and where it is."""

from collections.abc import Callable
from dataclasses import dataclass

from brokers.sim.core import VenueOptions
from brokers.sim.polymarket.site import PolymarketSite
from brokers.sim.polymarket.wire import PolymarketWire
from brokers.sim.run import Addresses, Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class PolymarketAddresses(Addresses):
    """Everything on one port; `key` is the wallet's address and `secret` its private key."""

    def shown(self) -> dict[str, str]:
        """By name."""
        return {
            "url": self.url,
            "ws_url": self.ws_url,
            "admin_url": self.admin_url,
            "address": self.key,
            "private_key": self.secret,
        }


class PolymarketVenue(Venue[PolymarketAddresses]):
    """The venue's two servers."""

    def __init__(self, options: VenueOptions, wall_ns: Callable[[], int]) -> None:
        """Set it up; nothing listens yet."""
        self.site = PolymarketSite(options, wall_ns)
        super().__init__(self.site, PolymarketWire(self.site))

    def addresses(self, port: int, admin_port: int) -> PolymarketAddresses:
        """Its own, with the wallet."""
        keys = self.site.keys
        return PolymarketAddresses(
            port=port, admin_port=admin_port, key=keys.key, secret=keys.secret
        )
