//! Verdicts: bound to bytes, used once.

use std::sync::Arc;

use serde_json::{json, Value};

use super::*;

fn approve(world: &World) -> Verdict {
    match world.ruling() {
        Ruling::Approved(verdict) => verdict,
        Ruling::Refused(failed) => panic!("must be approved: {failed:?}"),
    }
}

fn intent_of(verdict: &Verdict) -> Value {
    serde_json::to_value(verdict.request()).unwrap()
}

fn bytes_of(intent: &Value) -> Arc<[u8]> {
    serde_json::to_vec(intent).unwrap().into()
}

fn open_gate() -> ReleaseGate {
    let gate = ReleaseGate::new();
    gate.set_fence(7, 7);
    gate
}

#[test]
fn an_intent_may_say_more_than_the_order_but_nothing_else_of_it() {
    // RK-1
    let verdict = approve(&entry());
    let mut intent = intent_of(&verdict);
    intent["signal_id"] = json!("vwap/20200102/1000");
    let bytes = bytes_of(&intent);
    let submission = verdict.bind(Arc::clone(&bytes)).unwrap();
    assert_eq!(submission.intent(), &bytes);
    assert_eq!(submission.request().qty_1e8, ONE_1E8);
}

#[test]
fn bytes_of_another_order_are_refused_whatever_field_differs() {
    // RK-1
    let others = [
        ("client_order_id", json!("p-main-vwap-20200102-1000-0e2")),
        ("strategy", json!("other")),
        ("instrument", json!("ABC")),
        ("purpose", json!("EXIT")),
        ("side", json!("SELL")),
        ("order_type", json!("LIMIT")),
        ("tif", json!("GTC")),
        ("qty_1e8", json!(ONE_1E8 + 1)),
        ("limit_1e8", json!(1)),
        ("trigger_1e8", json!(1)),
        ("adds_risk", json!(false)),
        ("deadline_ns", json!(i64::MAX)),
    ];
    for (field, other) in others {
        let verdict = approve(&entry());
        let mut intent = intent_of(&verdict);
        assert_ne!(intent[field], other, "{field}");
        intent[field] = other;
        let error = verdict.bind(bytes_of(&intent)).unwrap_err();
        assert!(
            matches!(error, BindError::Differs { .. }),
            "{field}: {error}"
        );
    }
}

#[test]
fn bytes_that_are_no_intent_are_refused() {
    for bytes in [&b""[..], b"{}", b"null", b"[]", b"{\"qty_1e8\":1}"] {
        let error = approve(&entry()).bind(Arc::from(bytes)).unwrap_err();
        assert!(matches!(error, BindError::Unreadable(_)), "{error}");
    }
}

#[test]
fn a_submission_gives_its_bytes_once() {
    let verdict = approve(&entry());
    let bytes = bytes_of(&intent_of(&verdict));
    let submission = verdict.bind(Arc::clone(&bytes)).unwrap();
    let gate = open_gate();
    assert!(!submission.is_spent());
    assert_eq!(submission.redeem(&gate, NOW_NS, None), Ok(&bytes));
    assert_eq!(
        submission.redeem(&gate, NOW_NS, None),
        Err(RedeemError::Spent)
    );
    assert!(submission.is_spent());
}

#[test]
fn a_refused_submission_is_spent_too() {
    // EX-1: it is NOT_SENT from then on, so it must not leave after all
    let verdict = approve(&entry());
    let bytes = bytes_of(&intent_of(&verdict));
    let submission = verdict.bind(bytes).unwrap();
    let gate = open_gate();
    gate.set_kill_level(KillLevel::Pause);
    assert_eq!(
        submission.redeem(&gate, NOW_NS, None),
        Err(RedeemError::Refused(Refusal::KillPause))
    );
    gate.set_kill_level(KillLevel::None);
    assert_eq!(
        submission.redeem(&gate, NOW_NS, None),
        Err(RedeemError::Spent)
    );
}

#[test]
fn a_journaled_intent_gives_the_same_submission_again() {
    // ST-2
    let verdict = approve(&exit());
    let bytes = bytes_of(&intent_of(&verdict));
    let submission = verdict.bind(Arc::clone(&bytes)).unwrap();
    let again = Submission::from_journal(bytes).unwrap();
    assert_eq!(again.request(), submission.request());
    assert_eq!(again.intent(), submission.intent());
}

#[test]
fn two_threads_get_the_bytes_once() {
    let verdict = approve(&entry());
    let bytes = bytes_of(&intent_of(&verdict));
    let submission = verdict.bind(bytes).unwrap();
    let gate = open_gate();
    let released = std::thread::scope(|scope| {
        let redeem = || submission.redeem(&gate, NOW_NS, None).is_ok();
        let others: Vec<_> = (0..4).map(|_| scope.spawn(redeem)).collect();
        others
            .into_iter()
            .map(|one| one.join().unwrap())
            .filter(|ok| *ok)
            .count()
    });
    assert_eq!(released, 1);
}
