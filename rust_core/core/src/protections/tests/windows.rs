//! Minutes of the session, and returns that vary too much.

use super::*;
use crate::protections::ProtectionName as N;

fn windows(windows: &[(i64, Option<i64>)]) -> Protections {
    with(|config| {
        config.time_window.windows = windows
            .iter()
            .map(|(from_min, until_min)| WindowMinutes {
                from_min: *from_min,
                until_min: *until_min,
            })
            .collect();
    })
}

#[test]
fn entries_are_allowed_inside_the_windows_only() {
    // RK-6
    let protections = windows(&[(30, Some(60)), (300, None)]);
    let at = |minutes: i64, ns: i64| names(&protections, OPEN_NS + minutes * MINUTE_NS + ns);
    let refused = vec![N::TimeWindow];
    assert_eq!(at(0, 0), refused);
    assert_eq!(at(30, -1), refused);
    assert_eq!(at(30, 0), []);
    assert_eq!(at(60, -1), []);
    assert_eq!(at(60, 0), refused);
    assert_eq!(at(300, -1), refused);
    assert_eq!(at(300, 0), []);
    assert_eq!(at(390, -1), [], "the last instant");
    assert_eq!(
        at(390, 0),
        [],
        "after the close the session's own check refuses"
    );
}

#[test]
fn the_next_window_is_named_and_after_the_last_there_is_none() {
    // RK-15
    let protections = windows(&[(30, Some(60))]);
    let before = row(&protections, N::TimeWindow, OPEN_NS);
    assert_eq!(before.status, ProtectionStatus::Cooling);
    assert_eq!((before.value, before.limit), (Some(0), Some(30)));
    assert_eq!(before.until_ns, Some(OPEN_NS + 30 * MINUTE_NS));
    let after = row(&protections, N::TimeWindow, OPEN_NS + 90 * MINUTE_NS);
    assert_eq!(after.status, ProtectionStatus::Tripped);
    assert_eq!(
        (after.value, after.limit, after.until_ns),
        (Some(90), None, None)
    );
}

#[test]
fn windows_that_cannot_be_meant_are_named() {
    for (windows, expected) in [
        (vec![], "at least one window"),
        (vec![(-1, None)], "must start at 0 or later"),
        (vec![(10, Some(10))], "end after it"),
    ] {
        let mut config = ProtectionsConfig::default();
        config.time_window.windows = windows
            .into_iter()
            .map(|(from_min, until_min)| WindowMinutes {
                from_min,
                until_min,
            })
            .collect();
        let problems = config.validate().unwrap_err();
        assert!(problems[0].contains(expected), "{problems:?}");
    }
}

/// One mark a minute.
fn feed(protections: &mut Protections, prices_1e8: &[i64]) -> i64 {
    let mut now_ns = OPEN_NS;
    for price_1e8 in prices_1e8 {
        protections.on_mark(&xyz(), *price_1e8, now_ns);
        now_ns += MINUTE_NS;
    }
    now_ns - MINUTE_NS
}

#[test]
fn returns_that_vary_more_than_the_threshold_stop_entries() {
    // RK-6: +1 % and −1 % (of 101) deviate by just under 1 %
    let prices_1e8 = [100 * DOLLAR, 101 * DOLLAR, 100 * DOLLAR];
    let returns = [1_000_000_i64, -990_099];
    let mean = f64::from(i32::try_from(returns[0] + returns[1]).unwrap()) / 2.0;
    let expected = (f64::from(i32::try_from(returns[0]).unwrap()) - mean).abs();
    for (threshold, is_tripped) in [(995_048, true), (995_049, false), (995_050, false)] {
        let mut protections = with(|config| config.volatility_halt.threshold_ratio_1e8 = threshold);
        let now_ns = feed(&mut protections, &prices_1e8);
        let value = row(&protections, N::VolatilityHalt, now_ns).value.unwrap();
        assert!(
            (f64::from(i32::try_from(value).unwrap()) - expected).abs() <= 1.0,
            "{value} is not {expected}"
        );
        assert_eq!(
            names(&protections, now_ns) == [N::VolatilityHalt],
            is_tripped,
            "threshold {threshold}"
        );
        let until_ns = now_ns + 15 * MINUTE_NS;
        assert_eq!(
            names(&protections, until_ns - 1) == [N::VolatilityHalt],
            is_tripped
        );
        assert_eq!(names(&protections, until_ns), []);
    }
}

#[test]
fn volatility_stops_its_own_instrument_only() {
    let mut protections = armed();
    let now_ns = feed(
        &mut protections,
        &[100 * DOLLAR, 110 * DOLLAR, 100 * DOLLAR],
    );
    protections.on_mark(&Name::from("ABC"), DOLLAR, now_ns);
    assert_eq!(names(&protections, now_ns), [N::VolatilityHalt]);
    assert_eq!(protections.active(&Name::from("ABC"), now_ns), []);
    let told = protections.active(&xyz(), now_ns)[0].to_string();
    assert!(
        told.starts_with("VOLATILITY_HALT of XYZ is active until"),
        "{told}"
    );
}

#[test]
fn marks_within_one_interval_are_one_sample() {
    let mut protections = armed();
    for (nth, price) in [100, 200, 50, 300, 1].into_iter().enumerate() {
        let now_ns = OPEN_NS + i64::try_from(nth).unwrap();
        protections.on_mark(&xyz(), price * DOLLAR, now_ns);
    }
    assert_eq!(row(&protections, N::VolatilityHalt, OPEN_NS).value, Some(0));
}

#[test]
fn a_night_is_no_return() {
    let mut protections = armed();
    let now_ns = feed(&mut protections, &[100 * DOLLAR, 100 * DOLLAR]);
    open(&mut protections, 20_200_103, Some(EQUITY));
    protections.on_mark(&xyz(), 50 * DOLLAR, now_ns + DAY_NS);
    assert_eq!(
        row(&protections, N::VolatilityHalt, now_ns + DAY_NS).value,
        Some(0)
    );
}

#[test]
fn old_returns_are_forgotten() {
    let mut protections = with(|config| config.volatility_halt.returns = 2);
    let mut prices_1e8 = vec![100 * DOLLAR, 110 * DOLLAR];
    prices_1e8.extend([110 * DOLLAR; 18]);
    let now_ns = feed(&mut protections, &prices_1e8);
    assert_eq!(row(&protections, N::VolatilityHalt, now_ns).value, Some(0));
    assert_eq!(names(&protections, now_ns), []);
}

#[test]
fn a_halt_that_lasts_is_prolonged_before_it_ends() {
    let mut protections = armed();
    let prices_1e8: Vec<i64> = (0..40).map(|nth| (100 + nth % 2 * 10) * DOLLAR).collect();
    for (nth, price_1e8) in prices_1e8.iter().enumerate() {
        let now_ns = OPEN_NS + i64::try_from(nth).unwrap() * MINUTE_NS;
        protections.on_mark(&xyz(), *price_1e8, now_ns);
        assert_eq!(
            names(&protections, now_ns) == [N::VolatilityHalt],
            nth >= 2,
            "minute {nth}"
        );
    }
}

#[test]
fn a_mark_that_is_no_price_refuses_until_there_is_one() {
    // RK-7
    for no_price in [0, -1] {
        let mut protections = armed();
        feed(&mut protections, &[100 * DOLLAR, no_price]);
        let active = protections.active(&xyz(), OPEN_NS + MINUTE_NS);
        assert_eq!(
            (active.len(), active[0].name, active[0].is_unknown),
            (1, N::VolatilityHalt, true)
        );
        protections.on_mark(&xyz(), 100 * DOLLAR, OPEN_NS + MINUTE_NS + 1);
        assert_eq!(names(&protections, OPEN_NS + MINUTE_NS + 1), []);
    }
}
