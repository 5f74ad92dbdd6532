"""One order in the venue's own ledger, and what is read of the bytes that asked for it."""

from dataclasses import dataclass, field

import msgspec

from rust_core import VenueReport

HELD = "held-"
"""Begins the venue's id of an order that came while trading was halted."""
STRAY = "STRAY"
"""The purpose of an order that the trader knows nothing of."""
ENDS = {"CANCELLED", "EXPIRED", "REJECTED"}


@dataclass(slots=True)
class Booked:
    """One order in the venue's own ledger.

    Attributes:
        posts: How many requests with this id were taken: more than one is a duplicate.
        state: WORKING, FILLED, CANCELLED, EXPIRED or REJECTED.
        reports: All that was said about it, oldest first.
    """

    client_order_id: str
    instrument: str
    side: str
    qty_1e8: int
    booked_ns: int
    purpose: str
    order_type: str
    position_id: str
    posts: int = 0
    broker_order_id: str = ""
    state: str = "WORKING"
    filled_1e8: int = 0
    taken_back_1e8: int = 0
    fees_1e8: int = 0
    reports: list[VenueReport] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """It may still be executed by its own terms."""
        return self.state == "WORKING"

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.side == "BUY" else -1


class Purpose(msgspec.Struct, frozen=True):
    """What the judge reads of an order's bytes beside what a venue would."""

    purpose: str
    position_id: str


read_purpose = msgspec.json.Decoder(Purpose).decode


def totalled(report: VenueReport, order: Booked) -> VenueReport:
    """The end of an order, with what was filled of it in all."""
    return VenueReport(
        report.client_order_id,
        report.kind,
        report.venue_ns,
        broker_order_id=report.broker_order_id,
        qty_1e8=order.filled_1e8,
        reason=report.reason,
    )


def renamed(report: VenueReport, broker_order_id: str) -> VenueReport:
    """The same report under the id that the order was acknowledged with."""
    return VenueReport(
        report.client_order_id,
        report.kind,
        report.venue_ns,
        broker_order_id=broker_order_id,
        execution_id=report.execution_id,
        qty_1e8=report.qty_1e8,
        price_1e8=report.price_1e8,
        fee_1e8=report.fee_1e8,
        reason=report.reason,
    )
