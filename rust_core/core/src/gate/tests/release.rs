//! The release gate.

use std::sync::Arc;

use super::*;

fn attempt(adds_risk: bool) -> Attempt {
    Attempt {
        adds_risk,
        now_ns: NOW_NS,
        deadline_ns: NOW_NS,
        fence_word: None,
    }
}

fn open_gate() -> ReleaseGate {
    let gate = ReleaseGate::new();
    gate.set_fence(7, 7);
    gate
}

/// What an entry, an exit and a cancel are told.
fn answers(gate: &ReleaseGate) -> (Option<Refusal>, Option<Refusal>, Option<Refusal>) {
    (
        gate.admits(&attempt(true)).err(),
        gate.admits(&attempt(false)).err(),
        gate.admits_cancel(None).err(),
    )
}

#[test]
fn a_fresh_gate_lets_nothing_out() {
    // ST-5
    let refusal = Some(Refusal::FenceUnknown);
    assert_eq!(answers(&ReleaseGate::new()), (refusal, refusal, refusal));
    assert_eq!(answers(&open_gate()), (None, None, None));
}

type Switch = fn(&ReleaseGate, bool);

fn kill(gate: &ReleaseGate, on: bool, level: KillLevel) {
    gate.set_kill_level(if on { level } else { KillLevel::None });
}

#[rustfmt::skip]
const SWITCHES: &[(Switch, Refusal)] = &[
    (|gate, on| kill(gate, on, KillLevel::Pause), Refusal::KillPause),
    (|gate, on| kill(gate, on, KillLevel::Flatten), Refusal::KillFlatten),
    (|gate, on| kill(gate, on, KillLevel::Emergency), Refusal::KillEmergency),
    (ReleaseGate::set_paused, Refusal::Paused),
    (|gate, on| gate.set_halted("account", on), Refusal::Halted),
    (|gate, on| gate.set_breaker("paper", on), Refusal::BreakerOpen),
];

#[test]
fn entries_stop_at_every_switch_and_exits_and_cancels_go_on() {
    // KC-1, KC-3, WD-3, EX-9
    for (switch, refusal) in SWITCHES {
        let gate = open_gate();
        switch(&gate, true);
        assert_eq!(answers(&gate), (Some(*refusal), None, None));
        switch(&gate, false);
        assert_eq!(answers(&gate), (None, None, None), "{refusal:?} is over");
    }
}

#[test]
fn an_emergency_may_bar_exits_and_never_cancels() {
    // KC-1
    let gate = open_gate();
    gate.set_emergency_exits(false);
    assert_eq!(answers(&gate), (None, None, None));
    gate.set_kill_level(KillLevel::Flatten);
    assert_eq!(answers(&gate), (Some(Refusal::KillFlatten), None, None));
    gate.set_kill_level(KillLevel::Emergency);
    let refusal = Some(Refusal::KillEmergency);
    assert_eq!(answers(&gate), (refusal, refusal, None));
}

#[test]
fn nothing_passes_a_fence() {
    // ST-5: the gate's copy and the word in shared memory must both be ours
    let gate = open_gate();
    gate.set_fence(7, 8);
    let refusal = Some(Refusal::Fenced);
    assert_eq!(answers(&gate), (refusal, refusal, refusal));
    gate.set_fence(7, 7);
    for (word, expected) in [
        (7, Ok(())),
        (8, Err(Refusal::Fenced)),
        (0, Err(Refusal::Fenced)),
    ] {
        let with_word = Attempt {
            fence_word: Some(word),
            ..attempt(false)
        };
        assert_eq!(gate.admits(&with_word), expected, "word {word}");
    }
}

#[test]
fn a_right_word_does_not_excuse_a_raised_copy() {
    let gate = open_gate();
    gate.set_fence(7, 8);
    assert_eq!(gate.admits_cancel(Some(7)), Err(Refusal::Fenced));
}

#[test]
fn entries_leave_up_to_their_deadline_and_exits_after_it() {
    let gate = open_gate();
    let at = |adds_risk, deadline_ns| {
        gate.admits(&Attempt {
            deadline_ns,
            ..attempt(adds_risk)
        })
    };
    assert_eq!(at(true, NOW_NS + 1), Ok(()));
    assert_eq!(at(true, NOW_NS), Ok(()));
    assert_eq!(at(true, NOW_NS - 1), Err(Refusal::PastDeadline));
    assert_eq!(at(false, NOW_NS - 1), Ok(()));
}

#[test]
fn one_of_two_breakers_is_enough() {
    // WD-3
    let gate = open_gate();
    gate.set_breaker("orders", true);
    gate.set_breaker("orders", true);
    gate.set_breaker("quotes", true);
    gate.set_breaker("orders", false);
    assert_eq!(gate.admits(&attempt(true)), Err(Refusal::BreakerOpen));
    gate.set_breaker("quotes", false);
    assert_eq!(gate.admits(&attempt(true)), Ok(()));
}

#[test]
fn a_kill_is_raised_and_not_lowered_by_a_lesser_one() {
    // KC-4
    let gate = open_gate();
    gate.raise_kill_level(KillLevel::Flatten);
    gate.raise_kill_level(KillLevel::Pause);
    assert_eq!(gate.kill_level(), KillLevel::Flatten);
    gate.set_kill_level(KillLevel::None);
    assert_eq!(gate.kill_level(), KillLevel::None);
}

#[test]
fn a_child_is_shut_with_its_parent_and_not_its_parent_with_it() {
    let root = Arc::new(ReleaseGate::new());
    let account = root.child();
    assert_eq!(answers(&account).0, Some(Refusal::FenceUnknown));
    root.set_fence(7, 7);
    assert_eq!(answers(&account), (None, None, None));
    root.set_kill_level(KillLevel::Pause);
    assert_eq!(answers(&account).0, Some(Refusal::KillPause));
    root.set_kill_level(KillLevel::None);
    root.set_paused(true);
    assert_eq!(answers(&account).0, Some(Refusal::Paused));
    root.set_paused(false);
    account.set_breaker("paper", true);
    assert_eq!(
        (answers(&account).0, answers(&root).0),
        (Some(Refusal::BreakerOpen), None)
    );
    account.set_kill_level(KillLevel::Flatten);
    assert_eq!(
        (account.kill_level(), root.kill_level()),
        (KillLevel::Flatten, KillLevel::None)
    );
    root.set_kill_level(KillLevel::Emergency);
    root.set_emergency_exits(false);
    assert_eq!(answers(&account).1, Some(Refusal::KillEmergency));
}
