//! What the journal is told, and what a restart puts back.

use super::*;
use crate::protections::ProtectionName as N;

fn told(protections: &mut Protections, now_ns: i64) -> Vec<(ProtectionName, bool)> {
    let changes = protections.transitions(now_ns);
    changes
        .into_iter()
        .map(|change| (change.name, change.tripped))
        .collect()
}

#[test]
fn a_trip_and_its_end_are_told_once_each() {
    // RK-6: expiry is visible
    let mut protections = armed();
    assert_eq!(told(&mut protections, OPEN_NS), []);
    protections.on_trade_closed(&trade(OPEN_NS, -DOLLAR, true));
    assert_eq!(told(&mut protections, OPEN_NS), [(N::CooldownPeriod, true)]);
    assert_eq!(told(&mut protections, OPEN_NS + HOUR_NS - 1), []);
    assert_eq!(
        told(&mut protections, OPEN_NS + HOUR_NS),
        [(N::CooldownPeriod, false)]
    );
    assert_eq!(told(&mut protections, OPEN_NS + HOUR_NS), []);
}

#[test]
fn a_longer_stop_is_told_with_its_new_end() {
    let mut protections = armed();
    protections.on_trade_closed(&trade(OPEN_NS, -DOLLAR, true));
    protections.transitions(OPEN_NS);
    protections.on_trade_closed(&trade(OPEN_NS + MINUTE_NS, -DOLLAR, true));
    let changes = protections.transitions(OPEN_NS + MINUTE_NS);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].until_ns, Some(OPEN_NS + MINUTE_NS + HOUR_NS));
    assert!(changes[0].tripped);
}

#[test]
fn a_day_that_ends_clears_its_limit() {
    // RK-4
    let mut protections = armed();
    protections.on_equity(Some(EQUITY - 10 * DOLLAR));
    assert_eq!(told(&mut protections, OPEN_NS), [(N::DailyLoss, true)]);
    open(&mut protections, 20_200_103, Some(EQUITY - 10 * DOLLAR));
    assert_eq!(
        told(&mut protections, OPEN_NS + DAY_NS),
        [(N::DailyLoss, false)]
    );
}

#[test]
fn a_window_that_begins_is_told() {
    let mut protections = with(|config| {
        config.time_window.windows = vec![WindowMinutes {
            from_min: 30,
            until_min: Some(60),
        }];
    });
    assert_eq!(told(&mut protections, OPEN_NS), [(N::TimeWindow, true)]);
    assert_eq!(
        told(&mut protections, OPEN_NS + 30 * MINUTE_NS),
        [(N::TimeWindow, false)]
    );
    assert_eq!(
        told(&mut protections, OPEN_NS + 60 * MINUTE_NS),
        [(N::TimeWindow, true)]
    );
}

#[test]
fn every_protection_trips_in_one_bad_hour_and_a_cool_down_ends_no_longer_stop() {
    // RK-6, KC-7
    let mut protections = with(|config| {
        config.time_window.windows = vec![WindowMinutes {
            from_min: 0,
            until_min: Some(10),
        }];
        config.max_drawdown.capital_base_1e8 = Some(100 * DOLLAR);
    });
    for (minute, price) in [(0, 100), (1, 110), (2, 90)] {
        protections.on_mark(&xyz(), price * DOLLAR, OPEN_NS + minute * MINUTE_NS);
    }
    for nth in 0..3 {
        protections.on_trade_closed(&trade(OPEN_NS + nth, -10 * DOLLAR, true));
    }
    protections.on_equity(Some(EQUITY - 30 * DOLLAR));
    let now_ns = OPEN_NS + 12 * MINUTE_NS;
    let all = [
        N::StoplossGuard,
        N::MaxDrawdown,
        N::CooldownPeriod,
        N::TimeWindow,
        N::DailyLoss,
        N::WeeklyLoss,
        N::VolatilityHalt,
    ];
    assert_eq!(names(&protections, now_ns), all);
    assert_eq!(told(&mut protections, now_ns), all.map(|name| (name, true)));
    let later = names(&protections, OPEN_NS + 2 * HOUR_NS);
    assert_eq!(
        later,
        [N::MaxDrawdown, N::TimeWindow, N::DailyLoss, N::WeeklyLoss]
    );
}

#[test]
fn what_was_told_is_enough_to_stop_entries_after_a_restart() {
    // ST-2, RK-4
    let mut before = with(|config| config.max_drawdown.capital_base_1e8 = Some(100 * DOLLAR));
    for (minute, price) in [(0, 100), (1, 110), (2, 90)] {
        before.on_mark(&xyz(), price * DOLLAR, OPEN_NS + minute * MINUTE_NS);
    }
    for nth in 0..3 {
        before.on_trade_closed(&trade(OPEN_NS + nth, -10 * DOLLAR, true));
    }
    before.on_equity(Some(EQUITY - 30 * DOLLAR));
    let now_ns = OPEN_NS + 3 * MINUTE_NS;
    let changes = before.transitions(now_ns);
    let mut after = with(|config| config.max_drawdown.capital_base_1e8 = Some(100 * DOLLAR));
    for change in &changes {
        let text = serde_json::to_string(change).unwrap();
        after.apply_transition(&serde_json::from_str(&text).unwrap());
    }
    after.on_equity(Some(EQUITY));
    assert_eq!(names(&after, now_ns), names(&before, now_ns));
    assert_eq!(after.transitions(now_ns), [], "nothing of it is news");
    let clear_ns = now_ns + HOUR_NS;
    assert_eq!(names(&after, clear_ns), names(&before, clear_ns));
}

#[test]
fn a_snapshot_holds_everything_but_the_configuration() {
    // ST-2
    let mut before = armed();
    before.on_mark(&xyz(), 100 * DOLLAR, OPEN_NS);
    before.on_mark(&xyz(), 120 * DOLLAR, OPEN_NS + MINUTE_NS);
    before.on_trade_closed(&trade(OPEN_NS, -DOLLAR, true));
    before.on_equity(Some(EQUITY - 6 * DOLLAR));
    before.transitions(OPEN_NS);
    before.throttle_transition();
    let text = serde_json::to_string(before.state()).unwrap();
    let state = serde_json::from_str(&text).unwrap();
    let mut after = Protections::restore(ProtectionsConfig::default(), state);
    assert_eq!(after, before);
    after.on_mark(&xyz(), 100 * DOLLAR, OPEN_NS + 2 * MINUTE_NS);
    before.on_mark(&xyz(), 100 * DOLLAR, OPEN_NS + 2 * MINUTE_NS);
    assert_eq!(after, before, "and goes on in the same way");
}

#[test]
fn a_clone_shares_nothing_that_changes() {
    let mut original = armed();
    original.on_mark(&xyz(), 100 * DOLLAR, OPEN_NS);
    let before = serde_json::to_string(original.state()).unwrap();
    let mut copy = original.clone();
    copy.on_mark(&xyz(), 200 * DOLLAR, OPEN_NS + MINUTE_NS);
    copy.on_trade_closed(&trade(OPEN_NS, -DOLLAR, true));
    copy.on_equity(None);
    assert_eq!(serde_json::to_string(original.state()).unwrap(), before);
}

#[test]
fn defaults_are_on_and_an_unknown_key_is_refused() {
    // RK-12
    let config: ProtectionsConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(config, ProtectionsConfig::default());
    let rows = armed().rows(OPEN_NS);
    assert_eq!(rows.len(), 6);
    assert!(
        rows.iter().all(|row| row.status == ProtectionStatus::Armed),
        "{rows:?}"
    );
    assert!(serde_json::from_str::<ProtectionsConfig>(r#"{"daily_los": {}}"#).is_err());
    assert!(serde_json::from_str::<ProtectionsConfig>(r#"{"daily_loss": {"limit": 1}}"#).is_err());
}

#[test]
fn settings_that_cannot_be_meant_are_named() {
    let mut config = ProtectionsConfig::default();
    config.daily_loss.limit_1e8 = 0;
    config.stoploss_guard.stop_outs = 0;
    config.volatility_halt.returns = 1;
    config.throttle.daily_size_ratio_1e8 = ONE_1E8 + 1;
    let problems = config.validate().unwrap_err();
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert_eq!(
        problems[1],
        "daily_loss.limit_1e8 must be above zero, was 0"
    );
}

#[test]
fn a_lower_limit_takes_hold_at_the_next_value() {
    // KC-6
    let mut protections = armed();
    protections.on_equity(Some(EQUITY - 6 * DOLLAR));
    let mut config = ProtectionsConfig::default();
    config.daily_loss.limit_1e8 = 5 * DOLLAR;
    protections.configure(config);
    protections.on_equity(Some(EQUITY - 6 * DOLLAR));
    assert_eq!(names(&protections, OPEN_NS), [N::DailyLoss]);
}
