//! What a decision is made of: events, effects and timers.

use crate::event::{Event, EventError};
use crate::gate::Submission;
use crate::message::{Mark, Name, TimerKind};
use crate::statement::Judgement;
use std::sync::Arc;

/// What is to be done once the decision's events are durable.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Hand an order to the venue; only a redeemed submission does it.
    Submit(Arc<Submission>),
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

/// What the account is worth, at 1e-8; `None` when it cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountValue(pub Option<i64>);

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
    /// The account value to remember, if it was looked at; not journaled.
    pub value: Option<AccountValue>,
    /// A price to remember; not journaled, read again from the market after a restart.
    pub mark: Option<Mark>,
    /// What a statement of the venue came to; not journaled.
    pub judgement: Option<Judgement>,
    /// How many decisions the core had applied when it made this one.
    pub version: u64,
}

impl Decision {
    /// Nothing to journal, to do or to arm.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.effects.is_empty() && self.timers.is_empty()
    }

    /// The payload of one of its events; an intent's are the very bytes its submission is bound to.
    ///
    /// # Arguments
    /// * `room` - Where it is written unless it is there already; what it held is lost.
    ///
    /// # Errors
    /// [`EventError::Encoding`].
    pub fn payload<'a>(
        &'a self,
        event: &Event,
        room: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], EventError> {
        if let Event::OrderIntended(intent) = event {
            for effect in &self.effects {
                if let Effect::Submit(submission) = effect {
                    if submission.request().client_order_id == intent.client_order_id {
                        return Ok(submission.intent());
                    }
                }
            }
        }
        room.clear();
        event.write(room)?;
        Ok(room)
    }
}
