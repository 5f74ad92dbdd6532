//! The account core where money could be lost: signs, leftovers, late fills, reversals, kills.

// Tests may stop at the first surprise; helpers of an integration test are not seen as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use holdfast_core::account::AccountCore;
use holdfast_core::config::AccountConfig;
use holdfast_core::decision::{Decision, Effect};
use holdfast_core::event::{Event, OrderIntended, TradeClosed};
use holdfast_core::gate::CheckName;
use holdfast_core::message::{
    ExitPlan, ExitReason, Kill, KillLevel, Leg, Level, Mark, MarkKind, Message, Name, OrderType,
    Partial, Purpose, ReportKind, Settlement, Side, Signal, Stop, TimeInForce, TimerKind,
    VenueReport,
};
use holdfast_core::money::ONE_1E8;
use serde_json::json;

const DOLLAR: i64 = ONE_1E8;
const SECOND_NS: i64 = 1_000_000_000;
/// Monday 2020-01-06, 14:30 UTC.
const OPEN_NS: i64 = 1_578_321_000_000_000_000;
const DATE: i64 = 20_200_106;

fn config() -> serde_json::Value {
    json!({
        "mode": "PAPER",
        "account": "main",
        "capital_1e8": 100_000 * DOLLAR,
        "instruments": [
            {"symbol": "XYZ", "kind": "EQUITY", "tick_1e8": ONE_1E8 / 100, "lot_1e8": ONE_1E8,
             "min_qty_1e8": ONE_1E8, "multiplier_1e8": ONE_1E8},
        ],
        "limits": {
            "position_notional_max_1e8": 10_000 * DOLLAR, "positions_per_instrument_max": 1,
            "positions_max": 5, "entries_per_window_max": 20,
            "exposure_max_ratio_1e8": ONE_1E8 / 10 * 8, "collar_ratio_1e8": ONE_1E8 / 20,
            "allow_short": true,
        },
        "risk": {"per_trade_1e8": 100 * DOLLAR},
        "protections": {
            "cooldown_period": {"enabled": false}, "max_drawdown": {"enabled": false},
            "volatility_halt": {"enabled": false},
            "daily_loss": {"limit_1e8": 10_000 * DOLLAR}, "weekly_loss": {"limit_1e8": 20_000 * DOLLAR},
        },
    })
}

/// One account in an open session, and everything it decided.
struct Account {
    core: AccountCore,
    now_ns: i64,
    executions: u32,
    events: Vec<Event>,
}

fn name(text: &str) -> Name {
    Name::from(text)
}

fn plan() -> ExitPlan {
    ExitPlan {
        stop: Stop::At {
            level: Level::Price(90 * DOLLAR),
        },
        trailing_ratio_1e8: None,
        target: None,
        target_trailing_ratio_1e8: None,
        target_1: None,
        target_2: None,
        target_2_wait_ns: None,
        holding_max_ns: None,
        force_flat_ns: None,
    }
}

fn signal(setup: &str, side: Side, plan: ExitPlan) -> Signal {
    Signal {
        signal_id: name(&format!("s/{DATE}/{setup}")),
        strategy: name("s"),
        setup_instance: name(setup),
        session_date: DATE,
        legs: vec![Leg {
            instrument: name("XYZ"),
            side,
            ratio_1e8: ONE_1E8,
        }],
        qty_1e8: None,
        risk_1e8: None,
        order_type: OrderType::Market,
        tif: TimeInForce::Day,
        limit_1e8: None,
        trigger_1e8: None,
        plan,
        reason: name("test"),
        confidence_ratio_1e8: ONE_1E8,
        reference_1e8: 100 * DOLLAR,
        reference_ns: OPEN_NS,
        vetoes: Vec::new(),
    }
}

impl Account {
    fn new(config: serde_json::Value) -> Self {
        let config: AccountConfig = serde_json::from_value(config).unwrap();
        let mut account = Self {
            core: AccountCore::new(config).unwrap(),
            now_ns: OPEN_NS,
            executions: 0,
            events: Vec::new(),
        };
        account.tell(&Message::SessionOpened {
            session_date: DATE,
            open_ns: OPEN_NS,
            close_ns: OPEN_NS + 23_400 * SECOND_NS,
        });
        account.mark(100);
        account
    }

    fn tell(&mut self, message: &Message) -> Decision {
        let decision = self.core.decide(message, self.now_ns);
        self.core.apply(&decision).unwrap();
        self.events.extend(decision.events.iter().cloned());
        decision
    }

    /// A second later, a trade at that many dollars.
    fn mark(&mut self, dollars: i64) -> Decision {
        self.now_ns += SECOND_NS;
        let price_1e8 = dollars * DOLLAR;
        self.tell(&Message::Mark(Mark {
            instrument: name("XYZ"),
            kind: MarkKind::Trade,
            at_ns: self.now_ns,
            price_1e8,
            bid_1e8: price_1e8,
            ask_1e8: price_1e8,
        }))
    }

    fn enter(&mut self, signal: Signal) -> Arc<OrderIntended> {
        let decision = self.tell(&Message::Signal(Box::new(signal)));
        submitted(&decision).unwrap_or_else(|| panic!("no entry: {:?}", decision.events))
    }

    /// Buys ten shares at $100 with a stop at $90: $100 at risk.
    fn hold(&mut self, setup: &str, plan: ExitPlan) -> Arc<OrderIntended> {
        let entry = self.enter(signal(setup, Side::Buy, plan));
        self.accept(&entry);
        self.fill(&entry, 10, 100);
        entry
    }

    fn report(&self, order: &OrderIntended, kind: ReportKind) -> VenueReport {
        VenueReport {
            client_order_id: order.client_order_id.clone(),
            kind,
            broker_order_id: name(&format!("b-{}", order.client_order_id)),
            execution_id: name(""),
            qty_1e8: 0,
            price_1e8: 0,
            fee_1e8: 0,
            settlement: Settlement::Confirmed,
            venue_ns: self.now_ns,
            reason: name(""),
        }
    }

    fn venue(&mut self, order: &OrderIntended, kind: ReportKind) -> Decision {
        let report = self.report(order, kind);
        self.tell(&Message::VenueReport(report))
    }

    fn accept(&mut self, order: &OrderIntended) -> Decision {
        self.tell(&Message::Released {
            client_order_id: order.client_order_id.clone(),
            released_ns: self.now_ns,
        });
        self.venue(order, ReportKind::Accepted)
    }

    fn fill(&mut self, order: &OrderIntended, qty: i64, dollars: i64) -> (Decision, Name) {
        self.executions += 1;
        let execution_id = name(&format!("x{}", self.executions));
        let report = VenueReport {
            execution_id: execution_id.clone(),
            qty_1e8: qty * ONE_1E8,
            price_1e8: dollars * DOLLAR,
            ..self.report(order, ReportKind::Filled)
        };
        (self.tell(&Message::VenueReport(report)), execution_id)
    }

    fn reverse(&mut self, order: &OrderIntended, execution_id: &Name) -> Decision {
        let report = VenueReport {
            execution_id: execution_id.clone(),
            ..self.report(order, ReportKind::Reversed)
        };
        self.tell(&Message::VenueReport(report))
    }

    fn kill(&mut self, level: KillLevel) -> Decision {
        self.tell(&Message::Kill(Kill {
            kill_id: name("k1"),
            level,
            reason: name("test"),
            author: name("me"),
        }))
    }

    fn held_1e8(&self) -> i64 {
        self.core
            .state()
            .positions
            .values()
            .map(|p| p.qty_1e8)
            .sum()
    }

    fn trades(&self) -> Vec<&TradeClosed> {
        let mut trades = Vec::new();
        for event in &self.events {
            if let Event::TradeClosed(trade) = event {
                trades.push(trade.as_ref());
            }
        }
        trades
    }
}

/// The order that a decision submits.
fn submitted(decision: &Decision) -> Option<Arc<OrderIntended>> {
    decision.events.iter().find_map(|event| match event {
        Event::OrderIntended(intent) => Some(Arc::clone(intent)),
        _ => None,
    })
}

fn cancelled(decision: &Decision) -> Vec<&str> {
    let cancels = decision.effects.iter().filter_map(|effect| match effect {
        Effect::Cancel {
            client_order_id, ..
        } => Some(&**client_order_id),
        _ => None,
    });
    cancels.collect()
}

fn refusals(decision: &Decision) -> Vec<CheckName> {
    let verdicts = decision.events.iter().filter_map(|event| match event {
        Event::VerdictGiven(verdict) => Some(verdict),
        _ => None,
    });
    verdicts
        .flat_map(|verdict| verdict.failed.iter().map(|check| check.name))
        .collect()
}

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
