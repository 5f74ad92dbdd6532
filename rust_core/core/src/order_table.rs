//! The life of an order as one table (EX-1).
//!
//! A person can read [`TRANSITIONS`] aloud, the documents print it, and nothing else changes an order's
//! state. Two further rows, [`CORRECTIONS`], are what a terminal state still admits (EX-2).

use serde::{Deserialize, Serialize};
use std::fmt;

use OrderEvent as E;
use OrderState as S;

/// Where an order stands, as far as we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderState {
    /// Intended and durable, or about to be; the broker has not been given it as far as we know.
    Pending,
    /// Handed to the transport, no answer yet.
    Submitted,
    /// Acknowledged by the broker, nothing filled.
    Working,
    /// Some of it is filled, the rest works.
    PartiallyFilled,
    /// It may or may not be at the broker; only the broker's word ends this.
    Unknown,
    /// All of it is filled.
    Filled,
    /// The broker cancelled what was left.
    Cancelled,
    /// The broker refused it.
    Rejected,
    /// Its time in force ended.
    Expired,
    /// Proven never to have reached the broker.
    NotSent,
}

/// What we did or learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderEvent {
    /// Its bytes were handed to the transport.
    Send,
    /// The broker acknowledged it.
    Accept,
    /// The broker executed a part.
    PartialFill,
    /// The broker executed all that was left.
    Fill,
    /// The broker confirmed a cancel.
    CancelAck,
    /// The broker refused it.
    Reject,
    /// The broker says its time is over.
    Expire,
    /// No answer in time, or a crash between intent and answer.
    Silence,
    /// A look-up that counts proved that the broker never had it (EX-6).
    ProvenAbsent,
    /// The broker took back an execution: trade bust or failed settlement.
    Reverse,
}

/// Every legal transition; a pair that is absent is refused.
#[rustfmt::skip]
pub const TRANSITIONS: &[(S, E, S)] = &[
    (S::Pending,         E::Send,         S::Submitted),
    (S::Pending,         E::Silence,      S::Unknown),          // the intent may have left
    (S::Pending,         E::ProvenAbsent, S::NotSent),
    (S::Submitted,       E::Accept,       S::Working),
    (S::Submitted,       E::PartialFill,  S::PartiallyFilled),  // a fast venue skips WORKING
    (S::Submitted,       E::Fill,         S::Filled),
    (S::Submitted,       E::CancelAck,    S::Cancelled),
    (S::Submitted,       E::Reject,       S::Rejected),
    (S::Submitted,       E::Expire,       S::Expired),
    (S::Submitted,       E::Silence,      S::Unknown),          // silence is not a refusal
    (S::Working,         E::PartialFill,  S::PartiallyFilled),
    (S::Working,         E::Fill,         S::Filled),
    (S::Working,         E::CancelAck,    S::Cancelled),
    (S::Working,         E::Reject,       S::Rejected),
    (S::Working,         E::Expire,       S::Expired),
    (S::Working,         E::Silence,      S::Unknown),
    (S::PartiallyFilled, E::PartialFill,  S::PartiallyFilled),
    (S::PartiallyFilled, E::Fill,         S::Filled),
    (S::PartiallyFilled, E::CancelAck,    S::Cancelled),
    (S::PartiallyFilled, E::Expire,       S::Expired),
    (S::PartiallyFilled, E::Silence,      S::Unknown),
    (S::PartiallyFilled, E::Reverse,      S::PartiallyFilled),
    (S::Unknown,         E::Accept,       S::Working),          // only the broker's word ends UNKNOWN
    (S::Unknown,         E::PartialFill,  S::PartiallyFilled),
    (S::Unknown,         E::Fill,         S::Filled),
    (S::Unknown,         E::CancelAck,    S::Cancelled),
    (S::Unknown,         E::Reject,       S::Rejected),
    (S::Unknown,         E::Expire,       S::Expired),
    (S::Unknown,         E::ProvenAbsent, S::NotSent),
    (S::Unknown,         E::Reverse,      S::Unknown),
];

/// What a terminal state still admits (EX-2): a late fill that the broker proves, and a reversal.
#[rustfmt::skip]
pub const CORRECTIONS: &[(S, E, S)] = &[
    (S::Cancelled, E::PartialFill, S::Cancelled),               // a cancel that lost the race, in part
    (S::Cancelled, E::Fill,        S::Filled),
    (S::Expired,   E::PartialFill, S::Expired),
    (S::Expired,   E::Fill,        S::Filled),
    (S::Rejected,  E::PartialFill, S::Rejected),
    (S::Rejected,  E::Fill,        S::Filled),
    (S::NotSent,   E::PartialFill, S::PartiallyFilled),         // the proof was wrong: it lives at the broker
    (S::NotSent,   E::Fill,        S::Filled),
    (S::Filled,    E::PartialFill, S::Filled),                  // more than was asked
    (S::Filled,    E::Fill,        S::Filled),
    (S::Filled,    E::Reverse,     S::Filled),
    (S::Cancelled, E::Reverse,     S::Cancelled),
    (S::Expired,   E::Reverse,     S::Expired),
    (S::Rejected,  E::Reverse,     S::Rejected),
];

impl OrderState {
    /// Every state, in the order of an order's life.
    pub const ALL: [S; 10] = [
        S::Pending,
        S::Submitted,
        S::Working,
        S::PartiallyFilled,
        S::Unknown,
        S::Filled,
        S::Cancelled,
        S::Rejected,
        S::Expired,
        S::NotSent,
    ];

    /// Nothing but a correction changes it any more.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            S::Filled | S::Cancelled | S::Rejected | S::Expired | S::NotSent
        )
    }

    /// It may still be executed: at the broker, on its way, or nobody knows.
    pub const fn is_live(self) -> bool {
        !self.is_terminal()
    }

    /// Its name as journaled: `PARTIALLY_FILLED`.
    pub const fn as_str(self) -> &'static str {
        match self {
            S::Pending => "PENDING",
            S::Submitted => "SUBMITTED",
            S::Working => "WORKING",
            S::PartiallyFilled => "PARTIALLY_FILLED",
            S::Unknown => "UNKNOWN",
            S::Filled => "FILLED",
            S::Cancelled => "CANCELLED",
            S::Rejected => "REJECTED",
            S::Expired => "EXPIRED",
            S::NotSent => "NOT_SENT",
        }
    }
}

impl OrderEvent {
    /// Every event.
    pub const ALL: [E; 10] = [
        E::Send,
        E::Accept,
        E::PartialFill,
        E::Fill,
        E::CancelAck,
        E::Reject,
        E::Expire,
        E::Silence,
        E::ProvenAbsent,
        E::Reverse,
    ];

    /// Only a broker can confirm it, so a broker order id must stand beside it (EX-2).
    ///
    /// A refusal is the exception: brokers refuse without ever giving an id.
    pub const fn needs_broker_id(self) -> bool {
        match self {
            E::Accept | E::PartialFill | E::Fill | E::CancelAck | E::Expire | E::Reverse => true,
            E::Send | E::Reject | E::Silence | E::ProvenAbsent => false,
        }
    }

    /// Its name: `PARTIAL_FILL`.
    pub const fn as_str(self) -> &'static str {
        match self {
            E::Send => "SEND",
            E::Accept => "ACCEPT",
            E::PartialFill => "PARTIAL_FILL",
            E::Fill => "FILL",
            E::CancelAck => "CANCEL_ACK",
            E::Reject => "REJECT",
            E::Expire => "EXPIRE",
            E::Silence => "SILENCE",
            E::ProvenAbsent => "PROVEN_ABSENT",
            E::Reverse => "REVERSE",
        }
    }
}

/// Why a step was refused; the order keeps its state (EX-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransitionError {
    /// The pair is not in [`TRANSITIONS`].
    Invalid {
        /// State before.
        from: OrderState,
        /// What was asked.
        event: OrderEvent,
    },
    /// Only the broker can confirm this, and no broker order id is known.
    BrokerConfirmationRequired {
        /// State before.
        from: OrderState,
        /// What was asked.
        event: OrderEvent,
    },
    /// The order is over, and this is none of the two corrections.
    Terminal {
        /// State before.
        from: OrderState,
        /// What was asked.
        event: OrderEvent,
    },
}

impl TransitionError {
    /// The name that the journal and Python use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid { .. } => "InvalidTransitionError",
            Self::BrokerConfirmationRequired { .. } => "BrokerConfirmationRequiredError",
            Self::Terminal { .. } => "TerminalStateError",
        }
    }
}

impl fmt::Display for TransitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { from, event } => {
                write!(
                    f,
                    "{} is not possible in state {}",
                    event.as_str(),
                    from.as_str()
                )
            }
            Self::BrokerConfirmationRequired { from, event } => write!(
                f,
                "{} in state {} needs the broker's order id, which was absent",
                event.as_str(),
                from.as_str()
            ),
            Self::Terminal { from, event } => {
                write!(
                    f,
                    "{} came after the order had ended as {}",
                    event.as_str(),
                    from.as_str()
                )
            }
        }
    }
}

impl std::error::Error for TransitionError {}

fn find(rows: &[(S, E, S)], from: OrderState, event: OrderEvent) -> Option<OrderState> {
    rows.iter()
        .find(|(s, e, _)| (*s, *e) == (from, event))
        .map(|(_, _, to)| *to)
}

/// The state after `event`; corrections of a terminal order are [`correct`]'s.
///
/// # Errors
/// [`TransitionError`]; the caller keeps `from`.
pub fn step(
    from: OrderState,
    event: OrderEvent,
    has_broker_id: bool,
) -> Result<OrderState, TransitionError> {
    if from.is_terminal() {
        return Err(TransitionError::Terminal { from, event });
    }
    let to = find(TRANSITIONS, from, event).ok_or(TransitionError::Invalid { from, event })?;
    if event.needs_broker_id() && !has_broker_id {
        return Err(TransitionError::BrokerConfirmationRequired { from, event });
    }
    Ok(to)
}

/// The state of a terminal order after one of the two corrections (EX-2).
///
/// # Errors
/// [`TransitionError`] when it is no correction, or the broker's id is absent.
pub fn correct(
    from: OrderState,
    event: OrderEvent,
    has_broker_id: bool,
) -> Result<OrderState, TransitionError> {
    let to = find(CORRECTIONS, from, event).ok_or(TransitionError::Terminal { from, event })?;
    if has_broker_id {
        Ok(to)
    } else {
        Err(TransitionError::BrokerConfirmationRequired { from, event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_listed_once() {
        for rows in [TRANSITIONS, CORRECTIONS] {
            for (i, (s, e, _)) in rows.iter().enumerate() {
                let again = rows[i + 1..].iter().any(|(s2, e2, _)| (s, e) == (s2, e2));
                assert!(!again, "{s:?} {e:?} is listed twice");
            }
        }
    }

    #[test]
    fn silence_leads_to_unknown_from_every_live_state() {
        for state in OrderState::ALL
            .into_iter()
            .filter(|s| s.is_live() && *s != S::Unknown)
        {
            assert_eq!(step(state, E::Silence, false), Ok(S::Unknown));
        }
    }

    #[test]
    fn only_the_brokers_word_or_proof_of_absence_ends_unknown() {
        for event in OrderEvent::ALL {
            let ends = step(S::Unknown, event, true).is_ok_and(|to| to != S::Unknown);
            let words = event.needs_broker_id() || event == E::Reject || event == E::ProvenAbsent;
            assert!(!ends || words, "{event:?} ended UNKNOWN");
        }
    }

    #[test]
    fn not_sent_is_reached_only_by_proof_from_pending_or_unknown() {
        for (from, event, to) in TRANSITIONS.iter().chain(CORRECTIONS) {
            if *to == S::NotSent {
                assert_eq!(*event, E::ProvenAbsent);
                assert!(matches!(from, S::Pending | S::Unknown));
            }
        }
    }

    #[test]
    fn a_terminal_state_admits_nothing_but_corrections() {
        for state in OrderState::ALL.into_iter().filter(|s| s.is_terminal()) {
            for event in OrderEvent::ALL {
                assert!(matches!(
                    step(state, event, true),
                    Err(TransitionError::Terminal { .. })
                ));
                let allowed = matches!(event, E::PartialFill | E::Fill)
                    || (event == E::Reverse && state != S::NotSent);
                assert_eq!(
                    correct(state, event, true).is_ok(),
                    allowed,
                    "{state:?} {event:?}"
                );
            }
        }
    }

    #[test]
    fn what_only_a_broker_can_confirm_needs_its_id() {
        let refused = step(S::Submitted, E::Fill, false);
        assert!(matches!(
            refused,
            Err(TransitionError::BrokerConfirmationRequired { .. })
        ));
        assert_eq!(step(S::Submitted, E::Reject, false), Ok(S::Rejected));
    }
}
