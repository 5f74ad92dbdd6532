"""An Alpaca venue, and where it is."""

from collections.abc import Callable
from dataclasses import dataclass

from brokers.sim.alpaca.site import AlpacaSite
from brokers.sim.alpaca.wire import AlpacaWire
from brokers.sim.core import VenueOptions
from brokers.sim.run import Addresses, Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpacaAddresses(Addresses):
    """Trading and data on one port, two streams."""

    @property
    def stream_url(self) -> str:
        """Of the order stream."""
        return f"{self.ws_url}/stream"

    @property
    def data_stream_url(self) -> str:
        """Of the market data stream."""
        return f"{self.ws_url}/v2/iex"

    def shown(self) -> dict[str, str]:
        """By name."""
        return {
            "url": self.url,
            "stream_url": self.stream_url,
            "data_stream_url": self.data_stream_url,
            "admin_url": self.admin_url,
            "key": self.key,
            "secret": self.secret,
        }


class AlpacaVenue(Venue[AlpacaAddresses]):
    """The venue's two servers."""

    def __init__(self, options: VenueOptions, wall_ns: Callable[[], int]) -> None:
        """Set it up; nothing listens yet."""
        self.site = AlpacaSite(options, wall_ns)
        super().__init__(self.site, AlpacaWire(self.site))

    def addresses(self, port: int, admin_port: int) -> AlpacaAddresses:
        """Its own, with its keys."""
        keys = self.site.keys
        return AlpacaAddresses(port=port, admin_port=admin_port, key=keys.key, secret=keys.secret)
