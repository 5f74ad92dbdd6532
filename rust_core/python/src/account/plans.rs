//! Legs, exit plans and signals as Python makes them.

use super::{name, word};
use holdfast_core::message as core;
use holdfast_core::message::{Level, OrderType, Side, Stop, TimeInForce, Veto};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;

/// One part of what a signal asks for.
#[pyclass(frozen, eq, from_py_object, module = "rust_core._native")]
#[derive(Clone, PartialEq)]
pub struct Leg(core::Leg);

#[pymethods]
impl Leg {
    #[new]
    #[pyo3(signature = (instrument, side, ratio_1e8 = 100_000_000))]
    fn new(instrument: &str, side: &str, ratio_1e8: i64) -> PyResult<Self> {
        let side = word("side", side, Side::ALL, Side::as_str)?;
        if ratio_1e8 <= 0 {
            let text = format!("ratio_1e8 must be above zero, was {ratio_1e8}");
            return Err(PyValueError::new_err(text));
        }
        Ok(Self(core::Leg {
            instrument: name(instrument),
            side,
            ratio_1e8,
        }))
    }

    #[getter]
    fn instrument(&self) -> &str {
        &self.0.instrument
    }

    #[getter]
    fn side(&self) -> &'static str {
        self.0.side.as_str()
    }

    #[getter]
    fn ratio_1e8(&self) -> i64 {
        self.0.ratio_1e8
    }
}

/// How a position ends.
#[pyclass(frozen, eq, from_py_object, module = "rust_core._native")]
#[derive(Clone, PartialEq)]
pub struct ExitPlan(Arc<core::ExitPlan>);

fn level(
    what: &str,
    price_1e8: Option<i64>,
    ratio_1e8: Option<i64>,
    r_1e8: Option<i64>,
) -> PyResult<Option<Level>> {
    let given = [
        price_1e8.map(Level::Price),
        ratio_1e8.map(Level::Ratio),
        r_1e8.map(Level::R),
    ];
    let mut levels = given.into_iter().flatten();
    let first = levels.next();
    if levels.next().is_some() {
        let text = format!("{what} must be given once: as a price, a ratio or R, was given twice");
        return Err(PyValueError::new_err(text));
    }
    let sizes = [price_1e8, ratio_1e8, r_1e8];
    if let Some(wrong) = sizes.into_iter().flatten().find(|size_1e8| *size_1e8 <= 0) {
        return Err(PyValueError::new_err(format!(
            "{what} must be above zero, was {wrong} at 1e-8"
        )));
    }
    Ok(first)
}

#[pymethods]
impl ExitPlan {
    #[new]
    #[pyo3(signature = (
        *, stop_1e8 = None, stop_ratio_1e8 = None, no_stop = None, trailing_ratio_1e8 = None,
        target_1e8 = None, target_ratio_1e8 = None, target_r_1e8 = None,
        target_trailing_ratio_1e8 = None, target_1_1e8 = None, target_1_ratio_1e8 = None,
        target_1_r_1e8 = None, target_1_portion_ratio_1e8 = None, target_2_1e8 = None,
        target_2_ratio_1e8 = None, target_2_r_1e8 = None, target_2_wait_ns = None,
        holding_max_ns = None, force_flat_ns = None
    ))]
    #[allow(clippy::too_many_arguments, clippy::similar_names)]
    fn new(
        stop_1e8: Option<i64>,
        stop_ratio_1e8: Option<i64>,
        no_stop: Option<&str>,
        trailing_ratio_1e8: Option<i64>,
        target_1e8: Option<i64>,
        target_ratio_1e8: Option<i64>,
        target_r_1e8: Option<i64>,
        target_trailing_ratio_1e8: Option<i64>,
        target_1_1e8: Option<i64>,
        target_1_ratio_1e8: Option<i64>,
        target_1_r_1e8: Option<i64>,
        target_1_portion_ratio_1e8: Option<i64>,
        target_2_1e8: Option<i64>,
        target_2_ratio_1e8: Option<i64>,
        target_2_r_1e8: Option<i64>,
        target_2_wait_ns: Option<i64>,
        holding_max_ns: Option<i64>,
        force_flat_ns: Option<i64>,
    ) -> PyResult<Self> {
        let stop = match (level("stop", stop_1e8, stop_ratio_1e8, None)?, no_stop) {
            (Some(level), None) => Stop::At { level },
            (None, Some(waiver)) if !waiver.is_empty() => Stop::None {
                waiver: name(waiver),
            },
            (stop, _) => {
                let found = if stop.is_some() { "both" } else { "neither" };
                let text =
                    format!("a plan needs a stop, or no_stop with a name; {found} was given");
                return Err(PyValueError::new_err(text));
            }
        };
        let first = level("target_1", target_1_1e8, target_1_ratio_1e8, target_1_r_1e8)?;
        let target_1 = match (first, target_1_portion_ratio_1e8) {
            (Some(level), Some(portion_ratio_1e8)) => Some(core::Partial {
                level,
                portion_ratio_1e8,
            }),
            (None, None) => None,
            _ => {
                let text = "target_1 needs a level and target_1_portion_ratio_1e8, one was missing";
                return Err(PyValueError::new_err(text));
            }
        };
        Ok(Self(Arc::new(core::ExitPlan {
            stop,
            trailing_ratio_1e8,
            target: level("target", target_1e8, target_ratio_1e8, target_r_1e8)?,
            target_trailing_ratio_1e8,
            target_1,
            target_2: level("target_2", target_2_1e8, target_2_ratio_1e8, target_2_r_1e8)?,
            target_2_wait_ns,
            holding_max_ns,
            force_flat_ns,
        })))
    }

    /// The plan as journaled.
    #[getter]
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        json(py, &*self.0)
    }
}

fn json<'py>(py: Python<'py>, value: &impl serde::Serialize) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = serde_json::to_vec(value).map_err(|e| PyValueError::new_err(e.to_string()))?;
    Ok(PyBytes::new(py, &bytes))
}

/// What a strategy asks for.
#[pyclass(frozen, eq, from_py_object, module = "rust_core._native")]
#[derive(Clone, PartialEq)]
pub struct Signal(pub(super) core::Signal);

#[pymethods]
impl Signal {
    #[new]
    #[pyo3(signature = (
        *, strategy, setup_instance, session_date, legs, plan, reference_1e8, reference_ns,
        qty_1e8 = None, risk_1e8 = None, order_type = "MARKET", tif = "DAY", limit_1e8 = None,
        trigger_1e8 = None, reason = "", confidence_ratio_1e8 = 100_000_000
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        strategy: &str,
        setup_instance: &str,
        session_date: i64,
        legs: Vec<Leg>,
        plan: &ExitPlan,
        reference_1e8: i64,
        reference_ns: i64,
        qty_1e8: Option<i64>,
        risk_1e8: Option<i64>,
        order_type: &str,
        tif: &str,
        limit_1e8: Option<i64>,
        trigger_1e8: Option<i64>,
        reason: &str,
        confidence_ratio_1e8: i64,
    ) -> PyResult<Self> {
        if legs.is_empty() {
            return Err(PyValueError::new_err(
                "legs must hold at least one leg, was empty",
            ));
        }
        Ok(Self(core::Signal {
            signal_id: name(&format!("{strategy}/{session_date}/{setup_instance}")),
            strategy: name(strategy),
            setup_instance: name(setup_instance),
            session_date,
            legs: legs.into_iter().map(|leg| leg.0).collect(),
            qty_1e8,
            risk_1e8,
            order_type: word("order_type", order_type, OrderType::ALL, OrderType::as_str)?,
            tif: word("tif", tif, TimeInForce::ALL, TimeInForce::as_str)?,
            limit_1e8,
            trigger_1e8,
            plan: (*plan.0).clone(),
            reason: name(reason),
            confidence_ratio_1e8,
            reference_1e8,
            reference_ns,
            vetoes: Vec::new(),
        }))
    }

    /// The same signal with vetoes added.
    fn with_vetoes(&self, vetoes: Vec<(String, String)>) -> Self {
        let mut signal = self.0.clone();
        signal
            .vetoes
            .extend(vetoes.into_iter().map(|(policy, reason)| Veto {
                policy: name(&policy),
                reason: name(&reason),
            }));
        Self(signal)
    }

    #[getter]
    fn signal_id(&self) -> &str {
        &self.0.signal_id
    }

    #[getter]
    fn strategy(&self) -> &str {
        &self.0.strategy
    }

    #[getter]
    fn setup_instance(&self) -> &str {
        &self.0.setup_instance
    }

    #[getter]
    fn session_date(&self) -> i64 {
        self.0.session_date
    }

    /// The first leg's.
    #[getter]
    fn instrument(&self) -> &str {
        &self.0.legs[0].instrument
    }

    /// The first leg's.
    #[getter]
    fn side(&self) -> &'static str {
        self.0.legs[0].side.as_str()
    }

    #[getter]
    fn legs(&self) -> Vec<Leg> {
        self.0.legs.iter().cloned().map(Leg).collect()
    }

    #[getter]
    fn plan(&self) -> ExitPlan {
        ExitPlan(Arc::new(self.0.plan.clone()))
    }

    #[getter]
    fn order_type(&self) -> &'static str {
        self.0.order_type.as_str()
    }

    #[getter]
    fn limit_1e8(&self) -> Option<i64> {
        self.0.limit_1e8
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
    fn reason(&self) -> &str {
        &self.0.reason
    }

    #[getter]
    fn vetoes(&self) -> Vec<(&str, &str)> {
        self.0
            .vetoes
            .iter()
            .map(|veto| (&*veto.policy, &*veto.reason))
            .collect()
    }

    /// The signal as journaled.
    #[getter]
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        json(py, &self.0)
    }
}
