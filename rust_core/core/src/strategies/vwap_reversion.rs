//! VWAP micro mean reversion (SG-3).
