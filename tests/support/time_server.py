"""A time server on loopback that says what a test wants (RFC 5905, server mode)."""

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator, Callable

S = 1_000_000_000
NTP_ERA_S = 2_208_988_800


class TimeServer(asyncio.DatagramProtocol):
    """Answers one packet as it is told to."""

    def __init__(self, answer: Callable[[bytes], list[bytes]]) -> None:
        """`answer` makes the packets that go back."""
        self._answer = answer

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """Keep the way back."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer."""
        for packet in self._answer(data):
            self._transport.sendto(packet, addr)


def packet(question: bytes, *, ahead_ns: int = 0, first: int = 0x24, stratum: int = 2) -> bytes:
    """An answer of a server whose clock is ahead of ours."""
    stamp_ns = time.time_ns() + ahead_ns
    stamp = struct.pack(">II", stamp_ns // S + NTP_ERA_S, (stamp_ns % S << 32) // S)
    head = bytes([first, stratum]) + bytes(22)
    return head + question[40:48] + stamp + stamp


@contextlib.asynccontextmanager
async def time_server(answer: Callable[[bytes], list[bytes]]) -> AsyncIterator[str]:
    """Where it listens, as a configuration names it."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: TimeServer(answer), local_addr=("127.0.0.1", 0)
    )
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()
