//! The account core: one message in, one decision out.
//!
//! [`AccountCore::decide`] reads and changes nothing; what follows from a message is a list of events with
//! resulting values, effects and timers. [`AccountCore::apply`] takes the events over. A decision may need
//! several dependent events (a fill changes order, position, ledger and protections together), so it is
//! made on a draft over the state, to which every event is applied as soon as it is decided; the same
//! `apply` then takes them into the state, and takes journaled events back after a restart.
//!
//! Memory is bounded: see [`crate::orders::Ended`].

mod apply;
mod behind;
mod context;
mod controls;
mod entries;
mod exiting;
mod faults;
mod fills;
mod holdings;
mod reconcile;
mod reports;
mod rules;
mod state;
mod store;
mod taken_back;
mod work;

pub use faults::Fault;
pub use state::{BalanceSeen, Controls, Halt, KillState, State};

use crate::config::{AccountConfig, ConfigError, Instrument};
use crate::decision::{Decision, Effect, Timer};
use crate::event::{Event, EventError};
use crate::exits::{levels, Levels};
use crate::message::{Mark, Message, Name};
use crate::orders::Order;
use crate::positions::Position;
use crate::protections::Protections;
use rules::Rules;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use store::Store;
use work::Work;

/// The control that lifts every halt; its value is the reason, as JSON text.
pub const CLEAR_HALTS: &str = "clear_halts";

/// A decision was not the next one of this core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleDecision {
    /// How many decisions the core has applied.
    pub expected: u64,
    /// How many it had applied when this one was made.
    pub found: u64,
}

impl fmt::Display for StaleDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a decision must be applied once and before the next is made: expected one made at {}, was {}",
            self.expected, self.found
        )
    }
}

impl std::error::Error for StaleDecision {}

/// One account: orders, positions, ledger, protections and exits, without clock or I/O.
#[derive(Clone, Debug)]
pub struct AccountCore {
    config: AccountConfig,
    instruments: BTreeMap<Name, Instrument>,
    state: State,
    rules: Rules,
    version: u64,
    /// By instrument, the version at which an order or a fill last moved something.
    moved: BTreeMap<Name, u64>,
    /// Differences that one statement showed and that the next must confirm.
    suspects: Vec<(Name, i64, i64)>,
}

impl AccountCore {
    /// An account before its first session.
    ///
    /// # Errors
    /// [`ConfigError`] when the configuration contradicts itself.
    pub fn new(config: AccountConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let instruments = config
            .instruments
            .iter()
            .map(|i| (i.symbol.clone(), i.clone()))
            .collect();
        let protections = Protections::new(config.protections.clone());
        let state = State::new(protections, config.ended_orders_max);
        let rules = Rules::new(&config, &state.controls);
        Ok(Self {
            config,
            instruments,
            state,
            rules,
            version: 0,
            moved: BTreeMap::new(),
            suspects: Vec::new(),
        })
    }

    /// What follows from a message; nothing is changed.
    pub fn decide(&self, message: &Message, now_ns: i64) -> Decision {
        Work::new(self, now_ns).run(message)
    }

    /// Takes a decision over, once, before the next is made.
    ///
    /// # Errors
    /// [`StaleDecision`]; nothing is changed then.
    pub fn apply(&mut self, decision: &Decision) -> Result<(), StaleDecision> {
        if decision.version != self.version {
            return Err(StaleDecision {
                expected: self.version,
                found: decision.version,
            });
        }
        for event in &decision.events {
            self.take(event, decision.at_ns);
        }
        if let Some(mark) = &decision.mark {
            self.see(mark);
        }
        if let Some(value) = decision.value {
            self.state.protections.on_equity(value.0);
        }
        if let Some(judgement) = &decision.judgement {
            self.suspects.clone_from(&judgement.suspects);
        }
        self.version += 1;
        Ok(())
    }

    /// Remembers a price without deciding: a restarted account reads the session's tape again. What a
    /// snapshot already holds is passed over.
    pub fn observe(&mut self, mark: &Mark) {
        let is_known = self
            .mark(&mark.instrument)
            .is_some_and(|old| old.at_ns >= mark.at_ns);
        if !is_known {
            self.see(mark);
        }
    }

    fn see(&mut self, mark: &Mark) {
        self.state
            .protections
            .on_mark(&mark.instrument, mark.price_1e8, mark.at_ns);
        match self.state.marks.get_mut(&mark.instrument) {
            Some(slot) => slot.clone_from(mark),
            None => {
                self.state
                    .marks
                    .insert(mark.instrument.clone(), mark.clone());
            }
        }
    }

    fn take(&mut self, event: &Event, at_ns: i64) {
        apply::apply(&mut self.state, event, at_ns);
        self.note_move(event);
        if matches!(event, Event::ControlChanged(_) | Event::AccountSnapshot(_)) {
            self.rules = Rules::new(&self.config, &self.state.controls);
            self.state.ended_max = self.config.ended_orders_max;
            self.state
                .protections
                .configure(self.rules.protections.clone());
        }
    }

    /// What an event moves cannot be compared with a statement that was asked for before it.
    fn note_move(&mut self, event: &Event) {
        let instrument = match event {
            Event::OrderIntended(e) => Some(e.instrument.clone()),
            Event::OrderFilled(e) => Some(e.instrument.clone()),
            Event::FillReversed(e) => Some(e.instrument.clone()),
            Event::OrderChanged(e) => self
                .order(&e.client_order_id)
                .map(|order| order.intent.instrument.clone()),
            _ => None,
        };
        if let Some(instrument) = instrument {
            self.moved.insert(instrument, self.version + 1);
        }
    }

    /// How many decisions it has applied.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// What contradicts itself in our own books (WD-5); empty when they are sound.
    pub fn faults(&self) -> Vec<Fault> {
        faults::faults(self)
    }

    /// Takes one journaled event over, in journal order; no effects.
    ///
    /// # Errors
    /// [`EventError`]; nothing is changed then.
    pub fn rehydrate(&mut self, kind: &str, payload: &[u8], at_ns: i64) -> Result<(), EventError> {
        let event = Event::read(kind, payload)?;
        self.take(&event, at_ns);
        self.version += 1;
        Ok(())
    }

    /// The whole state as an event, to be journaled.
    pub fn snapshot(&self) -> Event {
        Event::AccountSnapshot(Box::new(self.state.clone()))
    }

    /// Everything that the journal can tell again.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// How it is set up.
    pub const fn config(&self) -> &AccountConfig {
        &self.config
    }

    /// The newest price of an instrument.
    pub fn mark(&self, instrument: &str) -> Option<&Mark> {
        self.state.marks.get(instrument)
    }

    /// The open position of a strategy in an instrument.
    pub fn position(&self, strategy: &str, instrument: &str) -> Option<&Arc<Position>> {
        self.state.position_of(strategy, instrument)
    }

    /// An order, live or ended.
    pub fn order(&self, client_order_id: &str) -> Option<&Arc<Order>> {
        self.state.order(client_order_id)
    }

    /// Where the levels of a position stand.
    pub fn levels(&self, position: &Position) -> Levels {
        levels(position, self.config.runner_stop_r_1e8)
    }

    /// Unrealised profit and loss of a position; `None` without a price.
    pub fn unrealised_1e8(&self, position: &Position) -> Option<i64> {
        Work::new(self, 0).unrealised_1e8(position)
    }

    /// The account's value; `None` when it cannot be known.
    pub fn equity_1e8(&self, now_ns: i64) -> Option<i64> {
        Work::new(self, now_ns).equity_1e8()
    }

    /// Orders and positions that the kill in force still has to end (KC-2).
    pub fn kill_remaining(&self) -> usize {
        let (orders, positions) = Work::new(self, 0).kill_remaining();
        orders + positions
    }

    /// Whether the kill in force leaves positions to their stops (KC-1).
    pub fn is_kill_leaving(&self) -> bool {
        Work::new(self, 0).is_kill_leaving()
    }

    /// Money timers to arm after rehydration.
    pub fn open_timers(&self, now_ns: i64) -> Vec<Timer> {
        Work::new(self, now_ns).open_timers()
    }

    /// Submissions of intents that are durable and never known to have been handed over, in order of id.
    pub fn unresolved(&self, now_ns: i64) -> Vec<Effect> {
        Work::new(self, now_ns).unresolved()
    }

    /// Live orders, in order of id.
    pub fn live_orders(&self) -> impl Iterator<Item = &Arc<Order>> {
        self.state
            .orders
            .values()
            .filter(|order| order.state.is_live())
    }

    /// Quantity step of an instrument; one unit if it is not configured.
    fn instrument(&self, symbol: &str) -> Option<&Instrument> {
        self.instruments.get(symbol)
    }
}
