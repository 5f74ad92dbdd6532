"""A signal as `AccountCore` reads it: JSON of `Signal` in rust_core/core/src/message.rs."""

from collections.abc import Sequence
from typing import Any

import orjson

from trading.policies import Veto
from trading.strategies.api import ExitPlan, Level, Partial, Signal, StopAt


def signal_id(strategy: str, session_date: int, setup_instance: str) -> str:
    """`strategy/session_date/setup_instance`: nothing in it changes with a restart (EX-4)."""
    return f"{strategy}/{session_date}/{setup_instance}"


def signal_json(
    signal: Signal,
    *,
    strategy: str,
    session_date: int,
    reference_1e8: int,
    reference_ns: int,
    vetoes: Sequence[Veto] = (),
) -> bytes:
    """The signal with what only the strategy's actor knows.

    Args:
        signal: What the strategy answered.
        strategy: Its name.
        session_date: The session, e.g. 20200102.
        reference_1e8: The price it saw, and
        reference_ns: when that price became known.
        vetoes: What the user's policies said (RK-16).
    """
    asked: dict[str, Any] = {
        "signal_id": signal_id(strategy, session_date, signal.setup_instance),
        "strategy": strategy,
        "setup_instance": signal.setup_instance,
        "session_date": session_date,
        "legs": [
            {"instrument": leg.instrument, "side": leg.side, "ratio_1e8": leg.ratio_1e8}
            for leg in signal.legs
        ],
        "qty_1e8": signal.qty_1e8,
        "risk_1e8": signal.risk_1e8,
        "order_type": signal.order_type,
        "tif": signal.tif,
        "limit_1e8": signal.limit_1e8,
        "trigger_1e8": signal.trigger_1e8,
        "plan": _plan(signal.plan),
        "reason": signal.reason,
        "confidence_ratio_1e8": signal.confidence_ratio_1e8,
        "reference_1e8": reference_1e8,
        "reference_ns": reference_ns,
        "vetoes": [{"policy": veto.policy, "reason": veto.reason} for veto in vetoes],
    }
    return orjson.dumps(_present(asked))


def _plan(plan: ExitPlan) -> dict[str, Any]:
    stop: dict[str, Any]
    if isinstance(plan.stop, StopAt):
        stop = {"kind": "AT", "level": _level(plan.stop.level)}
    else:
        stop = {"kind": "NONE", "waiver": plan.stop.waiver}
    return _present(
        {
            "stop": stop,
            "trailing_ratio_1e8": plan.trailing_ratio_1e8,
            "target": _level(plan.target),
            "target_trailing_ratio_1e8": plan.target_trailing_ratio_1e8,
            "target_1": _partial(plan.target_1),
            "target_2": _level(plan.target_2),
            "target_2_wait_ns": plan.target_2_wait_ns,
            "holding_max_ns": plan.holding_max_ns,
            "force_flat_ns": plan.force_flat_ns,
        }
    )


def _level(level: Level | None) -> dict[str, Any] | None:
    return None if level is None else {"kind": level.kind, "value_1e8": level.value_1e8}


def _partial(partial: Partial | None) -> dict[str, Any] | None:
    if partial is None:
        return None
    return {"level": _level(partial.level), "portion_ratio_1e8": partial.portion_ratio_1e8}


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
