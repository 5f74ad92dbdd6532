//! Verdicts and the release gate as Python sees them.
