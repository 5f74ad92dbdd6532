"""The account's events: cumulative, out of order at times, and never repeated."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.hub import Client, Hub
from brokers.sim.sockets import Outlet
from brokers.sim.spoil import spoilt_frame
from brokers.sim.telling import Telling
from brokers.sim.units import NS, dump_json, load_json, utc_text

if TYPE_CHECKING:
    from brokers.sim.tradier.orders import Order
    from brokers.sim.tradier.site import TradierSite

HEARTBEAT_NS: Final = 60 * NS
EVENTS: Final = ("order", "journal")


@dataclass(slots=True, eq=False)
class AccountClient(Client):
    """What one client has shown and asked for."""

    sessionid: str = ""
    events: tuple[str, ...] = ()
    excluded: list[str] = field(default_factory=list)
    beat_ns: int = 0


class AccountHub(Hub[AccountClient]):
    """Every client of the account's stream."""

    tells = "what becomes of orders."

    def __init__(self, site: "TradierSite") -> None:
        """Nobody listens yet."""
        super().__init__()
        self._site = site
        self.telling = Telling(lambda: site.core.faults, self._send)

    def publish(self, order: "Order") -> None:
        """Tell an order as it is now; faults know the event by the order's status.

        One time in four a filled order's event says that its last fill was of nothing.
        """
        event = order.event(self._site.account)
        if order.status == "filled" and self._site.chance.random() < 0.25:  # noqa: PLR2004 - one in four
            event["last_fill_quantity"] = 0.0
        self.telling.publish(order.status, event)

    def _send(self, data: dict[str, Any], how: str | None = None) -> None:
        if self._site.is_muted:
            return
        frame = dump_json(data)
        if how is not None:
            frame = spoilt_frame(frame, how)
        for client in self._clients:
            if "order" in client.events and self._site.account not in client.excluded:
                client.outlet.send(frame.decode(errors="replace"))

    def beat(self) -> None:
        """A heartbeat to each client every minute of the machine's clock, unless mute."""
        now_ns = self._site.wall_ns()
        for client in self._clients:
            if client.events and not self._site.is_muted and now_ns >= client.beat_ns:
                client.beat_ns = now_ns + HEARTBEAT_NS
                at = utc_text(self._site.core.now_ns())
                beat = {"event": "heartbeat", "status": "active", "timestamp": at}
                client.outlet.send(dump_json(beat).decode())

    @property
    def listeners(self) -> int:
        """How many hear the events."""
        return sum(bool(client.events) for client in self._clients)

    def client(self, request: web.Request, outlet: Outlet) -> AccountClient:
        """Unknown as yet."""
        del request
        return AccountClient(outlet)

    def hear(self, client: AccountClient, raw: bytes) -> bool:
        """Begin to listen, or be told that the session is none, which ends the connection."""
        is_good = self._begin(client, raw)
        if not is_good:
            client.outlet.send(dump_json({"error": "Session not found"}).decode())
        return is_good

    def _begin(self, client: AccountClient, raw: bytes) -> bool:
        """Begin to listen, or listen to something else."""
        try:
            asked = load_json(raw)
            sessionid, events = asked["sessionid"], asked["events"]
            excluded = asked.get("excludeAccounts") or []
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        now_ns = self._site.wall_ns()
        if sessionid != client.sessionid:
            if not self._site.sessions.take(sessionid, "accounts", now_ns):
                return False
            self._kick_others(client)
        client.sessionid = sessionid
        client.events = tuple(name for name in events if name in EVENTS)
        client.excluded = [str(account) for account in excluded]
        client.beat_ns = now_ns + HEARTBEAT_NS
        return True

    def _kick_others(self, client: AccountClient) -> None:
        """One session at a time: who was here before is cut."""
        for other in [*self._clients]:
            if other is not client and other.sessionid:
                self.drop(other)
