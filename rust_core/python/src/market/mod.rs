//! Indicators, matching, rules and the walker as Python sees them.

mod arrays;
pub mod indicators;
pub mod report;
pub mod rule;
pub mod venue;
pub mod walk;
mod words;
