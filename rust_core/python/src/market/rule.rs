//! The built-in rule as Python sees it.

use holdfast_core::strategies::vwap_reversion as core;
use holdfast_core::strategies::vwap_reversion::VwapParameters;
use holdfast_core::strategies::{Bar, Entry, Leave, NoTradeReason, RuleContext, RuleDecision};
use holdfast_core::words::Side;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// What the rule may know beside its bars.
#[pyclass(name = "RuleContext", frozen, module = "rust_core._native")]
pub struct PyRuleContext(RuleContext);

#[pymethods]
impl PyRuleContext {
    #[new]
    #[pyo3(signature = (
        now_ns, open_ns, close_ns, *, position = "", is_entry_pending = false,
        is_exit_pending = false, entries = 0, session_net_1e8 = 0, is_trading_allowed = true,
    ))]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)]
    fn new(
        now_ns: i64,
        open_ns: i64,
        close_ns: i64,
        position: &str,
        is_entry_pending: bool,
        is_exit_pending: bool,
        entries: i64,
        session_net_1e8: i64,
        is_trading_allowed: bool,
    ) -> PyResult<Self> {
        Ok(Self(RuleContext {
            now_ns,
            open_ns,
            close_ns,
            position: side_or_flat(position)?,
            is_entry_pending,
            is_exit_pending,
            entries,
            session_net_1e8,
            is_trading_allowed,
        }))
    }
}

fn side_or_flat(text: &str) -> PyResult<Option<Side>> {
    match text {
        "" => Ok(None),
        "BUY" => Ok(Some(Side::Buy)),
        "SELL" => Ok(Some(Side::Sell)),
        other => Err(PyValueError::new_err(format!(
            "position must be BUY, SELL or empty when flat, was {other}"
        ))),
    }
}

/// A position the rule asks for, at market.
#[pyclass(frozen, module = "rust_core._native")]
pub struct RuleEnter(Entry);

#[pymethods]
impl RuleEnter {
    #[getter]
    fn side(&self) -> &'static str {
        self.0.side.as_str()
    }

    #[getter]
    fn setup_instance(&self) -> &str {
        &self.0.setup_instance
    }

    #[getter]
    fn stop_ratio_1e8(&self) -> i64 {
        self.0.stop_ratio_1e8
    }

    #[getter]
    fn force_flat_ns(&self) -> i64 {
        self.0.force_flat_ns
    }

    #[getter]
    fn reference_1e8(&self) -> i64 {
        self.0.reference_1e8
    }

    #[getter]
    fn reference_ns(&self) -> i64 {
        self.0.reference_ns
    }

    #[getter]
    fn vwap_1e8(&self) -> i64 {
        self.0.vwap_1e8
    }

    #[getter]
    fn reason(&self) -> &str {
        &self.0.reason
    }
}

/// Advice to close the position.
#[pyclass(frozen, module = "rust_core._native")]
pub struct RuleExit(Leave);

#[pymethods]
impl RuleExit {
    #[getter]
    fn reason(&self) -> &'static str {
        self.0.reason.as_str()
    }

    #[getter]
    fn text(&self) -> &'static str {
        self.0.text
    }

    #[getter]
    fn reference_1e8(&self) -> i64 {
        self.0.reference_1e8
    }

    #[getter]
    fn vwap_1e8(&self) -> i64 {
        self.0.vwap_1e8
    }
}

/// One of the three answers; a reason for no trade is its name.
#[derive(IntoPyObject)]
pub enum Answer {
    Enter(RuleEnter),
    Exit(RuleExit),
    NoTrade(&'static str),
}

/// The VWAP mean-reversion rule, one bar at a time.
#[pyclass(module = "rust_core._native")]
pub struct VwapReversion(core::VwapReversion);

#[pymethods]
impl VwapReversion {
    #[new]
    fn new(parameters_json: &[u8]) -> PyResult<Self> {
        VwapParameters::from_json(parameters_json)
            .and_then(core::VwapReversion::new)
            .map(Self)
            .map_err(PyValueError::new_err)
    }

    /// Name, default, least and most of each numeric parameter, and what it does.
    #[staticmethod]
    fn parameters() -> Vec<(&'static str, i64, i64, i64, &'static str)> {
        let row = |p: &core::Parameter| (p.name, p.default, p.least, p.most, p.text.trim());
        core::PARAMETERS.iter().map(row).collect()
    }

    /// Takes the next complete bar and says what follows.
    #[pyo3(signature = (start_ns, end_ns, open_1e8, high_1e8, low_1e8, close_1e8, volume_1e8, context, /))]
    #[allow(clippy::too_many_arguments)]
    fn on_bar(
        &mut self,
        start_ns: i64,
        end_ns: i64,
        open_1e8: i64,
        high_1e8: i64,
        low_1e8: i64,
        close_1e8: i64,
        volume_1e8: i64,
        context: &PyRuleContext,
    ) -> PyResult<Answer> {
        let bar = Bar {
            start_ns,
            end_ns,
            open_1e8,
            high_1e8,
            low_1e8,
            close_1e8,
            volume_1e8,
        };
        match self.0.on_bar(&bar, &context.0) {
            Ok(RuleDecision::Enter(entry)) => Ok(Answer::Enter(RuleEnter(*entry))),
            Ok(RuleDecision::Exit(leave)) => Ok(Answer::Exit(RuleExit(leave))),
            Ok(RuleDecision::NoTrade(reason)) => Ok(Answer::NoTrade(reason.as_str())),
            Err(fault) => Err(PyValueError::new_err(fault.to_string())),
        }
    }

    #[getter]
    fn bars(&self) -> i64 {
        self.0.bars()
    }

    #[getter]
    fn vwap_1e8(&self) -> Option<i64> {
        self.0.vwap_1e8()
    }
}

/// Every reason for no trade, in order.
pub fn no_trade_reasons(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(py, NoTradeReason::ALL.iter().map(|reason| reason.as_str()))
}
