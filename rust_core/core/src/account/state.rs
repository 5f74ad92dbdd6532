//! What an account knows, and how events set it.

use crate::event::KillLevelChanged;
use crate::ledger::{Ledger, Session};
use crate::message::{KillLevel, Mark, Name, Scope};
use crate::orders::{Ended, Order};
use crate::positions::Position;
use crate::protections::Protections;
use crate::statement::Reconciled;
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
    /// Ids of which `KillFinished` was not said yet.
    pub unfinished: Vec<Name>,
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
    /// How the books stand with the venue's.
    #[serde(default, skip_serializing_if = "Reconciled::is_untouched")]
    pub reconciled: Reconciled,
    /// Orders that are live, or whose position is open, by client order id.
    pub orders: BTreeMap<Name, Arc<Order>>,
    /// Open positions by position id.
    pub positions: BTreeMap<Name, Arc<Position>>,
    /// Orders that ended, whose position is closed.
    pub ended: Ended,
    /// How many of them stay; from the configuration.
    #[serde(skip)]
    pub ended_max: usize,
    /// Protections; the snapshot holds what they remember, never how they are configured.
    #[serde(with = "remembered")]
    pub protections: Protections,
    /// The newest price of each instrument: seen, not journaled; in snapshots, so that a restarted
    /// account knows from where to read the tape again.
    pub marks: BTreeMap<Name, Mark>,
}

mod remembered {
    use crate::protections::{Protections, ProtectionsConfig, ProtectionsState};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &Protections, to: S) -> Result<S::Ok, S::Error> {
        value.state().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Protections, D::Error> {
        let state = ProtectionsState::deserialize(from)?;
        Ok(Protections::restore(ProtectionsConfig::default(), state))
    }
}

impl State {
    /// Before anything happened.
    pub fn new(protections: Protections, ended_max: usize) -> Self {
        Self {
            session: Session::default(),
            ledger: Ledger::default(),
            kill: KillState::default(),
            controls: Controls::default(),
            halts: Vec::new(),
            balance: None,
            reconciled: Reconciled::default(),
            orders: BTreeMap::new(),
            positions: BTreeMap::new(),
            ended: Ended::default(),
            ended_max,
            protections,
            marks: BTreeMap::new(),
        }
    }
}

/// How many kill ids are remembered.
const KILLS_REMEMBERED: usize = 256;

impl Default for KillState {
    fn default() -> Self {
        let none = Name::from("");
        Self {
            level: KillLevel::None,
            kill_id: none.clone(),
            reason: none.clone(),
            author: none,
            cancelled: 0,
            closed: 0,
            failed: 0,
            unfinished: Vec::new(),
            seen: Vec::new(),
        }
    }
}

impl KillState {
    /// A new kill, or its end.
    pub fn change(&mut self, event: &KillLevelChanged) {
        let is_new = event.new != KillLevel::None;
        self.level = event.new;
        self.kill_id = event.kill_id.clone();
        self.reason = event.reason.clone();
        self.author = event.author.clone();
        if !is_new {
            self.unfinished.clear();
            return;
        }
        if self.unfinished.is_empty() {
            (self.cancelled, self.closed, self.failed) = (0, 0, 0);
        }
        self.unfinished.push(event.kill_id.clone());
        if self.seen.len() == KILLS_REMEMBERED {
            self.seen.remove(0);
        }
        self.seen.push(event.kill_id.clone());
    }

    /// Orders are to be cancelled and, by policy, positions closed.
    pub const fn is_clearing(&self) -> bool {
        matches!(self.level, KillLevel::Flatten | KillLevel::Emergency)
    }
}
