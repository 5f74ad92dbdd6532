//! The core itself.

use super::decisions::{Cancel, Decision, Event, Timer};
use super::messages::Message;
use super::views::{
    AccountView, DriftView, OrderView, PositionView, ProtectionView, StrategySeen, StrategySession,
};
use crate::risk::Submission;
use holdfast_core::account as core;
use holdfast_core::config::AccountConfig;
use holdfast_core::decision::Effect;
use holdfast_core::message as words;
use holdfast_core::positions::Position;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use std::sync::Arc;

create_exception!(
    rust_core._native,
    StaleDecisionError,
    PyException,
    "A decision was applied twice, out of order, or to another core."
);

/// One account, without clock or I/O.
#[pyclass(module = "rust_core._native")]
pub struct AccountCore {
    core: core::AccountCore,
    now_ns: i64,
    is_sound: bool,
}

impl AccountCore {
    fn applied(&mut self, decided: &holdfast_core::decision::Decision) -> PyResult<()> {
        self.core
            .apply(decided)
            .map_err(|e| StaleDecisionError::new_err(e.to_string()))?;
        self.now_ns = decided.at_ns;
        Ok(())
    }

    fn view(&self, position: &Arc<Position>) -> PositionView {
        let levels = self.core.levels(position);
        PositionView {
            position: Arc::clone(position),
            stop_1e8: levels.stop_in_force_1e8(position.side).unwrap_or(0),
            target_1e8: levels.target_1e8.or(levels.target_2_1e8).unwrap_or(0),
            unrealised_1e8: self.core.unrealised_1e8(position).unwrap_or(0),
        }
    }
}

#[pymethods]
impl AccountCore {
    #[new]
    fn new(config_json: &[u8]) -> PyResult<Self> {
        let config: AccountConfig = serde_json::from_slice(config_json)
            .map_err(|e| PyValueError::new_err(format!("the account's configuration: {e}")))?;
        let core = core::AccountCore::new(config)
            .map_err(|e| PyValueError::new_err(format!("the account's configuration: {e}")))?;
        Ok(Self {
            core,
            now_ns: 0,
            is_sound: true,
        })
    }

    /// What follows from a message; nothing is changed.
    fn decide(&self, py: Python<'_>, message: &Message, now_ns: i64) -> PyResult<Decision> {
        Decision::new(py, self.core.decide(&message.0, now_ns))
    }

    /// Decides, takes the decision over, and looks whether the books still agree with themselves.
    fn take(
        &mut self,
        py: Python<'_>,
        message: &Message,
        now_ns: i64,
    ) -> PyResult<Option<Decision>> {
        let decided = self.core.decide(&message.0, now_ns);
        if decided.is_empty() && decided.judgement.is_none() {
            self.applied(&decided)?;
            return Ok(None);
        }
        let decision = Decision::new(py, decided)?;
        self.applied(&decision.decided)?;
        if !decision.decided.events.is_empty() {
            self.is_sound = self.core.faults().is_empty();
        }
        Ok(Some(decision))
    }

    /// Takes a decision's events over, once.
    fn apply(&mut self, decision: &Decision) -> PyResult<()> {
        self.applied(&decision.decided)
    }

    /// Remembers a mark without deciding.
    fn observe(&mut self, message: &Message) -> PyResult<()> {
        match &message.0 {
            words::Message::Mark(mark) => {
                self.core.observe(mark);
                Ok(())
            }
            _ => Err(PyValueError::new_err("only a mark can be observed")),
        }
    }

    /// Takes one journaled event over.
    fn rehydrate(&mut self, kind: &str, payload: &[u8], at_ns: i64) -> PyResult<()> {
        self.core
            .rehydrate(kind, payload, at_ns)
            .map_err(|e| PyValueError::new_err(e.to_string()))?;
        self.now_ns = at_ns;
        Ok(())
    }

    /// The whole state, to be journaled.
    fn snapshot(&self, py: Python<'_>, now_ns: i64) -> PyResult<Event> {
        Event::new(py, &self.core.snapshot(), now_ns)
    }

    fn open_timers(&self) -> Vec<Timer> {
        self.core
            .open_timers(self.now_ns)
            .into_iter()
            .map(Timer::from)
            .collect()
    }

    fn unresolved(&self) -> Vec<Submission> {
        let effects = self.core.unresolved(self.now_ns).into_iter();
        effects
            .filter_map(|effect| match effect {
                Effect::Submit(submission) => Some(submission.into()),
                Effect::Cancel { .. } | Effect::Lookup { .. } | Effect::Notify { .. } => None,
            })
            .collect()
    }

    fn unsettled(&self) -> Vec<&str> {
        self.core
            .live_orders()
            .map(|order| &*order.intent.client_order_id)
            .collect()
    }

    fn cancels(&self) -> Vec<Cancel> {
        self.core
            .live_orders()
            .filter(|order| order.cancel_asked_ns != 0)
            .map(|order| Cancel {
                client_order_id: order.intent.client_order_id.clone(),
                broker_order_id: order.broker_order_id.clone(),
            })
            .collect()
    }

    #[getter]
    fn balance_ns(&self) -> Option<i64> {
        self.core
            .state()
            .balance
            .as_ref()
            .map(|balance| balance.at_ns)
    }

    #[getter]
    fn oldest_execution_ns(&self) -> Option<i64> {
        self.core.oldest_execution_ns()
    }

    #[getter]
    fn has_suspects(&self) -> bool {
        self.core.has_suspects()
    }

    #[getter]
    fn version(&self) -> u64 {
        self.core.version()
    }

    /// Whether the last decision that was taken left no fault.
    #[getter]
    fn is_sound(&self) -> bool {
        self.is_sound
    }

    fn faults(&self) -> Vec<(&'static str, String, String)> {
        let faults = self.core.faults().into_iter();
        faults
            .map(|one| (one.assertion, one.subject.to_string(), one.text))
            .collect()
    }

    fn position(&self, strategy: &str, instrument: &str) -> Option<PositionView> {
        self.core
            .position(strategy, instrument)
            .map(|position| self.view(position))
    }

    fn position_of_id(&self, position_id: &str) -> Option<PositionView> {
        let position = self.core.state().positions.get(position_id)?;
        Some(self.view(position))
    }

    fn positions(&self) -> Vec<PositionView> {
        self.core
            .state()
            .positions
            .values()
            .map(|position| self.view(position))
            .collect()
    }

    fn order(&self, client_order_id: &str) -> Option<OrderView> {
        self.core
            .order(client_order_id)
            .map(|order| OrderView(Arc::clone(order)))
    }

    fn orders(&self) -> Vec<OrderView> {
        self.core
            .live_orders()
            .map(|order| OrderView(Arc::clone(order)))
            .collect()
    }

    fn strategy_session(&self, strategy: &str) -> StrategySession {
        let sessions = &self.core.state().session.strategies;
        StrategySession(sessions.get(strategy).copied().unwrap_or_default())
    }

    /// What a strategy is shown of the account and of its own part in it, in one call.
    fn seen_by(&self, py: Python<'_>, strategy: &str, instrument: &str) -> PyResult<StrategySeen> {
        let state = self.core.state();
        let own = state.session.strategies.get(strategy);
        let is_entry_pending = self.core.live_orders().any(|order| {
            let intent = &order.intent;
            intent.purpose == words::Purpose::Entry
                && &*intent.strategy == strategy
                && &*intent.instrument == instrument
        });
        let session = own.copied().unwrap_or_default();
        Ok(StrategySeen {
            equity_1e8: self.core.equity_1e8(self.now_ns),
            session_net_1e8: state.ledger.session_net_1e8(),
            is_killed: state.kill.level != words::KillLevel::None,
            entries: session.entries,
            net_1e8: session.net_1e8(),
            is_entry_pending,
            position: match self.position(strategy, instrument) {
                Some(position) => Some(Py::new(py, position)?),
                None => None,
            },
        })
    }

    /// Whether a kill that cancels and closes is under way.
    #[getter]
    fn is_flattening(&self) -> bool {
        let kill = &self.core.state().kill;
        let is_closing = !matches!(kill.level, words::KillLevel::None | words::KillLevel::Pause);
        is_closing && !kill.unfinished.is_empty()
    }

    fn account(&self) -> AccountView {
        let (state, config) = (self.core.state(), self.core.config());
        let text = |name: &words::Name| name.to_string();
        let unrealised = |position: &Arc<Position>| self.core.unrealised_1e8(position).unwrap_or(0);
        let rows = state.protections.rows(self.now_ns);
        AccountView {
            account: text(&config.account),
            mode: config.mode.as_str(),
            session_date: state.session.session_date,
            is_session_open: state.session.is_open,
            equity_1e8: self.core.equity_1e8(self.now_ns),
            cash_1e8: state.ledger.cash_1e8,
            gross_1e8: state.ledger.gross_1e8,
            fees_1e8: state.ledger.fees_1e8,
            session_net_1e8: state.ledger.session_net_1e8(),
            week_net_1e8: state.ledger.week_net_1e8(),
            unrealised_1e8: state.positions.values().map(unrealised).sum(),
            throttle_ratio_1e8: state.protections.throttle().ratio_1e8,
            kill_level: state.kill.level.as_str(),
            kill_id: text(&state.kill.kill_id),
            is_kill_finished: state.kill.unfinished.is_empty(),
            kill_cancelled: state.kill.cancelled,
            kill_closed: state.kill.closed,
            kill_failed: state.kill.failed,
            kill_remaining: i64::try_from(self.core.kill_remaining()).unwrap_or(i64::MAX),
            is_kill_leaving: self.core.is_kill_leaving(),
            halts: state
                .halts
                .iter()
                .map(|halt| (halt.scope.as_str(), text(&halt.key), text(&halt.reason)))
                .collect(),
            cash_apart_1e8: self.core.cash_apart_1e8(),
            is_reconciliation_stopped: state.reconciled.is_stopped,
            drift: state.reconciled.drift.iter().map(DriftView::from).collect(),
            foreign_orders: state.reconciled.foreign_orders.len(),
            foreign_positions: state.reconciled.foreign_positions.len(),
            protections: rows.into_iter().map(ProtectionView).collect(),
            controls: state
                .controls
                .values
                .iter()
                .map(|(k, v)| (text(k), text(v)))
                .collect(),
        }
    }
}
