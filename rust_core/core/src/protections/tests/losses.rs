//! Losses of the day and the week, and what they do to sizes.

use super::*;
use crate::protections::losses::week_of;
use crate::protections::ProtectionName as N;
use crate::sizing::{Throttle, ThrottleCause};

const HALF: Throttle = Throttle {
    ratio_1e8: ONE_1E8 / 2,
    cause: ThrottleCause::DailyLoss,
};
const QUARTER: Throttle = Throttle {
    ratio_1e8: ONE_1E8 / 4,
    cause: ThrottleCause::WeeklyLoss,
};

#[test]
fn the_daily_limit_stops_entries_until_the_next_session() {
    // RK-4
    let mut protections = armed();
    protections.on_equity(Some(EQUITY - 10 * DOLLAR + 1));
    assert_eq!(names(&protections, OPEN_NS), [], "inside");
    protections.on_equity(Some(EQUITY - 10 * DOLLAR));
    assert_eq!(names(&protections, OPEN_NS), [N::DailyLoss], "at the limit");
    protections.on_equity(Some(EQUITY + DOLLAR));
    assert_eq!(
        names(&protections, OPEN_NS),
        [N::DailyLoss],
        "latched, though it was won back"
    );
    let daily = row(&protections, N::DailyLoss, OPEN_NS);
    assert_eq!(
        (daily.status, daily.until_ns),
        (ProtectionStatus::Tripped, None)
    );
    open(&mut protections, 20_200_103, Some(EQUITY - 10 * DOLLAR));
    assert_eq!(
        names(&protections, OPEN_NS + DAY_NS),
        [],
        "the next session starts from its own equity"
    );
}

#[test]
fn opening_the_same_or_an_earlier_session_again_gives_no_day_back() {
    // RK-4, ST-2
    for date in [20_200_102, 20_200_101] {
        let mut protections = armed();
        protections.on_equity(Some(EQUITY - 10 * DOLLAR));
        open(&mut protections, date, Some(EQUITY - 10 * DOLLAR));
        assert_eq!(names(&protections, OPEN_NS), [N::DailyLoss], "{date}");
    }
    let mut protections = armed();
    open(&mut protections, 20_200_102, Some(EQUITY - 9 * DOLLAR));
    protections.on_equity(Some(EQUITY - 10 * DOLLAR));
    assert_eq!(
        names(&protections, OPEN_NS),
        [N::DailyLoss],
        "it counts from the first opening"
    );
}

#[test]
fn an_unknown_account_value_refuses() {
    // RK-4
    let mut protections = armed();
    protections.on_equity(None);
    assert_eq!(names(&protections, OPEN_NS), [N::DailyLoss, N::WeeklyLoss]);
    assert!(protections
        .active(&xyz(), OPEN_NS)
        .iter()
        .all(|one| one.is_unknown));
    protections.on_equity(Some(EQUITY));
    assert_eq!(names(&protections, OPEN_NS), []);
}

#[test]
fn before_the_first_session_everything_that_needs_one_refuses() {
    // RK-7
    let protections = Protections::new(ProtectionsConfig::default());
    assert_eq!(
        names(&protections, OPEN_NS),
        [N::TimeWindow, N::DailyLoss, N::WeeklyLoss]
    );
}

#[test]
fn an_equity_that_is_known_late_is_the_days_start() {
    let mut protections = Protections::new(ProtectionsConfig::default());
    open(&mut protections, 20_200_102, None);
    assert_eq!(names(&protections, OPEN_NS), [N::DailyLoss, N::WeeklyLoss]);
    protections.on_equity(Some(EQUITY));
    assert_eq!(names(&protections, OPEN_NS), []);
    protections.on_equity(Some(EQUITY - 10 * DOLLAR));
    assert_eq!(names(&protections, OPEN_NS), [N::DailyLoss]);
}

#[test]
fn the_weekly_limit_stops_entries_until_the_next_week() {
    // RK-5
    let daily_off = |config: &mut ProtectionsConfig| config.daily_loss.enabled = false;
    let mut protections = with(daily_off);
    protections.on_equity(Some(EQUITY - 15 * DOLLAR));
    open(&mut protections, 20_200_103, Some(EQUITY - 15 * DOLLAR));
    protections.on_equity(Some(EQUITY - 25 * DOLLAR + 1));
    assert_eq!(
        names(&protections, OPEN_NS + DAY_NS),
        [],
        "inside, over two days"
    );
    protections.on_equity(Some(EQUITY - 25 * DOLLAR));
    assert_eq!(
        names(&protections, OPEN_NS + DAY_NS),
        [N::WeeklyLoss],
        "at the limit"
    );
    protections.on_equity(Some(EQUITY));
    assert_eq!(
        names(&protections, OPEN_NS + DAY_NS),
        [N::WeeklyLoss],
        "latched"
    );
    open(&mut protections, 20_200_105, Some(EQUITY));
    assert_eq!(
        names(&protections, OPEN_NS + 3 * DAY_NS),
        [N::WeeklyLoss],
        "Sunday is the same week"
    );
    open(&mut protections, 20_200_106, Some(EQUITY));
    assert_eq!(
        names(&protections, OPEN_NS + 4 * DAY_NS),
        [],
        "Monday is the next"
    );
}

#[test]
fn a_week_begins_on_monday_also_over_the_year() {
    // RK-5
    assert_eq!(week_of(19_700_101), Some(0));
    assert_eq!(week_of(19_700_104), Some(0));
    assert_eq!(week_of(19_700_105), Some(1));
    assert_eq!(week_of(20_191_230), week_of(20_200_105), "2020-W01");
    assert_eq!(
        week_of(20_200_106),
        week_of(20_200_105).map(|week| week + 1)
    );
    assert_eq!(week_of(20_200_224), week_of(20_200_301), "over a leap day");
    assert_eq!(
        week_of(20_200_302),
        week_of(20_200_301).map(|week| week + 1)
    );
    for no_date in [0, -1, 20_200_001, 20_201_301, 20_200_100, 20_200_132] {
        assert_eq!(week_of(no_date), None, "{no_date}");
    }
}

#[test]
fn a_limit_of_a_protection_that_is_off_stops_nothing() {
    // RK-12: it is on unless it is switched off by name
    let mut protections = with(|config| {
        config.daily_loss.enabled = false;
        config.weekly_loss.enabled = false;
    });
    protections.on_equity(None);
    protections.on_equity(Some(0));
    assert_eq!(names(&protections, OPEN_NS), []);
    assert_eq!(
        row(&protections, N::DailyLoss, OPEN_NS).status,
        ProtectionStatus::Off
    );
}

#[test]
fn half_of_the_daily_limit_halves_sizes_until_a_profitable_day() {
    // RK-8
    let mut protections = armed();
    protections.on_equity(Some(EQUITY - 5 * DOLLAR + 1));
    assert_eq!(protections.throttle(), Throttle::FULL, "inside");
    protections.on_equity(Some(EQUITY - 5 * DOLLAR));
    assert_eq!(protections.throttle(), HALF, "half of it is lost");
    protections.on_equity(Some(EQUITY));
    assert_eq!(protections.throttle(), HALF, "the day is not over");
    open(&mut protections, 20_200_103, Some(EQUITY));
    assert_eq!(
        protections.throttle(),
        HALF,
        "a day of nothing is no profitable day"
    );
    protections.on_equity(Some(EQUITY + 1));
    open(&mut protections, 20_200_104, Some(EQUITY + 1));
    assert_eq!(
        protections.throttle(),
        Throttle::FULL,
        "after a profitable day"
    );
}

#[test]
fn six_tenths_of_the_weekly_limit_quarter_sizes_until_the_next_week() {
    // RK-8
    let mut protections = with(|config| config.daily_loss.limit_1e8 = 1000 * DOLLAR);
    protections.on_equity(Some(EQUITY - 15 * DOLLAR + 1));
    assert_eq!(protections.throttle(), Throttle::FULL, "inside");
    protections.on_equity(Some(EQUITY - 15 * DOLLAR));
    assert_eq!(protections.throttle(), QUARTER);
    open(&mut protections, 20_200_103, Some(EQUITY - 15 * DOLLAR));
    assert_eq!(protections.throttle(), QUARTER, "the same week");
    open(&mut protections, 20_200_106, Some(EQUITY - 15 * DOLLAR));
    assert_eq!(protections.throttle(), Throttle::FULL, "a new week");
}

#[test]
fn the_smaller_size_counts_when_both_apply() {
    // RK-8
    let mut protections = armed();
    protections.on_equity(Some(EQUITY - 15 * DOLLAR));
    assert_eq!(protections.throttle(), QUARTER);
}

#[test]
fn a_throttle_is_told_once_and_put_back_after_a_restart() {
    // RK-8, ST-2
    let mut protections = armed();
    assert_eq!(protections.throttle_transition(), None);
    protections.on_equity(Some(EQUITY - 5 * DOLLAR));
    let change = protections.throttle_transition().unwrap();
    assert_eq!((change.before, change.after), (Throttle::FULL, HALF));
    assert_eq!(protections.throttle_transition(), None);
    let mut restarted = armed();
    restarted.apply_throttle(&change);
    assert_eq!(restarted.throttle(), HALF);
    assert_eq!(restarted.throttle_transition(), None, "it was told before");
}

#[test]
fn a_throttle_that_is_off_leaves_the_size() {
    let mut protections = with(|config| config.throttle.enabled = false);
    protections.on_equity(Some(EQUITY - 9 * DOLLAR));
    assert_eq!(protections.throttle(), Throttle::FULL);
}
