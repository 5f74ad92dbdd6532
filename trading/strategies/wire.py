"""A strategy's signal as the account core takes it: `rust_core.Signal`."""

from functools import lru_cache
from typing import Final, TypedDict

from rust_core import _native as core
from trading.strategies.api import ExitPlan, Leg, Level, LevelKind, Signal, StopAt

_KEPT: Final = 256
_SUFFIX = {LevelKind.PRICE: "1e8", LevelKind.RATIO: "ratio_1e8", LevelKind.R: "r_1e8"}


class _Levels(TypedDict, total=False):
    stop_1e8: int
    stop_ratio_1e8: int
    target_1e8: int
    target_ratio_1e8: int
    target_r_1e8: int
    target_1_1e8: int
    target_1_ratio_1e8: int
    target_1_r_1e8: int
    target_2_1e8: int
    target_2_ratio_1e8: int
    target_2_r_1e8: int


def core_signal(
    signal: Signal, *, strategy: str, session_date: int, reference_1e8: int, reference_ns: int
) -> core.Signal:
    """The signal with what only the strategy's actor knows; vetoes are added by `with_vetoes`.

    Args:
        signal: What the strategy answered.
        strategy: Its name.
        session_date: The session, e.g. 20200102.
        reference_1e8: The price it saw.
        reference_ns: When that price became known.

    Raises:
        ValueError: The core refuses it, with what it expected.
    """
    return core.Signal(
        strategy=strategy,
        setup_instance=signal.setup_instance,
        session_date=session_date,
        legs=[_leg(leg) for leg in signal.legs],
        plan=_plan(signal.plan),
        reference_1e8=reference_1e8,
        reference_ns=reference_ns,
        qty_1e8=signal.qty_1e8,
        risk_1e8=signal.risk_1e8,
        order_type=signal.order_type,
        tif=signal.tif,
        limit_1e8=signal.limit_1e8,
        trigger_1e8=signal.trigger_1e8,
        reason=signal.reason,
        confidence_ratio_1e8=signal.confidence_ratio_1e8,
    )


# A strategy says nearly the same each time, and what the core makes of it cannot change.
@lru_cache(_KEPT)
def _leg(leg: Leg) -> core.Leg:
    return core.Leg(leg.instrument, leg.side, leg.ratio_1e8)


@lru_cache(_KEPT)
def _plan(plan: ExitPlan) -> core.ExitPlan:
    levels: _Levels = {}
    stop, first = plan.stop, plan.target_1
    if isinstance(stop, StopAt):
        _put(levels, "stop", stop.level)
    _put(levels, "target", plan.target)
    _put(levels, "target_1", None if first is None else first.level)
    _put(levels, "target_2", plan.target_2)
    return core.ExitPlan(
        no_stop=None if isinstance(stop, StopAt) else stop.waiver,
        trailing_ratio_1e8=plan.trailing_ratio_1e8,
        target_trailing_ratio_1e8=plan.target_trailing_ratio_1e8,
        target_1_portion_ratio_1e8=None if first is None else first.portion_ratio_1e8,
        target_2_wait_ns=plan.target_2_wait_ns,
        holding_max_ns=plan.holding_max_ns,
        force_flat_ns=plan.force_flat_ns,
        **levels,
    )


def _put(levels: _Levels, name: str, level: Level | None) -> None:
    if level is not None:
        levels[f"{name}_{_SUFFIX[level.kind]}"] = level.value_1e8  # type: ignore[literal-required]
