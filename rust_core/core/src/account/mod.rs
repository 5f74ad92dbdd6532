//! The account core: one message in, one decision out.

mod state;

pub use state::{BalanceSeen, Controls, Halt, KillState, State};
