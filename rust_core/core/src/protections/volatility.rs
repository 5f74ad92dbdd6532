//! Deviation of an instrument's returns (RK-6): integers only, so that every run agrees to the last digit.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::config::VolatilityHaltConfig;
use crate::message::Name;
use crate::money::ONE_1E8;

/// The returns of one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Returns {
    /// Its symbol.
    pub(super) instrument: Name,
    /// Interval and price of the last sample; none at the start of a session, so that a night is no return.
    last: Option<(i64, i64)>,
    window_1e8: VecDeque<i64>,
    /// The last mark was no price.
    pub(super) is_faulty: bool,
    /// Entries stay off until then.
    pub(super) until_ns: Option<i64>,
    /// Population deviation of the returns; 0 with fewer than two.
    pub(super) deviation_ratio_1e8: i64,
}

impl Returns {
    pub(super) fn new(instrument: &Name) -> Self {
        Self {
            instrument: Name::clone(instrument),
            last: None,
            window_1e8: VecDeque::new(),
            is_faulty: false,
            until_ns: None,
            deviation_ratio_1e8: 0,
        }
    }

    /// Whether a mark changes anything: it is the first of its interval, or a fault begins or ends.
    pub(super) fn is_news(
        &self,
        price_1e8: i64,
        now_ns: i64,
        config: &VolatilityHaltConfig,
    ) -> bool {
        let interval = interval_of(now_ns, config);
        (price_1e8 <= 0) != self.is_faulty || self.last.is_none_or(|(last, _)| last != interval)
    }

    /// Takes the first mark of an interval as a sample.
    pub(super) fn sample(&mut self, price_1e8: i64, now_ns: i64, config: &VolatilityHaltConfig) {
        self.is_faulty = price_1e8 <= 0;
        let interval = interval_of(now_ns, config);
        if self.is_faulty || self.last.is_some_and(|(last, _)| last == interval) {
            return;
        }
        if let Some((_, before_1e8)) = self.last {
            let change = (i128::from(price_1e8) - i128::from(before_1e8)) * i128::from(ONE_1E8);
            self.window_1e8
                .push_back(saturate(change / i128::from(before_1e8)));
            while self.window_1e8.len() > config.returns as usize {
                self.window_1e8.pop_front();
            }
            self.deviation_ratio_1e8 = deviation(&self.window_1e8);
            self.trip(now_ns, config);
        }
        self.last = Some((interval, price_1e8));
    }

    /// Forgets the last price, not the returns.
    pub(super) fn start_session(&mut self) {
        self.last = None;
    }

    /// A halt that lasts is prolonged once half of it is over, so that it is not news at every sample.
    fn trip(&mut self, now_ns: i64, config: &VolatilityHaltConfig) {
        let left_ns = self
            .until_ns
            .map_or(0, |until_ns| until_ns.saturating_sub(now_ns));
        if self.deviation_ratio_1e8 > config.threshold_ratio_1e8
            && left_ns <= config.cooldown_ns / 2
        {
            self.until_ns = Some(now_ns.saturating_add(config.cooldown_ns));
        }
    }
}

fn interval_of(now_ns: i64, config: &VolatilityHaltConfig) -> i64 {
    now_ns.div_euclid(config.sample_ns.max(1))
}

fn deviation(window_1e8: &VecDeque<i64>) -> i64 {
    let count = i128::try_from(window_1e8.len()).unwrap_or(i128::MAX);
    if count < 2 {
        return 0;
    }
    let sum: i128 = window_1e8.iter().map(|one| i128::from(*one)).sum();
    let squares = window_1e8.iter().try_fold(0_i128, |total, one| {
        total.checked_add(i128::from(*one).checked_mul(i128::from(*one))?)
    });
    let spread = squares.and_then(|squares| {
        squares
            .checked_mul(count)?
            .checked_sub(sum.checked_mul(sum)?)
    });
    // a spread that overflows is certainly above any threshold
    spread.map_or(i64::MAX, |spread| saturate(spread.max(0).isqrt() / count))
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value > 0 { i64::MAX } else { i64::MIN })
}
