"""A Tradier venue, and where it is."""

from collections.abc import Callable
from dataclasses import dataclass

from brokers.sim.core import VenueOptions
from brokers.sim.run import Addresses, Venue
from brokers.sim.tradier.site import TradierSite
from brokers.sim.tradier.wire import TradierWire


@dataclass(frozen=True, slots=True, kw_only=True)
class TradierAddresses(Addresses):
    """Everything on one port; the token and the account's number."""

    account: str

    @property
    def token(self) -> str:
        """For `Authorization: Bearer`."""
        return f"{self.key}.{self.secret}"

    def shown(self) -> dict[str, str]:
        """By name."""
        return {
            "url": self.url,
            "ws_url": self.ws_url,
            "admin_url": self.admin_url,
            "token": self.token,
            "account": self.account,
        }


class TradierVenue(Venue[TradierAddresses]):
    """The venue's two servers."""

    def __init__(self, options: VenueOptions, wall_ns: Callable[[], int]) -> None:
        """Set it up; nothing listens yet."""
        self.site = TradierSite(options, wall_ns)
        super().__init__(self.site, TradierWire(self.site))

    def addresses(self, port: int, admin_port: int) -> TradierAddresses:
        """Its own, with token and account."""
        site = self.site
        return TradierAddresses(
            port=port,
            admin_port=admin_port,
            key=site.keys.key,
            secret=site.keys.secret,
            account=site.account,
        )
