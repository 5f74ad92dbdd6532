//! How much to buy (RK-2, RK-8).
