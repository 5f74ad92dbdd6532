"""A fake trader with something on every page: a position, orders, a tripped protection, a tree."""

from typing import Any

from actors.assertions import MEANING
from actors.operator_words import ClockSeen, HealthReport
from tests.console.fake_trader import FakeTrader
from tests.console.recorded import MINUTE_NS, ONE, OPEN_NS, POSITION

NOW_NS = OPEN_NS + 50 * MINUTE_NS


class RichTrader(FakeTrader):
    """As the real one speaks, with figures that stand still unless a test moves them."""

    def __init__(self) -> None:
        """A long position with two orders."""
        super().__init__()
        self.price_1e8 = 2750 * ONE
        self.mode = "PAPER"
        self.kill_level = "NONE"
        self.is_silent = False

    def status(self) -> dict[str, Any]:
        """Every key that the page reads."""
        if self.is_silent:
            raise RuntimeError("the lane does not turn")
        return {
            "mode": self.mode,
            "run": "r1",
            "now_ns": NOW_NS,
            "kill_level": self.kill_level,
            "halted_for": "",
            "session_date": 20200309,
            "equity_1e8": 100_496 * ONE,
            "session_net_1e8": -123 * ONE,
            "week_net_1e8": 496 * ONE,
            "throttle_ratio_1e8": ONE,
            "halts": [],
            "counts": {"bars": 50, "signals": 2, "orders": 2, "fills": 2, "trades": 1,
                       "violations": 0},
            "positions": [_position(self.price_1e8)],
            "orders": [_order("p-main-vwap-20200309-1200-0e1", "WORKING"),
                       _order("p-main-vwap-20200309-1201-0e1", "UNKNOWN")],
            "protections": [
                _protection("DAILY_LOSS", 123 * ONE, 1000 * ONE),
                {**_protection("COOLDOWN_PERIOD", 600_000_000_000, 0), "status": "COOLING",
                 "is_tripped": True, "until_ns": NOW_NS + 5 * MINUTE_NS},
            ],
            "strategies": [
                {"name": "vwap", "instrument": "ES", "state": "RUNNING",
                 "parameters": {"stop_ratio": "0.003", "entries_max": "1"},
                 "last_answer": "IN_POSITION", "no_trades": {"WARMUP": 20, "IN_POSITION": 11}}
            ],
            "windows": [
                {"market": "btc-up-or-down-1020", "instruments": ["ES"], "asset": "btc/usd",
                 "starts_ns": NOW_NS - 3 * MINUTE_NS, "ends_ns": NOW_NS + 2 * MINUTE_NS,
                 "start_1e8": 100_000 * ONE, "end_1e8": None,
                 "prices": [
                     {"feed": "oracle", "role": "REFERENCE", "price_1e8": 100_250 * ONE,
                      "at_ns": NOW_NS, "source_ns": NOW_NS},
                     {"feed": "exchange", "role": "SPOT", "price_1e8": None, "at_ns": None,
                      "source_ns": None}]}
            ],
            "prices": [
                {"instrument": "ES", "price_1e8": self.price_1e8, "vwap_1e8": 2725 * ONE,
                 "quote": {"bid_1e8": self.price_1e8 - 25_000_000, "bid_size_1e8": 4 * ONE,
                           "ask_1e8": self.price_1e8 + 25_000_000, "ask_size_1e8": 7 * ONE,
                           "at_ns": NOW_NS},
                 "tick_1e8": 25_000_000, "multiplier_1e8": 50 * ONE}
            ],
            "assertions": [
                {"name": each, "meaning": text, "found": []} for each, text in MEANING.items()
            ],
            "breakers": [{"name": "orders", "state": "CLOSED", "is_latched": False, "cause": ""}],
            "crashes": 1,
            "restarts": 1,
            "journal_pending": 0,
            "runtime": _runtime(),
        }  # fmt: skip

    def health(self) -> HealthReport:
        """Live; ready unless killed; one clock ahead, one that is silent, a hole in the session."""
        known = super().health()
        [feed] = known["feeds"]
        venue: ClockSeen = {
            "name": "venue",
            "offset_ns": -12_000_000,
            "within_ns": 2_000_000,
            "verdict": "NEAR",
            "at_ns": NOW_NS,
            "problem": "",
        }
        silent: ClockSeen = {
            **venue,
            "name": "ntp",
            "offset_ns": None,
            "within_ns": None,
            "verdict": "SILENT",
            "problem": "did not answer",
        }
        return {
            **known,
            "mode": self.mode,
            "kill_level": self.kill_level,
            "feeds": [{**feed, "completeness_ratio": 0.97829}],
            "clocks": [venue, silent],
        }


def _position(price_1e8: int) -> dict[str, Any]:
    return {
        "position_id": POSITION,
        "strategy": "vwap",
        "instrument": "ES",
        "phase": "MONITORING",
        "qty_1e8": 2 * ONE,
        "average_entry_1e8": 2731 * ONE,
        "unrealised_1e8": (price_1e8 - 2731 * ONE) * 100,
        "stop_1e8": 2722 * ONE,
        "target_1e8": 2780 * ONE,
        "entry_ns": OPEN_NS + 31 * MINUTE_NS,
    }


def _order(order_id: str, state: str) -> dict[str, Any]:
    return {
        "client_order_id": order_id,
        "strategy": "vwap",
        "instrument": "ES",
        "purpose": "ENTRY",
        "side": "BUY",
        "order_type": "LIMIT",
        "state": state,
        "qty_1e8": ONE,
        "filled_1e8": 0,
        "changed_ns": NOW_NS - MINUTE_NS,
    }


def _protection(name: str, value: int, limit: int) -> dict[str, Any]:
    return {
        "name": name,
        "instrument": "",
        "status": "ARMED",
        "is_tripped": False,
        "until_ns": None,
        "value": value,
        "limit": limit,
    }


def _runtime() -> dict[str, Any]:
    node: dict[str, Any] = {
        "state": "RUNNING", "restarts": 0, "crashes": 0, "last_reason": "", "mailbox": 0,
        "timers": 1, "is_actor": True, "beat_age_ns": 1_000_000,
    }  # fmt: skip
    fault = {"restarts": 1, "crashes": 1, "last_reason": "ZeroDivisionError"}
    return {
        "at_ns": NOW_NS,
        "handled": 1234,
        "queued": 0,
        "timers": 3,
        "dead_letters": {},
        "shed": 0,
        "quarantined": 0,
        "halted_for": None,
        "nodes": [
            {**node, "name": "root", "supervisor": "", "is_actor": False, "beat_age_ns": None},
            {**node, "name": "account:main", "supervisor": "root"},
            {**node, "name": "strategies", "supervisor": "root", "is_actor": False},
            {**node, "name": "strategy:vwap", "supervisor": "strategies", **fault},
        ],
    }
