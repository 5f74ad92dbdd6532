"""Two books side by side: what the venue has, and what our record says after a recovery.

The venue's word is the truth. Pure: files and sockets are read elsewhere.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Fill = tuple[str, int, int]
"""Client order id, quantity and price at 1e-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBook:
    """What the venue has.

    Attributes:
        orders: How many orders it booked under each id that a client gave.
        nameless: Orders without an id of ours.
        writes: How often an order of each id was written to it; empty where nobody counts.
        open: Ids of the orders that may still change.
        fills: Its executions, those taken back left out.
        held: Positions at 1e-8, none of them 0.
    """

    orders: Mapping[str, int]
    nameless: int = 0
    writes: Mapping[str, int] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    fills: Counter[Fill] = field(default_factory=Counter)
    held: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OurBook:
    """What the record says.

    Attributes:
        intended: Ids of all orders that were ever intended.
        sent: Those whose state says that the venue booked them.
        unsent: Those whose state says that it never did.
        in_doubt: Those whose state says neither (EX-1, EX-3): state by id.
        open: Those that are not over.
        fills: As the journal has them, those taken back left out.
        held: Positions at 1e-8, none of them 0.
        lines: Position and hash of every row of the journal, oldest first.
        kinds: How many events of each kind there are.
    """

    intended: frozenset[str]
    sent: frozenset[str]
    unsent: frozenset[str]
    in_doubt: Mapping[str, str]
    open: frozenset[str]
    fills: Counter[Fill]
    held: Mapping[str, int]
    lines: tuple[tuple[int, bytes], ...]
    kinds: Mapping[str, int]


@dataclass(slots=True)
class Findings:
    """What is wrong, each a sentence.

    Attributes:
        orphans: At the venue, and not in our books.
        duplicates: Twice where once was meant.
        lost: What happened or was durable, and is not in our books.
    """

    orphans: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def add(self, more: "Findings") -> None:
        """Take over what else is wrong."""
        self.orphans += more.orphans
        self.duplicates += more.duplicates
        self.lost += more.lost

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.orphans or self.duplicates or self.lost)


def compare(ours: OurBook, venue: VenueBook, *, before: OurBook) -> Findings:
    """Judge our record after a recovery; `before` is the record as the dead process left it."""
    found = Findings()
    _orders(ours, venue, found)
    _open(ours, venue, found)
    for fill, count in (venue.fills - ours.fills).items():
        found.lost.append(f"{count} fills of {_said(fill)} are in the venue's book only")
    for fill, count in (ours.fills - venue.fills).items():
        found.duplicates.append(f"{count} fills of {_said(fill)} are in ours, not in the venue's")
    for symbol in sorted({*ours.held, *venue.held}):
        mine, theirs = ours.held.get(symbol, 0), venue.held.get(symbol, 0)
        if mine != theirs:
            found.orphans.append(f"the venue holds {theirs} of {symbol}, our books say {mine}")
    if ours.lines[: len(before.lines)] != before.lines:
        found.lost.append("the journal before the kill is no prefix of the journal after it")
    return found


def _orders(ours: OurBook, venue: VenueBook, found: Findings) -> None:
    for order in sorted(set(venue.orders) - ours.intended):
        found.orphans.append(f"order {order} is at the venue, and nobody intended it")
    if venue.nameless:
        found.orphans.append(f"{venue.nameless} orders at the venue carry no id of ours")
    for order in sorted(ours.unsent & set(venue.orders)):
        found.orphans.append(f"order {order} is at the venue, our books say it never left")
    for order in sorted(ours.sent - set(venue.orders)):
        found.lost.append(f"order {order} was sent, our books say; the venue never had it")
    for what, counts in (("booked", venue.orders), ("written", venue.writes)):
        for order, count in counts.items():
            if count > 1:
                found.duplicates.append(f"order {order} was {what} {count} times")


def _open(ours: OurBook, venue: VenueBook, found: Findings) -> None:
    """An order in doubt is one without an end, too: a run that ends well leaves none."""
    for order in sorted(set(ours.in_doubt) - set(venue.orders)):
        state = ours.in_doubt[order]
        found.lost.append(f"order {order} is {state} in our books; the venue never had it")
    for order in sorted(venue.open - ours.open):
        found.orphans.append(f"order {order} works at the venue, our books say it is over")
    for order in sorted((ours.open & set(venue.orders)) - venue.open):
        found.lost.append(f"the end of order {order} is in the venue's book only")


def _said(fill: Fill) -> str:
    order, qty_1e8, price_1e8 = fill
    return f"{order} ({qty_1e8 / 1e8:g} at {price_1e8 / 1e8:g})"


def compare_trades(ours: Iterable[object], uninterrupted: Iterable[object]) -> Findings:
    """A recovered replay ends with the trades of one that nothing happened to."""
    mine, theirs = Counter(ours), Counter(uninterrupted)
    return Findings(
        lost=[f"the trade {trade} is missing" for trade in (theirs - mine).elements()],
        duplicates=[f"the trade {trade} is one too many" for trade in (mine - theirs).elements()],
    )
