"""A desk for tests: one account core, what it journaled, and short words for what a venue says."""

from typing import Any

import orjson

from rust_core import (
    AccountCore,
    Cancel,
    Decision,
    ExitPlan,
    Leg,
    Lookup,
    Message,
    Notify,
    PositionView,
    Signal,
    Submit,
    VenueReport,
)

E = 100_000_000
S_NS = 1_000_000_000
MIN_NS = 60 * S_NS
FLIGHT_NS = 60 * S_NS
"""The longest an order may be under way, and a list behind what was pushed, by default."""
OPEN_NS = 1_577_975_400 * S_NS  # 2020-01-02, 14:30 UTC
CLOSE_NS = OPEN_NS + 6 * 3600 * S_NS
DATE = 20200102
OFF: dict[str, Any] = {
    name: {"enabled": False}
    for name in (
        "stoploss_guard",
        "cooldown_period",
        "max_drawdown",
        "volatility_halt",
        "daily_loss",
        "weekly_loss",
    )
}


def instrument(symbol: str, kind: str = "EQUITY", multiplier: int = 1) -> dict[str, Any]:
    """One thing to trade, in steps of 0.01 and whole units."""
    return {
        "symbol": symbol,
        "kind": kind,
        "tick_1e8": E // 100,
        "lot_1e8": E,
        "min_qty_1e8": E,
        "multiplier_1e8": multiplier * E,
    }


def config(**changes: Any) -> dict[str, Any]:
    """An account of $100,000 that loses at most $100 a trade; `limits_...` changes one limit."""
    limits: dict[str, Any] = {
        "position_notional_max_1e8": 50_000 * E,
        "positions_per_instrument_max": 1,
        "positions_max": 3,
        "entries_per_window_max": 60,
        "exposure_max_ratio_1e8": E,
        "collar_ratio_1e8": E // 50,
        "allow_short": True,
    }
    limits |= {k.removeprefix("limits_"): v for k, v in changes.items() if k.startswith("limits_")}
    return {
        "mode": "PAPER",
        "account": "main",
        "capital_1e8": 100_000 * E,
        "instruments": [instrument("SPY"), instrument("ES", "FUTURE", 50)],
        "limits": limits,
        "risk": {"per_trade_1e8": 100 * E},
        "protections": OFF,
    } | {k: v for k, v in changes.items() if not k.startswith("limits_")}


class Desk:
    """An account in an open session, SPY at $100."""

    def __init__(self, **changes: Any) -> None:
        """Open the session."""
        self.config = orjson.dumps(config(**changes))
        self.core = AccountCore(self.config)
        self.now_ns = OPEN_NS
        self.journal: list[tuple[str, bytes, int]] = []
        self.marks: list[Message] = []
        self.last: Decision | None = None
        self.executions = 0
        self.tell(Message.session_opened(DATE, OPEN_NS, CLOSE_NS))
        self.mark(100)

    def tell(self, message: Message) -> Decision:
        """Decide, journal, apply."""
        decision = self.core.decide(message, self.now_ns)
        self.core.apply(decision)
        self.journal += [(event.kind, event.payload, self.now_ns) for event in decision.events]
        self.last = decision
        return decision

    def events(self, kind: str, decision: Decision | None = None) -> list[dict[str, Any]]:
        """Payloads of one kind: of a decision, or of the whole journal."""
        if decision is not None:
            return [orjson.loads(e.payload) for e in decision.events if e.kind == kind]
        return [orjson.loads(payload) for k, payload, _ in self.journal if k == kind]

    def mark(self, price: float, symbol: str = "SPY", minutes: float = 1) -> Decision:
        """A bar ends at that price."""
        self.now_ns += int(minutes * MIN_NS)
        message = Message.mark(symbol, "BAR", self.now_ns, round(price * E))
        self.marks.append(message)
        return self.tell(message)

    def ask(self, plan: ExitPlan | None = None, **changes: Any) -> Decision:
        """A signal: BUY 10 SPY at market with a stop at 10 %, unless changed."""
        side = changes.pop("side", "BUY")
        symbol = changes.pop("symbol", "SPY")
        vetoes = changes.pop("vetoes", [])
        fields: dict[str, Any] = {
            "strategy": "s",
            "setup_instance": "m1",
            "session_date": DATE,
            "legs": [Leg(symbol, side)],
            "plan": plan or ExitPlan(stop_ratio_1e8=E // 10),
            "reference_1e8": 100 * E,
            "reference_ns": self.now_ns,
            "qty_1e8": 10 * E,
        }
        signal = Signal(**(fields | changes))
        return self.tell(Message.signal(signal.with_vetoes(vetoes)))

    def ordered(self, decision: Decision | None = None) -> str:
        """Id of the one order that a decision submits (the last decision's)."""
        decision = decision or self.last
        assert decision is not None
        (submit,) = [effect for effect in decision.effects if isinstance(effect, Submit)]
        return submit.client_order_id

    def release(self, order_id: str) -> Decision:
        """Its bytes left."""
        return self.tell(Message.released(order_id, self.now_ns))

    def report(self, order_id: str, kind: str, **fields: Any) -> Decision:
        """The venue says something; its id of the order is `b-` and ours unless given."""
        fields = {"broker_order_id": f"b-{order_id}"} | fields
        report = VenueReport(order_id, kind, self.now_ns, **fields)
        return self.tell(Message.venue_report(report))

    def fill(self, order_id: str, qty: float, price: float = 100, **fields: Any) -> Decision:
        """An execution with an id of its own and a fee of a cent."""
        self.executions += 1
        fields = {
            "execution_id": f"x{self.executions}",
            "qty_1e8": round(qty * E),
            "price_1e8": round(price * E),
            "fee_1e8": E // 100,
        } | fields
        return self.report(order_id, "FILLED", **fields)

    def enter(self, plan: ExitPlan | None = None, price: float = 100, **changes: Any) -> str:
        """An entry that fills whole at once; its order id."""
        order_id = self.ordered(self.ask(plan, **changes))
        self.release(order_id)
        order = self.core.order(order_id)
        assert order is not None
        self.fill(order_id, order.qty_1e8 / E, price)
        return order_id

    def position(self, symbol: str = "SPY") -> PositionView:
        """The strategy's open position."""
        position = self.core.position("s", symbol)
        assert position is not None
        return position

    def state(self, order_id: str) -> str:
        """Where an order stands."""
        order = self.core.order(order_id)
        assert order is not None
        return order.state

    def fire(self, kind: str) -> Decision:
        """The first open timer of that kind fires when it is due."""
        timer = next(timer for timer in self.core.open_timers() if timer.kind == kind)
        self.now_ns = max(self.now_ns, timer.due_ns)
        return self.tell(Message.timer(timer.kind, timer.key))

    def rehydrated(self) -> AccountCore:
        """Another core that was told the journal, then read the market again."""
        core = AccountCore(self.config)
        for kind, payload, at_ns in self.journal:
            core.rehydrate(kind, payload, at_ns)
        for mark in self.marks:
            core.observe(mark)
        return core


def cancels(decision: Decision) -> list[str]:
    """Orders that a decision asks the venue to cancel."""
    return [effect.client_order_id for effect in decision.effects if isinstance(effect, Cancel)]


def lookups(decision: Decision) -> list[str]:
    """Orders that a decision asks the venue for."""
    return [effect.client_order_id for effect in decision.effects if isinstance(effect, Lookup)]


def severities(decision: Decision) -> list[str]:
    """How loud a decision is."""
    return [effect.severity for effect in decision.effects if isinstance(effect, Notify)]


def failed(decision: Decision) -> list[str]:
    """Names of the checks that refused a signal."""
    (verdict,) = [orjson.loads(e.payload) for e in decision.events if e.kind == "VerdictGiven"]
    return [check["name"] for check in verdict["failed"]]
