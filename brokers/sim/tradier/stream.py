"""The account's events: cumulative, out of order at times, and never repeated."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import WSMsgType, web

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
class _Client:
    outlet: Outlet
    sessionid: str = ""
    events: tuple[str, ...] = ()
    excluded: list[str] = field(default_factory=list)
    beat_ns: int = 0


class AccountHub:
    """Every client of the account's stream."""

    def __init__(self, site: "TradierSite") -> None:
        """Nobody listens yet."""
        self._site = site
        self.telling = Telling(lambda: site.core.faults, self._send)
        self._clients: list[_Client] = []

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

    async def drained(self) -> None:
        """Wait until every client has been written all that was told."""
        await asyncio.gather(*(client.outlet.drained() for client in [*self._clients]))

    def cut(self) -> None:
        """Break every connection."""
        for client in self._clients:
            client.outlet.cut()
        self._clients.clear()

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._clients)

    @property
    def listeners(self) -> int:
        """How many hear the events."""
        return sum(bool(client.events) for client in self._clients)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One client, from its first word to its last."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = _Client(Outlet(socket, request.transport))
        self._clients.append(client)
        try:
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    continue
                if not self._hear(client, message.data):
                    client.outlet.send(dump_json({"error": "Session not found"}).decode())
                    await client.outlet.drained()
                    await socket.close()
        finally:
            if client in self._clients:
                self._clients.remove(client)
            await client.outlet.end()
        return socket

    def _hear(self, client: _Client, raw: bytes | str) -> bool:
        """Begin to listen, or listen to something else; False ends the connection."""
        try:
            asked = load_json(raw.encode() if isinstance(raw, str) else raw)
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

    def _kick_others(self, client: _Client) -> None:
        """One session at a time: who was here before is cut."""
        for other in [*self._clients]:
            if other is not client and other.sessionid:
                other.outlet.cut()
                self._clients.remove(other)
