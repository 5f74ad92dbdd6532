//! What an account knows, and how events set it.

use crate::ledger::{Ledger, Session};
use crate::message::{KillLevel, Name, Scope};
use crate::orders::Order;
use crate::positions::Position;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kill that is in force, or was (KC-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillState {
    /// How far.
    pub level: KillLevel,
    /// The newest kill's id.
    pub kill_id: Name,
    /// Why.
    pub reason: Name,
    /// Who.
    pub author: Name,
    /// Orders cancelled by it.
    pub cancelled: i64,
    /// Positions closed by it.
    pub closed: i64,
    /// Cancels and exits that failed.
    pub failed: i64,
    /// `KillFinished` was said.
    pub is_finished: bool,
    /// The newest ids, oldest first; each acts once.
    pub seen: Vec<Name>,
}

/// Runtime controls that are set; what is not set follows the configuration (KC-6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controls {
    /// By name, as JSON text.
    pub values: BTreeMap<Name, Name>,
}

/// Entries are stopped for something (EX-9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// What is stopped.
    pub scope: Scope,
    /// Which order or instrument; empty for the whole.
    pub key: Name,
    /// Why.
    pub reason: Name,
}

/// The broker's newest figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceSeen {
    /// Account value.
    pub equity_1e8: i64,
    /// Cash.
    pub cash_1e8: i64,
    /// What may be bought.
    pub buying_power_1e8: i64,
    /// The broker's stamp.
    pub at_ns: i64,
}

/// Everything an account knows that its journal can tell again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The session.
    pub session: Session,
    /// Money.
    pub ledger: Ledger,
    /// Kill.
    pub kill: KillState,
    /// Controls.
    pub controls: Controls,
    /// Halts, oldest first.
    pub halts: Vec<Halt>,
    /// The broker's figures.
    pub balance: Option<BalanceSeen>,
    /// Orders that are live, or whose position is open, by client order id.
    pub orders: BTreeMap<Name, Arc<Order>>,
    /// Open positions by position id.
    pub positions: BTreeMap<Name, Arc<Position>>,
}
