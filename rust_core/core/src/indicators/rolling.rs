//! Mean and standard deviation over a moving window.

use super::{as_f64, checked_period, BadParameter};

/// Mean and standard deviation of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Plain mean.
    pub mean: f64,
    /// Standard deviation with the divisor window - ddof.
    pub deviation: f64,
}

/// Mean and standard deviation of the last `window` values.
///
/// The two are moved by differences (Welford's form for a window), never by a difference of large
/// sums, and computed anew from the kept values each time the ring has gone round: rounding errors
/// cannot pile up over a long run, and a value still costs constant time on average.
#[derive(Clone, Debug)]
pub struct Rolling {
    ring: Vec<f64>,
    window: usize,
    ddof: usize,
    at: usize,
    mean: f64,
    squares: f64,
}

impl Rolling {
    /// A window of `window` values; `ddof` 0 is the population's deviation, 1 the sample's.
    ///
    /// # Errors
    /// [`BadParameter`] when the window does not hold more than `ddof` values or is absurd, or
    /// when `ddof` is neither 0 nor 1.
    pub fn new(window: usize, ddof: usize) -> Result<Self, BadParameter> {
        if ddof > 1 {
            return Err(BadParameter(format!("ddof must be 0 or 1, was {ddof}")));
        }
        let window = checked_period("window", window, ddof + 1)?;
        Ok(Self {
            ring: Vec::with_capacity(window),
            window,
            ddof,
            at: 0,
            mean: 0.0,
            squares: 0.0,
        })
    }

    /// Takes the next value; gives the moments once the window is full.
    #[inline]
    pub fn update(&mut self, x: f64) -> Option<Moments> {
        if self.ring.len() < self.window {
            self.ring.push(x);
            let step = x - self.mean;
            self.mean += step / as_f64(self.ring.len());
            self.squares += step * (x - self.mean);
        } else {
            self.slide(x);
        }
        self.value()
    }

    #[inline]
    fn slide(&mut self, x: f64) {
        let old = std::mem::replace(&mut self.ring[self.at], x);
        self.at += 1;
        if self.at == self.window {
            self.at = 0;
            self.renew();
            return;
        }
        let step = x - old;
        let mean_before = self.mean;
        self.mean += step / as_f64(self.window);
        self.squares += step * ((x - self.mean) + (old - mean_before));
    }

    fn renew(&mut self) {
        self.mean = self.ring.iter().sum::<f64>() / as_f64(self.window);
        self.squares = self.ring.iter().map(|x| (x - self.mean).powi(2)).sum();
    }

    /// The moments, once the window is full.
    #[inline]
    pub fn value(&self) -> Option<Moments> {
        self.is_warm().then(|| Moments {
            mean: self.mean,
            deviation: (self.squares.max(0.0) / as_f64(self.window - self.ddof)).sqrt(),
        })
    }

    /// Whether the window is full.
    #[inline]
    pub fn is_warm(&self) -> bool {
        self.ring.len() == self.window
    }

    /// Starts over with an empty window.
    pub fn reset_session(&mut self) {
        self.ring.clear();
        self.at = 0;
        self.mean = 0.0;
        self.squares = 0.0;
    }

    /// The moments after each value, NaN until the window is full.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn whole(
        window: usize,
        ddof: usize,
        values: impl Iterator<Item = f64>,
        mut emit: impl FnMut(Moments),
    ) -> Result<(), BadParameter> {
        let nothing = Moments {
            mean: f64::NAN,
            deviation: f64::NAN,
        };
        let mut rolling = Self::new(window, ddof)?;
        values.for_each(|x| emit(rolling.update(x).unwrap_or(nothing)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_forgets_what_left_it() {
        let mut rolling = Rolling::new(2, 0).unwrap();
        assert_eq!(rolling.update(100.0), None);
        rolling.update(1.0);
        let moments = rolling.update(3.0).unwrap();
        assert_eq!((moments.mean, moments.deviation), (2.0, 1.0));
    }

    #[test]
    fn small_deviations_on_a_large_level_survive() {
        let mut rolling = Rolling::new(4, 0).unwrap();
        let mut last = None;
        for i in 0..10_001_u32 {
            last = rolling.update(1e9 + f64::from(i % 2));
        }
        let moments = last.unwrap();
        assert!((moments.deviation - 0.5).abs() < 1e-9, "{moments:?}");
    }

    #[test]
    fn a_sample_of_one_has_no_deviation() {
        assert!(Rolling::new(1, 1).is_err());
        assert!(Rolling::new(1, 0).is_ok());
        assert!(Rolling::new(5, 2).is_err());
    }
}
