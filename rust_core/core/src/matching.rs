//! Paper matching on bars, quotes and trades.
