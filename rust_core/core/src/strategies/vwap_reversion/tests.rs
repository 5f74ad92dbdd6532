use super::*;

const OPEN: i64 = 1_577_975_400 * SECOND_NS;
const CLOSE: i64 = OPEN + 390 * MINUTE_NS;

fn bar(minute: i64, price: i64, volume: i64) -> Bar {
    Bar {
        start_ns: OPEN + (minute - 1) * MINUTE_NS,
        end_ns: OPEN + minute * MINUTE_NS,
        open_1e8: price,
        high_1e8: price,
        low_1e8: price,
        close_1e8: price,
        volume_1e8: volume,
    }
}

fn flat(now_ns: i64) -> RuleContext {
    RuleContext {
        now_ns,
        open_ns: OPEN,
        close_ns: CLOSE,
        position: None,
        is_entry_pending: false,
        is_exit_pending: false,
        entries: 0,
        session_net_1e8: 0,
        is_trading_allowed: true,
    }
}

fn long(now_ns: i64) -> RuleContext {
    RuleContext {
        position: Some(Side::Buy),
        ..flat(now_ns)
    }
}

/// A rule that has seen `minutes` bars at 1000 (as raw units) with volume 1.
fn warmed(parameters: VwapParameters, minutes: i64) -> VwapReversion {
    let mut rule = VwapReversion::new(parameters).unwrap();
    for minute in 1..=minutes {
        let bar = bar(minute, 1_000_000, 1);
        rule.on_bar(&bar, &flat(bar.end_ns)).unwrap();
    }
    rule
}

fn decide(rule: &mut VwapReversion, bar: Bar, ctx: RuleContext) -> RuleDecision {
    rule.on_bar(&bar, &ctx).unwrap()
}

fn reason(decision: &RuleDecision) -> &'static str {
    match decision {
        RuleDecision::NoTrade(reason) => reason.as_str(),
        RuleDecision::Enter(_) => "enter",
        RuleDecision::Exit(_) => "exit",
    }
}

#[test]
fn the_threshold_itself_is_no_entry_and_one_unit_below_it_is() {
    // A bar without volume leaves the average at 1,000,000: the threshold is exactly 997,000.
    for (close, expected) in [(997_000, "PRICE_ABOVE_THRESHOLD"), (996_999, "enter")] {
        let mut rule = warmed(VwapParameters::default(), 39);
        let bar = bar(40, close, 0);
        assert_eq!(reason(&decide(&mut rule, bar, flat(bar.end_ns))), expected);
    }
}

#[test]
fn the_bar_itself_is_part_of_its_average() {
    let mut rule = warmed(VwapParameters::default(), 39);
    let bar = bar(40, 960_000, 40);
    decide(&mut rule, bar, flat(bar.end_ns));
    // (39 × 1,000,000 + 40 × 960,000) / 79 = 979,746.8…
    assert_eq!(rule.vwap_1e8(), Some(979_747));
}

#[test]
fn both_ends_of_the_window_are_inside() {
    for (minute, expected) in [
        (29, "OUTSIDE_WINDOW"),
        (30, "enter"),
        (120, "enter"),
        (121, "OUTSIDE_WINDOW"),
    ] {
        let mut rule = warmed(VwapParameters::default(), minute - 1);
        let bar = bar(minute, 900_000, 1);
        let decision = decide(&mut rule, bar, flat(bar.end_ns));
        assert_eq!(reason(&decision), expected, "minute {minute}");
    }
}

#[test]
fn the_twentieth_bar_is_the_first_that_may_enter() {
    let parameters = VwapParameters {
        window_start_minutes: 0,
        ..VwapParameters::default()
    };
    for (minute, expected) in [(19, "WARMUP"), (20, "enter")] {
        let mut rule = warmed(parameters, minute - 1);
        let bar = bar(minute, 900_000, 1);
        let decision = decide(&mut rule, bar, flat(bar.end_ns));
        assert_eq!(reason(&decision), expected);
    }
}

#[test]
fn refusals_come_in_their_stated_order() {
    let limit = VwapParameters::default().session_loss_max_1e8;
    let base = flat(OPEN + 40 * MINUTE_NS);
    let cases = [
        (
            RuleContext {
                is_trading_allowed: false,
                session_net_1e8: -limit,
                ..base
            },
            "DISABLED",
        ),
        (
            RuleContext {
                session_net_1e8: -limit,
                entries: 1,
                ..base
            },
            "DAILY_LIMIT",
        ),
        (
            RuleContext {
                session_net_1e8: 1 - limit,
                ..base
            },
            "enter",
        ),
        (
            RuleContext {
                entries: 1,
                is_entry_pending: true,
                ..base
            },
            "MAX_TRADES",
        ),
        (
            RuleContext {
                is_entry_pending: true,
                ..base
            },
            "ORDER_WORKING",
        ),
    ];
    for (ctx, expected) in cases {
        let mut rule = warmed(VwapParameters::default(), 39);
        let decision = decide(&mut rule, bar(40, 900_000, 1), ctx);
        assert_eq!(reason(&decision), expected);
    }
}

#[test]
fn a_session_without_volume_has_no_vwap() {
    let mut rule = VwapReversion::new(VwapParameters::default()).unwrap();
    for minute in 1..=39 {
        let bar = bar(minute, 1_000_000, 0);
        decide(&mut rule, bar, flat(bar.end_ns));
    }
    let bar = bar(40, 1_000_000, 0);
    assert_eq!(reason(&decide(&mut rule, bar, flat(bar.end_ns))), "NO_VWAP");
    assert_eq!(rule.vwap_1e8(), None);
}

#[test]
fn figures_beyond_128_bits_are_no_vwap_and_no_panic() {
    let mut rule = VwapReversion::new(VwapParameters {
        entry_deviation_ratio_1e8: 1,
        ..VwapParameters::default()
    })
    .unwrap();
    for minute in 1..=39 {
        let bar = bar(minute, i64::MAX, i64::MAX);
        rule.on_bar(&bar, &flat(bar.end_ns)).unwrap();
    }
    let bar = bar(40, 1, 0);
    assert_eq!(reason(&decide(&mut rule, bar, flat(bar.end_ns))), "NO_VWAP");
}

#[test]
fn a_long_leaves_exactly_at_the_average() {
    for (close, expected) in [(999_999, "IN_POSITION"), (1_000_000, "exit")] {
        let mut rule = warmed(VwapParameters::default(), 200);
        let bar = bar(201, close, 0);
        assert_eq!(reason(&decide(&mut rule, bar, long(bar.end_ns))), expected);
    }
}

#[test]
fn a_position_is_looked_after_when_entries_are_stopped() {
    let mut rule = warmed(VwapParameters::default(), 200);
    let bar = bar(201, 1_000_001, 1);
    let ctx = RuleContext {
        is_trading_allowed: false,
        ..long(bar.end_ns)
    };
    assert_eq!(reason(&decide(&mut rule, bar, ctx)), "exit");
}

#[test]
fn an_exit_already_decided_is_not_advised_again() {
    let mut rule = warmed(VwapParameters::default(), 200);
    let bar = bar(201, 1_000_001, 1);
    let ctx = RuleContext {
        is_exit_pending: true,
        ..long(bar.end_ns)
    };
    assert_eq!(reason(&decide(&mut rule, bar, ctx)), "IN_POSITION");
}

#[test]
fn shorts_mirror_longs_where_they_are_allowed() {
    let parameters = VwapParameters {
        is_short_allowed: true,
        ..VwapParameters::default()
    };
    for (close, expected) in [(1_003_000, "PRICE_ABOVE_THRESHOLD"), (1_003_001, "enter")] {
        let mut rule = warmed(parameters, 39);
        let bar = bar(40, close, 0);
        let decision = decide(&mut rule, bar, flat(bar.end_ns));
        assert_eq!(reason(&decision), expected);
        if let RuleDecision::Enter(entry) = decision {
            assert_eq!(entry.side, Side::Sell);
        }
    }
    let mut rule = warmed(parameters, 39);
    let bar = bar(40, 1_000_000, 0);
    let ctx = RuleContext {
        position: Some(Side::Sell),
        ..flat(bar.end_ns)
    };
    assert_eq!(reason(&decide(&mut rule, bar, ctx)), "exit");
}

#[test]
fn an_entry_says_what_it_is_for() {
    let mut rule = warmed(VwapParameters::default(), 29);
    let bar = bar(30, 990_000, 0);
    let RuleDecision::Enter(entry) = decide(&mut rule, bar, flat(bar.end_ns)) else {
        panic!("no entry");
    };
    assert_eq!(entry.setup_instance, "m0030");
    assert_eq!(entry.stop_ratio_1e8, 300_000);
    assert_eq!(entry.force_flat_ns, OPEN + 385 * MINUTE_NS);
    assert_eq!(entry.reference_ns, bar.end_ns);
    assert_eq!(entry.vwap_1e8, 1_000_000);
}

#[test]
fn on_a_half_day_flat_comes_before_the_close() {
    let mut rule = warmed(VwapParameters::default(), 29);
    let bar = bar(30, 990_000, 0);
    let ctx = RuleContext {
        close_ns: OPEN + 210 * MINUTE_NS,
        ..flat(bar.end_ns)
    };
    let RuleDecision::Enter(entry) = decide(&mut rule, bar, ctx) else {
        panic!("no entry");
    };
    assert_eq!(entry.force_flat_ns, OPEN + 205 * MINUTE_NS);
}

#[test]
fn a_bar_from_the_future_is_refused_and_not_counted() {
    let mut rule = warmed(VwapParameters::default(), 5);
    let bar = bar(6, 1_000_000, 1);
    let fault = rule.on_bar(&bar, &flat(bar.end_ns - 1)).unwrap_err();
    assert!(matches!(fault, RuleFault::LookAhead { .. }));
    assert_eq!(rule.bars(), 5);
    assert!(rule.on_bar(&bar, &flat(bar.end_ns)).is_ok());
    let again = rule.on_bar(&bar, &flat(bar.end_ns)).unwrap_err();
    assert!(matches!(again, RuleFault::OutOfOrder { .. }));
}

#[test]
fn an_impossible_bar_is_refused() {
    let mut rule = warmed(VwapParameters::default(), 5);
    let mut wrong = bar(6, 1_000_000, 1);
    wrong.high_1e8 = 999_999;
    assert!(rule.on_bar(&wrong, &flat(wrong.end_ns)).is_err());
    assert_eq!(rule.bars(), 5);
}

#[test]
fn a_new_session_starts_over_and_bars_outside_it_count_for_nothing() {
    let mut rule = warmed(VwapParameters::default(), 30);
    let next = RuleContext {
        open_ns: OPEN + 1_440 * MINUTE_NS,
        close_ns: CLOSE + 1_440 * MINUTE_NS,
        ..flat(OPEN + 1_441 * MINUTE_NS)
    };
    let early = bar(1_440, 500_000, 9);
    assert_eq!(reason(&decide(&mut rule, early, next)), "WARMUP");
    assert_eq!(rule.bars(), 0);
    decide(&mut rule, bar(1_441, 500_000, 9), next);
    assert_eq!(rule.vwap_1e8(), Some(500_000));
}

#[test]
fn parameters_outside_their_ranges_are_refused_by_name() {
    let refused = |json: &str| VwapParameters::from_json(json.as_bytes()).unwrap_err();
    assert_eq!(
        refused(r#"{"stop_ratio_1e8": 0}"#),
        "stop_ratio_1e8 must be between 1 and 50000000, was 0"
    );
    assert!(refused(r#"{"stop_ration": 1}"#).contains("unknown field `stop_ration`"));
    assert!(refused(r#"{"window_end_minutes": 10}"#).contains("window_start_minutes (30), was 10"));
    assert_eq!(
        VwapParameters::from_json(b"{}").unwrap(),
        VwapParameters::default()
    );
}
