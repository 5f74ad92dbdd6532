//! Fills that come late, twice, too large or back.

use crate::account::{
    cancelled, config, fills, name, plan, signal, submitted, Account, DATE, DOLLAR, SECOND_NS,
};
use holdfast_core::decision::Effect;
use holdfast_core::event::Event;
use holdfast_core::message::{
    ExitPlan, Level, Message, Partial, Purpose, ReportKind, Side, Stop, TimerKind, VenueReport,
};
use holdfast_core::money::ONE_1E8;
use holdfast_core::order_table::OrderState;

#[test]
fn a_long_and_a_short_of_the_same_move_make_opposite_money() {
    // EX-7, EX-14
    for (side, stop, exit_at, gross) in [
        (Side::Buy, 90, 90, -100),
        (Side::Sell, 110, 110, -100),
        (Side::Sell, 110, 85, 0),
    ] {
        let mut account = Account::new(config());
        let stop = Stop::At {
            level: Level::Price(stop * DOLLAR),
        };
        let target = Some(Level::Ratio(ONE_1E8 / 100 * 14));
        let entry = account.enter(signal(
            "1",
            side,
            ExitPlan {
                stop,
                target,
                ..plan()
            },
        ));
        assert_eq!(entry.qty_1e8, 10 * ONE_1E8, "{side:?}");
        account.accept(&entry);
        account.fill(&entry, 10, 100);
        assert_eq!(account.held_1e8(), side.sign() * 10 * ONE_1E8);
        let exit = submitted(&account.mark(exit_at)).unwrap();
        assert_eq!(
            (exit.side, exit.qty_1e8, exit.purpose),
            (side.opposite(), 10 * ONE_1E8, Purpose::Exit)
        );
        account.accept(&exit);
        account.fill(&exit, 10, exit_at);
        let trade = account.trades()[0].clone();
        let expected = if gross == 0 { 150 } else { gross };
        assert_eq!(trade.gross_1e8, expected * DOLLAR, "{side:?} to {exit_at}");
        assert_eq!(account.core.state().ledger.cash_1e8, expected * DOLLAR);
        assert_eq!(account.held_1e8(), 0);
    }
}

#[test]
fn what_an_entry_fills_during_its_exit_is_closed_too() {
    // PX-1
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.accept(&entry);
    account.fill(&entry, 4, 100);
    let at_stop = account.mark(90);
    let first = submitted(&at_stop).unwrap();
    assert_eq!(first.qty_1e8, 4 * ONE_1E8);
    assert_eq!(cancelled(&at_stop), [&*entry.client_order_id]);
    account.accept(&first);
    account.fill(&entry, 6, 100);
    let (done, _) = account.fill(&first, 4, 90);
    let second = submitted(&done).expect("the rest is closed");
    assert_eq!((second.side, second.qty_1e8), (Side::Sell, 6 * ONE_1E8));
}

#[test]
fn an_end_that_names_more_fills_than_were_heard_waits_for_them() {
    // EX-5, EX-6: the stream lost a fill; an exit sized without it would leave a rest behind
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.accept(&entry);
    account.fill(&entry, 2, 100);
    let end = VenueReport {
        qty_1e8: 4 * ONE_1E8,
        ..account.report(&entry, ReportKind::Cancelled)
    };
    let heard = account.tell(&Message::VenueReport(end.clone()));
    let id = &entry.client_order_id;
    let asks = |effect: &Effect| matches!(effect, Effect::Lookup { client_order_id } if client_order_id == id);
    assert!(heard.effects.iter().any(asks));
    assert_eq!(account.core.live_orders().count(), 1);
    let behind = account.looked_up(&entry, vec![end.clone()]);
    assert!(
        !behind.effects.iter().any(asks),
        "polling asks again, not the answer"
    );
    assert_eq!(account.core.live_orders().count(), 1);
    let lost = VenueReport {
        execution_id: name("lost"),
        qty_1e8: 2 * ONE_1E8,
        price_1e8: 100 * DOLLAR,
        ..account.report(&entry, ReportKind::Filled)
    };
    account.looked_up(&entry, vec![lost, end]);
    assert_eq!(account.core.live_orders().count(), 0);
    assert_eq!(account.held_1e8(), 4 * ONE_1E8);
}

#[test]
fn a_late_fill_of_an_exit_stops_the_exit_that_replaced_it() {
    // EX-5, PX-1: else the second one sells what is not held
    let mut account = Account::new(config());
    account.hold("1", plan());
    let first = submitted(&account.mark(90)).unwrap();
    account.accept(&first);
    account.venue(&first, ReportKind::Cancelled);
    account.now_ns += 2 * SECOND_NS;
    let retried = account.tell(&Message::Timer {
        kind: TimerKind::ExitRetry,
        key: name(&format!("s/XYZ/{DATE}/1")),
    });
    let second = submitted(&retried).expect("the exit is tried again");
    account.accept(&second);
    let (late, _) = account.fill(&first, 10, 90);
    assert_eq!(account.held_1e8(), 0);
    assert_eq!(cancelled(&late), [&*second.client_order_id]);
    let (over, _) = account.fill(&second, 10, 89);
    let back = submitted(&over).expect("what was sold too much is bought back");
    assert_eq!((back.side, back.qty_1e8), (Side::Buy, 10 * ONE_1E8));
}

#[test]
fn a_reversed_entry_that_leaves_a_short_is_closed_at_once() {
    // EX-2, PX-1: 10 bought, 5 sold at the first target, and then the purchase is taken back
    let target_1 = Some(Partial {
        level: Level::Price(110 * DOLLAR),
        portion_ratio_1e8: ONE_1E8 / 2,
    });
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, ExitPlan { target_1, ..plan() }));
    account.accept(&entry);
    let (_, bought) = account.fill(&entry, 10, 100);
    let part = submitted(&account.mark(110)).unwrap();
    assert_eq!(part.qty_1e8, 5 * ONE_1E8);
    account.accept(&part);
    account.fill(&part, 5, 110);
    let gone = account.reverse(&entry, &bought);
    assert_eq!(account.held_1e8(), -5 * ONE_1E8);
    let back = submitted(&gone).expect("the short is closed");
    assert_eq!((back.side, back.qty_1e8), (Side::Buy, 5 * ONE_1E8));
}

#[test]
fn a_first_target_that_sells_too_much_is_bought_back() {
    // EX-5: the venue overfills
    let target_1 = Some(Partial {
        level: Level::Price(110 * DOLLAR),
        portion_ratio_1e8: ONE_1E8 / 2,
    });
    let mut account = Account::new(config());
    account.hold("1", ExitPlan { target_1, ..plan() });
    let part = submitted(&account.mark(110)).unwrap();
    account.accept(&part);
    let (over, _) = account.fill(&part, 12, 110);
    assert_eq!(account.held_1e8(), -2 * ONE_1E8);
    let back = submitted(&over).expect("the short is closed");
    assert_eq!((back.side, back.qty_1e8), (Side::Buy, 2 * ONE_1E8));
}

#[test]
fn what_is_left_over_twice_of_one_order_are_two_positions() {
    // EX-2, EX-5: the closing of the first left-over is taken back after the second began
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.accept(&entry);
    let (_, bought) = account.fill(&entry, 9, 100);
    account.fill(&entry, 1, 100);
    let exit = submitted(&account.mark(90)).unwrap();
    account.accept(&exit);
    account.fill(&exit, 10, 90);
    let back = submitted(&account.reverse(&entry, &bought)).unwrap();
    account.accept(&back);
    let (_, bought_back) = account.fill(&back, 9, 90);
    let (again, _) = account.fill(&entry, 2, 100);
    assert_eq!(submitted(&again).unwrap().qty_1e8, 2 * ONE_1E8);
    account.reverse(&back, &bought_back);
    assert_eq!(account.held_1e8(), (1 - 10 + 2) * ONE_1E8);
    assert_eq!(account.core.state().halts, []);
}

#[test]
fn a_repeated_fill_changes_nothing_even_after_the_position_closed() {
    // EX-5
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.accept(&entry);
    account.fill(&entry, 10, 100);
    let repeat = VenueReport {
        execution_id: name("x1"),
        qty_1e8: 10 * ONE_1E8,
        price_1e8: 100 * DOLLAR,
        ..account.report(&entry, ReportKind::Filled)
    };
    let repeat = Message::VenueReport(repeat);
    assert_eq!(account.tell(&repeat).events, []);
    let exit = submitted(&account.mark(90)).unwrap();
    account.accept(&exit);
    account.fill(&exit, 10, 90);
    assert_eq!(account.tell(&repeat).events, []);
    assert_eq!(account.held_1e8(), 0);
}

#[test]
fn an_order_that_was_proven_absent_and_fills_is_cancelled() {
    // EX-2, EX-9: it lives at the venue after all, and it must not
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.tell(&Message::NotReleased {
        client_order_id: entry.client_order_id.clone(),
        reason: name("KILL_PAUSE"),
    });
    let (filled, _) = account.fill(&entry, 4, 100);
    assert_eq!(account.held_1e8(), 4 * ONE_1E8);
    assert_eq!(cancelled(&filled), [&*entry.client_order_id]);
}

#[test]
fn what_was_taken_back_counts_towards_the_end_of_its_order() {
    // EX-2, EX-7: the venue executed all of it, and a bust does not make it work again
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.accept(&entry);
    let (_, first) = account.fill(&entry, 4, 100);
    account.reverse(&entry, &first);
    let (last, _) = account.fill(&entry, 6, 100);
    let ended = last.events.iter().any(
        |event| matches!(event, Event::OrderChanged(change) if change.new == OrderState::Filled),
    );
    assert!(ended);
    assert_eq!(account.held_1e8(), 6 * ONE_1E8);
}

#[test]
fn totals_of_a_venue_that_names_no_executions_are_booked_once() {
    // EX-5: repeated, out of order, and mixed between stream and list
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.accept(&entry);
    for (total, average_1e8) in [
        (3, 100 * DOLLAR),
        (3, 100 * DOLLAR),
        (5, 102 * DOLLAR),
        (3, 100 * DOLLAR),
    ] {
        account.filled_to(&entry, total, average_1e8);
    }
    assert_eq!(account.held_1e8(), 5 * ONE_1E8);
    let done = account.filled_to(&entry, 10, 101 * DOLLAR);
    assert_eq!(fills(&done), [(5 * ONE_1E8, 100 * DOLLAR)]);
    assert_eq!(account.held_1e8(), 10 * ONE_1E8);
}

#[test]
fn a_total_that_cannot_follow_the_one_before_it_stops_entries() {
    // EX-9: five for a dollar each cannot have cost less in all than the first three
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.accept(&entry);
    account.filled_to(&entry, 3, 100 * DOLLAR);
    let odd = account.filled_to(&entry, 5, DOLLAR);
    assert_eq!(fills(&odd), []);
    assert_eq!(account.held_1e8(), 3 * ONE_1E8);
    let is_stopped =
        |event: &Event| matches!(event, Event::InvariantViolated(v) if &*v.name == "MalformedFill");
    assert!(odd.events.iter().any(is_stopped));
}
