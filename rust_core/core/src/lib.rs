//! The exact and quick parts of Holdfast: no clock, no input or output.

pub mod account;
pub mod config;
pub mod decision;
pub mod event;
pub mod exits;
pub mod gate;
pub mod indicators;
pub mod json;
pub mod ledger;
pub mod matching;
pub mod message;
pub mod money;
pub mod order_table;
pub mod orders;
pub mod positions;
pub mod protections;
pub mod sizing;
pub mod statement;
pub mod strategies;
pub mod tape;
pub mod walk;
pub mod words;
