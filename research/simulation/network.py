"""The network between a trader and its venue: what is lost, late, repeated or out of order.

A request for an order is never repeated by the network (TCP does not); everything the venue sends
may be. Silence and a broken line differ: what a silent line holds back comes later, what was sent
over a broken one is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from brokers.base import LookedUp, NotReleased, Released, Stated
from research.simulation.world import MILLI_NS, SECOND_NS, World
from rust_core import Message, ReleaseGate, ReleaseRefusedError, Submission, VenueReport
from trading.ports import Part

if TYPE_CHECKING:
    from research.simulation.venue import SimVenue

ANSWER_WAIT_NS = 5 * SECOND_NS
NO_ANSWER = "no answer in 5 s"
SLOW_LIST_MAX_MS = 4_500
"""The longest way home of a list that is still waited for."""
REQUEST_LATE_MAX_MS = 4_000
"""The longest flight of a request that still arrives."""


@dataclass(slots=True)
class NetworkFaults:
    """Likelihood of each fault, per message; all of them zero after the world has healed."""

    request_lost: float = 0.0
    request_late: float = 0.0
    answer_lost: float = 0.0
    answer_late: float = 0.0
    answer_error: float = 0.0
    rate_limited: float = 0.0
    report_late: float = 0.0
    report_repeated: float = 0.0
    report_reordered: float = 0.0
    lookup_stale: float = 0.0


@dataclass(slots=True)
class Armed:
    """What happens to the next order that adds risk.

    Attributes:
        wait_ms: It waits so long for its token.
        late_ms: Its request is under way for so long.
        is_answer_lost: Its answer never comes.
        waiting: Called as it begins to wait.
        left: Called as its bytes have left.
    """

    wait_ms: int = 0
    late_ms: int = 0
    is_answer_lost: bool = False
    waiting: Callable[[], None] | None = None
    left: Callable[[], None] | None = None


class Host(Protocol):
    """The process at our end of the line."""

    @property
    def is_frozen(self) -> bool:
        """It is not scheduled."""

    def mail(self, message: object) -> None:
        """Bring an answer to the account, if the process still lives."""

    def when_running(self, act: Callable[[], None]) -> None:
        """Do something of the process's own, once it is scheduled; never when it has died."""

    def point(self, name: str) -> None:
        """A place at which something may go wrong was reached."""


class Network:
    """Carries requests, answers and the stream.

    Args:
        world: Time and chance.
        faults: What goes wrong.

    Attributes:
        venue: At the far end; set once it is built.
        host: Who hears the stream now, None while nobody is connected.
        deaf_until_ns: What the stream says until then is lost, while requests come and go.
        behind_until_ns: Look-ups read a list that does not reach the present until then.
        stateless_until_ns: The venue's own account cannot be asked for until then.
        lists_slow_until_ns: The venue's own account is under way for seconds until then.
        armed: What happens to the next order.
    """

    def __init__(self, world: World, faults: NetworkFaults) -> None:
        """Nobody is connected."""
        self.world = world
        self.faults = faults
        self.venue: SimVenue
        self.host: Host | None = None
        self.broken_until_ns = 0
        self.silent_until_ns = 0
        self.deaf_until_ns = 0
        self.behind_until_ns = 0
        self.stateless_until_ns = 0
        self.lists_slow_until_ns = 0
        self.armed: Armed | None = None
        self._stream_ns = 0
        self._broken_from_ns = -1

    # -- requests and their answers -----------------------------------------------------------

    def request(
        self,
        kind: str,
        act: Callable[[], None],
        answer: Callable[[], Callable[[], None] | None],
        *,
        late_ms: int = 0,
    ) -> None:
        """Carry one request there, have the venue act, and carry its answer back.

        Args:
            kind: What it is, for chance and for the report.
            act: What the venue does.
            answer: Made at the venue after acting; brings the answer home when called.
            late_ms: It is under way for at least so long.
        """
        world, faults = self.world, self.faults
        if self._is_unreachable() or world.strikes(f"net.{kind}_lost", faults.request_lost):
            if kind == "post":
                world.order_lost_ns = world.now_ns
            return
        latency_ns = self._latency_ns(kind) + late_ms * MILLI_NS
        if world.strikes(f"net.{kind}_late", faults.request_late):
            latency_ns += world.chance.between(f"{kind} late", 500, REQUEST_LATE_MAX_MS) * MILLI_NS

        def arrives() -> None:
            if self.venue.is_down:
                world.hit(f"net.{kind}_while_down")
                return
            act()
            home = answer()
            if home is not None:
                self._answer(kind, home)

        world.after(latency_ns, arrives)

    def _answer(self, kind: str, home: Callable[[], None]) -> None:
        world, faults = self.world, self.faults
        if self._is_unreachable() or world.strikes(f"net.{kind}_answer_lost", faults.answer_lost):
            return
        latency_ns = self._latency_ns(kind)
        if kind == "state" and world.is_faulty() and world.now_ns < self.lists_slow_until_ns:
            latency_ns += world.chance.between("slow list", 1_500, SLOW_LIST_MAX_MS) * MILLI_NS
        elif world.strikes(f"net.{kind}_answer_late", faults.answer_late):
            latency_ns += world.chance.between(f"{kind} answer", 500, 9_000) * MILLI_NS
        world.after(latency_ns, home)

    def _latency_ns(self, kind: str) -> int:
        return self.world.chance.between(f"latency {kind}", 2, 60) * MILLI_NS

    def _is_unreachable(self) -> bool:
        return self.world.now_ns < self.broken_until_ns

    def wait_ns(self) -> int:
        """How long an order waits in our own process for a token and a connection."""
        chance = self.world.chance
        if not self.world.is_faulty() or not chance.happens("token wait", 0.3):
            return 0
        most_ms = 3_000 if chance.happens("long token wait", 0.1) else 120
        return chance.between("token wait ms", 1, most_ms) * MILLI_NS

    def take_armed(self) -> Armed:
        """What was armed for the order that is handed over now; nothing once the world is well."""
        armed, self.armed = self.armed, None
        return armed if armed is not None and self.world.is_faulty() else Armed()

    # -- the stream -------------------------------------------------------------------------------

    def report(self, report: VenueReport) -> None:
        """Send a report down the stream; one that is sent over a broken line is gone."""
        host, world, faults = self.host, self.world, self.faults
        is_deaf = world.is_faulty() and world.now_ns < self.deaf_until_ns
        if host is None or is_deaf or self._is_unreachable():
            world.hits["net.report_missed"] += 1
            return
        latency_ns = self._latency_ns("stream")
        if world.strikes("net.report_late", faults.report_late):
            latency_ns += world.chance.between("report late", 300, 7_000) * MILLI_NS
        due_ns = max(world.now_ns + latency_ns, self.silent_until_ns)
        if world.strikes("net.report_reordered", faults.report_reordered):
            due_ns += world.chance.between("reordered", 100, 2_000) * MILLI_NS
        else:
            due_ns = self._stream_ns = max(due_ns, self._stream_ns)
        self._deliver(host, report, due_ns)
        if world.strikes("net.report_repeated", faults.report_repeated):
            again_ns = world.chance.between("repeated", 1, 5_000) * MILLI_NS
            self._deliver(host, report, due_ns + again_ns)

    def _deliver(self, host: Host, report: VenueReport, due_ns: int) -> None:
        sent_ns = self.world.now_ns

        def arrives() -> None:
            if sent_ns <= self._broken_from_ns:
                self.world.hits["net.report_missed"] += 1  # the line broke while it was under way
                return
            host.mail(Message.venue_report(report))
            if report.kind == "FILLED":
                host.point("filled")

        self.world.at(due_ns, arrives)

    def break_line(self, seconds: int) -> None:
        """Nothing gets through for so long, and what was under way is gone."""
        self._broken_from_ns = self.world.now_ns
        self.broken_until_ns = self.world.now_ns + seconds * SECOND_NS
        self.world.line_back_ns = max(self.world.line_back_ns, self.broken_until_ns)

    def silence(self, seconds: int) -> None:
        """The stream seems to stand, and says nothing for so long."""
        self.silent_until_ns = self.world.now_ns + seconds * SECOND_NS


class Wire:
    """One process's way to the venue: `trading.ports.Broker` over the network.

    Args:
        network: What carries the bytes.
        host: The process.
        fence_word: The fence as it stands in shared memory.
        released: Called with each submission at the instant of its hand-over.
        held_back: Called with each order of which the gate let not one byte leave.
    """

    name = "simulated"

    def __init__(
        self,
        network: Network,
        host: Host,
        fence_word: Callable[[], int],
        released: Callable[[Submission], None],
        held_back: Callable[[str], None],
    ) -> None:
        """A line of its own."""
        self._network = network
        self._host = host
        self._fence_word = fence_word
        self._released = released
        self._held_back = held_back

    def submit(self, submission: Submission, gate: ReleaseGate) -> None:
        """Redeem the verdict and hand its bytes over at most once, now or when the way is free."""
        network = self._network
        armed = network.take_armed() if submission.adds_risk else Armed()
        wait_ns = max(network.wait_ns(), armed.wait_ms * MILLI_NS)
        if armed.waiting is not None:
            armed.waiting()
        if wait_ns:
            network.world.after(wait_ns, lambda: self._when_free(submission, gate, armed))
        else:
            self._hand_over(submission, gate, armed)

    def _when_free(self, submission: Submission, gate: ReleaseGate, armed: Armed) -> None:
        """The limiter's token and a connection are in hand, unless the process is gone."""
        self._host.when_running(lambda: self._hand_over(submission, gate, armed))

    def _hand_over(self, submission: Submission, gate: ReleaseGate, armed: Armed) -> None:
        world, order = self._network.world, submission.client_order_id
        self._host.point("release")
        try:
            intent = submission.redeem(gate, world.now_ns, fence_word=self._fence_word())
        except ReleaseRefusedError as refused:
            self._host.mail(NotReleased(client_order_id=order, reason=str(refused)))
            self._held_back(order)
            return
        self._released(submission)
        self._post(order, intent, armed)
        if armed.left is not None:
            armed.left()
        self._host.point("handed_over")
        self._host.mail(Released(client_order_id=order, at_ns=world.now_ns))

    def _post(self, client_order_id: str, intent: bytes, armed: Armed) -> None:
        network, world, host = self._network, self._network.world, self._host
        faults, venue = network.faults, network.venue
        if world.strikes("net.rate_limited", faults.rate_limited):
            refused = VenueReport(client_order_id, "REJECTED", world.now_ns, reason="rate limit")
            world.after(20 * MILLI_NS, lambda: host.mail(Message.venue_report(refused)))
            return

        def answer() -> Callable[[], None] | None:
            if armed.is_answer_lost and world.is_faulty():
                return None
            if world.strikes("net.accepted_then_5xx", faults.answer_error):
                return lambda: host.mail(Message.no_answer(client_order_id))
            said = venue.look_up(client_order_id)
            first = said[0] if said else None

            def home() -> None:
                host.point("answered")
                if first is not None:
                    host.mail(Message.venue_report(first))

            return home

        late_ms = armed.late_ms if world.is_faulty() else 0
        network.request("post", lambda: _ignored(venue.place(intent)), answer, late_ms=late_ms)

    def cancel(self, client_order_id: str, broker_order_id: str = "") -> None:
        """Ask for a cancel."""
        del broker_order_id
        venue = self._network.venue
        self._network.request("cancel", lambda: venue.cancel(client_order_id), lambda: None)

    def _ask(self, kind: str, answer: Callable[[], object], nothing: object) -> None:
        """Ask once; after a while without an answer, say that nothing was learned."""
        network, host = self._network, self._host
        state = {"is_answered": False}

        def said(message: object) -> None:
            if not state["is_answered"]:
                state["is_answered"] = True
                network.world.say(f"told {message}")
                host.mail(message)

        def home() -> Callable[[], None]:
            message = answer()
            return lambda: said(message)

        network.request(kind, lambda: None, home)
        network.world.after(ANSWER_WAIT_NS, lambda: said(nothing))

    def look_up(self, client_order_id: str) -> None:
        """Ask what the venue knows of one order."""
        network = self._network
        world = network.world

        def answer() -> LookedUp:
            if world.strikes("net.lookup_error", network.faults.answer_error):
                said = LookedUp(
                    client_order_id=client_order_id, reports=None, problem="the venue said 503"
                )
            elif world.now_ns < network.behind_until_ns or world.strikes(
                "net.lookup_stale", network.faults.lookup_stale
            ):
                said = LookedUp(client_order_id=client_order_id, reports=None, is_complete=False)
            else:
                reports = network.venue.look_up(client_order_id)
                said = LookedUp(client_order_id=client_order_id, reports=reports)
            return said

        nothing = LookedUp(client_order_id=client_order_id, reports=None, problem=NO_ANSWER)
        self._ask("lookup", answer, nothing)

    def state(
        self,
        question: int,
        parts: frozenset[Part],
        fills_after_ns: int = 0,
        *,
        is_urgent: bool = False,
    ) -> None:
        """Ask for the venue's own account; here calls have no limit of their own."""
        del is_urgent
        network = self._network

        def answer() -> Stated:
            world = network.world
            is_refused = world.is_faulty() and world.now_ns < network.stateless_until_ns
            if is_refused or world.strikes("net.state_error", network.faults.answer_error):
                return Stated(question=question, problem="the venue said 503")
            return network.venue.stated(question, parts, fills_after_ns)

        self._ask("state", answer, Stated(question=question, problem=NO_ANSWER))


def _ignored(_: object) -> None:
    """An act has no result."""
