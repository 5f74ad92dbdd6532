//! The facts of an account's journal, as they are stored.
//!
//! Events carry resulting values, so that applying them only sets what they say. Payloads are JSON objects;
//! a field that an older version did not write has a default, one that a newer version writes is ignored.

mod facts;

pub use facts::*;

use crate::account::State;
use crate::json;
use crate::message::Signal;
use crate::positions::Position;
use crate::protections::{ThrottleTransition, Transition};
use crate::statement::{Drift, Reconciled};
use std::fmt;
use std::sync::Arc;

macro_rules! events {
    ($($(#[$meta:meta])* $kind:ident($body:ty),)+) => {
        /// One fact of the journal.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event { $($(#[$meta])* $kind($body),)+ }

        impl Event {
            /// Every kind.
            pub const KINDS: &'static [&'static str] = &[$(stringify!($kind),)+];

            /// Its kind, as journaled.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => stringify!($kind),)+ }
            }

            /// Appends its payload, a JSON object.
            ///
            /// # Errors
            /// When it cannot be written as JSON; none of our events can do that.
            pub fn write(&self, to: &mut Vec<u8>) -> Result<(), EventError> {
                match self { $(Self::$kind(body) => json::write(body, to),)+ }
                    .map_err(|e| EventError::Encoding(e.to_string()))
            }

            /// Reads a payload back.
            ///
            /// # Errors
            /// [`EventError`] for an unknown kind, or a payload that is not of its kind.
            pub fn read(kind: &str, payload: &[u8]) -> Result<Self, EventError> {
                match kind {
                    $(stringify!($kind) => serde_json::from_slice(payload).map(Self::$kind),)+
                    _ => return Err(EventError::UnknownKind(kind.to_owned())),
                }
                .map_err(|e| EventError::Payload { kind: kind.to_owned(), text: e.to_string() })
            }
        }
    };
}

events! {
    /// See [`SessionOpened`].
    SessionOpened(SessionOpened),
    /// See [`SessionClosed`].
    SessionClosed(SessionClosed),
    /// A strategy asked to trade.
    SignalReceived(Box<Signal>),
    /// See [`VerdictGiven`].
    VerdictGiven(Box<VerdictGiven>),
    /// See [`DuplicateRefused`].
    DuplicateRefused(DuplicateRefused),
    /// See [`OrderIntended`].
    OrderIntended(Arc<OrderIntended>),
    /// See [`OrderChanged`].
    OrderChanged(OrderChanged),
    /// See [`CancelRequested`].
    CancelRequested(CancelRequested),
    /// See [`CancelFailed`].
    CancelFailed(CancelFailed),
    /// See [`OrderFilled`].
    OrderFilled(Box<OrderFilled>),
    /// See [`FillSettled`].
    FillSettled(FillSettled),
    /// See [`FillReversed`].
    FillReversed(Box<FillReversed>),
    /// A position as it is now.
    PositionChanged(Box<Position>),
    /// See [`ExitTriggered`].
    ExitTriggered(Box<ExitTriggered>),
    /// See [`TradeClosed`].
    TradeClosed(Box<TradeClosed>),
    /// A protection stopped entries, or does so for longer (RK-4 to RK-6).
    ProtectionTripped(Transition),
    /// A protection lets entries go on.
    ProtectionCleared(Transition),
    /// The size of entries changed (RK-8).
    ThrottleChanged(ThrottleTransition),
    /// See [`KillLevelChanged`].
    KillLevelChanged(KillLevelChanged),
    /// See [`KillFinished`].
    KillFinished(KillFinished),
    /// See [`ControlChanged`].
    ControlChanged(ControlChanged),
    /// See [`BalanceReported`].
    BalanceReported(BalanceReported),
    /// See [`InvariantViolated`].
    InvariantViolated(InvariantViolated),
    /// See [`Halted`].
    Halted(Halted),
    /// See [`LookupMissed`].
    LookupMissed(LookupMissed),
    /// Our books and the venue's differ (ST-3).
    DriftFound(Box<Drift>),
    /// How they stand after a statement that changed it.
    Reconciled(Box<Reconciled>),
    /// The whole state; rehydration starts from the newest.
    AccountSnapshot(Box<State>),
}

impl Event {
    /// The journal's stream it belongs to.
    pub fn stream(&self) -> String {
        match self {
            Self::SessionOpened(_)
            | Self::SessionClosed(_)
            | Self::ProtectionTripped(_)
            | Self::ProtectionCleared(_)
            | Self::ThrottleChanged(_)
            | Self::BalanceReported(_)
            | Self::InvariantViolated(_)
            | Self::Halted(_)
            | Self::DriftFound(_)
            | Self::Reconciled(_)
            | Self::AccountSnapshot(_) => "account".to_owned(),
            Self::SignalReceived(e) => ["signal/", &*e.signal_id].concat(),
            Self::VerdictGiven(e) => ["signal/", &*e.signal_id].concat(),
            Self::DuplicateRefused(e) => ["signal/", &*e.signal_id].concat(),
            Self::OrderIntended(e) => ["order/", &*e.client_order_id].concat(),
            Self::OrderChanged(e) => ["order/", &*e.client_order_id].concat(),
            Self::CancelRequested(e) => ["order/", &*e.client_order_id].concat(),
            Self::CancelFailed(e) => ["order/", &*e.client_order_id].concat(),
            Self::OrderFilled(e) => ["order/", &*e.client_order_id].concat(),
            Self::FillSettled(e) => ["order/", &*e.client_order_id].concat(),
            Self::FillReversed(e) => ["order/", &*e.client_order_id].concat(),
            Self::LookupMissed(e) => ["order/", &*e.client_order_id].concat(),
            Self::PositionChanged(e) => ["position/", &*e.position_id].concat(),
            Self::ExitTriggered(e) => ["position/", &*e.position_id].concat(),
            Self::TradeClosed(e) => ["position/", &*e.trade_id].concat(),
            Self::KillLevelChanged(e) => ["kill/", &*e.kill_id].concat(),
            Self::KillFinished(e) => ["kill/", &*e.kill_id].concat(),
            Self::ControlChanged(e) => ["control/", &*e.name].concat(),
        }
    }
}

/// Why an event cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventError {
    /// No such kind in this version.
    UnknownKind(String),
    /// The payload is not of its kind.
    Payload {
        /// The kind.
        kind: String,
        /// What is wrong.
        text: String,
    },
    /// It cannot be written as JSON.
    Encoding(String),
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind(kind) => write!(
                f,
                "event kind must be one of {}, was {kind:?}: this journal was written by a newer version",
                Event::KINDS.join(", ")
            ),
            Self::Payload { kind, text } => write!(f, "payload of {kind} cannot be read: {text}"),
            Self::Encoding(text) => write!(f, "an event cannot be written as JSON: {text}"),
        }
    }
}

impl std::error::Error for EventError {}
