"""The judge: what must hold at every step, at each hand-over, at the venue and in the end.

It believes the venue's own ledger and the durable journal, and nothing that the product says of
itself but where the two are compared.
"""

from collections import Counter, deque
from typing import TYPE_CHECKING

import msgspec

from actors.spec import EventKind
from research.simulation.booked import Booked
from research.simulation.disk import Disk
from research.simulation.judge_books import BookJudge
from research.simulation.judge_kills import KillJudge
from research.simulation.market import UNIT_1E8
from research.simulation.promises import (
    BARE_MAX_NS,
    CANCELLED_AFTER_NS,
    HELD_AFTER_NS,
    LIVE,
    PRICED,
    PRICES_KEPT_NS,
    PROTECTED,
    SETTLED_AFTER_NS,
    STOPPED_AFTER_NS,
    TOLD_AFTER_NS,
    TRADES_AGAIN_NS,
)
from research.simulation.venue import SimVenue
from research.simulation.world import SECOND_NS, World
from rust_core import AccountCore, Submission
from trading.config import Config
from trading.market import Quote
from trading.money import to_1e8

if TYPE_CHECKING:
    from research.simulation.process import Process


class Reference(msgspec.Struct, frozen=True):
    """What the judge reads of an intent: the price that it was decided on."""

    reference_1e8: int = 0
    exit_reason: str | None = None


_read_reference = msgspec.json.Decoder(Reference).decode


class Judge:
    """Watches one world.

    Args:
        world: Where findings go.
        config: The limits that must hold.
        disk: What is durable.
        venue: What is true.

    Attributes:
        kills: Watches them.
        books: Compares them in the end.
        started: Numbers of the processes there were.
        messages: Handled in all that are over.
        entries_healed: Entries that left once the world was well again.
        is_excused: What is not over by itself may have kept it from trading again.
    """

    def __init__(self, world: World, config: Config, disk: Disk, venue: SimVenue) -> None:
        """Nothing was seen."""
        self.world = world
        self.config = config
        self.disk = disk
        self.venue = venue
        self.kills = KillJudge(world, disk, venue, self.found)
        self.books = BookJudge(disk, venue, to_1e8(config.account.capital_usd), self.found)
        self.started: list[int] = []
        self.messages = 0
        self.entries_healed = 0
        self.is_excused = False
        self._buried: set[int] = set()
        self._prices: deque[tuple[int, int, int]] = deque()
        self._passed: dict[str, int] = {}
        self._told: dict[tuple[int, str], int] = {}
        self._bare: dict[str, int] = {}
        self._ttl_ns = config.account.entry_ttl_s * SECOND_NS
        self._qty_max_1e8 = to_1e8(config.limits.position_qty_max or 0)
        self._over: set[str] = set()
        self._setups: Counter[str] = Counter()
        self._said: set[str] = set()

    def found(self, invariant: str, text: str) -> None:
        """A promise was broken; the same words are kept once."""
        key = f"{invariant}: {text}"
        if key not in self._said:
            self._said.add(key)
            self.world.found(invariant, text)

    # -- at the hand-over -------------------------------------------------------------------------

    def released(self, process: "Process", submission: Submission) -> None:
        """An order's bytes are given to the transport now."""
        order = submission.client_order_id
        self.world.say(f"process {process.number} released {order} {submission.side}")
        if process.fence != self.disk.fence:
            self.found("nothing leaves a fenced process", f"{order} left process {process.number}")
        if not self._is_durable(order):
            self.found("no order without a durable intent", f"{order} left before it was durable")
        self._check_reference(submission)
        if submission.adds_risk:
            if self.world.now_ns > self.world.heal_ns:
                self.entries_healed += 1
            self._entry_released(process, submission)

    def _entry_released(self, process: "Process", submission: Submission) -> None:
        order = submission.client_order_id
        if self.kills.by_id:
            self.found(
                "nothing that adds risk leaves after a kill is acknowledged",
                f"{order} left under {', '.join(self.kills.by_id.values())}",
            )
        core = process.system.core
        if core is None:
            return
        worst_1e8 = submission.qty_1e8
        for other in core.orders():
            if other.client_order_id == order or other.instrument != submission.instrument:
                continue
            if other.state == "UNKNOWN":
                self.found(
                    "no entry beside an UNKNOWN order",
                    f"{order} left while {other.client_order_id} is UNKNOWN",
                )
            if other.purpose == "ENTRY":
                worst_1e8 += other.qty_1e8 - other.filled_1e8
        worst_1e8 += sum(abs(each.qty_1e8) for each in core.positions())
        # an entry that waits for its token is not held against what the venue undoes meanwhile
        decided_ns = self.world.now_ns - self.config.account.release_deadline_s * SECOND_NS
        if worst_1e8 > self._qty_max_1e8 and self.venue.surprised_ns < decided_ns:
            self._over.add(order)
            self.found(
                "limits hold with UNKNOWN counted as filled",
                f"{order} makes it {worst_1e8 // UNIT_1E8} at worst",
            )

    def held_back(self, process: "Process", client_order_id: str) -> None:
        """The gate let not one byte of an order leave, and the process knows (EX-6)."""
        crashes = self._crashes(process)

        def look() -> None:
            core = process.system.core if process.is_running and not process.is_frozen else None
            order = None if core is None else core.order(client_order_id)
            if order is not None and order.state in LIVE and self._crashes(process) == crashes:
                text = f"{client_order_id} was held back and is {order.state}"
                self.found("every order reaches its end", text)

        self.world.after(HELD_AFTER_NS, look)

    @staticmethod
    def _crashes(process: "Process") -> int:
        events = process.system.counters.events
        return sum(event.kind is EventKind.CRASHED for event in events)

    def _is_durable(self, client_order_id: str) -> bool:
        rows = self.disk.intents
        return client_order_id in rows

    # -- at each price ----------------------------------------------------------------------------

    def quoted(self, process: "Process | None", quote: Quote) -> None:
        """A price was made at the venue."""
        self.kills.in_charge = process
        self._prices.append((quote.at_ns, quote.bid_1e8, quote.ask_1e8))
        while self._prices[0][0] < quote.at_ns - PRICES_KEPT_NS:
            self._prices.popleft()
        self.kills.look()
        for order in self.venue.open_orders():
            if order.purpose == "ENTRY" and order.order_type == "LIMIT":
                self._outlived(order)
        core = process.system.core if process is not None and process.is_running else None
        if core is not None:
            self._stops(core, quote)

    def closed(self) -> None:
        """The session is over, and nothing went wrong towards its end."""
        held = {name: qty for name, qty in self.venue.positions.items() if qty}
        if held and self.world.is_calm_for(SETTLED_AFTER_NS, self.venue.surprised_ns):
            self.found("nothing is held over the close", f"{held} is")

    def published(self, process: "Process", journal_id: str, last_seq: int) -> None:
        """A durable request was told of to everybody who listens."""
        key = (process.number, journal_id)
        if last_seq <= self._told.get(key, 0):
            self.found("outcomes are told in order", f"{journal_id} {last_seq} came too late")
        self._told[key] = last_seq

    def _outlived(self, order: Booked) -> None:
        if self.world.is_calm_for(self._ttl_ns + CANCELLED_AFTER_NS, order.booked_ns):
            self.found("an entry does not outlive its time", f"{order.client_order_id} still works")

    def _stops(self, core: AccountCore, quote: Quote) -> None:
        """A price beyond a stop must lead to an exit soon, once nothing goes wrong any more."""
        now_ns, passed = self.world.now_ns, self._passed
        still: dict[str, int] = {}
        for position in core.positions():
            stop_1e8, is_long = position.stop_1e8, position.qty_1e8 > 0
            if not stop_1e8 or position.phase == "EXIT_PENDING":
                continue
            is_beyond = quote.bid_1e8 <= stop_1e8 if is_long else quote.ask_1e8 >= stop_1e8
            if is_beyond:
                still[position.position_id] = passed.get(position.position_id, now_ns)
        self._passed = still
        for position_id, since_ns in still.items():
            if now_ns - max(since_ns, self.world.heal_ns) > STOPPED_AFTER_NS:
                text = f"{position_id} is beyond its stop for {(now_ns - since_ns) // SECOND_NS} s"
                self.found("a stop that was passed is acted on", text.rstrip("0123456789 s"))

    def _check_reference(self, submission: Submission) -> None:
        """What an order was decided on must be a price that the market has made."""
        intent = _read_reference(submission.intent)
        reference_1e8 = intent.reference_1e8
        is_by_price = submission.adds_risk or intent.exit_reason in PRICED
        if not is_by_price or not reference_1e8 or not self._prices:
            return
        low_1e8 = min(bid_1e8 for _, bid_1e8, _ in self._prices)
        high_1e8 = max(ask_1e8 for _, _, ask_1e8 in self._prices)
        if not low_1e8 <= reference_1e8 <= high_1e8:
            self.found(
                "no order rests on a price that was never made",
                f"{submission.client_order_id} rests on {reference_1e8}, the market was "
                f"{low_1e8} to {high_1e8}",
            )

    # -- at the venue -----------------------------------------------------------------------------

    def placed(self, order: Booked) -> None:
        """The venue took an order that it did not have."""
        heard_ns = max(self.venue.surprised_ns, self.world.line_back_ns)
        is_told = self.world.now_ns - heard_ns > TOLD_AFTER_NS
        if order.purpose != "ENTRY":
            if is_told:
                self._exit_placed(order)
            return
        self._setups[order.position_id] += 1
        if self._setups[order.position_id] > 1:
            self.found("one entry per setup instance", f"{order.position_id} was entered twice")
        held_1e8 = abs(self.venue.positions.get(order.instrument, 0))
        open_1e8 = sum(
            each.qty_1e8 - each.filled_1e8
            for each in self.venue.open_orders()
            if each.purpose == "ENTRY"
        )
        if order.client_order_id in self._over:
            return  # our own books said so at the hand-over
        if is_told and held_1e8 + open_1e8 > self._qty_max_1e8:
            self.found(
                "limits hold at the venue",
                f"{order.client_order_id} makes it {(held_1e8 + open_1e8) // UNIT_1E8}",
            )

    def _exit_placed(self, order: Booked) -> None:
        """What leaves a position must not open the other side."""
        held_1e8 = self.venue.positions.get(order.instrument, 0)
        open_1e8 = sum(
            each.qty_1e8 - each.filled_1e8
            for each in self.venue.open_orders()
            if each.purpose == "EXIT" and each.sign == order.sign
        )
        if open_1e8 > max(0, -order.sign * held_1e8):
            self.found(
                "an exit takes no more than is held",
                f"{order.client_order_id} makes it {open_1e8 // UNIT_1E8} of "
                f"{held_1e8 // UNIT_1E8}",
            )

    # -- at every step ----------------------------------------------------------------------------

    def stale_timer(self, name: str) -> None:
        """A timer fired that an earlier incarnation had armed."""
        self.found("no timer of a dead incarnation acts", f"one of {name} did")

    def turned(self, process: "Process") -> None:
        """A process has done all there was to do at this instant."""
        core = process.system.core
        if core is None:
            return
        now_ns, bare = self.world.now_ns, self._bare
        self._bare = {
            each.position_id: bare.get(each.position_id, now_ns)
            for each in core.positions()
            if not each.is_protected and each.phase != "EXIT_PENDING"
        }
        for position_id, since_ns in self._bare.items():
            if now_ns - since_ns > BARE_MAX_NS:
                self.found(PROTECTED, f"{position_id} is not")
        self.kills.turned(core)

    # -- processes --------------------------------------------------------------------------------

    def buried(self, process: "Process") -> None:
        """A process is over: count what it did, and look at what crashed in it."""
        if process.number in self._buried:
            return
        self._buried.add(process.number)
        self.messages += process.lane.handled
        for event in process.system.counters.events:
            if event.kind is EventKind.CRASHED and not self._is_expected(event.reason):
                self.found(
                    "nothing crashed that nobody harmed",
                    f"{event.name}: {event.reason} {event.detail[-800:]}",
                )

    @staticmethod
    def _is_expected(reason: str) -> bool:
        return any(word in reason for word in ("Poison", "PanicError", "Fenced", "Failed"))

    # -- in the end -------------------------------------------------------------------------------

    def ended(self, process: "Process") -> None:
        """The world healed long ago, and the session is over."""
        core = process.system.core
        if core is None:
            self.found("nothing crashed that nobody harmed", "the account is not running")
            return
        for order in self.venue.orders.values():
            if order.posts > 1:
                self.found(
                    "one venue order per intent",
                    f"{order.client_order_id} was posted {order.posts} times",
                )
        self.books.compare(process, core)
        self._alive_again(process, core)
        self._own_assertions(process)

    def _alive_again(self, process: "Process", core: AccountCore) -> None:
        """Safe and useless is a fault too: unless something stops it, it trades again."""
        stopped = [reason for _, _, reason in core.account().halts]
        if self.kills.by_id or stopped or process.system.counters.halted_for or self.is_excused:
            return
        if not self.entries_healed:
            self.found("it trades again once the world has healed", "no entry left after that")

    def last_chance(self, process: "Process | None") -> None:
        """The account will soon be flat for the day: a breaker, or a stop order, may still wait.

        So may a strategy whose position reached neither its stop nor its target until just now.
        """
        since_ns = self.world.now_ns - TRADES_AGAIN_NS
        is_held = any(self.venue.positions.values()) or any(
            order.purpose == "EXIT" and order.booked_ns > since_ns
            for order in self.venue.orders.values()
        )
        if is_held or any(order.purpose == "ENTRY" for order in self.venue.open_orders()):
            self.is_excused = True
            return
        system = None if process is None else process.system
        self.is_excused = system is None or any(
            each["until_ns"] > since_ns or each["is_latched"]
            for each in system.wiring.breakers.states()
        )

    def _own_assertions(self, process: "Process") -> None:
        """The product's own assertions would stop it: in here each of them is a finding."""
        record = self.disk.record
        for row in record.events(process.system.account_name, self.disk.run):
            if row.kind == "InvariantViolated":
                self.found("our own assertions hold", row.payload.decode()[:300])
