//! Volume-weighted average price of a session.

use super::BadParameter;

/// What the session's volume says about price so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VwapValue {
    /// Volume-weighted mean of the typical price (high + low + close) / 3.
    pub vwap: f64,
    /// Volume-weighted standard deviation of the typical price (population form).
    pub deviation: f64,
}

/// VWAP anchored at the exchange session's open, with its deviation for bands.
///
/// The caller says when a session begins, from the venue's own calendar: a UTC day is not a
/// session. Bars without volume change nothing. Mean and deviation move by differences, as in
/// D. H. D. West, Updating mean and variance estimates, CACM 22 (1979), so that a narrow band on a
/// high price is not lost in rounding.
#[derive(Clone, Debug, Default)]
pub struct SessionVwap {
    volume: f64,
    mean: f64,
    squares: f64,
}

impl SessionVwap {
    /// A session without bars.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next complete bar; gives the VWAP once there is volume.
    #[inline]
    pub fn update(&mut self, high: f64, low: f64, close: f64, volume: f64) -> Option<VwapValue> {
        if volume > 0.0 {
            let step = (high + low + close) / 3.0 - self.mean;
            self.volume += volume;
            let move_by = step * (volume / self.volume);
            self.mean += move_by;
            self.squares += volume * step * (step - move_by);
        }
        self.value()
    }

    /// The VWAP and its deviation, once there is volume.
    #[inline]
    pub fn value(&self) -> Option<VwapValue> {
        self.is_warm().then(|| VwapValue {
            vwap: self.mean,
            deviation: (self.squares / self.volume).sqrt(),
        })
    }

    /// Whether any volume has been seen in this session.
    #[inline]
    pub fn is_warm(&self) -> bool {
        self.volume > 0.0
    }

    /// A session opens: nothing of the one before counts.
    pub fn reset_session(&mut self) {
        *self = Self::default();
    }

    /// The VWAP after each bar (high, low, close, volume), anew from each index in
    /// `session_starts`; NaN before the first of them and before the first volume.
    ///
    /// # Errors
    /// [`BadParameter`] when `session_starts` does not rise strictly.
    pub fn whole(
        session_starts: &[usize],
        bars: impl Iterator<Item = (f64, f64, f64, f64)>,
        mut emit: impl FnMut(VwapValue),
    ) -> Result<(), BadParameter> {
        if let Some(at) =
            (1..session_starts.len()).find(|&i| session_starts[i - 1] >= session_starts[i])
        {
            return Err(BadParameter(format!(
                "session_starts must rise strictly, was {} before {}",
                session_starts[at - 1],
                session_starts[at]
            )));
        }
        let nothing = VwapValue {
            vwap: f64::NAN,
            deviation: f64::NAN,
        };
        let mut starts = session_starts.iter().copied();
        let mut next_start = starts.next();
        let mut is_anchored = false;
        let mut vwap = Self::new();
        for (index, (h, l, c, v)) in bars.enumerate() {
            if Some(index) == next_start {
                vwap.reset_session();
                next_start = starts.next();
                is_anchored = true;
            }
            let value = is_anchored.then(|| vwap.update(h, l, c, v)).flatten();
            emit(value.unwrap_or(nothing));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_weighs_the_typical_price() {
        let mut vwap = SessionVwap::new();
        assert_eq!(vwap.update(3.0, 1.0, 2.0, 0.0), None);
        vwap.update(12.0, 8.0, 10.0, 1.0);
        let value = vwap.update(14.0, 14.0, 14.0, 3.0).unwrap();
        assert!((value.vwap - 13.0).abs() < 1e-12);
        assert!((value.deviation - 3.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn each_session_starts_over_and_nothing_counts_before_the_first() {
        let bars = [1.0, 2.0, 4.0, 8.0].map(|p| (p, p, p, 1.0));
        let mut seen = Vec::new();
        SessionVwap::whole(&[1, 3], bars.into_iter(), |v| seen.push(v.vwap)).unwrap();
        assert!(seen[0].is_nan());
        assert_eq!(seen[1..], [2.0, 3.0, 8.0]);
    }

    #[test]
    fn sessions_that_do_not_rise_are_refused() {
        let bars = std::iter::empty();
        assert!(SessionVwap::whole(&[3, 3], bars, |_| ()).is_err());
    }
}
