//! Positions from fills in any order.
