//! Kills beside orders of every kind.

use crate::account::{cancelled, config, name, plan, signal, submitted, Account, DOLLAR};
use holdfast_core::event::Event;
use holdfast_core::message::{ExitReason, KillLevel, Message, OrderType, ReportKind, Side, Signal};
use holdfast_core::money::ONE_1E8;
use holdfast_core::order_table::OrderState;

#[test]
fn a_flatten_does_not_wait_for_the_next_try_of_a_failed_exit() {
    // KC-1, KC-2
    let mut account = Account::new(config());
    account.hold("1", plan());
    let exit = submitted(&account.mark(90)).unwrap();
    account.accept(&exit);
    account.venue(&exit, ReportKind::Rejected);
    let again = submitted(&account.kill(KillLevel::Flatten)).expect("a kill tries at once");
    assert_eq!(again.exit_reason, Some(ExitReason::KillSwitch));
    account.accept(&again);
    account.venue(&again, ReportKind::Rejected);
    assert_eq!(submitted(&account.mark(90)), None, "but not at every price");
}

#[test]
fn an_unknown_order_with_a_known_id_is_cancelled_by_a_kill() {
    // KC-2: cancel every known id
    let mut account = Account::new(config());
    let limit = Signal {
        order_type: OrderType::Limit,
        limit_1e8: Some(99 * DOLLAR),
        ..signal("1", Side::Buy, plan())
    };
    let entry = account.enter(limit);
    account.accept(&entry);
    account.tell(&Message::NoAnswer {
        client_order_id: entry.client_order_id.clone(),
    });
    assert_eq!(
        cancelled(&account.kill(KillLevel::Flatten)),
        [&*entry.client_order_id]
    );
}

#[test]
fn a_kill_closes_an_entry_that_fills_after_it() {
    // KC-2, KC-3
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.kill(KillLevel::Flatten);
    let accepted = account.accept(&entry);
    assert_eq!(cancelled(&accepted), [&*entry.client_order_id]);
    let (filled, _) = account.fill(&entry, 10, 100);
    let exit = submitted(&filled).unwrap();
    assert_eq!(
        (exit.exit_reason, exit.qty_1e8),
        (Some(ExitReason::KillSwitch), 10 * ONE_1E8)
    );
}

#[test]
fn a_cancel_that_overtakes_its_order_proves_nothing() {
    // EX-3, EX-8: the entry waits for its token, so "unknown order" is all the venue can say of it
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.kill(KillLevel::Flatten);
    account.venue(&entry, ReportKind::CancelRejected);
    let held_back = account.tell(&Message::NotReleased {
        client_order_id: entry.client_order_id.clone(),
        reason: name("KILL_FLATTEN"),
    });
    let broken = |event: &Event| matches!(event, Event::InvariantViolated(_));
    assert!(!held_back.events.iter().any(broken));
    assert!(matches!(
        &held_back.events[0],
        Event::OrderChanged(change) if change.new == OrderState::NotSent
    ));
}
