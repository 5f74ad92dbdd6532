//! Indicators, matching, rules and the walker as Python sees them.

mod arrays;
pub mod indicators;
