//! Entries.

use super::*;

type Change = fn(&mut World);
use CheckName as C;
const CENT: i64 = DOLLAR / 100;

fn expect(case: &str, change: Change, expected: &[CheckName]) {
    assert_eq!(entry().with(change).names(), expected, "{case}");
}

#[test]
fn a_good_entry_is_approved_with_its_figures() {
    let Ruling::Approved(verdict) = entry()
        .with(|w| w.portfolio_exposure_1e8 = Some(7 * DOLLAR))
        .ruling()
    else {
        panic!("must be approved");
    };
    assert_eq!(
        verdict.figures(),
        Figures {
            notional_1e8: 10 * DOLLAR,
            trade_loss_1e8: DOLLAR,
            instrument_exposure_1e8: 10 * DOLLAR,
            portfolio_exposure_1e8: 17 * DOLLAR,
        }
    );
    assert!(verdict.request().adds_risk);
}

#[test]
fn every_failed_check_is_listed_and_not_only_the_first() {
    // RK-1
    let names = entry()
        .with(|w| {
            w.qty_1e8 = 0;
            w.kill_level = KillLevel::Pause;
            w.is_paused = true;
            w.halted = Some("reconciliation");
            w.stop = ProtectiveStop::Missing;
            w.mark = None;
            w.equity_1e8 = None;
            w.has_unknown_order = None;
            w.protections = Some(vec![
                tripped(ProtectionName::StoplossGuard),
                tripped(ProtectionName::DailyLoss),
            ]);
        })
        .names();
    assert_eq!(
        names,
        [
            CheckName::QtyPositive,
            CheckName::MinSize,
            CheckName::KillLevel,
            CheckName::Paused,
            CheckName::Halted,
            CheckName::UnknownOrder,
            CheckName::Protections,
            CheckName::Protections,
            CheckName::MarkFresh,
            CheckName::ProtectiveStop,
            CheckName::BuyingPower,
            CheckName::PositionNotional,
            CheckName::EquityKnown,
            CheckName::InstrumentExposure,
            CheckName::PortfolioExposure,
        ]
    );
}

#[test]
fn a_quantity_that_is_not_above_zero_is_critical() {
    // EX-10
    for qty_1e8 in [0, -1, i64::MIN + 1] {
        let failed = entry().with(|w| w.qty_1e8 = qty_1e8).failed();
        assert_eq!(
            (failed[0].name, failed[0].severity),
            (CheckName::QtyPositive, Severity::Critical)
        );
        assert_eq!(failed[0].value, Some(qty_1e8));
    }
}

#[rustfmt::skip]
const SHAPE: &[(&str, Change, &[CheckName])] = &[
    ("on the lot", |w| w.qty_1e8 = 1_000_000, &[]),
    ("off the lot", |w| w.qty_1e8 = 1_000_001, &[C::LotSize]),
    ("smallest", |w| w.instrument().min_qty_1e8 = ONE_1E8, &[]),
    ("below the smallest", |w| w.instrument().min_qty_1e8 = ONE_1E8 + 1, &[C::MinSize]),
    ("no symbol", |w| w.symbol = Name::from(""), &[C::RequiredFields]),
    ("no strategy", |w| w.strategy = Name::from(""), &[C::RequiredFields]),
    ("limit missing", |w| w.order_type = OrderType::Limit, &[C::RequiredFields, C::TradeLoss, C::BuyingPower, C::PositionNotional, C::InstrumentExposure, C::PortfolioExposure]),
    ("limit given", |w| { w.order_type = OrderType::Limit; w.limit_1e8 = Some(10 * DOLLAR); }, &[]),
    ("off the tick", |w| { w.order_type = OrderType::Limit; w.limit_1e8 = Some(10 * DOLLAR + 1); }, &[C::PriceTick]),
    ("trigger given", |w| { w.order_type = OrderType::Stop; w.trigger_1e8 = Some(10 * DOLLAR); }, &[]),
    ("in the band", |w| { w.order_type = OrderType::Limit; w.limit_1e8 = Some(10 * DOLLAR); w.instrument().price_min_1e8 = Some(10 * DOLLAR); w.instrument().price_max_1e8 = Some(10 * DOLLAR); }, &[]),
    ("above the band", |w| { w.order_type = OrderType::Limit; w.limit_1e8 = Some(10 * DOLLAR); w.instrument().price_max_1e8 = Some(10 * DOLLAR - CENT); }, &[C::PriceBand]),
    ("below the band", |w| { w.order_type = OrderType::Limit; w.limit_1e8 = Some(10 * DOLLAR); w.instrument().price_min_1e8 = Some(10 * DOLLAR + CENT); }, &[C::PriceBand]),
    ("instrument unknown", |w| w.instrument = None, &[C::InstrumentKnown]),
    ("tick of nothing", |w| w.instrument().tick_1e8 = 0, &[C::InstrumentKnown]),
    ("lot of nothing", |w| w.instrument().lot_1e8 = 0, &[C::InstrumentKnown]),
    ("multiplier of nothing", |w| w.instrument().multiplier_1e8 = -1, &[C::InstrumentKnown]),
];

#[test]
fn shape_is_checked_at_its_edges() {
    // EX-10
    for (case, change, expected) in SHAPE {
        expect(case, *change, expected);
    }
}

#[test]
fn a_price_of_nothing_is_refused() {
    // EX-10
    for limit_1e8 in [0, -CENT] {
        let names = entry()
            .with(|w| {
                w.order_type = OrderType::Limit;
                w.limit_1e8 = Some(limit_1e8);
            })
            .names();
        assert!(
            names.contains(&CheckName::PriceBand),
            "{limit_1e8}: {names:?}"
        );
        assert!(
            names.contains(&CheckName::TradeLoss),
            "{limit_1e8}: {names:?}"
        );
    }
}

#[rustfmt::skip]
const STOPS: &[(&str, Change, &[CheckName])] = &[
    ("missing", |w| w.stop = ProtectiveStop::Missing, &[C::ProtectiveStop]),
    ("zero", |w| w.stop = ProtectiveStop::Price1e8(0), &[C::ProtectiveStop]),
    ("negative", |w| w.stop = ProtectiveStop::Price1e8(-1), &[C::ProtectiveStop]),
    ("at the price", |w| w.stop = ProtectiveStop::Price1e8(10 * DOLLAR), &[C::ProtectiveStop]),
    ("wrong side", |w| w.stop = ProtectiveStop::Price1e8(11 * DOLLAR), &[C::ProtectiveStop]),
    ("ratio", |w| w.stop = ProtectiveStop::Ratio1e8(ONE_1E8 / 10), &[]),
    ("ratio of nothing", |w| w.stop = ProtectiveStop::Ratio1e8(0), &[C::ProtectiveStop]),
    ("waived, all may go", |w| { w.stop = ProtectiveStop::DeclaredNone { assumed_ratio_1e8: None, } }, &[C::TradeLoss]),
    ("waived, all within the limit", |w| { w.stop = ProtectiveStop::DeclaredNone { assumed_ratio_1e8: None, }; w.rules().max_trade_loss_1e8 = 10 * DOLLAR; }, &[]),
    ("waived, a tenth assumed", |w| { w.stop = ProtectiveStop::DeclaredNone { assumed_ratio_1e8: Some(ONE_1E8 / 10), } }, &[]),
];

#[test]
fn a_stop_is_there_above_zero_on_the_losing_side_or_waived_by_name() {
    // EX-10, PX-8
    for (case, change, expected) in STOPS {
        expect(case, *change, expected);
    }
}

#[test]
fn a_take_profit_is_above_zero_if_there_is_one() {
    // EX-10
    expect("none", |w| w.take_profit_1e8 = None, &[]);
    expect("one tick", |w| w.take_profit_1e8 = Some(1), &[]);
    expect("zero", |w| w.take_profit_1e8 = Some(0), &[C::TakeProfit]);
    expect(
        "negative",
        |w| w.take_profit_1e8 = Some(-1),
        &[C::TakeProfit],
    );
}

#[rustfmt::skip]
const MONEY: &[(&str, Change, &[CheckName])] = &[
    ("loss inside", |w| w.rules().max_trade_loss_1e8 = DOLLAR + 1, &[]),
    ("loss at the limit", |w| w.rules().max_trade_loss_1e8 = DOLLAR, &[]),
    ("loss beyond", |w| w.rules().max_trade_loss_1e8 = DOLLAR - 1, &[C::TradeLoss]),
    ("notional inside", |w| w.rules().max_position_notional_1e8 = 10 * DOLLAR + 1, &[]),
    ("notional at the limit", |w| w.rules().max_position_notional_1e8 = 10 * DOLLAR, &[]),
    ("notional beyond", |w| w.rules().max_position_notional_1e8 = 10 * DOLLAR - 1, &[C::PositionNotional]),
    ("notional with what is held", |w| w.position_notional_1e8 = Some(90 * DOLLAR), &[]),
    ("notional beyond with what is held", |w| w.position_notional_1e8 = Some(90 * DOLLAR + 1), &[C::PositionNotional]),
    ("notional unknown", |w| w.position_notional_1e8 = None, &[C::PositionNotional]),
    ("notional that cannot be", |w| w.position_notional_1e8 = Some(-1), &[C::PositionNotional]),
    ("balance inside", |w| w.buying_power.as_mut().unwrap().amount_1e8 = 10 * DOLLAR + 1, &[]),
    ("balance at the limit", |w| w.buying_power.as_mut().unwrap().amount_1e8 = 10 * DOLLAR, &[]),
    ("balance beyond", |w| w.buying_power.as_mut().unwrap().amount_1e8 = 10 * DOLLAR - 1, &[C::BuyingPower]),
    ("balance less what is reserved", |w| w.buying_power.as_mut().unwrap().reserved_1e8 = 990 * DOLLAR, &[]),
    ("balance beyond what is reserved", |w| w.buying_power.as_mut().unwrap().reserved_1e8 = 990 * DOLLAR + 1, &[C::BuyingPower]),
    ("a reserve below zero frees nothing", |w| { let b = w.buying_power.as_mut().unwrap(); b.amount_1e8 = 9 * DOLLAR; b.reserved_1e8 = -DOLLAR; }, &[C::BuyingPower]),
    ("balance negative", |w| w.buying_power.as_mut().unwrap().amount_1e8 = -1, &[C::BuyingPower]),
    ("balance fresh enough", |w| w.buying_power.as_mut().unwrap().at_ns -= 5_000_000_000, &[]),
    ("balance too old", |w| w.buying_power.as_mut().unwrap().at_ns -= 5_000_000_001, &[C::BuyingPower]),
    ("balance from the future", |w| w.buying_power.as_mut().unwrap().at_ns += 1, &[C::BuyingPower]),
    ("balance unknown", |w| w.buying_power = None, &[C::BuyingPower]),
    ("a margin of a tenth", |w| { w.instrument().margin_ratio_1e8 = ONE_1E8 / 10; w.buying_power.as_mut().unwrap().amount_1e8 = DOLLAR; }, &[]),
    ("beyond a margin of a tenth", |w| { w.instrument().margin_ratio_1e8 = ONE_1E8 / 10; w.buying_power.as_mut().unwrap().amount_1e8 = DOLLAR - 1; }, &[C::BuyingPower]),
    ("instrument at half of equity", |w| w.instrument_exposure_1e8 = Some(490 * DOLLAR), &[]),
    ("instrument beyond half of equity", |w| w.instrument_exposure_1e8 = Some(490 * DOLLAR + 1), &[C::InstrumentExposure]),
    ("instrument unknown", |w| w.instrument_exposure_1e8 = None, &[C::InstrumentExposure]),
    ("account at 80 % of equity", |w| w.portfolio_exposure_1e8 = Some(790 * DOLLAR), &[]),
    ("account beyond 80 % of equity", |w| w.portfolio_exposure_1e8 = Some(790 * DOLLAR + 1), &[C::PortfolioExposure]),
    ("account unknown", |w| w.portfolio_exposure_1e8 = None, &[C::PortfolioExposure]),
    ("account that cannot be", |w| w.portfolio_exposure_1e8 = Some(i64::MAX), &[C::PortfolioExposure]),
    ("equity unknown", |w| w.equity_1e8 = None, &[C::EquityKnown, C::InstrumentExposure, C::PortfolioExposure]),
    ("equity of nothing", |w| w.equity_1e8 = Some(0), &[C::EquityKnown, C::InstrumentExposure, C::PortfolioExposure]),
];

#[test]
fn every_money_limit_holds_at_its_edge_and_refuses_the_unknown() {
    // RK-3, EX-12, EX-13, PF-3: the order is $10, $1 of it at risk
    for (case, change, expected) in MONEY {
        expect(case, *change, expected);
    }
}

#[rustfmt::skip]
const COUNTS: &[(&str, Change, &[CheckName])] = &[
    ("second entry of two", |w| w.entries_in_window = Some(1), &[]),
    ("third entry of two", |w| w.entries_in_window = Some(2), &[C::EntriesPerWindow]),
    ("entries unknown", |w| w.entries_in_window = None, &[C::EntriesPerWindow]),
    ("second position of one", |w| w.open_positions_of_symbol = Some(1), &[C::OpenPositionsPerSymbol]),
    ("positions of the symbol unknown", |w| w.open_positions_of_symbol = None, &[C::OpenPositionsPerSymbol]),
    ("fifth position of five", |w| w.open_positions = Some(4), &[]),
    ("sixth position of five", |w| w.open_positions = Some(5), &[C::OpenPositions]),
    ("positions unknown", |w| w.open_positions = None, &[C::OpenPositions]),
    ("an order is unknown", |w| w.has_unknown_order = Some(true), &[C::UnknownOrder]),
    ("unknown whether one is", |w| w.has_unknown_order = None, &[C::UnknownOrder]),
];

#[test]
fn every_count_holds_at_its_edge_and_refuses_the_unknown() {
    // EX-12, RK-13: the draft itself is the last that fits
    for (case, change, expected) in COUNTS {
        expect(case, *change, expected);
    }
}

#[test]
fn a_price_is_known_fresh_and_near() {
    // EX-10
    let limit = |w: &mut World, cents: i64| {
        w.order_type = OrderType::Limit;
        w.limit_1e8 = Some(cents * CENT);
    };
    let names = |change: &dyn Fn(&mut World)| entry().with(change).names();
    assert_eq!(
        names(&|w| w.mark.as_mut().unwrap().at_ns -= 90_000_000_000),
        []
    );
    assert_eq!(
        names(&|w| w.mark.as_mut().unwrap().at_ns -= 90_000_000_001),
        [C::MarkFresh]
    );
    assert_eq!(
        names(&|w| w.mark.as_mut().unwrap().at_ns += 1),
        [C::MarkFresh],
        "from the future"
    );
    assert!(names(&|w| w.mark = None).contains(&C::MarkFresh));
    assert!(names(&|w| w.mark.as_mut().unwrap().price_1e8 = 0).contains(&C::MarkFresh));
    assert_eq!(names(&|w| limit(w, 1049)), [], "inside");
    assert_eq!(names(&|w| limit(w, 1050)), [], "exactly 5 %");
    assert_eq!(
        names(&|w| limit(w, 1051)),
        [C::Collar, C::TradeLoss],
        "beyond"
    );
    assert_eq!(names(&|w| limit(w, 950)), [], "exactly 5 % below");
    assert_eq!(names(&|w| limit(w, 949)), [C::Collar], "beyond, below");
}

#[test]
fn a_limit_order_needs_a_mark_too() {
    // EX-10: the collar cannot be computed without one
    let names = entry()
        .with(|w| {
            w.order_type = OrderType::Limit;
            w.limit_1e8 = Some(10 * DOLLAR);
            w.mark = None;
        })
        .names();
    assert_eq!(names, [CheckName::MarkFresh]);
}

#[test]
fn a_short_is_opened_only_where_it_is_allowed_and_loses_upwards() {
    // EX-10
    let short = entry().with(|w| {
        w.side = Side::Sell;
        w.stop = ProtectiveStop::Price1e8(11 * DOLLAR);
        w.take_profit_1e8 = Some(8 * DOLLAR);
    });
    assert_eq!(short.names(), [CheckName::ShortAllowed]);
    let allowed = short.with(|w| w.rules().allow_short = true);
    assert_eq!(allowed.names(), []);
    let wrong_side = allowed
        .clone()
        .with(|w| w.stop = ProtectiveStop::Price1e8(9 * DOLLAR));
    assert_eq!(wrong_side.names(), [CheckName::ProtectiveStop]);
    let at_the_limit = allowed
        .clone()
        .with(|w| w.stop = ProtectiveStop::Price1e8(1150 * CENT));
    assert_eq!(at_the_limit.names(), []);
    let beyond = allowed
        .clone()
        .with(|w| w.stop = ProtectiveStop::Price1e8(1151 * CENT));
    assert_eq!(beyond.names(), [CheckName::TradeLoss]);
    let unbounded = allowed.with(|w| {
        w.stop = ProtectiveStop::DeclaredNone {
            assumed_ratio_1e8: None,
        }
    });
    assert_eq!(
        unbounded.names(),
        [CheckName::ProtectiveStop],
        "a short without a stop has no largest loss"
    );
}

#[rustfmt::skip]
const SWITCHES: &[(&str, Change, &[CheckName])] = &[
    ("pause", |w| w.kill_level = KillLevel::Pause, &[C::KillLevel]),
    ("flatten", |w| w.kill_level = KillLevel::Flatten, &[C::KillLevel]),
    ("emergency", |w| w.kill_level = KillLevel::Emergency, &[C::KillLevel]),
    ("paused", |w| w.is_paused = true, &[C::Paused]),
    ("halted", |w| w.halted = Some("drift"), &[C::Halted]),
    ("allowed instrument", |w| w.rules().allowed_instruments = Some(vec![Name::from("XYZ")]), &[]),
    ("other instruments", |w| w.rules().allowed_instruments = Some(vec![Name::from("ABC")]), &[C::InstrumentAllowed]),
    ("no instrument", |w| w.rules().allowed_instruments = Some(Vec::new()), &[C::InstrumentAllowed]),
    ("allowed strategy", |w| w.rules().allowed_strategies = Some(vec![Name::from("vwap")]), &[]),
    ("other strategies", |w| w.rules().allowed_strategies = Some(vec![Name::from("other")]), &[C::StrategyAllowed]),
    ("protections not asked", |w| w.protections = None, &[C::Protections]),
    ("a protection", |w| w.protections = Some(vec![tripped(ProtectionName::MaxDrawdown)]), &[C::Protections]),
    ("policies not asked", |w| w.vetoes = None, &[C::PolicyVeto]),
];

#[test]
fn every_switch_stops_entries() {
    // KC-1, EX-9, KC-6, RK-16
    for (case, change, expected) in SWITCHES {
        expect(case, *change, expected);
    }
}

#[test]
fn a_veto_and_a_protection_are_named_in_the_refusal() {
    // RK-15, RK-16
    let failed = entry()
        .with(|w| {
            w.vetoes = Some(vec![Veto {
                policy: Name::from("no_mondays"),
                reason: Name::from("it is Monday"),
            }]);
            w.protections = Some(vec![tripped(ProtectionName::CooldownPeriod)]);
        })
        .failed();
    assert_eq!(
        failed[0].detail,
        format!("COOLDOWN_PERIOD is active until {} ns", NOW_NS + 1)
    );
    assert_eq!((failed[0].value, failed[0].limit), (Some(3), Some(3)));
    assert_eq!(failed[1].detail, "policy no_mondays refuses: it is Monday");
}

#[rustfmt::skip]
const TIMES: &[(&str, Change, &[CheckName])] = &[
    ("first instant", |w| w.session.as_mut().unwrap().open_ns = NOW_NS, &[]),
    ("before the first", |w| w.session.as_mut().unwrap().open_ns = NOW_NS + 1, &[C::SessionOpen]),
    ("last instant", |w| w.session.as_mut().unwrap().close_ns = NOW_NS + 1, &[]),
    ("after the last", |w| w.session.as_mut().unwrap().close_ns = NOW_NS, &[C::SessionOpen]),
    ("no session", |w| w.session = None, &[C::SessionOpen]),
    ("at the deadline", |w| w.deadline_ns = NOW_NS, &[]),
    ("past the deadline", |w| w.deadline_ns = NOW_NS - 1, &[C::Deadline]),
    ("no deadline", |w| w.deadline_ns = 0, &[C::Deadline]),
];

#[test]
fn the_session_and_the_deadline_hold_to_the_nanosecond() {
    for (case, change, expected) in TIMES {
        expect(case, *change, expected);
    }
}

#[test]
fn no_rules_at_all_refuse() {
    // RK-1, RK-14
    expect("none", |w| w.rules = None, &[CheckName::RulesPresent]);
}

#[test]
fn figures_that_do_not_fit_refuse() {
    let names = entry()
        .with(|w| w.qty_1e8 = i64::MAX - i64::MAX % 100_000)
        .names();
    assert_eq!(
        names,
        [
            CheckName::TradeLoss,
            CheckName::BuyingPower,
            CheckName::PositionNotional,
            CheckName::InstrumentExposure,
            CheckName::PortfolioExposure
        ]
    );
}

#[test]
fn rules_that_cannot_be_meant_are_named() {
    // RK-14
    assert_eq!(GateRules::default().validate(), Ok(()));
    let broken = GateRules {
        max_trade_loss_1e8: 0,
        collar_ratio_1e8: ONE_1E8,
        max_balance_age_ns: -1,
        ..GateRules::default()
    };
    let problems = broken.validate().unwrap_err();
    assert_eq!(problems.len(), 3);
    assert_eq!(problems[0], "max_trade_loss_1e8 must be above zero, was 0");
    let unknown: Result<GateRules, _> = serde_json::from_str(r#"{"max_trade_los_1e8": 1}"#);
    assert!(unknown.is_err(), "an unknown key is no rule");
}
