"""One question to an NTP server (RFC 5905, client mode): how far is our clock off?"""

import asyncio
import secrets
import struct
from collections.abc import Callable
from typing import Final

from brokers.offset import Offset

PORT: Final = 123
WAIT_S: Final = 2.0
_PACKET: Final = struct.Struct(">BBbb11I")  # header, then root delay ... transmit timestamp
_CLIENT: Final = 0x23  # no leap warning, version 4, mode 3
_MODE_SERVER: Final = 4
_STRATUM_MAX: Final = 15
_NS: Final = 1_000_000_000
_ERA_S: Final = 1 << 32
_UNIX_S: Final = 2_208_988_800


class NtpError(Exception):
    """The server did not answer, or said nothing that can be used."""


async def ask(server: str, now_ns: Callable[[], int], *, wait_s: float | None = None) -> Offset:
    """The server's clock less ours.

    Args:
        server: `host` or `host:port`.
        now_ns: Our clock.
        wait_s: After this it has not answered; `WAIT_S` by default.

    Raises:
        NtpError: No usable answer.
    """
    wait_s = WAIT_S if wait_s is None else wait_s
    host, _, port = server.partition(":")
    loop = asyncio.get_running_loop()
    cookie = secrets.token_bytes(8)  # in place of our time, which is nobody's business
    question = _Question(cookie, now_ns, loop.create_future())
    try:
        async with asyncio.timeout(wait_s):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: question, remote_addr=(host, int(port or PORT))
            )
            try:
                return await question.answer
            finally:
                transport.close()
    except TimeoutError:
        raise NtpError(f"{server} did not answer within {wait_s:g} s") from None
    except (OSError, ValueError) as error:
        raise NtpError(f"{server}: {error}") from None


class _Question(asyncio.DatagramProtocol):
    """Sends one packet and waits for the one that answers it; others are passed over."""

    def __init__(
        self, cookie: bytes, now_ns: Callable[[], int], answer: "asyncio.Future[Offset]"
    ) -> None:
        self._cookie, self._now_ns, self.answer = cookie, now_ns, answer
        self._sent_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._sent_ns = self._now_ns()
        head = bytes([_CLIENT]) + bytes(39)
        transport.sendto(head + self._cookie)  # type: ignore[attr-defined]

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Take the answer to our question."""
        del addr
        received_ns = self._now_ns()
        if len(data) < _PACKET.size or data[24:32] != self._cookie or self.answer.done():
            return
        fields = _PACKET.unpack(data[: _PACKET.size])
        mode, stratum, leap = fields[0] & 7, fields[1], fields[0] >> 6
        if mode != _MODE_SERVER or not 1 <= stratum <= _STRATUM_MAX or leap == 3:  # noqa: PLR2004
            self.answer.set_exception(NtpError("the server says that it is not synchronised"))
            return
        heard_ns = _unix_ns(fields[11], fields[12], received_ns)
        told_ns = _unix_ns(fields[13], fields[14], received_ns)
        low_ns, high_ns = told_ns - received_ns, heard_ns - self._sent_ns
        if low_ns > high_ns:
            self.answer.set_exception(NtpError("the server's stamps contradict each other"))
            return
        self.answer.set_result(Offset(low_ns=low_ns, high_ns=high_ns))

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there."""
        if not self.answer.done():
            self.answer.set_exception(NtpError(str(exc)))


def _unix_ns(seconds: int, fraction: int, near_ns: int) -> int:
    """An NTP timestamp in the era that is nearest to `near_ns`."""
    at_ns = (seconds - _UNIX_S) * _NS + (fraction * _NS >> 32)
    era_ns = _ERA_S * _NS
    return at_ns + round((near_ns - at_ns) / era_ns) * era_ns
