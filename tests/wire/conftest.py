# mypy: disable-error-code="import-not-found, misc, no-any-unimported"
"""Brokers' own client libraries against the venue; they run where those are installed.

`make test-wire` makes that environment. In the product's own, which must not have them, nothing of
this folder is collected.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = ROOT / ".venv" / "bin" / "holdfast"
FRIDAY_MORNING = "2026-11-20T15:00:00Z"
SATURDAY = "2026-11-21T15:00:00Z"

if find_spec("alpaca") is None:
    collect_ignore_glob = ["test_*.py"]


@dataclass(frozen=True)
class AdminPort:
    """A venue's process, as tests change it."""

    url: str
    admin_url: str

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the admin port."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.admin_url}/admin/{path}", data=data, method=method)  # noqa: S310 - loopback
        try:
            with urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
                return json.loads(answer.read())
        except HTTPError as error:
            raise AssertionError(error.read()) from error

    def reset(self, clock: str = FRIDAY_MORNING, **more: Any) -> None:
        """An empty book, a clock that stands still, and no market but what is set."""
        setting = {"clock": clock, "speed": 0, "still": True, "requests_per_min": 100_000}
        self.admin("DELETE", "faults")
        self.admin("POST", "reset", {**setting, **more})

    def fault(self, verb: str, **more: Any) -> None:
        """One rule more."""
        self.admin("POST", "faults", {"verb": verb, **more})

    def quote(self, symbol: str, bid: str, ask: str, qty: str = "1000") -> None:
        """The foreign orders of a book."""
        body = {"symbol": symbol, "bid": bid, "bid_qty": qty, "ask": ask, "ask_qty": qty}
        self.admin("POST", "quote", body)

    def truth(self) -> Any:
        """What the venue has."""
        return self.admin("GET", "truth")


@dataclass(frozen=True)
class Venue(AdminPort):
    """A running Alpaca."""

    stream_url: str
    data_stream_url: str
    key: str
    secret: str


@dataclass(frozen=True)
class TradierVenue(AdminPort):
    """A running Tradier."""

    ws_url: str
    token: str
    account: str


@dataclass(frozen=True)
class PolymarketVenue(AdminPort):
    """A running Polymarket, and the wallet that has money there."""

    ws_url: str
    address: str
    private_key: str

    def later(self, seconds: float) -> None:
        """Its clock goes on."""
        self.admin("POST", "clock", {"advance_s": seconds})


def running(name: str) -> Iterator[dict[str, str]]:
    """What a venue's process says of itself; it ends with 0."""
    command = [str(HOLDFAST), "venue", name, "--json", "--seed", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture(scope="session")
def process() -> Iterator[Venue]:
    """One Alpaca for all tests."""
    for said in running("alpaca"):
        yield Venue(**said)


@pytest.fixture(scope="session")
def tradier_process() -> Iterator[TradierVenue]:
    """One Tradier for all tests."""
    for said in running("tradier"):
        yield TradierVenue(**said)


@pytest.fixture
def venue(process: Venue) -> Venue:
    """The venue as new, on a Friday morning."""
    process.reset()
    return process


@pytest.fixture(scope="session")
def polymarket_process() -> Iterator[PolymarketVenue]:
    """One Polymarket for all tests."""
    for said in running("polymarket"):
        yield PolymarketVenue(**said)


@pytest.fixture
def polymarket(polymarket_process: PolymarketVenue) -> PolymarketVenue:
    """The venue as new, on a Friday morning."""
    polymarket_process.reset()
    return polymarket_process


@pytest.fixture
def tradier(tradier_process: TradierVenue) -> TradierVenue:
    """The venue as new, on a Friday morning."""
    tradier_process.reset()
    return tradier_process
