"""A statement of some instruments: what nobody could read is neither healed nor taken over."""

from typing import Any

from rust_core import Decision, Judgement, Message
from tests.rust_core.account_desk import FLIGHT_NS, Desk, E, instrument

ORDINARY = ("SPY", "A")


def desk_of_two() -> Desk:
    """Two instruments to hold."""
    return Desk(
        instruments=[instrument(name) for name in ORDINARY],
        limits_positions_max=9,
        limits_exposure_max_ratio_1e8=10 * E,
    )


def state(desk: Desk, held: dict[str, int], of: tuple[str, ...] | None = None) -> Decision:
    """The venue tells what it holds, of these instruments or of all."""
    positions = [(name, qty * E, 100 * E) for name, qty in held.items()]
    return desk.tell(Message.stated(desk.core.version, positions=positions, positions_of=of))


def twice(desk: Desk, held: dict[str, int], of: tuple[str, ...] | None = None) -> Decision:
    """What one answer shows, the next confirms, the longest flight behind what was done last."""
    state(desk, held, of)
    desk.now_ns += FLIGHT_NS
    return state(desk, held, of)


def judged(decision: Decision) -> Judgement:
    """What a statement came to."""
    assert decision.judgement is not None
    return decision.judgement


def found(desk: Desk) -> list[tuple[str, str, int]]:
    """The differences that stand."""
    return [(one.kind, one.instrument, one.venue_1e8) for one in desk.core.account().drift]


def test_what_others_hold_stands_while_it_cannot_be_read() -> None:
    """ST-3: not told of is not none; it is healed by a statement of everything, and by no other."""
    desk = desk_of_two()
    twice(desk, {"X": 5})
    stands = [("FOREIGN_POSITION", "X", 5 * E)]
    for _ in range(3):
        decision = state(desk, {}, ORDINARY)
        assert decision.events == ()
        assert (judged(decision).is_conclusive, judged(decision).is_partial) == (True, True)
        assert [one.instrument for one in judged(decision).drift] == ["X"]
        assert found(desk) == stands
        assert desk.core.account().foreign_positions == 1
    healed = twice(desk, {})
    assert not judged(healed).is_partial
    assert found(desk) == []
    assert desk.core.account().foreign_positions == 0


def test_what_others_hold_of_our_instrument_is_compared_in_part_too() -> None:
    """ST-3: where it is told of, absent is none, and more is somebody's."""
    desk = desk_of_two()
    assert [e["kind"] for e in new_drift(twice(desk, {"SPY": 5}, ORDINARY))] == ["FOREIGN_POSITION"]
    twice(desk, {}, ORDINARY)
    assert found(desk) == []


def new_drift(decision: Decision) -> list[dict[str, Any]]:
    """Payloads of what a decision found."""
    return Desk.events(Desk(), "DriftFound", decision)


def test_our_position_that_was_not_told_of_is_not_missing() -> None:
    """ST-3, ST-4: it stays in our books, and nothing is concluded before it was compared."""
    desk = desk_of_two()
    desk.enter()
    decision = twice(desk, {}, ("A",))
    assert not judged(decision).is_conclusive
    assert judged(decision).kill_positions == 1
    assert (found(desk), len(desk.core.positions())) == ([], 1)
    decision = twice(desk, {}, ORDINARY)
    assert [each["kind"] for each in new_drift(decision)] == ["POSITION_MISSING"]
    assert desk.core.positions() == []


def test_a_large_difference_stops_entries_until_it_was_read_again() -> None:
    """ST-3: a statement without the instrument neither heals it nor lets entries go on."""
    desk = desk_of_two()
    desk.enter()
    twice(desk, {"SPY": 4})
    stands = [("POSITION_QTY", "SPY", 4 * E)]
    assert found(desk) == stands
    for _ in range(2):
        assert judged(state(desk, {}, ("A",))).is_stopped
        assert found(desk) == stands
    state(desk, {"SPY": 10}, ("SPY",))
    assert found(desk) == []
    assert not desk.core.account().is_reconciliation_stopped


def test_what_is_listed_is_told_of_though_it_was_not_named() -> None:
    """ST-3: a position in the list counts, whatever the statement says it is of."""
    desk = desk_of_two()
    twice(desk, {"X": 5}, ("A",))
    assert found(desk) == [("FOREIGN_POSITION", "X", 5 * E)]
