//! What a decision is made of: events, effects and timers.

use crate::event::{Event, OrderIntended};
use crate::message::{Mark, Name, TimerKind};
use std::sync::Arc;

/// What is to be done once the decision's events are durable.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Hand an order to the venue; only a redeemed verdict does it.
    Submit {
        /// The intent, as journaled.
        intent: Arc<OrderIntended>,
        /// Its bytes, as journaled; the verdict is bound to them.
        bytes: Arc<[u8]>,
    },
    /// Ask the venue to cancel.
    Cancel {
        /// Our id.
        client_order_id: Name,
        /// The venue's, empty if unknown.
        broker_order_id: Name,
    },
    /// Ask the venue whether it has the order.
    Lookup {
        /// Our id.
        client_order_id: Name,
    },
    /// Tell a person.
    Notify {
        /// `INFO`, `WARNING`, `ERROR`, `CRITICAL`.
        severity: &'static str,
        /// What happened.
        text: String,
        /// Ids concerned.
        ids: Vec<Name>,
    },
}

/// A timer to arm; one that fires for something already over is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When, nanoseconds UTC.
    pub due_ns: i64,
    /// What for.
    pub kind: TimerKind,
    /// Of which order, position or protection.
    pub key: Name,
}

/// A row that must be new when the decision becomes durable (EX-4, ST-6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `intent` or `setup`.
    pub name: &'static str,
    /// What is claimed.
    pub key: String,
}

/// What follows from one message. Applied once, to the core that made it, before the next decision.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// When it was made, nanoseconds UTC.
    pub at_ns: i64,
    /// Facts, in order; one request to the record.
    pub events: Vec<Event>,
    /// What to do once they are durable.
    pub effects: Vec<Effect>,
    /// Money timers to arm.
    pub timers: Vec<Timer>,
    /// Rows that must be new.
    pub claims: Vec<Claim>,
    /// A price to remember; not journaled, read again from the market after a restart.
    pub mark: Option<Mark>,
    /// How many decisions the core had applied when it made this one.
    pub version: u64,
}
