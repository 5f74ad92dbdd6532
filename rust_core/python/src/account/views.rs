//! Read-only views of an account.

use holdfast_core::ledger;
use holdfast_core::message::Stop;
use holdfast_core::orders::Order;
use holdfast_core::positions::Position;
use holdfast_core::protections::{ProtectionRow, ProtectionStatus};
use holdfast_core::statement as core;
use holdfast_core::statement::Drift;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An order as it stands now.
#[pyclass(frozen, module = "rust_core._native")]
pub struct OrderView(pub(super) Arc<Order>);

#[pymethods]
impl OrderView {
    #[getter]
    fn client_order_id(&self) -> &str {
        &self.0.intent.client_order_id
    }

    #[getter]
    fn broker_order_id(&self) -> &str {
        &self.0.broker_order_id
    }

    #[getter]
    fn signal_id(&self) -> &str {
        &self.0.intent.signal_id
    }

    #[getter]
    fn position_id(&self) -> &str {
        &self.0.intent.position_id
    }

    #[getter]
    fn strategy(&self) -> &str {
        &self.0.intent.strategy
    }

    #[getter]
    fn instrument(&self) -> &str {
        &self.0.intent.instrument
    }

    #[getter]
    fn purpose(&self) -> &'static str {
        self.0.intent.purpose.as_str()
    }

    #[getter]
    fn side(&self) -> &'static str {
        self.0.intent.side.as_str()
    }

    #[getter]
    fn order_type(&self) -> &'static str {
        self.0.intent.order_type.as_str()
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.0.state.as_str()
    }

    #[getter]
    fn is_terminal(&self) -> bool {
        self.0.state.is_terminal()
    }

    #[getter]
    fn is_cancel_asked(&self) -> bool {
        self.0.cancel_asked_ns != 0
    }

    #[getter]
    fn qty_1e8(&self) -> i64 {
        self.0.intent.qty_1e8
    }

    #[getter]
    fn filled_1e8(&self) -> i64 {
        self.0.filled_1e8
    }

    /// Zero before the first fill.
    #[getter]
    fn average_1e8(&self) -> i64 {
        self.0.average_1e8().unwrap_or(0)
    }

    #[getter]
    fn fees_1e8(&self) -> i64 {
        self.0.fees_1e8
    }

    #[getter]
    fn changed_ns(&self) -> i64 {
        self.0.changed_ns
    }
}

/// An open position as it stands now.
#[pyclass(frozen, module = "rust_core._native")]
pub struct PositionView {
    pub(super) position: Arc<Position>,
    pub(super) stop_1e8: i64,
    pub(super) target_1e8: i64,
    pub(super) unrealised_1e8: i64,
}

#[pymethods]
impl PositionView {
    #[getter]
    fn position_id(&self) -> &str {
        &self.position.position_id
    }

    #[getter]
    fn strategy(&self) -> &str {
        &self.position.strategy
    }

    #[getter]
    fn instrument(&self) -> &str {
        &self.position.instrument
    }

    #[getter]
    fn phase(&self) -> &'static str {
        self.position.phase.as_str()
    }

    #[getter]
    fn side(&self) -> &'static str {
        self.position.side.as_str()
    }

    /// Below zero is short.
    #[getter]
    fn qty_1e8(&self) -> i64 {
        self.position.qty_1e8
    }

    #[getter]
    fn average_entry_1e8(&self) -> i64 {
        self.position.average_entry_1e8
    }

    #[getter]
    fn realised_1e8(&self) -> i64 {
        self.position.realised_1e8
    }

    #[getter]
    fn fees_1e8(&self) -> i64 {
        self.position.fees_1e8
    }

    /// At the last mark; zero without one.
    #[getter]
    fn unrealised_1e8(&self) -> i64 {
        self.unrealised_1e8
    }

    #[getter]
    fn entry_ns(&self) -> i64 {
        self.position.entry_ns
    }

    /// The stop in force, trailing and runner included.
    #[getter]
    fn stop_1e8(&self) -> i64 {
        self.stop_1e8
    }

    /// A stop is armed, or the strategy waived it by name (PX-8).
    #[getter]
    fn is_protected(&self) -> bool {
        self.stop_1e8 > 0 || matches!(self.position.plan.stop, Stop::None { .. })
    }

    #[getter]
    fn target_1e8(&self) -> i64 {
        self.target_1e8
    }

    #[getter]
    fn exit_reason(&self) -> &'static str {
        self.position
            .exit_reason
            .map_or("", holdfast_core::message::ExitReason::as_str)
    }

    #[getter]
    fn exit_order_id(&self) -> &str {
        &self.position.exit_order_id
    }

    #[getter]
    fn entry_order_id(&self) -> &str {
        &self.position.entry_order_id
    }
}

/// What one strategy did in this session.
#[pyclass(frozen, module = "rust_core._native")]
pub struct StrategySession(pub(super) ledger::StrategySession);

#[pymethods]
impl StrategySession {
    #[getter]
    fn entries(&self) -> i64 {
        self.0.entries
    }

    #[getter]
    fn opened(&self) -> i64 {
        self.0.opened
    }

    #[getter]
    fn trades(&self) -> i64 {
        self.0.trades
    }

    #[getter]
    fn wins(&self) -> i64 {
        self.0.wins
    }

    #[getter]
    fn stop_outs(&self) -> i64 {
        self.0.stop_outs
    }

    #[getter]
    fn gross_1e8(&self) -> i64 {
        self.0.gross_1e8
    }

    #[getter]
    fn fees_1e8(&self) -> i64 {
        self.0.fees_1e8
    }

    #[getter]
    fn net_1e8(&self) -> i64 {
        self.0.net_1e8()
    }
}

/// What a strategy is shown of the account and of its own part in it.
#[pyclass(frozen, get_all, module = "rust_core._native")]
pub struct StrategySeen {
    /// `None` when it cannot be known.
    pub equity_1e8: Option<i64>,
    pub session_net_1e8: i64,
    /// Any level but NONE.
    pub is_killed: bool,
    /// Its own entry orders in this session.
    pub entries: i64,
    /// Its own realised result in this session, after fees.
    pub net_1e8: i64,
    pub is_entry_pending: bool,
    pub position: Option<Py<PositionView>>,
}

/// One protection: armed or tripped, and until when.
#[pyclass(frozen, from_py_object, module = "rust_core._native")]
#[derive(Clone)]
pub struct ProtectionView(pub(super) ProtectionRow);

#[pymethods]
impl ProtectionView {
    #[getter]
    fn name(&self) -> &'static str {
        self.0.name.as_str()
    }

    /// Empty for the whole account.
    #[getter]
    fn instrument(&self) -> &str {
        self.0.instrument.as_deref().unwrap_or("")
    }

    /// OFF, ARMED, TRIPPED, COOLING or UNKNOWN.
    #[getter]
    fn status(&self) -> &'static str {
        match self.0.status {
            ProtectionStatus::Off => "OFF",
            ProtectionStatus::Armed => "ARMED",
            ProtectionStatus::Tripped => "TRIPPED",
            ProtectionStatus::Cooling => "COOLING",
            ProtectionStatus::Unknown => "UNKNOWN",
        }
    }

    /// It refuses entries now.
    #[getter]
    fn is_tripped(&self) -> bool {
        !matches!(
            self.0.status,
            ProtectionStatus::Off | ProtectionStatus::Armed
        )
    }

    #[getter]
    fn until_ns(&self) -> Option<i64> {
        self.0.until_ns
    }

    #[getter]
    fn value(&self) -> Option<i64> {
        self.0.value
    }

    #[getter]
    fn limit(&self) -> Option<i64> {
        self.0.limit
    }
}

/// One difference between our books and the venue's (ST-3).
#[pyclass(frozen, get_all, from_py_object, module = "rust_core._native")]
#[derive(Clone)]
pub struct DriftView {
    pub kind: &'static str,
    pub instrument: String,
    pub subject: String,
    pub local_1e8: i64,
    pub venue_1e8: i64,
    pub drift_ratio_1e8: Option<i64>,
    pub is_adopted: bool,
    pub text: String,
}

impl From<&Drift> for DriftView {
    fn from(drift: &Drift) -> Self {
        Self {
            kind: drift.kind.as_str(),
            instrument: drift.instrument.to_string(),
            subject: drift.subject.to_string(),
            local_1e8: drift.local_1e8,
            venue_1e8: drift.venue_1e8,
            drift_ratio_1e8: drift.drift_ratio_1e8,
            is_adopted: drift.is_adopted,
            text: drift.text.to_string(),
        }
    }
}

/// What a statement of the venue came to.
#[pyclass(frozen, get_all, module = "rust_core._native")]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
pub struct Judgement {
    pub is_conclusive: bool,
    pub is_stopped: bool,
    pub is_partial: bool,
    pub drift: Vec<DriftView>,
    pub kill_orders: i64,
    pub kill_positions: i64,
    pub is_kill_overtaken: bool,
}

impl From<&core::Judgement> for Judgement {
    fn from(judgement: &core::Judgement) -> Self {
        Self {
            is_conclusive: judgement.is_conclusive,
            is_stopped: judgement.is_stopped,
            is_partial: judgement.is_partial,
            drift: judgement.drift.iter().map(DriftView::from).collect(),
            kill_orders: judgement.kill_orders,
            kill_positions: judgement.kill_positions,
            is_kill_overtaken: judgement.is_kill_overtaken,
        }
    }
}

/// The account as it stands now.
#[pyclass(frozen, get_all, module = "rust_core._native")]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
pub struct AccountView {
    pub account: String,
    pub mode: &'static str,
    pub session_date: i64,
    pub is_session_open: bool,
    pub equity_1e8: Option<i64>,
    pub cash_1e8: i64,
    pub gross_1e8: i64,
    pub fees_1e8: i64,
    pub session_net_1e8: i64,
    pub week_net_1e8: i64,
    pub unrealised_1e8: i64,
    pub throttle_ratio_1e8: i64,
    pub kill_level: &'static str,
    pub kill_id: String,
    pub is_kill_finished: bool,
    pub kill_cancelled: i64,
    pub kill_closed: i64,
    pub kill_failed: i64,
    pub kill_remaining: i64,
    pub is_kill_leaving: bool,
    pub cash_apart_1e8: Option<i64>,
    pub is_reconciliation_stopped: bool,
    pub drift: Vec<DriftView>,
    pub foreign_orders: usize,
    pub foreign_positions: usize,
    pub halts: Vec<(&'static str, String, String)>,
    pub protections: Vec<ProtectionView>,
    pub controls: BTreeMap<String, String>,
}
