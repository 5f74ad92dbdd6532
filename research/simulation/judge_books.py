"""The judge of books: ours and the venue's in the end, and what a journal gives to who reads it."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from research.simulation.booked import STRAY
from research.simulation.disk import Disk
from research.simulation.promises import LIVE
from research.simulation.venue import SimVenue
from rust_core import AccountCore
from trading.run_options import Mode

if TYPE_CHECKING:
    from research.simulation.process import Process


class BookJudge:
    """Compares the books of one world, when all of it is over.

    Args:
        disk: What is durable.
        venue: What is true.
        capital_1e8: Cash at the beginning.
        found: Called with a promise and what broke it.
    """

    def __init__(
        self, disk: Disk, venue: SimVenue, capital_1e8: int, found: Callable[[str, str], None]
    ) -> None:
        """Nothing was compared."""
        self.disk = disk
        self.venue = venue
        self.found = found
        self._capital_1e8 = capital_1e8

    def compare(self, process: "Process", core: AccountCore) -> None:
        """Orders, positions, cash and fees, and a second core from the journal."""
        self._orders_ended(core)
        self._books_equal(core)
        self._rehydrated_alike(process, core)

    def _orders_ended(self, core: AccountCore) -> None:
        for order in core.orders():
            self.found("every order reaches its end", f"{order.client_order_id} is {order.state}")
        for booked in self.venue.open_orders():
            self.found(
                "every order reaches its end", f"{booked.client_order_id} works at the venue"
            )

    def _books_equal(self, core: AccountCore) -> None:
        ours: Counter[str] = Counter()
        for position in core.positions():
            ours[position.instrument] += position.qty_1e8
        theirs = {name: qty for name, qty in self.venue.positions.items() if qty}
        if {name: qty for name, qty in ours.items() if qty} != theirs:
            self._differs(f"positions: ours {dict(ours)}, theirs {theirs}")
        account = core.account()
        moved_1e8 = self.venue.cash_1e8 - self._capital_1e8
        if account.cash_1e8 != moved_1e8:
            self._differs(f"cash: ours {account.cash_1e8}, theirs {moved_1e8}")
        if account.fees_1e8 != self.venue.fees_1e8:
            self._differs(f"fees: ours {account.fees_1e8}, theirs {self.venue.fees_1e8}")
        self._orders_equal()

    def _orders_equal(self) -> None:
        rows = self.disk.record.query(
            "SELECT client_order_id, state, filled_1e8, fees_1e8 FROM orders", {}
        )
        known = set()
        for order, state, filled_1e8, fees_1e8 in rows:
            known.add(order)
            booked = self.venue.orders.get(order)
            if booked is None:
                if state not in ("NOT_SENT", "REJECTED"):
                    self._differs(f"{order} is {state}, and the venue has no such order")
            elif state in LIVE:
                continue  # it has not reached its end, which is a promise of its own
            elif state != booked.state or (filled_1e8, fees_1e8) != (
                booked.filled_1e8,
                booked.fees_1e8,
            ):
                self._differs(
                    f"{order}: ours {state} {filled_1e8} {fees_1e8}, "
                    f"theirs {booked.state} {booked.filled_1e8} {booked.fees_1e8}"
                )
        for order, booked in self.venue.orders.items():
            if order not in known and booked.purpose != STRAY:
                self._differs(f"{order} is at the venue, and not in our journal")

    def _differs(self, text: str) -> None:
        self.found("our book equals the venue's", text)

    def _rehydrated_alike(self, process: "Process", core: AccountCore) -> None:
        """A second core that reads the journal must stand where the first one stands."""
        second = rehydrated(process)
        if shown(second) != shown(core):
            self.found(
                "journal, projections and cores agree",
                f"the core shows {shown(core)}, its journal {shown(second)}",
            )


def rehydrated(process: "Process") -> AccountCore:
    """A core from the journal of a process's account, as an account's actor makes one."""
    system, record = process.system, process.site.disk.record
    core = AccountCore(system.config.account_json(Mode.PAPER))
    after, run = 0, process.site.disk.run
    snapshot = record.last_snapshot(system.account_name, run)
    if snapshot is not None:
        core.rehydrate(snapshot.kind, snapshot.payload, snapshot.at_ns)
        after = snapshot.seq
    for row in record.events(system.account_name, run, after):
        core.rehydrate(row.kind, row.payload, row.at_ns)
    return core


def shown(core: AccountCore) -> dict[str, Any]:
    """What a core says of itself, as far as it follows from its journal."""
    account = core.account()
    return {
        "cash": account.cash_1e8,
        "fees": account.fees_1e8,
        "gross": account.gross_1e8,
        "kill": account.kill_level,
        "halts": sorted(account.halts),
        "orders": sorted(
            (each.client_order_id, each.state, each.filled_1e8, each.is_cancel_asked)
            for each in core.orders()
        ),
        "positions": sorted(
            (each.position_id, each.qty_1e8, each.phase, each.stop_1e8, each.exit_order_id)
            for each in core.positions()
        ),
    }
