//! Money and quantities: integers at 1e-8.
