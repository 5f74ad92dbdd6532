//! Python bindings of `holdfast_core`: conversions only.

mod account;
mod market;
mod risk;

use pyo3::prelude::*;

/// The compiled part of `rust_core`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::market::indicators::{
        atr_array, ema_array, rolling_array, session_vwap_array, Atr, Ema, IndicatorSet, Rolling,
        SessionVwap,
    };
    #[pymodule_export]
    use super::risk::{ReleaseGate, ReleaseRefusedError, Submission, VerdictSpentError};
}
