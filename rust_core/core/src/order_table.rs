//! The life of an order as one table (EX-1).
