//! Built-in strategy rules.

pub mod vwap_reversion;
