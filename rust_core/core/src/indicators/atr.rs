//! Average true range.

use super::{as_f64, checked_period, BadParameter};

/// Wilder's average true range.
///
/// True range = max(high, previous close) - min(low, previous close); the first bar has no
/// previous close and counts high - low. The average starts as the plain mean of the first
/// `period` true ranges, then moves by 1 / period.
///
/// Source: J. W. Wilder, New Concepts in Technical Trading Systems (1978), the volatility index.
#[derive(Clone, Debug)]
pub struct Atr {
    period: usize,
    step: f64,
    count: usize,
    value: f64,
    close: f64,
}

impl Atr {
    /// An average over about `period` bars.
    ///
    /// # Errors
    /// [`BadParameter`] when `period` is 0 or absurd.
    pub fn new(period: usize) -> Result<Self, BadParameter> {
        let period = checked_period("period", period, 1)?;
        Ok(Self {
            period,
            step: 1.0 / as_f64(period),
            count: 0,
            value: 0.0,
            close: 0.0,
        })
    }

    /// Takes the next bar; gives the range once it is warm.
    #[inline]
    pub fn update(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        let range = if self.count == 0 {
            high - low
        } else {
            high.max(self.close) - low.min(self.close)
        };
        self.close = close;
        if self.count >= self.period {
            self.value += (range - self.value) * self.step;
            return Some(self.value);
        }
        self.count += 1;
        self.value += (range - self.value) / as_f64(self.count);
        self.value()
    }

    /// The range in price units, once it is warm.
    #[inline]
    pub fn value(&self) -> Option<f64> {
        self.is_warm().then_some(self.value)
    }

    /// Whether `period` bars have been taken.
    #[inline]
    pub fn is_warm(&self) -> bool {
        self.count >= self.period
    }

    /// Starts over: the next bar has no previous close.
    pub fn reset_session(&mut self) {
        self.count = 0;
        self.value = 0.0;
    }

    /// The range after each bar (high, low, close), NaN until warm.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn whole(
        period: usize,
        bars: impl Iterator<Item = (f64, f64, f64)>,
        mut emit: impl FnMut(f64),
    ) -> Result<(), BadParameter> {
        let mut atr = Self::new(period)?;
        bars.for_each(|(h, l, c)| emit(atr.update(h, l, c).unwrap_or(f64::NAN)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_counts_from_the_previous_close() {
        let mut atr = Atr::new(2).unwrap();
        assert_eq!(atr.update(11.0, 10.0, 10.0), None);
        assert_eq!(atr.update(15.0, 14.0, 14.0), Some(3.0));
        assert_eq!(atr.update(14.0, 13.0, 13.5), Some(2.0));
    }

    #[test]
    fn after_a_reset_the_old_close_is_forgotten() {
        let mut atr = Atr::new(1).unwrap();
        atr.update(11.0, 10.0, 10.0);
        atr.reset_session();
        assert_eq!(atr.update(101.0, 100.0, 100.0), Some(1.0));
    }
}
