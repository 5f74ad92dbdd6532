//! What closes a position, and what must not hold it up.

use crate::account::{config, name, plan, refusals, signal, submitted, Account, DOLLAR, SECOND_NS};
use holdfast_core::gate::CheckName;
use holdfast_core::message::{
    ExitPlan, ExitReason, Level, Message, Partial, ReportKind, Side, Stop,
};
use holdfast_core::money::ONE_1E8;
use serde_json::json;

#[test]
fn a_strategy_cannot_widen_the_risk_that_was_approved() {
    // RK-3: the stop moves nearer, never beyond the one the size was made for
    let mut account = Account::new(config());
    account.hold("1", plan());
    account.tell(&Message::ExitLevels {
        strategy: name("s"),
        instrument: name("XYZ"),
        stop_1e8: Some(50 * DOLLAR),
        target_1e8: None,
    });
    let exit = submitted(&account.mark(90)).expect("the approved stop holds");
    assert_eq!(exit.exit_reason, Some(ExitReason::StopLoss));
    let mut account = Account::new(config());
    account.hold("1", plan());
    account.tell(&Message::ExitLevels {
        strategy: name("s"),
        instrument: name("XYZ"),
        stop_1e8: Some(95 * DOLLAR),
        target_1e8: None,
    });
    assert!(
        submitted(&account.mark(95)).is_some(),
        "a nearer one counts"
    );
}

#[test]
fn a_first_target_below_the_smallest_quantity_sells_the_smallest() {
    // PX-2, PX-3
    let target_1 = Some(Partial {
        level: Level::Price(110 * DOLLAR),
        portion_ratio_1e8: ONE_1E8 / 10,
    });
    let mut config = config();
    config["instruments"][0]["min_qty_1e8"] = json!(5 * ONE_1E8);
    let mut account = Account::new(config);
    account.hold("1", ExitPlan { target_1, ..plan() });
    let part = submitted(&account.mark(110)).expect("as much as the venue takes");
    assert_eq!(part.qty_1e8, 5 * ONE_1E8);
    account.accept(&part);
    account.fill(&part, 5, 110);
    let exit = submitted(&account.mark(90)).expect("the rest is sold at the stop");
    assert_eq!(exit.qty_1e8, 5 * ONE_1E8);
}

#[test]
fn a_failed_partial_exit_does_not_hold_up_the_stop() {
    // PX-2: the wait before the next try of the target is no wait for the stop
    let target_1 = Some(Partial {
        level: Level::Price(110 * DOLLAR),
        portion_ratio_1e8: ONE_1E8 / 2,
    });
    let mut account = Account::new(config());
    account.hold("1", ExitPlan { target_1, ..plan() });
    for _ in 0..6 {
        account.now_ns += 60 * SECOND_NS;
        let part = submitted(&account.mark(110)).unwrap();
        account.accept(&part);
        account.venue(&part, ReportKind::Rejected);
    }
    let exit = submitted(&account.mark(90)).expect("the stop is not made to wait");
    assert_eq!(
        (exit.exit_reason, exit.qty_1e8),
        (Some(ExitReason::StopLoss), 10 * ONE_1E8)
    );
}

#[test]
fn a_trailing_stop_at_a_loss_counts_as_a_stop_out() {
    // RK-6
    let mut config = config();
    config["protections"]["cooldown_period"]["enabled"] = json!(true);
    let mut account = Account::new(config);
    account.hold(
        "1",
        ExitPlan {
            trailing_ratio_1e8: Some(ONE_1E8 / 20),
            ..plan()
        },
    );
    let exit = submitted(&account.mark(95)).unwrap();
    assert_eq!(exit.exit_reason, Some(ExitReason::Trailing));
    account.accept(&exit);
    account.fill(&exit, 10, 95);
    let next = account.tell(&Message::Signal(Box::new(signal(
        "2",
        Side::Buy,
        ExitPlan {
            stop: Stop::At {
                level: Level::Price(85 * DOLLAR),
            },
            ..plan()
        },
    ))));
    assert_eq!(refusals(&next), [CheckName::Protections]);
}
