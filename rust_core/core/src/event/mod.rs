//! The facts of an account's journal, as they are stored.
//!
//! Events carry resulting values, so that applying them only sets what they say. Payloads are JSON objects;
//! a field that an older version did not write has a default, one that a newer version writes is ignored.

mod facts;

pub use facts::*;

use crate::account::State;
use crate::message::Signal;
use crate::positions::Position;
use crate::protections::{ThrottleTransition, Transition};
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
                match self { $(Self::$kind(body) => serde_json::to_writer(to, body),)+ }
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
            | Self::AccountSnapshot(_) => "account".to_owned(),
            Self::SignalReceived(e) => format!("signal/{}", e.signal_id),
            Self::VerdictGiven(e) => format!("signal/{}", e.signal_id),
            Self::DuplicateRefused(e) => format!("signal/{}", e.signal_id),
            Self::OrderIntended(e) => format!("order/{}", e.client_order_id),
            Self::OrderChanged(e) => format!("order/{}", e.client_order_id),
            Self::CancelRequested(e) => format!("order/{}", e.client_order_id),
            Self::CancelFailed(e) => format!("order/{}", e.client_order_id),
            Self::OrderFilled(e) => format!("order/{}", e.client_order_id),
            Self::FillSettled(e) => format!("order/{}", e.client_order_id),
            Self::FillReversed(e) => format!("order/{}", e.client_order_id),
            Self::PositionChanged(e) => format!("position/{}", e.position_id),
            Self::ExitTriggered(e) => format!("position/{}", e.position_id),
            Self::TradeClosed(e) => format!("position/{}", e.trade_id),
            Self::KillLevelChanged(e) => format!("kill/{}", e.kill_id),
            Self::KillFinished(e) => format!("kill/{}", e.kill_id),
            Self::ControlChanged(e) => format!("control/{}", e.name),
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
