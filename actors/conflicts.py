"""Strategies that contradict each other in one cycle (PF-2)."""

from collections.abc import Sequence

from rust_core import Signal

POLICY = "conflict"
"""Names the veto in the verdict of a signal that another one contradicts."""


def contradicted(signals: Sequence[Signal]) -> list[Signal]:
    """The same signals in order; those that others of the cycle contradict carry a veto.

    Two contradict each other when one buys and the other sells the same instrument, in any leg:
    both are refused, as neither knows better.
    """
    sides: dict[str, dict[str, str]] = {}
    for signal in signals:
        for leg in signal.legs:
            sides.setdefault(leg.instrument, {}).setdefault(leg.side, signal.signal_id)
    return [_with_veto(signal, sides) for signal in signals]


def _with_veto(signal: Signal, sides: dict[str, dict[str, str]]) -> Signal:
    for leg in signal.legs:
        found = sides[leg.instrument]
        others = [found[side] for side in found if side != leg.side]
        if others and others[0] != signal.signal_id:
            reason = f"{leg.side} of {leg.instrument} contradicts {others[0]} in the same cycle"
            return signal.with_vetoes([(POLICY, reason)])
    return signal
