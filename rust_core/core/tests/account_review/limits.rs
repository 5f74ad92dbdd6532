//! What the limits count, and when it ends.

use crate::account::{
    config, name, plan, refusals, signal, submitted, Account, DOLLAR, OPEN_NS, SECOND_NS,
};
use holdfast_core::gate::CheckName;
use holdfast_core::message::{Message, ReportKind, Side, Signal};
use holdfast_core::money::ONE_1E8;

#[test]
fn the_account_is_worth_the_same_whichever_side_is_left() {
    // RK-4: 10 bought at 100 and 12 sold at 110 made $100, and the 2 that are short cost nothing at 110
    let mut account = Account::new(config());
    account.hold("1", plan());
    let exit = submitted(&account.mark(90)).unwrap();
    account.accept(&exit);
    account.mark(110);
    account.fill(&exit, 12, 110);
    let worth = |account: &Account| account.core.equity_1e8(account.now_ns).unwrap();
    assert_eq!(worth(&account), 100_100 * DOLLAR);
    account.mark(115);
    assert_eq!(worth(&account), 100_090 * DOLLAR);
}

#[test]
fn an_unknown_entry_counts_as_filled_and_takes_no_second_one() {
    // EX-1
    let mut account = Account::new(config());
    let entry = account.enter(signal("1", Side::Buy, plan()));
    account.tell(&Message::NoAnswer {
        client_order_id: entry.client_order_id.clone(),
    });
    let other = Signal {
        strategy: name("other"),
        signal_id: name("other/20200106/1"),
        ..signal("1", Side::Buy, plan())
    };
    let names = refusals(&account.tell(&Message::Signal(Box::new(other))));
    assert_eq!(
        names,
        [CheckName::UnknownOrder, CheckName::OpenPositionsPerSymbol]
    );
}

#[test]
fn an_entry_that_was_held_back_takes_no_place_among_those_of_the_window() {
    // EX-12: one may enter in a window; what no venue ever had is no entry order
    let mut rules = config();
    rules["limits"]["entries_per_window_max"] = 1.into();
    let mut account = Account::new(rules);
    for setup in ["1", "2"] {
        let entry = account.enter(signal(setup, Side::Buy, plan()));
        account.tell(&Message::NotReleased {
            client_order_id: entry.client_order_id.clone(),
            reason: name("KILL_PAUSE"),
        });
    }
    let entry = account.enter(signal("3", Side::Buy, plan()));
    account.accept(&entry);
    account.venue(&entry, ReportKind::Cancelled);
    let fourth = Message::Signal(Box::new(signal("4", Side::Buy, plan())));
    assert_eq!(
        refusals(&account.tell(&fourth)),
        [CheckName::EntriesPerWindow]
    );
}

#[test]
fn a_leg_that_is_not_one_to_one_is_refused() {
    // EX-10: a quantity per unit that is not applied would buy the wrong size
    let mut account = Account::new(config());
    let mut wanted = signal("1", Side::Buy, plan());
    wanted.qty_1e8 = Some(10 * ONE_1E8);
    wanted.legs[0].ratio_1e8 = ONE_1E8 / 2;
    let decision = account.tell(&Message::Signal(Box::new(wanted)));
    assert_eq!(refusals(&decision), [CheckName::RequiredFields]);
}

#[test]
fn a_week_is_that_of_the_session_date() {
    // RK-5: a session that opens on Sunday evening belongs to Monday's week
    let mut account = Account::new(config());
    let week = account.core.state().session.week;
    account.now_ns = OPEN_NS + 7 * 86_400 * SECOND_NS - 16 * 3_600 * SECOND_NS;
    account.tell(&Message::SessionOpened {
        session_date: 20_200_113,
        open_ns: account.now_ns,
        close_ns: account.now_ns + 82_800 * SECOND_NS,
    });
    assert_eq!(account.core.state().session.week, week + 1);
}

#[test]
fn halts_are_cleared_whatever_the_words_are() {
    // EX-9
    let mut account = Account::new(config());
    account.tell(&Message::Halt {
        scope: holdfast_core::message::Scope::Account,
        key: name(""),
        reason: name("drift"),
    });
    account.tell(&Message::Control {
        name: name("clear_halts"),
        value: name("\"drift\""),
        author: name("me"),
    });
    assert!(account.core.state().halts.is_empty());
}
