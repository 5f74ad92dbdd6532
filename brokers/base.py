"""What every venue is asked and what it answers, whatever wire it speaks.

The way of an order (EX-6): `prepare` makes the exact bytes and the id that is known before sending
→ the intent is durable → `send` hands the bytes over once → `look_up` when nobody answered. A
`Refused` can only be made from an answer that was received whole, so silence cannot become a
rejection by mistake: it is `Unknown`, and stays it until the venue says (EX-1).

Answers reach the account as mail: `Released` or `NotReleased` for each submission, `LookedUp`,
`Stated`, and the venue's reports on its orders.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from trading.errors import HoldfastError
from trading.ports import Part


class CannotPrepareError(HoldfastError):
    """The venue has no words for this order; nothing was sent. The text says what it has."""


# --------------------------------------------------------------------------------------------------
# What a venue can do, as data that policy reads (never `if broker == ...`)
# --------------------------------------------------------------------------------------------------


class Replacing(StrEnum):
    """What becomes of an order's id at the venue when the order is replaced."""

    NONE = "NONE"
    SAME_ID = "SAME_ID"
    NEW_ID = "NEW_ID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one venue offers.

    Attributes:
        venue: Its name.
        order_types: MARKET, LIMIT, STOP, STOP_LIMIT.
        tifs: DAY, GTC, IOC, FOK and the venue's own words.
        replacing: Whether and how a working order can be changed.
        has_look_up_by_our_id: An order is found by the client order id.
        has_cancel_all: One call cancels every order.
        has_fill_stream: Fills are pushed, each with an execution id.
        is_id_unique: A client order id is refused the second time.
        is_fractional: Quantities below one unit.
        has_preview: It says what an order would cost without booking it (`PreviewingVenue`).
        id_length_max: Longest client order id.
        calls_per_minute: Calls that one key may make, 0 when the venue names no limit.
        flight_max_ns: The longest an order may be under way and still be booked (EX-6).
        heartbeat_every_ns: How often its dead-man switch is to hear of us, 0 without one (KC-10).
        heartbeat_lapse_ns: It cancels everything after so long without a heartbeat.
        needs_intents: It finds our orders by their journaled intents: see `RememberingVenue`.
    """

    venue: str
    order_types: frozenset[str]
    tifs: frozenset[str]
    replacing: Replacing
    has_look_up_by_our_id: bool
    has_cancel_all: bool
    has_fill_stream: bool
    is_id_unique: bool
    is_fractional: bool
    id_length_max: int
    calls_per_minute: int
    flight_max_ns: int
    has_preview: bool = False
    heartbeat_every_ns: int = 0
    heartbeat_lapse_ns: int = 0
    needs_intents: bool = False


# --------------------------------------------------------------------------------------------------
# Where a venue is, and what is looked at before the start
# --------------------------------------------------------------------------------------------------


class Place(StrEnum):
    """Whose money an order at an address moves: nobody's, the sandbox's, or an account's."""

    SIMULATOR = "SIMULATOR"
    SANDBOX = "SANDBOX"
    LIVE = "LIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at before the start; `cure` says what to do when it is not ok."""

    name: str
    is_ok: bool
    found: str
    cure: str = ""


# --------------------------------------------------------------------------------------------------
# Sending
# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One order as it will stand on the wire; pure, made from the intent's bytes alone.

    Attributes:
        client_order_id: The id known before sending.
        intent: The journaled bytes it was made from.
        method: Of the request.
        path: With its query.
        body: The exact bytes.
        venue_id: The venue's own id of it, where that is known before sending.
    """

    client_order_id: str
    intent: bytes
    method: str
    path: str
    body: bytes
    venue_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAnswer:
    """An answer that was received whole from an authenticated venue.

    Attributes:
        status: HTTP status.
        code: The venue's own code, 0 when it gave none.
        text: What it said, without secrets.
        at_ns: When it arrived.
        lists_errors: Its body is nothing but errors, whatever the status says (Tradier's 200).
    """

    status: int
    code: int
    text: str
    at_ns: int
    lists_errors: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The venue has the order; `reports` is what it says about it, oldest first."""

    client_order_id: str
    broker_order_id: str
    reports: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The venue's own word that it did not take the order."""

    client_order_id: str
    answer: VenueAnswer

    def __post_init__(self) -> None:
        """Only a 4xx, or a 200 of errors, says so: 408, 429 and 5xx leave its fate open."""
        status = self.answer.status
        if status == _OK and self.answer.lists_errors:
            return
        if not 400 <= status < 500 or status in _LEAVES_OPEN:  # noqa: PLR2004 - HTTP's classes
            raise ValueError(
                f"order {self.client_order_id}: HTTP {status} is no refusal; its fate is Unknown"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Nobody knows: no answer, half an answer, or one that leaves it open (EX-6)."""

    client_order_id: str
    cause: str


_OK = 200
_LEAVES_OPEN = frozenset({408, 425, 429})
SendOutcome = Sent | Refused | Unknown


class Released(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Mail: the bytes of an order were handed to the transport, once."""

    client_order_id: str
    at_ns: int


class NotReleased(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Mail: not one byte of an order left, and none will."""

    client_order_id: str
    reason: str


# --------------------------------------------------------------------------------------------------
# Cancelling and replacing: neither answer ends an order, only a report on it does
# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested:
    """The venue took the request; the order may still fill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyFinal:
    """The venue says that there is nothing to cancel; a re-read tells how the order ended."""

    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """The request had no answer, or one that leaves it open whether it was taken."""

    cause: str


CancelOutcome = CancelRequested | AlreadyFinal | Unanswered


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The venue took the change; `broker_order_id` bears the order from now on."""

    broker_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReplaced:
    """The venue refused the change, or cannot make one; the order stands as it was."""

    reason: str


ReplaceOutcome = Replaced | NotReplaced | Unanswered


# --------------------------------------------------------------------------------------------------
# Looking up, and the venue's own account
# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """The venue's answer to a look-up: its reports on the order, None when it has no such order.

    Attributes:
        client_order_id: Ours.
        reports: All that it says about the order, oldest first.
        problem: Why there is no answer: nothing was learned, and `reports` means nothing.
        is_complete: "It has no such order" came over a healthy, authenticated connection, from a
            list that reaches back before the order; only such answers count as proof (EX-6).
        since_ns: Where the list begins in which it was not found; what was intended before that
            is not proven absent. 0 when it reaches back for ever.
        is_in_doubt: The problem is a status that nobody knows: the order's fate is unknown.
    """

    client_order_id: str
    reports: tuple[Any, ...] | None
    problem: str = ""
    is_complete: bool = True
    since_ns: int = 0
    is_in_doubt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStated:
    """An order that works at the venue.

    `client_order_id` is what the venue has for it, empty where somebody gave none; `price_1e8` is
    its limit or trigger, zero where it has neither.
    """

    client_order_id: str
    broker_order_id: str
    instrument: str
    side: str
    qty_1e8: int
    filled_1e8: int
    price_1e8: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionStated:
    """What the venue holds for the account in one instrument; `qty_1e8` below zero is short.

    `price_1e8` is what it says one unit is worth or cost, zero where it says neither.
    """

    instrument: str
    qty_1e8: int
    price_1e8: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CashStated:
    """The venue's figures of the account.

    Attributes:
        equity_1e8: Account value.
        cash_1e8: Cash.
        buying_power_1e8: What may be bought.
        is_movement: `cash_1e8` moves by price x quantity x multiplier and fees of each fill, so it
            can be compared with our own books; no venue with margin accounts says so.
        at_ns: The venue's stamp, or when it was received.
    """

    equity_1e8: int
    cash_1e8: int
    buying_power_1e8: int
    at_ns: int
    is_movement: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The venue's own account; a part that was not asked for is None.

    Attributes:
        question: The number of the question.
        problem: Why there is no answer; every part is None then.
        orders: Every order that works there, whoever placed it.
        positions: Every position that is not flat.
        positions_of: Of these nothing is held where `positions` has none, and of any other it is
            not known what is; None is of all. So what could not be read is never taken for nothing.
        cash: Its figures.
        fills: `VenueReport`s of kind FILLED, oldest first, those placed by hand too.
    """

    question: int
    problem: str = ""
    orders: tuple[OrderStated, ...] | None = None
    positions: tuple[PositionStated, ...] | None = None
    positions_of: frozenset[str] | None = None
    cash: CashStated | None = None
    fills: tuple[Any, ...] | None = None


# --------------------------------------------------------------------------------------------------
# A venue on a network: what its adapter is driven by (`actors.adapter`)
# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a stream said of an order: reports in order, or the wish to look the order up.

    Attributes:
        client_order_id: As the venue has it; whether it is ours is for the adapter to find out.
        reports: `VenueReport`s, oldest first.
        asks_look_up: The event leaves a hole, or means nothing that we know: ask the venue.
        is_in_doubt: Its status is none that we know, so the order's fate is unknown until then.
        is_correction: It corrects an execution that we cannot name: everything is compared before
            entries may leave (ST-4).
        warning: What a person should hear of, empty when nothing.
    """

    client_order_id: str
    reports: tuple[Any, ...] = ()
    asks_look_up: bool = False
    is_in_doubt: bool = False
    is_correction: bool = False
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamUp:
    """A stream of the venue is connected, signed in and listens; what it missed can be fetched."""

    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDown:
    """A stream of the venue is gone; what happens meanwhile is not heard."""

    stream: str
    cause: str


StreamNews = Reported | StreamUp | StreamDown


class Venue(Protocol):
    """One account at a venue on a network; each method is one exchange and repeats nothing."""

    capabilities: Capabilities

    def prepare(self, intent: bytes) -> Prepared:
        """The exact request of an intent; pure (raises CannotPrepareError)."""

    async def send(
        self, prepared: Prepared, release: Callable[[], None], *, is_entry: bool
    ) -> SendOutcome:
        """Hand the bytes over once; `release` is called in that instant and may forbid it.

        What `release` raises comes out, and so do `NotConnectedError` and `CannotPrepareError`,
        when what it was prepared for has changed: nothing was sent then.
        """

    async def cancel(
        self, client_order_id: str, broker_order_id: str, allow: Callable[[], None]
    ) -> CancelOutcome:
        """Ask for a cancel; `allow` is called in the instant of hand-over and may forbid it."""

    async def look_up(self, client_order_id: str, broker_order_id: str = "") -> LookedUp:
        """Ask for one order by our id, or by the venue's where it is known (EX-6)."""

    async def state(
        self,
        question: int,
        parts: frozenset[Part],
        fills_after_ns: int,
        *,
        is_urgent: bool = False,
    ) -> Stated:
        """Ask for the venue's own account; what is urgent takes the place of an exit (BR-6)."""

    async def listen(self, hear: Callable[[StreamNews], None]) -> None:
        """Follow the order stream until cancelled, reconnecting by itself."""

    async def close(self) -> None:
        """Let every connection go."""


class SweepingVenue(Venue, Protocol):
    """A venue that cancels everything by one call (`Capabilities.has_cancel_all`)."""

    async def cancel_all(
        self, client_order_ids: frozenset[str], allow: Callable[[], None]
    ) -> frozenset[str]:
        """Ask for a cancel of these by one call; those of them whose cancel was taken.

        The call knows no owner, so it is made only while nothing but these works at the venue: what
        was placed by hand is never touched (ST-3). Empty whatever kept it from an answer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """What a venue said an order would come to; it booked nothing.

    Attributes:
        is_ok: It would take it.
        text: Its words where it would not, or why there is no answer.
        figures: Its own names and numbers, as text.
    """

    is_ok: bool
    text: str = ""
    figures: Mapping[str, str] = field(default_factory=dict)


class PreviewingVenue(Venue, Protocol):
    """A venue that can be asked beforehand (`Capabilities.has_preview`)."""

    async def preview(self, prepared: Prepared) -> Previewed:
        """What the order would come to; never raises."""


class BeatingVenue(Venue, Protocol):
    """A venue with a dead-man switch (`Capabilities.heartbeat_every_ns`)."""

    async def beat(self) -> str:
        """Send one heartbeat; why it was not acknowledged, empty when it was (KC-10)."""


class RememberingVenue(Venue, Protocol):
    """A venue at which our orders are found by their intents (`needs_intents`)."""

    def remember(self, intents: Callable[[], Iterable[bytes]]) -> None:
        """Where the intents of this run are, for an order that this incarnation did not prepare."""
