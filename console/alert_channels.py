"""The ways to a person: addresses from outside the configuration, a thread for each channel (AL-1).

A channel that hangs holds its own thread and nothing else; what it does not take within its limit
counts as failed. An address is a secret: it is never part of a text that leaves this module.
"""

import asyncio
import contextlib
import logging
import queue
import re
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from console.alert_desk import Delivery
from console.alert_rules import Severity
from trading.config_desk import AlertChannel, AlertsSection
from trading.config_reader import read_secret
from trading.errors import SetupError

DELIVERY_LIMIT_S: Final = 15.0
WAITING_MAX: Final = 100
_TYPES: Final = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "failure",
}


class Channel(Protocol):
    """Takes one message at a time, in a thread of its own."""

    scheme: str

    def send(self, delivery: Delivery) -> str:
        """Hand it over; an empty text when it was taken, otherwise why not. Never raises."""


class _Reasons(logging.Handler):
    """Keeps why Apprise failed in this thread; only what names no address is taken from its log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._local = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        status = re.search(r"error=(\d{3})", text)
        if status:
            self._local.reason = f"it answered {status[1]}"
        elif "onnection" in text or "ocket" in text:
            self._local.reason = "it cannot be reached"

    def take(self) -> str:
        reason = getattr(self._local, "reason", "")
        self._local.reason = ""
        return reason or "it was not taken"


class AppriseChannel:
    """One address of Apprise: Discord, Telegram, e-mail, Slack and about a hundred others."""

    _reasons: _Reasons | None = None

    def __init__(self, address: str) -> None:
        """Read an address.

        Raises:
            ValueError: It is none that Apprise knows; the text does not repeat it.
        """
        self.scheme, separator, _ = address.partition("://")
        if not separator or not re.fullmatch(r"[a-z0-9]{1,20}", self.scheme):
            raise ValueError("it must begin with scheme://, such as discord:// or mailto://")
        service = self._read(address)
        if service is None:
            raise ValueError(f"Apprise does not take it as an address of {self.scheme}")
        self._service = service

    @classmethod
    def _read(cls, address: str) -> Any:
        with warnings.catch_warnings():  # of its own modules, while they are loaded
            warnings.simplefilter("ignore", DeprecationWarning)
            import apprise  # noqa: PLC0415  17 MB and 0.3 s, for those who have channels

            if cls._reasons is None:
                cls._reasons = _Reasons()
                log = logging.getLogger("apprise")
                log.propagate = False  # its lines hold addresses
                log.setLevel(logging.WARNING)
                log.addHandler(cls._reasons)
                logging.getLogger("urllib3").setLevel(logging.INFO)  # below, it tells paths
            return apprise.Apprise.instantiate(address, suppress_exceptions=True)

    def send(self, delivery: Delivery) -> str:
        """Hand one message over, within Apprise's own time-outs for sockets."""
        assert self._reasons is not None  # noqa: S101  made with the first channel
        try:
            taken = self._service.notify(
                title=delivery.title,
                body=delivery.body,
                notify_type=_TYPES[delivery.alert.severity],
            )
        except Exception as error:  # noqa: BLE001  a plugin's fault; its text may hold the address
            return f"it failed with {type(error).__name__}"
        return "" if taken else self._reasons.take()


def open_channels(
    section: AlertsSection, environment: Mapping[str, str]
) -> dict[str, AppriseChannel]:
    """Each configured channel with its address.

    Raises:
        SetupError: An address is missing, is none, or others can read its file.
    """
    return {channel.name: _opened(channel, environment) for channel in section.channels}


def _opened(channel: AlertChannel, environment: Mapping[str, str]) -> AppriseChannel:
    variable = channel.variable
    address = environment.get(variable, "").strip()
    if not address and (path := environment.get(f"{variable}_FILE", "")):
        variable = f"{variable}_FILE"
        address = read_secret(Path(path).expanduser())
    if not address:
        raise SetupError(
            f"alerts: channel {channel.name} has no address: set {variable}, or {variable}_FILE to "
            "a file that only you can read (chmod 600), to an address such as discord://ID/TOKEN"
        )
    try:
        return AppriseChannel(address)
    except ValueError as error:
        raise SetupError(f"alerts: the address in {variable} cannot be used: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a delivery; `reason` is empty when it was taken."""

    delivery: Delivery
    reason: str
    took_ms: int


class ChannelThread:
    """Sends through one channel, in order, off the loop. Its thread never keeps a process alive."""

    def __init__(self, name: str, channel: Channel, *, limit_s: float = DELIVERY_LIMIT_S) -> None:
        """Start the thread."""
        self._channel = channel
        self._limit_s = limit_s
        self._waiting: queue.SimpleQueue[tuple[Delivery, Callable[[str], None]]] = (
            queue.SimpleQueue()
        )
        self._is_stuck = False
        threading.Thread(target=self._work, name=f"alerts-{name}", daemon=True).start()

    async def send(self, delivery: Delivery) -> Outcome:
        """Send, or say why not: it failed, was too slow, or still hangs from before."""
        started_s = time.monotonic()
        reason = await self._sent(delivery)
        return Outcome(
            delivery=delivery,
            reason=reason,
            took_ms=round((time.monotonic() - started_s) * 1000),
        )

    async def _sent(self, delivery: Delivery) -> str:
        if self._is_stuck:
            return "it still hangs with an earlier message"
        if self._waiting.qsize() >= WAITING_MAX:
            return f"{WAITING_MAX} messages wait for it already"
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str] = loop.create_future()

        def tell(reason: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(_settle, done, reason)

        self._waiting.put((delivery, tell))
        try:
            return await asyncio.wait_for(done, self._limit_s)
        except TimeoutError:
            self._is_stuck = True
            return f"it did not answer within {self._limit_s:g} s"

    def _work(self) -> None:
        while True:
            delivery, tell = self._waiting.get()
            reason = self._channel.send(delivery)
            self._is_stuck = False
            tell(reason)


def _settle(done: asyncio.Future[str], reason: str) -> None:
    if not done.done():  # it was given up meanwhile
        done.set_result(reason)
