//! Python bindings of `holdfast_core`: conversions only.

mod account;
mod market;
mod risk;

use pyo3::prelude::*;

/// The compiled part of `rust_core`.
#[pymodule]
mod _native {}
