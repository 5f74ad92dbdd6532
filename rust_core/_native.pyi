"""The compiled part of `rust_core`: hand-written, compared with the build by stubtest.

Times are integer nanoseconds UTC (`_ns`); prices, quantities, amounts and exact ratios are integers
at 1e-8 (`_1e8`). Names of states, sides and reasons are text in capitals, as journaled.
"""

from collections.abc import Sequence
from typing import final

from typing_extensions import Buffer

__all__: list[str] = []  # each section adds its own

__all__ += [
    "EVENT_KINDS",
    "ORDER_CORRECTIONS",
    "ORDER_STATES",
    "ORDER_TRANSITIONS",
    "AccountCore",
    "AccountView",
    "BrokerConfirmationRequiredError",
    "Cancel",
    "Decision",
    "DriftView",
    "Event",
    "ExitPlan",
    "InvalidTransitionError",
    "Judgement",
    "Leg",
    "Lookup",
    "Message",
    "Notify",
    "OrderTableError",
    "OrderView",
    "PositionView",
    "ProtectionView",
    "Signal",
    "StaleDecisionError",
    "StrategySeen",
    "StrategySession",
    "Submit",
    "TerminalStateError",
    "Timer",
    "order_correct",
    "order_step",
    "realised_1e8",
]

ORDER_STATES: tuple[str, ...]
ORDER_TRANSITIONS: tuple[tuple[str, str, str], ...]
ORDER_CORRECTIONS: tuple[tuple[str, str, str], ...]
EVENT_KINDS: tuple[str, ...]

class OrderTableError(Exception):
    """A step of an order that its table does not allow; the order is unchanged."""

class InvalidTransitionError(OrderTableError):
    """The pair of state and event is not in the table."""

class BrokerConfirmationRequiredError(OrderTableError):
    """Only the broker can confirm it, and no broker order id is known."""

class TerminalStateError(OrderTableError):
    """The order is over, and this is none of the two corrections."""

class StaleDecisionError(Exception):
    """A decision was applied twice, out of order, or to another core."""

def order_step(state: str, event: str, *, has_broker_id: bool) -> str:
    """The state after an event, by the table (EX-1).

    Raises:
        OrderTableError: When the table refuses; the subclass says why (EX-2).
        ValueError: For a state or an event that does not exist.
    """

def order_correct(state: str, event: str, *, has_broker_id: bool) -> str:
    """The state of an ended order after one of the two corrections (EX-2).

    Raises:
        OrderTableError: When it is no correction, or the broker's id is absent.
        ValueError: For a state or an event that does not exist.
    """

def realised_1e8(fills: Sequence[tuple[str, int, int]], multiplier_1e8: int) -> int:
    """Profit and loss of fills `(side, qty_1e8, price_1e8)` in any order, average cost, no fees.

    Raises:
        ValueError: For an unknown side, or amounts that do not fit 64 bits.
    """

@final
class Leg:
    """One part of what a signal asks for: instrument, BUY or SELL, quantity per unit of it."""

    def __new__(cls, instrument: str, side: str, ratio_1e8: int = 100_000_000) -> Leg: ...
    @property
    def instrument(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def ratio_1e8(self) -> int: ...

@final
class ExitPlan:
    """How a position ends (PX-3). Exactly one of the stops, or a waiver by name, must be given.

    A level is a price (`stop_1e8`), a ratio of the average entry really filled (`stop_ratio_1e8`),
    or R (`target_r_1e8`). The first target closes `target_1_portion_ratio_1e8` of what was filled.
    """

    def __new__(
        cls,
        *,
        stop_1e8: int | None = None,
        stop_ratio_1e8: int | None = None,
        no_stop: str | None = None,
        trailing_ratio_1e8: int | None = None,
        target_1e8: int | None = None,
        target_ratio_1e8: int | None = None,
        target_r_1e8: int | None = None,
        target_trailing_ratio_1e8: int | None = None,
        target_1_1e8: int | None = None,
        target_1_ratio_1e8: int | None = None,
        target_1_r_1e8: int | None = None,
        target_1_portion_ratio_1e8: int | None = None,
        target_2_1e8: int | None = None,
        target_2_ratio_1e8: int | None = None,
        target_2_r_1e8: int | None = None,
        target_2_wait_ns: int | None = None,
        holding_max_ns: int | None = None,
        force_flat_ns: int | None = None,
    ) -> ExitPlan: ...
    @property
    def json(self) -> bytes:
        """The plan as journaled."""

@final
class Signal:
    """What a strategy asks for (SG-1)."""

    def __new__(
        cls,
        *,
        strategy: str,
        setup_instance: str,
        session_date: int,
        legs: Sequence[Leg],
        plan: ExitPlan,
        reference_1e8: int,
        reference_ns: int,
        qty_1e8: int | None = None,
        risk_1e8: int | None = None,
        order_type: str = "MARKET",
        tif: str = "DAY",
        limit_1e8: int | None = None,
        trigger_1e8: int | None = None,
        reason: str = "",
        confidence_ratio_1e8: int = 100_000_000,
    ) -> Signal: ...
    def with_vetoes(self, vetoes: Sequence[tuple[str, str]]) -> Signal:
        """The same signal with vetoes `(policy, reason)` added; any veto refuses it (RK-16)."""

    @property
    def signal_id(self) -> str: ...
    @property
    def strategy(self) -> str: ...
    @property
    def setup_instance(self) -> str: ...
    @property
    def session_date(self) -> int: ...
    @property
    def instrument(self) -> str:
        """The first leg's."""

    @property
    def side(self) -> str:
        """The first leg's."""

    @property
    def legs(self) -> list[Leg]: ...
    @property
    def plan(self) -> ExitPlan: ...
    @property
    def order_type(self) -> str: ...
    @property
    def limit_1e8(self) -> int | None: ...
    @property
    def reference_1e8(self) -> int: ...
    @property
    def reference_ns(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def vetoes(self) -> list[tuple[str, str]]: ...
    @property
    def json(self) -> bytes:
        """The signal as journaled."""

@final
class VenueReport:
    """What a venue said about one order.

    `kind` is ACCEPTED, FILLED, FILLED_TO, CANCELLED, REJECTED, EXPIRED, CANCEL_REJECTED, SETTLED or
    REVERSED; `settlement` is PROVISIONAL or CONFIRMED. FILLED is one execution; FILLED_TO says how
    much of the order is filled in all and at what average, for venues that name no executions.
    """

    def __new__(
        cls,
        client_order_id: str,
        kind: str,
        venue_ns: int,
        broker_order_id: str = "",
        execution_id: str = "",
        qty_1e8: int = 0,
        price_1e8: int = 0,
        fee_1e8: int = 0,
        settlement: str = "CONFIRMED",
        reason: str = "",
    ) -> VenueReport: ...
    @property
    def client_order_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def venue_ns(self) -> int: ...
    @property
    def broker_order_id(self) -> str: ...
    @property
    def execution_id(self) -> str: ...
    @property
    def qty_1e8(self) -> int: ...
    @property
    def price_1e8(self) -> int: ...
    @property
    def fee_1e8(self) -> int: ...
    @property
    def settlement(self) -> str: ...
    @property
    def reason(self) -> str: ...

@final
class Message:
    """One thing an account core is told; made by the static methods, never changed."""

    @staticmethod
    def session_opened(session_date: int, open_ns: int, close_ns: int) -> Message: ...
    @staticmethod
    def session_closed(session_date: int) -> Message: ...
    @staticmethod
    def mark(
        instrument: str,
        kind: str,
        at_ns: int,
        price_1e8: int,
        bid_1e8: int = 0,
        ask_1e8: int = 0,
    ) -> Message:
        """A price: `kind` is BAR (the close of a completed bar), QUOTE or TRADE.

        A QUOTE may leave the price at zero: the middle is taken. The others need no bid and ask.
        """

    @staticmethod
    def signal(signal: Signal) -> Message: ...
    @staticmethod
    def exit_advice(
        strategy: str, instrument: str, reason: str, text: str = "", reference_1e8: int = 0
    ) -> Message: ...
    @staticmethod
    def exit_levels(
        strategy: str,
        instrument: str,
        stop_1e8: int | None = None,
        target_1e8: int | None = None,
    ) -> Message: ...
    @staticmethod
    def released(client_order_id: str, released_ns: int) -> Message: ...
    @staticmethod
    def not_released(client_order_id: str, reason: str) -> Message:
        """Its bytes were never handed over, which proves that the venue does not have it."""

    @staticmethod
    def venue_report(report: VenueReport) -> Message: ...
    @staticmethod
    def no_answer(client_order_id: str) -> Message: ...
    @staticmethod
    def lookup_found(client_order_id: str, reports: Sequence[VenueReport]) -> Message:
        """The venue has it; `reports` is all it says about the order, oldest first."""

    @staticmethod
    def lookup_absent(client_order_id: str, *, is_complete: bool = True) -> Message:
        """The venue does not have it: the second complete answer after the longest flight is proof.

        Complete: over a healthy, authenticated connection, from a list that reaches back before it.
        """

    @staticmethod
    def lookup_unknown(client_order_id: str) -> Message: ...
    @staticmethod
    def cancel_failed(client_order_id: str, reason: str) -> Message: ...
    @staticmethod
    def timer(kind: str, key: str) -> Message: ...
    @staticmethod
    def control(name: str, value_json: str, author: str) -> Message: ...
    @staticmethod
    def kill(kill_id: str, level: str, reason: str, author: str) -> Message: ...
    @staticmethod
    def resume(author: str, *, rearm: bool = False, reason: str = "") -> Message: ...
    @staticmethod
    def venue_flat(open_orders: int, positions: int) -> Message: ...
    @staticmethod
    def balance(equity_1e8: int, cash_1e8: int, buying_power_1e8: int, at_ns: int) -> Message: ...
    @staticmethod
    def halt(scope: str, key: str, reason: str) -> Message: ...
    @staticmethod
    def stated(
        asked_version: int,
        *,
        orders: Sequence[tuple[str, str, str, str, int, int, int]] | None = None,
        positions: Sequence[tuple[str, int, int]] | None = None,
        positions_of: Sequence[str] | None = None,
        cash: tuple[int, int, int, int, bool] | None = None,
        fills: Sequence[VenueReport] | None = None,
        fills_after_ns: int = 0,
        fills_known_ns: int = 0,
        is_forced: bool = False,
    ) -> Message:
        """What the venue itself says the account is (ST-3); a part not asked for is None.

        Args:
            asked_version: `AccountCore.version` when the venue was asked.
            orders: Our id, the venue's, instrument, side, quantity, filled, price of each that
                works there.
            positions: Instrument, quantity (below zero is short) and price of each.
            positions_of: Of these nothing is held where `positions` has none, and of any other
                nobody knows what is; None is of all.
            cash: Account value, cash, buying power, the venue's stamp, and whether its cash moves
                with each fill as our ledger's does.
            fills: Every execution that stands after `fills_after_ns`, oldest first.
            fills_after_ns: From when on executions were asked for, by the venue's stamps.
            fills_known_ns: Executions up to then were booked before; their orders may be gone.
            is_forced: An operator takes the venue's word, however large the difference.
        """

    @property
    def asked(self) -> Signal | None:
        """What a strategy asks for; None of any other message."""

@final
class Event:
    """One fact for the journal."""

    @property
    def kind(self) -> str: ...
    @property
    def stream(self) -> str: ...
    @property
    def at_ns(self) -> int:
        """When it was decided, in the caller's time."""

    @property
    def schema_ver(self) -> int:
        """Version of the payload's shape."""

    @property
    def payload(self) -> bytes:
        """A JSON object."""

@final
class Timer:
    """A money timer to arm; tell the core `Message.timer(kind, key)` when it is due."""

    @property
    def due_ns(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str:
        """The order's, position's or protection's id."""

@final
class Submit:
    """Hand an order to the venue; redeem the submission at the instant of hand-over."""

    @property
    def submission(self) -> Submission: ...
    @property
    def client_order_id(self) -> str: ...

@final
class Cancel:
    """Ask the venue to cancel."""

    @property
    def client_order_id(self) -> str: ...
    @property
    def broker_order_id(self) -> str:
        """Empty while the venue has not named it."""

@final
class Lookup:
    """Ask the venue whether it has the order (EX-6)."""

    @property
    def client_order_id(self) -> str: ...

@final
class Notify:
    """Tell a person."""

    @property
    def severity(self) -> str:
        """INFO, WARNING, ERROR or CRITICAL."""

    @property
    def text(self) -> str: ...
    @property
    def ids(self) -> list[str]: ...

@final
class Decision:
    """What follows from one message: stage the events with the claims, then release the effects."""

    @property
    def at_ns(self) -> int: ...
    @property
    def is_empty(self) -> bool:
        """Nothing to journal, to do or to arm; it must still be applied."""

    @property
    def is_acting(self) -> bool:
        """Whether there is an effect to release or a timer to arm."""

    @property
    def events(self) -> tuple[Event, ...]: ...
    @property
    def effects(self) -> tuple[Submit | Cancel | Lookup | Notify, ...]: ...
    @property
    def timers(self) -> tuple[Timer, ...]: ...
    @property
    def claims(self) -> tuple[tuple[str, str], ...]:
        """`(name, key)` of rows that must be new (EX-4): `intent`, `setup`."""

    @property
    def judgement(self) -> Judgement | None:
        """What a statement of the venue came to; None for every other message."""

@final
class DriftView:
    """One difference between our books and the venue's (ST-3)."""

    @property
    def kind(self) -> str:
        """Its name.

        POSITION_MISSING, POSITION_QTY, FOREIGN_POSITION, ORDER_UNKNOWN, ORDER_QTY, ORDER_ALIVE,
        FOREIGN_ORDER, FILL_UNKNOWN or CASH.
        """

    @property
    def instrument(self) -> str: ...
    @property
    def subject(self) -> str:
        """The order concerned, empty if none."""

    @property
    def local_1e8(self) -> int: ...
    @property
    def venue_1e8(self) -> int: ...
    @property
    def drift_ratio_1e8(self) -> int | None: ...
    @property
    def is_adopted(self) -> bool:
        """The venue's word was taken."""

    @property
    def text(self) -> str: ...

@final
class Judgement:
    """What a statement of the venue came to; the events of its decision say it for the journal."""

    @property
    def is_conclusive(self) -> bool:
        """Nothing was in flight, and nothing is seen for the first time."""

    @property
    def is_stopped(self) -> bool:
        """A difference is too large to be taken over: entries are stopped (ST-3)."""

    @property
    def is_partial(self) -> bool:
        """Positions were stated of some instruments only: what stood of the others stands."""

    @property
    def drift(self) -> list[DriftView]: ...
    @property
    def kill_orders(self) -> int:
        """Orders at the venue that a kill must clear (KC-2)."""

    @property
    def kill_positions(self) -> int:
        """Positions at the venue that a kill must clear."""

    @property
    def is_kill_overtaken(self) -> bool:
        """Our books of some of these were changed since the venue was asked."""

@final
class AccountCore:
    """One account: sizing, protections, gate, orders, positions, ledger, exits; no clock, no I/O.

    Args:
        config_json: `AccountConfig` as JSON; an unknown or missing key is refused.

    Raises:
        ValueError: When the configuration is wrong, with what was expected.
    """

    def __new__(cls, config_json: bytes) -> AccountCore: ...
    def decide(self, message: Message, now_ns: int) -> Decision:
        """What follows from a message; nothing is changed."""

    def take(self, message: Message, now_ns: int) -> Decision | None:
        """Decide and take it over at once; None when nothing follows.

        `is_sound` says whether the books agree with themselves afterwards.
        """

    def apply(self, decision: Decision) -> None:
        """Take a decision's events over, once, before the next decision.

        Raises:
            StaleDecisionError: When it is not the next one of this core.
        """

    def observe(self, message: Message) -> None:
        """Remember a mark without deciding: a restarted account reads the session's tape again."""

    def rehydrate(self, kind: str, payload: bytes, at_ns: int) -> None:
        """Take over one journaled event, in journal order; no effects.

        Raises:
            ValueError: For an unknown kind, or a payload that is not of its kind.
        """

    def snapshot(self, now_ns: int) -> Event:
        """The whole state as an `AccountSnapshot` event, to be journaled."""

    def open_timers(self) -> list[Timer]:
        """Money timers to arm after rehydration."""

    def unresolved(self) -> list[Submission]:
        """Intents that are durable and never known to have been handed over, for recovery."""

    def unsettled(self) -> list[str]:
        """Ids of all live orders, whose fate the venue must be asked for after a restart."""

    def cancels(self) -> list[Cancel]:
        """Cancels that were decided and are not answered, to be sent again after a restart."""

    @property
    def balance_ns(self) -> int | None:
        """The stamp of the broker's newest figures, None before the first."""

    @property
    def oldest_execution_ns(self) -> int | None:
        """The venue's stamp of the oldest execution that is remembered with its order."""

    @property
    def has_suspects(self) -> bool:
        """Something differs that nothing explains: ask for executions from the oldest on."""

    @property
    def version(self) -> int:
        """How many decisions it has applied; noted when the venue is asked for its account."""

    @property
    def is_sound(self) -> bool:
        """False when the last decision that was taken left books with `faults`."""

    def faults(self) -> list[tuple[str, str, str]]:
        """`(assertion, subject, text)` of what contradicts itself in our own books (WD-5)."""

    def position(self, strategy: str, instrument: str) -> PositionView | None: ...
    def position_of_id(self, position_id: str) -> PositionView | None:
        """An open position."""

    def positions(self) -> list[PositionView]: ...
    def order(self, client_order_id: str) -> OrderView | None:
        """A live or recently ended order."""

    def orders(self) -> list[OrderView]:
        """Live orders."""

    def strategy_session(self, strategy: str) -> StrategySession: ...
    def seen_by(self, strategy: str, instrument: str) -> StrategySeen:
        """What a strategy is shown of the account and of its own part in it, in one call."""

    @property
    def is_flattening(self) -> bool:
        """Whether a kill that cancels and closes is under way."""

    def account(self) -> AccountView: ...

@final
class OrderView:
    """An order as it stands now."""

    @property
    def client_order_id(self) -> str: ...
    @property
    def broker_order_id(self) -> str: ...
    @property
    def signal_id(self) -> str: ...
    @property
    def position_id(self) -> str: ...
    @property
    def strategy(self) -> str: ...
    @property
    def instrument(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def order_type(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def is_terminal(self) -> bool: ...
    @property
    def is_cancel_asked(self) -> bool: ...
    @property
    def qty_1e8(self) -> int: ...
    @property
    def filled_1e8(self) -> int: ...
    @property
    def average_1e8(self) -> int:
        """Zero before the first fill."""

    @property
    def fees_1e8(self) -> int: ...
    @property
    def changed_ns(self) -> int: ...

@final
class PositionView:
    """An open position as it stands now; levels are zero where there is none."""

    @property
    def position_id(self) -> str: ...
    @property
    def strategy(self) -> str: ...
    @property
    def instrument(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def qty_1e8(self) -> int:
        """Below zero is short."""

    @property
    def average_entry_1e8(self) -> int: ...
    @property
    def realised_1e8(self) -> int: ...
    @property
    def fees_1e8(self) -> int: ...
    @property
    def unrealised_1e8(self) -> int:
        """At the last mark; zero without one."""

    @property
    def entry_ns(self) -> int: ...
    @property
    def stop_1e8(self) -> int:
        """The stop in force, trailing and runner included."""

    @property
    def is_protected(self) -> bool:
        """A stop is armed, or was waived by name (PX-8)."""

    @property
    def target_1e8(self) -> int: ...
    @property
    def exit_reason(self) -> str: ...
    @property
    def exit_order_id(self) -> str: ...
    @property
    def entry_order_id(self) -> str: ...

@final
class StrategySession:
    """What one strategy did in this session."""

    @property
    def entries(self) -> int: ...
    @property
    def opened(self) -> int: ...
    @property
    def trades(self) -> int: ...
    @property
    def wins(self) -> int: ...
    @property
    def stop_outs(self) -> int: ...
    @property
    def gross_1e8(self) -> int: ...
    @property
    def fees_1e8(self) -> int: ...
    @property
    def net_1e8(self) -> int: ...

@final
class StrategySeen:
    """What a strategy is shown of the account and of its own part in it."""

    @property
    def equity_1e8(self) -> int | None:
        """None when it cannot be known."""

    @property
    def session_net_1e8(self) -> int: ...
    @property
    def is_killed(self) -> bool:
        """Any level but NONE."""

    @property
    def entries(self) -> int:
        """Its own entry orders in this session."""

    @property
    def net_1e8(self) -> int:
        """Its own realised result in this session, after fees."""

    @property
    def is_entry_pending(self) -> bool: ...
    @property
    def position(self) -> PositionView | None: ...

@final
class ProtectionView:
    """One protection: where it stands, until when (RK-15); value and limit in its own unit."""

    @property
    def name(self) -> str: ...
    @property
    def instrument(self) -> str:
        """Empty for the whole account."""

    @property
    def status(self) -> str:
        """OFF, ARMED, TRIPPED, COOLING or UNKNOWN; the last three refuse entries."""

    @property
    def is_tripped(self) -> bool:
        """It refuses entries now."""

    @property
    def until_ns(self) -> int | None: ...
    @property
    def value(self) -> int | None: ...
    @property
    def limit(self) -> int | None: ...

@final
class AccountView:
    """The account as it stands now."""

    @property
    def account(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def session_date(self) -> int: ...
    @property
    def is_session_open(self) -> bool: ...
    @property
    def equity_1e8(self) -> int | None:
        """None when the broker's figure is missing or too old."""

    @property
    def cash_1e8(self) -> int: ...
    @property
    def gross_1e8(self) -> int: ...
    @property
    def fees_1e8(self) -> int: ...
    @property
    def session_net_1e8(self) -> int: ...
    @property
    def week_net_1e8(self) -> int: ...
    @property
    def unrealised_1e8(self) -> int: ...
    @property
    def throttle_ratio_1e8(self) -> int: ...
    @property
    def kill_level(self) -> str: ...
    @property
    def kill_id(self) -> str: ...
    @property
    def is_kill_finished(self) -> bool:
        """No kill waits for the venue's word (KC-2)."""

    @property
    def kill_cancelled(self) -> int: ...
    @property
    def kill_closed(self) -> int: ...
    @property
    def kill_failed(self) -> int: ...
    @property
    def kill_remaining(self) -> int:
        """Orders and positions that the kill in force still has to end; all of them without one.

        What an EMERGENCY leaves by policy, and the stops of it, is none of them (KC-1).
        """

    @property
    def is_kill_leaving(self) -> bool:
        """An EMERGENCY is in force that leaves positions to their stops (KC-1)."""

    @property
    def cash_apart_1e8(self) -> int | None:
        """Cash that profit, fees, what is open and what was written off do not explain."""

    @property
    def is_reconciliation_stopped(self) -> bool:
        """Our books and the venue's differ too much: an operator decides (ST-3)."""

    @property
    def drift(self) -> list[DriftView]:
        """Differences that stand; those that were adopted are not among them."""

    @property
    def foreign_orders(self) -> int:
        """Orders of others at the venue."""

    @property
    def foreign_positions(self) -> int:
        """Positions of others at the venue."""

    @property
    def halts(self) -> list[tuple[str, str, str]]:
        """`(scope, key, reason)`."""

    @property
    def protections(self) -> list[ProtectionView]: ...
    @property
    def controls(self) -> dict[str, str]:
        """Controls that are set, as JSON text."""

# --- risk: the release gate and submissions -------------------------------------------------------

__all__ += ["ReleaseGate", "ReleaseRefusedError", "Submission", "VerdictSpentError"]

class ReleaseRefusedError(Exception):
    """The release gate is shut for this order, which is not sent; `args[0]` is the reason.

    Reasons: FENCE_UNKNOWN, FENCED, KILL_PAUSE, KILL_FLATTEN, KILL_EMERGENCY, PAUSED, HALTED,
    BREAKER_OPEN, PAST_DEADLINE.
    """

class VerdictSpentError(Exception):
    """A submission was redeemed a second time; `args[0]` is its client order id."""

@final
class ReleaseGate:
    """The latch that every hand-over compares (KC-3, ST-5); set it the instant a kill arrives.

    A fresh gate lets nothing out, not even cancels, until `set_fence`. A child is shut whenever its
    parent is and has no fence of its own: one root for the system, one child per account.
    """

    def __new__(cls) -> ReleaseGate: ...
    def child(self) -> ReleaseGate:
        """A gate under this one, shut whenever this one is."""

    def set_kill_level(self, level: str) -> None:
        """Sets the level: NONE, PAUSE, FLATTEN or EMERGENCY; lowering it is a person's act (KC-1).

        Raises:
            ValueError: For any other word.
        """

    def raise_kill_level(self, level: str) -> None:
        """Raises the level; a lower one changes nothing.

        Raises:
            ValueError: For a word that is no level.
        """

    @property
    def kill_level(self) -> str:
        """The level here or above, whichever is higher."""

    def set_paused(self, is_paused: bool) -> None:
        """Pauses entries, or lets them go on."""

    def set_halted(self, scope: str, is_halted: bool) -> None:
        """Halts a scope by name, or clears that halt (EX-9); any halt stops entries."""

    def set_breaker(self, name: str, is_open: bool) -> None:
        """Opens or closes a broker's breaker by name (WD-3); any open breaker stops entries."""

    def set_emergency_exits(self, are_allowed: bool) -> None:
        """Whether exits leave under EMERGENCY; they do unless this says no (KC-1)."""

    def set_fence(self, expected: int, actual: int) -> None:
        """The fence that we hold and the one that stands; unequal lets nothing out."""

    def refuses(
        self,
        adds_risk: bool,
        now_ns: int = 0,
        deadline_ns: int | None = None,
        *,
        fence_word: int | None = None,
    ) -> str | None:
        """Why an order would not leave now; None when it would.

        Exits pass pause, flatten, breaker, halt and deadline; nothing passes a fence.
        """

    def refuses_cancel(self, *, fence_word: int | None = None) -> str | None:
        """Why a cancel would not leave now: the fence only; None when it would."""

@final
class Submission:
    """An approved order, bound to its intent's bytes. The gate makes it; Python cannot (RK-1)."""

    @property
    def client_order_id(self) -> str: ...
    @property
    def strategy(self) -> str: ...
    @property
    def instrument(self) -> str: ...
    @property
    def purpose(self) -> str:
        """ENTRY, EXIT or PROTECT."""

    @property
    def side(self) -> str:
        """BUY or SELL."""

    @property
    def order_type(self) -> str:
        """MARKET, LIMIT, STOP or STOP_LIMIT."""

    @property
    def tif(self) -> str:
        """DAY, GTC, IOC, FOK or GTX."""

    @property
    def qty_1e8(self) -> int: ...
    @property
    def limit_1e8(self) -> int | None: ...
    @property
    def trigger_1e8(self) -> int | None: ...
    @property
    def adds_risk(self) -> bool: ...
    @property
    def deadline_ns(self) -> int: ...
    @property
    def intent(self) -> bytes:
        """The payload of `OrderIntended`, as journaled."""

    @property
    def is_spent(self) -> bool:
        """Whether it was redeemed, with whatever outcome."""

    def redeem(self, gate: ReleaseGate, now_ns: int, *, fence_word: int | None = None) -> bytes:
        """The intent's bytes for the transport, once, at the instant of hand-over.

        Args:
            gate: The account's gate.
            now_ns: Now.
            fence_word: The fence as it stands in shared memory now; without it only the gate's
                own copy counts.

        Raises:
            ReleaseRefusedError: The gate is shut for it; it is spent and must not leave after all.
            VerdictSpentError: On every later call.
        """

# --- market ---------------------------------------------------------------------------------------

# --- market: indicators ---------------------------------------------------------------------------
# Prices in and out are float64 in price units: indicators inform, they never hold money.
# An input that is not finite raises ValueError.

__all__ += [
    "Atr",
    "Ema",
    "IndicatorSet",
    "Rolling",
    "SessionVwap",
    "atr_array",
    "ema_array",
    "rolling_array",
    "session_vwap_array",
]

@final
class Ema:
    """Exponential moving average of weight 2 / (period + 1); starts as a plain mean."""

    def __new__(cls, period: int) -> Ema: ...
    def update(self, value: float) -> float | None:
        """Takes the next value; gives the average once warm."""

    @property
    def value(self) -> float | None: ...
    @property
    def is_warm(self) -> bool: ...
    def reset_session(self) -> None:
        """Starts over."""

@final
class Atr:
    """Wilder's average true range; the first bar of all counts high - low."""

    def __new__(cls, period: int) -> Atr: ...
    def update(self, high: float, low: float, close: float) -> float | None:
        """Takes the next bar; gives the range once `period` bars were taken."""

    @property
    def value(self) -> float | None: ...
    @property
    def is_warm(self) -> bool: ...
    def reset_session(self) -> None:
        """Starts over: the next bar has no previous close."""

@final
class Rolling:
    """Mean and standard deviation of the last `window` values; `ddof` 0 population, 1 sample."""

    def __new__(cls, window: int, *, ddof: int = 0) -> Rolling: ...
    def update(self, value: float) -> float | None:
        """Takes the next value; gives the mean once the window is full."""

    @property
    def value(self) -> float | None:
        """The mean."""

    @property
    def deviation(self) -> float | None: ...
    @property
    def is_warm(self) -> bool: ...
    def reset_session(self) -> None:
        """Starts over with an empty window."""

@final
class SessionVwap:
    """VWAP of (high + low + close) / 3 since the exchange session's open, with bands.

    Call `reset_session` when the venue's calendar opens a session: a UTC day is not a session.
    The bands lie `band_deviations` volume-weighted standard deviations away.
    """

    def __new__(cls, *, band_deviations: float = 2.0) -> SessionVwap: ...
    def update(self, high: float, low: float, close: float, volume: float) -> float | None:
        """Takes the next complete bar; gives the VWAP once there is volume."""

    @property
    def value(self) -> float | None: ...
    @property
    def deviation(self) -> float | None: ...
    @property
    def upper(self) -> float | None: ...
    @property
    def lower(self) -> float | None: ...
    @property
    def is_warm(self) -> bool: ...
    def reset_session(self) -> None:
        """A session opens: nothing of the one before counts."""

@final
class IndicatorSet:
    """Several indicators fed by one call.

    `specs` are pairs of kind and parameter: ("ema", period), ("atr", period), ("rolling", window),
    ("vwap", band_deviations). A session's open starts the VWAP over; the others run on.
    """

    def __new__(cls, specs: Sequence[tuple[str, float]]) -> IndicatorSet: ...
    @property
    def names(self) -> tuple[str, ...]:
        """Outputs in order: ema_20, atr_14, mean_20, deviation_20, vwap, vwap_lower_2, ..."""

    @property
    def values(self) -> tuple[float | None, ...]:
        """Outputs after the latest bar, None where not warm."""

    @property
    def is_warm(self) -> bool: ...
    def update(
        self, open_: float, high: float, low: float, close: float, volume: float, /
    ) -> tuple[float | None, ...]:
        """Takes the next complete bar; gives every output in the order of `names`."""

    def reset_session(self) -> None: ...

def ema_array(values: Buffer, period: int) -> memoryview[float]:
    """`Ema` after each value: float64, shape (values,), NaN until warm."""

def atr_array(high: Buffer, low: Buffer, close: Buffer, period: int) -> memoryview[float]:
    """`Atr` after each bar: float64, shape (bars,), NaN until warm."""

def rolling_array(
    values: Buffer, window: int, *, ddof: int = 0
) -> tuple[memoryview[float], memoryview[float]]:
    """Mean and deviation of `Rolling` after each value: float64, shape (values,) each."""

def session_vwap_array(
    high: Buffer, low: Buffer, close: Buffer, volume: Buffer, session_starts: Sequence[int]
) -> tuple[memoryview[float], memoryview[float]]:
    """VWAP and deviation of `SessionVwap` after each bar: float64, shape (bars,) each.

    `session_starts` are the indices of each session's first bar, rising; NaN before the first.
    """

# --- market: the built-in rule --------------------------------------------------------------------

__all__ += ["NO_TRADE_REASONS", "RuleContext", "RuleEnter", "RuleExit", "VwapReversion"]

NO_TRADE_REASONS: tuple[str, ...]

@final
class RuleContext:
    """What a rule may know beside its bars: its own standing at `now_ns`.

    `position` is BUY, SELL or empty when flat; `entries` counts the session's entry orders;
    `session_net_1e8` is the strategy's realised result of the session, less fees.
    """

    def __new__(
        cls,
        now_ns: int,
        open_ns: int,
        close_ns: int,
        *,
        position: str = "",
        is_entry_pending: bool = False,
        is_exit_pending: bool = False,
        entries: int = 0,
        session_net_1e8: int = 0,
        is_trading_allowed: bool = True,
    ) -> RuleContext: ...

@final
class RuleEnter:
    """The rule asks for a position, at market."""

    @property
    def side(self) -> str: ...
    @property
    def setup_instance(self) -> str:
        """Minute of the session at which the bar ended: m0030 (EX-4)."""

    @property
    def stop_ratio_1e8(self) -> int:
        """Distance of the stop from the average fill."""

    @property
    def force_flat_ns(self) -> int: ...
    @property
    def reference_1e8(self) -> int:
        """Close of the bar."""

    @property
    def reference_ns(self) -> int:
        """End of the bar."""

    @property
    def vwap_1e8(self) -> int:
        """Rounded half away from zero; for people, it decided nothing."""

    @property
    def reason(self) -> str: ...

@final
class RuleExit:
    """Advice to close the position: mean reversion."""

    @property
    def reason(self) -> str:
        """TAKE_PROFIT."""

    @property
    def text(self) -> str: ...
    @property
    def reference_1e8(self) -> int: ...
    @property
    def vwap_1e8(self) -> int: ...

@final
class VwapReversion:
    """VWAP mean reversion (SG-3), exact by integers: no rounding decides a trade.

    Args:
        parameters_json: Object of the names in `parameters()` and `is_short_allowed`; `b"{}"` for
            the defaults. Money and ratios at 1e-8, the rest plain counts.

    Raises:
        ValueError: For an unknown name, or a value outside its range.
    """

    def __new__(cls, parameters_json: bytes) -> VwapReversion: ...
    @staticmethod
    def parameters() -> list[tuple[str, int, int, int, str]]:
        """Name, default, least, most and meaning of each numeric parameter (SG-8)."""

    def on_bar(
        self,
        start_ns: int,
        end_ns: int,
        open_1e8: int,
        high_1e8: int,
        low_1e8: int,
        close_1e8: int,
        volume_1e8: int,
        context: RuleContext,
        /,
    ) -> RuleEnter | RuleExit | str:
        """Takes the next complete bar: an entry, an exit, or one of NO_TRADE_REASONS.

        Raises:
            ValueError: When the bar lies in the future, before its predecessor, or cannot be true;
                it is not counted then.
        """

    @property
    def bars(self) -> int:
        """Complete bars of this session so far."""

    @property
    def vwap_1e8(self) -> int | None:
        """The average so far, rounded half away from zero; for people."""

# --- market: the paper venue ----------------------------------------------------------------------

__all__ += ["PaperVenueBook", "VenueExecution", "VenueOrder", "VenueReport"]

@final
class VenueOrder:
    """An order at the venue; `state` is WORKING, FILLED, CANCELLED, REJECTED or EXPIRED."""

    @property
    def client_order_id(self) -> str: ...
    @property
    def broker_order_id(self) -> str: ...
    @property
    def instrument(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def order_type(self) -> str: ...
    @property
    def tif(self) -> str: ...
    @property
    def qty_1e8(self) -> int: ...
    @property
    def limit_1e8(self) -> int | None: ...
    @property
    def trigger_1e8(self) -> int | None: ...
    @property
    def state(self) -> str: ...
    @property
    def filled_1e8(self) -> int: ...
    @property
    def fees_1e8(self) -> int: ...
    @property
    def submitted_ns(self) -> int: ...
    @property
    def ended_ns(self) -> int:
        """Zero while it works."""

    @property
    def reason(self) -> str: ...

@final
class VenueExecution:
    """One execution; `number` counts the venue's from 1, `liquidity` is MAKER or TAKER."""

    @property
    def number(self) -> int: ...
    @property
    def execution_id(self) -> str: ...
    @property
    def client_order_id(self) -> str: ...
    @property
    def broker_order_id(self) -> str: ...
    @property
    def instrument(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def qty_1e8(self) -> int: ...
    @property
    def price_1e8(self) -> int: ...
    @property
    def fee_1e8(self) -> int: ...
    @property
    def liquidity(self) -> str: ...
    @property
    def at_ns(self) -> int: ...

@final
class PaperVenueBook:
    """A paper venue without clock or I/O: orders and prices in, the reports a venue would send out.

    What fills when, at which price and for how much stands at the top of
    rust_core/core/src/matching/mod.rs. Equal inputs give equal reports and ids.

    Args:
        config_json: `PaperConfig`: venue, cash_1e8, instruments (symbol, tick_1e8, lot_1e8,
            multiplier_1e8), slippage_ticks, participation_ratio_1e8, is_touch_filled,
            quote_size_absent_1e8, fees (per_unit_1e8, ratio_1e8, minimum_1e8), ended_orders_max.
        state_json: What `state_json()` gave, to go on from there.
        changes: What `take_change()` gave since then (or since the beginning), in order.

    Raises:
        ValueError: For a wrong configuration, another configuration's state, a missing change.
    """

    def __new__(
        cls, config_json: bytes, state_json: bytes | None = None, changes: Sequence[bytes] = ...
    ) -> PaperVenueBook: ...
    def submit(
        self,
        client_order_id: str,
        instrument: str,
        side: str,
        order_type: str,
        tif: str,
        qty_1e8: int,
        now_ns: int,
        *,
        limit_1e8: int | None = None,
        trigger_1e8: int | None = None,
    ) -> list[VenueReport] | None:
        """Takes an order: ACCEPTED or REJECTED, and its fills where a quote serves it at once.

        Returns:
            None when the client order id was taken before: nothing changed, and no report speaks of
            it, because it would be read as news of the first order.
        """

    def cancel(self, client_order_id: str, now_ns: int) -> list[VenueReport]:
        """CANCELLED, or CANCEL_REJECTED when it ended before or is unknown."""

    def cancel_all(self, now_ns: int) -> list[VenueReport]: ...
    def on_open_print(
        self, instrument: str, price_1e8: int, volume_1e8: int, now_ns: int
    ) -> list[VenueReport]:
        """The first price of the bar that starts now, with the volume it will have."""

    def on_bar(
        self,
        instrument: str,
        start_ns: int,
        end_ns: int,
        open_1e8: int,
        high_1e8: int,
        low_1e8: int,
        close_1e8: int,
        volume_1e8: int,
    ) -> list[VenueReport]: ...
    def on_quote(
        self,
        instrument: str,
        bid_1e8: int,
        ask_1e8: int,
        bid_size_1e8: int,
        ask_size_1e8: int,
        now_ns: int,
    ) -> list[VenueReport]: ...
    def on_trade(
        self, instrument: str, price_1e8: int, size_1e8: int, now_ns: int
    ) -> list[VenueReport]: ...
    def on_session_close(self, now_ns: int) -> list[VenueReport]:
        """DAY, IOC and FOK orders expire; quotes are forgotten."""

    def look_up(self, client_order_id: str) -> list[VenueReport] | None:
        """Every report of that order again, oldest first; None if the venue does not have it."""

    def order(self, client_order_id: str) -> VenueOrder | None: ...
    def open_orders(self) -> list[VenueOrder]: ...
    def executions_since(self, number: int) -> list[VenueExecution]:
        """Executions with a number above that one, oldest first."""

    def positions(self) -> dict[str, int]:
        """Quantity held by symbol; what is flat is left out."""

    @property
    def cash_1e8(self) -> int: ...
    @property
    def equity_1e8(self) -> int | None:
        """Cash and positions at the last prices; None if it does not fit 64 bits."""

    def state_json(self) -> bytes:
        """The whole book."""

    def take_change(self) -> bytes | None:
        """What changed since this was last called, None if no order did.

        To be written down before anybody hears of the reports; costs what changed, not the book.
        """

# --- market: the block walker ---------------------------------------------------------------------

__all__ += ["WalkOutcome", "WalkTape", "walk", "walk_many"]

@final
class WalkTape:
    """A tape, read and checked once, to be walked as often as wanted.

    Args:
        rows: Bytes or int64, twelve little-endian integers a row (`streams.tape.Tape.buffer`).
        instruments: The header's symbols, in order.

    Raises:
        ValueError: Naming the row that cannot be true.
    """

    def __new__(cls, rows: Buffer, instruments: Sequence[str]) -> WalkTape: ...
    @property
    def rows(self) -> int: ...
    @property
    def bars(self) -> int: ...
    @property
    def instruments(self) -> list[str]: ...

@final
class WalkOutcome:
    """What a walk brought; money at 1e-8."""

    @property
    def sessions(self) -> int: ...
    @property
    def bars(self) -> int: ...
    @property
    def signals(self) -> int: ...
    @property
    def refused(self) -> int:
        """Signals that the account refused."""

    @property
    def advice(self) -> int: ...
    @property
    def orders(self) -> int: ...
    @property
    def fills(self) -> int: ...
    @property
    def partial_fills(self) -> int:
        """Fills that were not the whole of their order."""

    @property
    def events_decided(self) -> int: ...
    @property
    def trades(self) -> int: ...
    @property
    def gross_1e8(self) -> int: ...
    @property
    def fees_1e8(self) -> int: ...
    @property
    def net_1e8(self) -> int: ...
    @property
    def no_trades(self) -> dict[str, int]:
        """Evaluations without signal or advice, by reason."""

    @property
    def failed_checks(self) -> dict[str, int]:
        """Failed checks of refused signals, by name."""

    @property
    def tripped(self) -> dict[str, int]:
        """Protections that tripped, by name."""

    @property
    def violations(self) -> dict[str, int]:
        """Invariants that broke, by name; empty in a sound walk."""

    def trades_json(self) -> bytes:
        """Closed trades as a JSON array of `TradeClosed` payloads, oldest first."""

    def events(self) -> list[tuple[str, str, int, bytes, int]]:
        """Stream, kind, at_ns, payload and tape row of every event, with `with_events` only."""

def walk(tape: WalkTape, config_json: bytes) -> WalkOutcome:
    """Drives account core, paper venue and built-in rules over a tape, as the actors would.

    Args:
        tape: The market.
        config_json: `account` (AccountConfig), `venue` (PaperConfig), `strategies` (name,
            instrument, parameters of vwap_reversion), `with_events`.

    Raises:
        ValueError: For a wrong configuration, or when a core broke a promise.
    """

def walk_many(
    tape: WalkTape, config_jsons: Sequence[bytes], *, threads: int = 1
) -> list[WalkOutcome]:
    """One `walk` for each configuration, in their order; the interpreter is free meanwhile."""

# --- end of market --------------------------------------------------------------------------------

# --- signer ---------------------------------------------------------------------------------------

__all__ += ["OrderSigner", "SignedOrder"]

@final
class SignedOrder:
    """An order's id and signature (EIP-712)."""

    @property
    def id(self) -> str:
        """0x and 64 hex digits: what was signed, and the order's id at the venue."""

    @property
    def signature(self) -> str:
        """0x and 130 hex digits."""

@final
class OrderSigner:
    """A private key that signs for Polymarket's exchange (V2) on one chain.

    It neither prints nor pickles, and its bytes are overwritten when it goes. The same order has
    the same signature in every process (RFC 6979).
    """

    def __new__(
        cls, private_key: str, *, chain: int, exchange: str, neg_risk_exchange: str
    ) -> OrderSigner:
        """From 64 hex digits and the contracts' addresses.

        Raises:
            ValueError: A key or address that is none; the text holds no part of it.
        """

    @property
    def address(self) -> str:
        """The address that the key opens, with its checksum."""

    def attest(self, timestamp: str, nonce: int) -> str:
        """The signature of the claim to this wallet, with which API keys are made.

        Args:
            timestamp: Seconds, as in the header beside it.
            nonce: Which of the wallet's keys.
        """

    def order(
        self,
        *,
        token_id: str,
        side: str,
        maker_amount: int,
        taker_amount: int,
        salt: int,
        timestamp_ms: int,
        is_neg_risk: bool = False,
        maker: str | None = None,
        signature_type: int = 0,
    ) -> SignedOrder:
        """Sign one order; amounts are millionths.

        Args:
            token_id: The outcome, a decimal number.
            side: BUY or SELL.
            maker_amount: What is given.
            taker_amount: What is taken.
            salt: Makes two equal orders different.
            timestamp_ms: When it was made.
            is_neg_risk: Of a market that is settled by the other contract.
            maker: Whose money moves; the signer's without one.
            signature_type: 0 for a plain key, 1 proxy, 2 safe.

        Raises:
            ValueError: A side, token or address that is none.
            OverflowError: A number that does not fit.
        """

# --- end of signer --------------------------------------------------------------------------------
