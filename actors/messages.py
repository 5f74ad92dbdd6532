"""What the actors of one system tell each other, beside the core's messages and the market's."""

from dataclasses import dataclass
from typing import ClassVar

from trading.mail import MailClass

KILL = "kill"
"""The name of the actor that owns the kill switch."""
VENUE = "venue:paper"
"""The name of the paper venue."""
FEED = "feed:main"
"""The name of the feed."""
CHECKS = "checks"
"""The name of who runs the assertions."""
WATCHDOG = "watchdog"
"""The name of the watchdog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover:
    """Go on after a restart: ask the venue about everything that has no outcome yet (ST-2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeUpKills:
    """Carry out every kill that the record took and nobody finished (KC-4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRest:
    """The instant has nothing left to make durable: see to what could wait, before time moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBack:
    """An account was rebuilt: a kill or a resume that was on its way to it may be lost."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL

    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNews:
    """The account's core moved this order; its actor looks again at what there is to wait for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDue:
    """The venue has been silent since the hand-over of the order's bytes (EX-6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollDue:
    """Time to ask the venue about a working order, in case its stream lost something (EX-6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelDue:
    """A cancel that was asked for has not ended the order yet (EX-8)."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleOver:
    """Every strategy that was shown the newest bar has answered (PF-2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceDue:
    """By now the broker should have said what may be spent (EX-13)."""

    wait: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceAgain:
    """Time to ask once more, as the last question had no answer."""

    wait: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatReadDue:
    """Time to ask the venue once more whether a kill is through (KC-2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDue:
    """Time to look whether an open position is protected (PX-8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarDue:
    """The interval that a feed is filling is over (MD-5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketLost:
    """The venue's stream was away until now: the interval of this instant is not whole (MD-9)."""

    until_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceDue:
    """A feed is too old now, unless something came meanwhile (MD-2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillProgress:
    """One account has done what a kill asked for."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL

    account: str
    kill_id: str
    cancelled: int
    closed: int
    failed: int
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KillTimeout:
    """A kill has taken too long: it stays latched, and whoever asked hears what remains."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL

    kill_id: str
