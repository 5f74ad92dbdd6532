//! Indicators: incremental, whole-array, and several in one call.
