//! Indicators: incremental, whole-array, and several in one call.
//!
//! `f64` throughout: these inform and are shown. What decides a trade is exact: a built-in rule
//! keeps sums of its own in integers (see [`crate::strategies::vwap_reversion`]).
//!
//! The whole-array form of an indicator is its incremental form in a loop, so the two cannot
//! drift apart. A value that does not exist yet is `None` one at a time and NaN in an array.
//! Inputs must be finite: the bindings refuse anything else before it gets here.

mod atr;
mod ema;
mod rolling;
mod set;
mod vwap;

pub use atr::Atr;
pub use ema::Ema;
pub use rolling::{Moments, Rolling};
pub use set::{IndicatorSet, IndicatorSpec};
pub use vwap::{SessionVwap, VwapValue};

/// A parameter that cannot be meant.
#[derive(Clone, Debug, PartialEq)]
pub struct BadParameter(pub String);

impl std::fmt::Display for BadParameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadParameter {}

/// The longest period taken: a typing mistake must not ask for gigabytes.
pub const PERIOD_MAX: usize = 1_000_000;

fn checked_period(name: &str, period: usize, least: usize) -> Result<usize, BadParameter> {
    if (least..=PERIOD_MAX).contains(&period) {
        Ok(period)
    } else {
        Err(BadParameter(format!(
            "{name} must be between {least} and {PERIOD_MAX}, was {period}"
        )))
    }
}

/// A count as a float: exact, because periods stay far below 2^53.
#[allow(clippy::cast_precision_loss)]
fn as_f64(count: usize) -> f64 {
    count as f64
}
