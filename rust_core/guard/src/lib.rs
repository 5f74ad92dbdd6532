//! The guard: a process of its own that stops the trading when Python hangs, leaks, crashes or lies (WD-6).
//!
//! It starts the processes of a run and outlives them, as they outlive it. With the trader it shares nothing but
//! three files in the data directory: the fence that it raises, the page on which the trader's lane shows that it
//! turns, and its own log. Single-threaded; no clock of the trader's is trusted.

pub mod alert;
pub mod alpaca;
pub mod closing;
pub mod config;
pub mod control;
pub mod crew;
pub mod fence;
pub mod guard;
pub mod host;
pub mod log;
pub mod notify;
pub mod page;
pub mod polymarket;
pub mod process;
pub mod reports;
pub mod response;
pub mod settling;
pub mod sweep;
pub mod tradier;
pub mod venue;
pub mod watch;

#[cfg(test)]
mod testing;
