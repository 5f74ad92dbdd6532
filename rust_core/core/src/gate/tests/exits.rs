//! Exits: spared the checks of risk, never those of shape.

use super::*;
use CheckName as C;

type Change = fn(&mut World);

#[test]
fn an_exit_passes_where_every_check_of_risk_would_fail() {
    // EX-9, EX-12, KC-1
    let world = exit().with(|w| {
        w.kill_level = KillLevel::Flatten;
        w.is_paused = true;
        w.halted = Some("drift");
        w.mark = None;
        w.equity_1e8 = None;
        w.buying_power = None;
        w.session = None;
        w.position_notional_1e8 = None;
        w.instrument_exposure_1e8 = None;
        w.portfolio_exposure_1e8 = None;
        w.entries_in_window = None;
        w.open_positions_of_symbol = None;
        w.open_positions = None;
        w.has_unknown_order = None;
        w.protections = None;
        w.vetoes = None;
        w.deadline_ns = NOW_NS - 1;
        w.rules().allowed_instruments = Some(Vec::new());
        w.rules().allowed_strategies = Some(Vec::new());
    });
    let Ruling::Approved(verdict) = world.ruling() else {
        panic!("must be approved: {:?}", world.names());
    };
    assert!(!verdict.request().adds_risk);
}

#[test]
fn an_exit_takes_no_more_than_is_held_and_only_from_its_side() {
    let names = |held_1e8, side, qty_1e8| {
        exit()
            .with(|w| {
                w.reducible_qty_1e8 = held_1e8;
                w.side = side;
                w.qty_1e8 = qty_1e8;
            })
            .names()
    };
    let refused = vec![CheckName::ReducesPosition];
    let three = 3 * ONE_1E8;
    assert_eq!(names(Some(three), Side::Sell, three - 100_000), []);
    assert_eq!(names(Some(three), Side::Sell, three), []);
    assert_eq!(names(Some(three), Side::Sell, three + 100_000), refused);
    assert_eq!(
        names(Some(three), Side::Buy, ONE_1E8),
        refused,
        "a buy enlarges a long position"
    );
    assert_eq!(names(Some(-three), Side::Buy, three), []);
    assert_eq!(names(Some(-three), Side::Buy, three + 100_000), refused);
    assert_eq!(
        names(Some(-three), Side::Sell, ONE_1E8),
        refused,
        "a sell enlarges a short position"
    );
    assert_eq!(
        names(Some(0), Side::Sell, ONE_1E8),
        refused,
        "nothing is held"
    );
    assert_eq!(
        names(None, Side::Sell, ONE_1E8),
        refused,
        "unknown what is held"
    );
}

#[rustfmt::skip]
const EXIT_SHAPE: &[(&str, Change, &[CheckName])] = &[
    ("no quantity", |w| w.qty_1e8 = 0, &[C::QtyPositive, C::MinSize]),
    ("off the lot", |w| w.qty_1e8 += 1, &[C::LotSize]),
    ("off the tick", |w| { w.order_type = OrderType::Limit; w.limit_1e8 = Some(1); }, &[C::PriceTick]),
    ("no limit", |w| w.order_type = OrderType::Limit, &[C::RequiredFields]),
    ("no instrument", |w| w.instrument = None, &[C::InstrumentKnown]),
    ("no rules", |w| w.rules = None, &[C::RulesPresent]),
    ("far from the mark", |w| { w.order_type = OrderType::Limit; w.limit_1e8 = Some(100 * DOLLAR); }, &[]),
];

#[test]
fn an_exit_has_a_shape() {
    // EX-10
    for (case, change, expected) in EXIT_SHAPE {
        assert_eq!(exit().with(*change).names(), *expected, "{case}");
    }
}

#[test]
fn what_partial_fills_left_over_can_be_closed_whatever_its_size() {
    // EX-7
    let odd = |qty_1e8| {
        exit().with(|w| {
            w.reducible_qty_1e8 = Some(12_345);
            w.qty_1e8 = qty_1e8;
        })
    };
    assert_eq!(odd(12_345).names(), []);
    assert_eq!(
        odd(12_344).names(),
        [CheckName::LotSize, CheckName::MinSize]
    );
}

#[test]
fn an_emergency_closes_or_leaves_positions_as_configured() {
    // KC-1
    let world = exit().with(|w| w.kill_level = KillLevel::Emergency);
    assert_eq!(world.names(), []);
    let left = world.with(|w| w.rules().emergency_closes_positions = false);
    assert_eq!(left.clone().names(), [CheckName::KillLevel]);
    // PX-8: what is left is left with its stop, also where the venue holds no order for it
    assert_eq!(left.clone().with(|w| w.is_protective = true).names(), []);
    assert_eq!(left.with(|w| w.purpose = Purpose::Protect).names(), []);
}

#[test]
fn a_protective_stop_is_an_exit_to_the_gate() {
    // PX-8
    let protect = exit().with(|w| {
        w.purpose = Purpose::Protect;
        w.order_type = OrderType::Stop;
        w.trigger_1e8 = Some(9 * DOLLAR);
    });
    assert_eq!(protect.names(), []);
    assert_eq!(
        protect.with(|w| w.qty_1e8 = 4 * ONE_1E8).names(),
        [CheckName::ReducesPosition]
    );
}
