//! Python bindings of `holdfast_core`: conversions only.

use pyo3::prelude::*;

/// The compiled part of `rust_core`.
#[pymodule]
mod _native {}
