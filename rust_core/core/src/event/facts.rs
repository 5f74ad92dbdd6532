//! What each event says.

use crate::gate::{FailedCheck, PassedCheck};
use crate::ledger::Ledger;
use crate::message::{
    ExitPlan, ExitReason, KillLevel, Name, OrderType, Purpose, Scope, Settlement, Side, TimeInForce,
};
use crate::money::wide;
use crate::order_table::OrderState;
use crate::sizing::SizingStep;
use serde::{Deserialize, Serialize};
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
    /// Checks with a figure that passed; empty in journals of versions that kept none.
    #[serde(default)]
    pub passed: Vec<PassedCheck>,
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

/// The venue was asked for an order and did not have it; not believed before it is proof (EX-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupMissed {
    /// Our id.
    pub client_order_id: Name,
    /// How many complete answers in a row said so.
    pub reads: i64,
    /// When the first of them came.
    pub since_ns: i64,
    /// When this one came.
    pub at_ns: i64,
}
