//! Loss of the day and of the week from their starting equity, and the sizes they leave (RK-4, RK-5, RK-8).

use serde::{Deserialize, Serialize};

use super::config::ProtectionsConfig;
use crate::money::ONE_1E8;
use crate::sizing::{Throttle, ThrottleCause};

/// Loss since a starting point, latched at its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LossSince {
    /// Equity at the start; `None` when it was not known then.
    pub(super) start_1e8: Option<i64>,
    /// Reached the limit since.
    pub(super) is_tripped: bool,
}

impl LossSince {
    pub(super) fn start(equity_1e8: Option<i64>) -> Self {
        Self {
            start_1e8: equity_1e8,
            is_tripped: false,
        }
    }

    /// Money lost since the start, negative for a gain; `None` when either end is unknown.
    pub(super) fn loss_1e8(&self, equity_1e8: Option<i64>) -> Option<i64> {
        self.start_1e8?.checked_sub(equity_1e8?)
    }
}

/// The account's losses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Losses {
    /// Account value, as last told.
    pub(super) equity_1e8: Option<i64>,
    pub(super) day: LossSince,
    pub(super) week: LossSince,
    /// Half size until a profitable day or a new week.
    pub(super) is_halved: bool,
    /// Quarter size until a profitable day or a new week.
    pub(super) is_quartered: bool,
}

impl Losses {
    /// A new day begins; a profitable one gives the full size back.
    pub(super) fn start_day(&mut self, equity_1e8: Option<i64>) {
        if self
            .day
            .loss_1e8(self.equity_1e8)
            .is_some_and(|loss_1e8| loss_1e8 < 0)
        {
            self.restore_size();
        }
        self.equity_1e8 = equity_1e8;
        self.day = LossSince::start(equity_1e8);
    }

    /// A new week begins, after `start_day`.
    pub(super) fn start_week(&mut self) {
        self.week = LossSince::start(self.equity_1e8);
        self.restore_size();
    }

    /// The account value changed, or became unknown.
    pub(super) fn on_equity(&mut self, equity_1e8: Option<i64>, config: &ProtectionsConfig) {
        self.equity_1e8 = equity_1e8;
        // until it was known no entry could pass, so the first known value is where the loss begins
        self.day.start_1e8 = self.day.start_1e8.or(equity_1e8);
        self.week.start_1e8 = self.week.start_1e8.or(equity_1e8);
        let throttle = &config.throttle;
        if let Some(loss_1e8) = self.day.loss_1e8(equity_1e8) {
            let limit_1e8 = config.daily_loss.limit_1e8;
            self.day.is_tripped |= config.daily_loss.enabled && loss_1e8 >= limit_1e8;
            self.is_halved |= throttle.enabled
                && config.daily_loss.enabled
                && is_used(loss_1e8, limit_1e8, throttle.daily_used_ratio_1e8);
        }
        if let Some(loss_1e8) = self.week.loss_1e8(equity_1e8) {
            let limit_1e8 = config.weekly_loss.limit_1e8;
            self.week.is_tripped |= config.weekly_loss.enabled && loss_1e8 >= limit_1e8;
            self.is_quartered |= throttle.enabled
                && config.weekly_loss.enabled
                && is_used(loss_1e8, limit_1e8, throttle.weekly_used_ratio_1e8);
        }
    }

    /// The share of the full size that may be traded.
    pub(super) fn throttle(&self, config: &ProtectionsConfig) -> Throttle {
        let throttle = &config.throttle;
        let half = Throttle {
            ratio_1e8: throttle.daily_size_ratio_1e8,
            cause: ThrottleCause::DailyLoss,
        };
        let quarter = Throttle {
            ratio_1e8: throttle.weekly_size_ratio_1e8,
            cause: ThrottleCause::WeeklyLoss,
        };
        match (throttle.enabled, self.is_halved, self.is_quartered) {
            (false, _, _) | (true, false, false) => Throttle::FULL,
            (true, true, false) => half,
            (true, true, true) if half.ratio_1e8 < quarter.ratio_1e8 => half,
            (true, _, true) => quarter,
        }
    }

    fn restore_size(&mut self) {
        self.is_halved = false;
        self.is_quartered = false;
    }
}

/// Whether `loss` has used that share of `limit`.
fn is_used(loss_1e8: i64, limit_1e8: i64, share_1e8: i64) -> bool {
    i128::from(loss_1e8) * i128::from(ONE_1E8) >= i128::from(limit_1e8) * i128::from(share_1e8)
}

/// The week of a date: its number counted from the Monday on or before 1970-01-01; `None` for no date at all.
pub fn week_of(yyyymmdd: i64) -> Option<i64> {
    let (year, month, day) = (yyyymmdd / 10_000, yyyymmdd / 100 % 100, yyyymmdd % 100);
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // days since 1970-01-01 in the Gregorian calendar; years are counted from March, so that a leap day comes last
    let from_march = year - i64::from(month <= 2);
    let century = from_march.div_euclid(400);
    let year_of_era = from_march.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = century * 146_097 + day_of_era - 719_468;
    // 1970-01-01 was a Thursday
    Some((days + 3).div_euclid(7))
}
