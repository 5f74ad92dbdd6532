"""One venue as its servers and its admin port see it, whatever wire it speaks."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from brokers.sim.clock import seconds
from brokers.sim.core import Core, VenueOptions
from brokers.sim.faults import Kind, Rule
from brokers.sim.limits import Keys
from brokers.sim.units import NS


class Limit(Protocol):
    """How often clients may ask.

    Attributes:
        per_min: So many requests in each minute.
    """

    per_min: int

    def restart(self, per_min: int) -> None:
        """A new limit, and a new minute."""

    def close_until(self, until_ns: int) -> None:
        """Let nothing pass until then, by the machine's clock."""


class Site(ABC):
    """One venue: its inside and its account; one subclass for each venue.

    Attributes:
        name: The venue's, as `holdfast venue NAME` has it.
        core: Time, market, faults, audit; new after `open`.
        options: How it was set up.
        keys: What clients must show; they stay after a reset.
        limit: How often clients may ask.
        down_s: How long the restart that is asked for takes.
    """

    name: str
    core: Core
    options: VenueOptions
    limit: Limit

    def __init__(self, wall_ns: Callable[[], int], keys: Keys) -> None:
        """Nothing is open yet; a subclass calls `open` when its streams are there."""
        self.wall_ns = wall_ns
        self.keys = keys
        self.begin()

    def begin(self) -> None:
        """No fault acts."""
        self.keys.restore()
        self._muted_until_ns = 0
        self.down_s = 0.0
        self._must_restart = False

    @property
    def is_muted(self) -> bool:
        """Whether the streams are silent now."""
        return self.wall_ns() < self._muted_until_ns

    def look(self) -> bool:
        """Do what is due, and the faults that happen now; whether the server must restart."""
        self.core.pump()
        self.act()
        must_restart, self._must_restart = self._must_restart, False
        return must_restart

    def act(self) -> None:
        """The faults that happen now."""
        for rule in self.core.faults.take(Kind.NOW, ""):
            self._act(rule)

    def _act(self, rule: Rule) -> None:
        lasts_ns = seconds(float(rule.settings.get("seconds", 0)))
        until_ns = self.wall_ns() + lasts_ns
        match rule.verb:
            case "rate_limit_window":
                self.limit.close_until(until_ns)
            case "auth_revoked":
                self.keys.revoke(until_ns)
                self.cut()
            case "mute_stream":
                self._muted_until_ns = until_ns
            case "cut_stream":
                self.cut()
            case "early_close":
                if self.core.hours.is_open(self.core.now_ns()):
                    self.core.close_early(lasts_ns)
                    self.core.pump()
            case "restart":
                self.down_s = lasts_ns / NS
                self._must_restart = True

    def pardon(self) -> None:
        """What faults still do ends now: revoked keys, a closed limit, mute streams."""
        self.keys.restore()
        self._muted_until_ns = 0
        self.limit.close_until(0)

    def admin_actions(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """What only this venue's admin port can do: names of posts, and what each does."""
        return {}

    @abstractmethod
    def open(self, options: VenueOptions) -> None:
        """Begin anew: an empty book, a full account."""

    @abstractmethod
    def cut(self) -> None:
        """Close every stream, without a word."""

    @abstractmethod
    def is_listed(self, symbol: str) -> bool:
        """Whether the symbol trades here; one that may, such as a contract, gets its book."""

    @abstractmethod
    def streams(self) -> dict[str, int]:
        """Who is connected and what they listen to, each with its count."""

    @abstractmethod
    def truth(self) -> dict[str, Any]:
        """Orders, executions, positions and cash as the venue has them."""


def counted(names: Iterable[str | None]) -> dict[str, int]:
    """How often each name a client gave stands for an order: more than once is a duplicate."""
    return dict(Counter(name for name in names if name is not None))
