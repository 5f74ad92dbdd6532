//! Exponential moving average.

use super::{as_f64, checked_period, BadParameter};

/// Exponential moving average with weight 2 / (period + 1).
///
/// It starts as the plain mean of the first `period` values, which is also when it is warm.
#[derive(Clone, Debug)]
pub struct Ema {
    period: usize,
    alpha: f64,
    count: usize,
    value: f64,
}

impl Ema {
    /// An average over about `period` values.
    ///
    /// # Errors
    /// [`BadParameter`] when `period` is 0 or absurd.
    pub fn new(period: usize) -> Result<Self, BadParameter> {
        let period = checked_period("period", period, 1)?;
        Ok(Self {
            period,
            alpha: 2.0 / (as_f64(period) + 1.0),
            count: 0,
            value: 0.0,
        })
    }

    /// Takes the next value; gives the average once it is warm.
    #[inline]
    pub fn update(&mut self, x: f64) -> Option<f64> {
        if self.count >= self.period {
            self.value += self.alpha * (x - self.value);
            return Some(self.value);
        }
        self.count += 1;
        self.value += (x - self.value) / as_f64(self.count);
        self.value()
    }

    /// The average, once it is warm.
    #[inline]
    pub fn value(&self) -> Option<f64> {
        self.is_warm().then_some(self.value)
    }

    /// Whether `period` values have been taken.
    #[inline]
    pub fn is_warm(&self) -> bool {
        self.count >= self.period
    }

    /// Starts over.
    pub fn reset_session(&mut self) {
        self.count = 0;
        self.value = 0.0;
    }

    /// The average after each value, NaN until warm.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn whole(
        period: usize,
        values: impl Iterator<Item = f64>,
        mut emit: impl FnMut(f64),
    ) -> Result<(), BadParameter> {
        let mut ema = Self::new(period)?;
        values.for_each(|x| emit(ema.update(x).unwrap_or(f64::NAN)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_as_the_plain_mean_and_then_moves_by_alpha() {
        let mut ema = Ema::new(3).unwrap();
        assert_eq!(ema.update(1.0), None);
        assert_eq!(ema.update(2.0), None);
        assert_eq!(ema.update(3.0), Some(2.0));
        assert_eq!(ema.update(4.0), Some(3.0));
        ema.reset_session();
        assert_eq!(ema.value(), None);
    }

    #[test]
    fn a_period_of_nothing_is_refused() {
        assert!(Ema::new(0).is_err());
    }
}
