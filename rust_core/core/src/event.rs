//! The facts of an account's journal, as they are stored.
//!
//! Events carry resulting values, so that applying them only sets what they say. Payloads are JSON objects;
//! a field that an older version did not write has a default, one that a newer version writes is ignored.

use crate::account::State;
use crate::gate::FailedCheck;
use crate::ledger::Ledger;
use crate::message::{
    ExitPlan, ExitReason, KillLevel, Name, OrderType, Purpose, Scope, Settlement, Side, Signal,
    TimeInForce,
};
use crate::money::wide;
use crate::order_table::OrderState;
use crate::positions::Position;
use crate::protections::{ThrottleTransition, Transition};
use crate::sizing::SizingStep;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A session begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOpened {
    /// yyyymmdd.
    pub session_date: i64,
    /// First instant.
    pub open_ns: i64,
    /// Last instant.
    pub close_ns: i64,
    /// Number of its week.
    pub week: i64,
    /// Account value at its opening; missing when it was not known.
    pub equity_1e8: Option<i64>,
    /// Money as the session begins: the session's sums are zero, the week's too in a new week.
    pub ledger: Ledger,
}

/// A session ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionClosed {
    /// yyyymmdd.
    pub session_date: i64,
    /// Entry orders intended.
    pub entries: i64,
    /// Trades closed.
    pub trades: i64,
    /// Realised, without fees.
    pub gross_1e8: i64,
    /// Fees.
    pub fees_1e8: i64,
    /// Realised, less fees.
    pub net_1e8: i64,
    /// Account value; missing when it was not known.
    pub equity_1e8: Option<i64>,
    /// Positions left open.
    pub positions_open: i64,
}

/// The gate's ruling on a signal, with every failed check (RK-1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictGiven {
    /// Of which signal.
    pub signal_id: Name,
    /// The order it would be, empty if none could be made.
    pub client_order_id: Name,
    /// Whose.
    pub strategy: Name,
    /// In what.
    pub instrument: Name,
    /// Approved, or refused for the reasons in `failed`.
    pub is_approved: bool,
    /// Size after sizing.
    pub qty_1e8: i64,
    /// How the size came about.
    pub sizing: Vec<SizingStep>,
    /// Every check that failed.
    pub failed: Vec<FailedCheck>,
}

/// A second submission of the same thing; nothing was intended (EX-4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateRefused {
    /// The id that exists already.
    pub client_order_id: Name,
    /// Of which signal.
    pub signal_id: Name,
    /// Whose.
    pub strategy: Name,
}

/// What we are about to ask a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderIntended {
    /// Our id, derived from what the order is for (EX-4).
    pub client_order_id: Name,
    /// Of which signal.
    pub signal_id: Name,
    /// Of which position.
    pub position_id: Name,
    /// Whose.
    pub strategy: Name,
    /// In what.
    pub instrument: Name,
    /// yyyymmdd of the setup.
    pub session_date: i64,
    /// The setup instance.
    pub setup_instance: Name,
    /// Which leg.
    pub leg: i64,
    /// What for.
    pub purpose: Purpose,
    /// Which attempt, from 1.
    pub attempt: i64,
    /// Direction.
    pub side: Side,
    /// Quantity.
    pub qty_1e8: i64,
    /// Order type.
    pub order_type: OrderType,
    /// Time in force.
    pub tif: TimeInForce,
    /// Limit price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_1e8: Option<i64>,
    /// Trigger price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_1e8: Option<i64>,
    /// It opens or enlarges a position; refused whenever entries are stopped.
    pub adds_risk: bool,
    /// Its bytes leave before this, or never.
    pub deadline_ns: i64,
    /// It is cancelled at this time; zero for never (EX-8).
    pub expires_ns: i64,
    /// The price it was decided on.
    pub reference_1e8: i64,
    /// When that price became known.
    pub reference_ns: i64,
    /// Of an exit: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_reason: Option<ExitReason>,
    /// Of an entry: how the position ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Arc<ExitPlan>>,
}

/// One transition of an order (EX-3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChanged {
    /// Our id.
    pub client_order_id: Name,
    /// State before.
    pub old: OrderState,
    /// State after.
    pub new: OrderState,
    /// Why.
    pub cause: Name,
    /// The venue's id, empty until known.
    pub broker_order_id: Name,
    /// The venue's stamp; zero where the venue had no part in it.
    pub venue_ns: i64,
    /// Ours.
    pub at_ns: i64,
    /// One of the two corrections of a terminal state (EX-2).
    #[serde(default)]
    pub is_correction: bool,
}

/// The venue was asked to cancel, or is to be as soon as it has the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequested {
    /// Our id.
    pub client_order_id: Name,
    /// Why.
    pub reason: Name,
    /// When.
    pub at_ns: i64,
}

/// A cancel did not work; it is tried again, and alarmed (EX-8, KC-5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelFailed {
    /// Our id.
    pub client_order_id: Name,
    /// Why.
    pub reason: Name,
    /// When.
    pub at_ns: i64,
}

/// The venue executed some or all of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFilled {
    /// Our id.
    pub client_order_id: Name,
    /// The venue's id of this execution.
    pub execution_id: Name,
    /// The venue's id of the order.
    pub broker_order_id: Name,
    /// Of which position.
    pub position_id: Name,
    /// Whose.
    pub strategy: Name,
    /// In what.
    pub instrument: Name,
    /// Direction.
    pub side: Side,
    /// Quantity of this fill.
    pub qty_1e8: i64,
    /// Price of this fill.
    pub price_1e8: i64,
    /// Fee of this fill.
    pub fee_1e8: i64,
    /// Where it stands on its way to being final.
    pub settlement: Settlement,
    /// The venue's stamp.
    pub venue_ns: i64,
    /// Ours.
    pub at_ns: i64,
    /// The order had ended before (EX-2).
    pub is_late: bool,
    /// Filled of the order so far.
    pub filled_1e8: i64,
    /// Sum of price × quantity of the order so far, exact, at 1e-16.
    #[serde(with = "wide")]
    pub filled_value_1e16: i128,
    /// Fees of the order so far.
    pub order_fees_1e8: i64,
    /// What this fill realised, without its fee.
    pub realised_1e8: i64,
    /// Money after it.
    pub ledger: Ledger,
}

/// A fill became final at the venue (EX-7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillSettled {
    /// Our id.
    pub client_order_id: Name,
    /// Which fill.
    pub execution_id: Name,
    /// The venue's stamp.
    pub venue_ns: i64,
    /// Ours.
    pub at_ns: i64,
}

/// A fill was taken back: trade bust or failed settlement (EX-2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillReversed {
    /// Our id.
    pub client_order_id: Name,
    /// Which fill.
    pub execution_id: Name,
    /// Of which position.
    pub position_id: Name,
    /// Whose.
    pub strategy: Name,
    /// In what.
    pub instrument: Name,
    /// Direction of the fill that is gone.
    pub side: Side,
    /// Its quantity.
    pub qty_1e8: i64,
    /// Its price.
    pub price_1e8: i64,
    /// Its fee, given back.
    pub fee_1e8: i64,
    /// Why.
    pub reason: Name,
    /// The venue's stamp.
    pub venue_ns: i64,
    /// Ours.
    pub at_ns: i64,
    /// Filled of the order after it.
    pub filled_1e8: i64,
    /// Sum of price × quantity of the order after it, exact, at 1e-16.
    #[serde(with = "wide")]
    pub filled_value_1e16: i128,
    /// Fees of the order after it.
    pub order_fees_1e8: i64,
    /// What the reversal did to what was realised, without fees.
    pub realised_1e8: i64,
    /// Money after it.
    pub ledger: Ledger,
}

/// An exit was decided (PX-5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitTriggered {
    /// Of which position.
    pub position_id: Name,
    /// Whose.
    pub strategy: Name,
    /// In what.
    pub instrument: Name,
    /// Why.
    pub reason: ExitReason,
    /// The price that triggered it: the intended exit price; zero if none is known.
    pub trigger_1e8: i64,
    /// The level it was compared with; zero where no level was.
    pub threshold_1e8: i64,
    /// How much is to be closed.
    pub qty_1e8: i64,
    /// The order that closes it, empty if none could be made.
    pub client_order_id: Name,
    /// In words.
    pub text: Name,
}

/// A round trip from flat to flat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeClosed {
    /// The position's id.
    pub trade_id: Name,
    /// Whose.
    pub strategy: Name,
    /// In what.
    pub instrument: Name,
    /// yyyymmdd of its entry.
    pub session_date: i64,
    /// The setup instance.
    pub setup_instance: Name,
    /// Side of its entry.
    pub side: Side,
    /// Quantity entered.
    pub qty_1e8: i64,
    /// Venue time of its first entry fill.
    pub entry_ns: i64,
    /// Venue time of its last exit fill.
    pub exit_ns: i64,
    /// Average entry price.
    pub entry_1e8: i64,
    /// Average exit price.
    pub exit_1e8: i64,
    /// Profit and loss without fees.
    pub gross_1e8: i64,
    /// Fees.
    pub fees_1e8: i64,
    /// Profit and loss less fees.
    pub net_1e8: i64,
    /// Money at risk between average entry and stop; zero without a stop.
    pub risk_1e8: i64,
    /// Net over that risk, a ratio; zero without a stop.
    pub r_1e8: i64,
    /// Why it ended.
    pub reason: ExitReason,
    /// The price the entry was decided on.
    pub entry_intended_1e8: i64,
    /// The price the last exit was decided on.
    pub exit_intended_1e8: i64,
    /// The level that triggered the last exit.
    pub exit_threshold_1e8: i64,
    /// What the entry cost beyond the intended price, per unit; above zero is worse.
    pub entry_slippage_1e8: i64,
    /// What the exit cost beyond the intended price, per unit; above zero is worse.
    pub exit_slippage_1e8: i64,
    /// Loss beyond the stop, per unit, when the market gapped through it (PX-7); else zero.
    pub gap_1e8: i64,
    /// Multiplier that the amounts above include.
    pub multiplier_1e8: i64,
    /// The order that opened it.
    pub entry_order_id: Name,
    /// The order that closed it.
    pub exit_order_id: Name,
}

/// A kill was taken or lifted (KC-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillLevelChanged {
    /// Which kill.
    pub kill_id: Name,
    /// Level before.
    pub old: KillLevel,
    /// Level after.
    pub new: KillLevel,
    /// Why.
    pub reason: Name,
    /// Who.
    pub author: Name,
    /// When.
    pub at_ns: i64,
}

/// Nothing works and nothing is open any more, or what is left is left by policy (KC-2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillFinished {
    /// Which kill.
    pub kill_id: Name,
    /// Its level.
    pub level: KillLevel,
    /// Orders cancelled.
    pub cancelled: i64,
    /// Positions closed.
    pub closed: i64,
    /// Cancels and exits that failed on the way.
    pub failed: i64,
    /// Orders and positions left.
    pub remaining: i64,
}

/// A runtime control changed (KC-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlChanged {
    /// Which.
    pub name: Name,
    /// Before, as JSON text.
    pub old: Name,
    /// After, as JSON text.
    pub new: Name,
    /// Who.
    pub author: Name,
    /// Refused with this reason; empty when it was taken.
    #[serde(default)]
    pub refused: Name,
}

/// The broker's own figures (EX-13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceReported {
    /// Account value.
    pub equity_1e8: i64,
    /// Cash.
    pub cash_1e8: i64,
    /// What may be bought.
    pub buying_power_1e8: i64,
    /// The broker's stamp.
    pub at_ns: i64,
}

/// Something happened that must not (EX-2, EX-9); CRITICAL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvariantViolated {
    /// The rule: `InvalidTransitionError`, …
    pub name: Name,
    /// The order or position concerned.
    pub subject: Name,
    /// In words, with what was expected and what was found.
    pub text: Name,
}

/// Entries are stopped (EX-9); exits stay possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halted {
    /// What is stopped.
    pub scope: Scope,
    /// Which order or instrument; empty for the whole.
    pub key: Name,
    /// Why.
    pub reason: Name,
}

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
