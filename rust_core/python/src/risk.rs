//! Verdicts and the release gate as Python sees them.

use std::sync::Arc;

use holdfast_core::gate::{self as core, Attempt, RedeemError, Refusal};
use holdfast_core::message::KillLevel;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

create_exception!(
    rust_core._native,
    ReleaseRefusedError,
    PyException,
    "The release gate is shut for this order; the first argument is the reason."
);
create_exception!(
    rust_core._native,
    VerdictSpentError,
    PyException,
    "A submission was redeemed a second time; the first argument is its client order id."
);

fn refused(refusal: Refusal) -> PyErr {
    ReleaseRefusedError::new_err(refusal.as_str())
}

fn level_of(word: &str) -> PyResult<KillLevel> {
    KillLevel::parse(word).ok_or_else(|| {
        let words: Vec<_> = KillLevel::ALL.iter().map(|level| level.as_str()).collect();
        PyValueError::new_err(format!(
            "kill level must be one of {}, was {word:?}",
            words.join(", ")
        ))
    })
}

/// The latch that every hand-over compares.
#[pyclass(frozen, module = "rust_core._native")]
pub struct ReleaseGate(pub(crate) Arc<core::ReleaseGate>);

#[pymethods]
impl ReleaseGate {
    #[new]
    fn new() -> Self {
        Self(Arc::new(core::ReleaseGate::new()))
    }

    /// A gate under this one, shut whenever this one is.
    fn child(&self) -> Self {
        Self(Arc::new(self.0.child()))
    }

    /// Sets the kill level, up or down.
    fn set_kill_level(&self, level: &str) -> PyResult<()> {
        self.0.set_kill_level(level_of(level)?);
        Ok(())
    }

    /// Raises the kill level; a lower one changes nothing.
    fn raise_kill_level(&self, level: &str) -> PyResult<()> {
        self.0.raise_kill_level(level_of(level)?);
        Ok(())
    }

    /// The level here or above, whichever is higher.
    #[getter]
    fn kill_level(&self) -> &'static str {
        self.0.kill_level().as_str()
    }

    /// Pauses entries, or lets them go on.
    fn set_paused(&self, is_paused: bool) {
        self.0.set_paused(is_paused);
    }

    /// Halts a scope by name, or clears that halt.
    fn set_halted(&self, scope: &str, is_halted: bool) {
        self.0.set_halted(scope, is_halted);
    }

    /// Opens or closes a broker's breaker by name.
    fn set_breaker(&self, name: &str, is_open: bool) {
        self.0.set_breaker(name, is_open);
    }

    /// Whether exits leave under EMERGENCY.
    fn set_emergency_exits(&self, are_allowed: bool) {
        self.0.set_emergency_exits(are_allowed);
    }

    /// The fence that we hold and the one that stands.
    fn set_fence(&self, expected: u64, actual: u64) {
        self.0.set_fence(expected, actual);
    }

    /// Why an order would not leave now; None when it would.
    #[pyo3(signature = (adds_risk, now_ns = 0, deadline_ns = None, *, fence_word = None))]
    fn refuses(
        &self,
        adds_risk: bool,
        now_ns: i64,
        deadline_ns: Option<i64>,
        fence_word: Option<u64>,
    ) -> Option<&'static str> {
        let attempt = Attempt {
            adds_risk,
            now_ns,
            deadline_ns: deadline_ns.unwrap_or(i64::MAX),
            fence_word,
        };
        self.0.admits(&attempt).err().map(Refusal::as_str)
    }

    /// Why a cancel would not leave now; None when it would.
    #[pyo3(signature = (*, fence_word = None))]
    fn refuses_cancel(&self, fence_word: Option<u64>) -> Option<&'static str> {
        self.0.admits_cancel(fence_word).err().map(Refusal::as_str)
    }
}

/// An approved order, bound to its intent's bytes. Made by the gate only.
#[pyclass(frozen, module = "rust_core._native")]
pub struct Submission(Arc<core::Submission>);

impl From<Arc<core::Submission>> for Submission {
    fn from(submission: Arc<core::Submission>) -> Self {
        Self(submission)
    }
}

#[pymethods]
impl Submission {
    #[getter]
    fn client_order_id(&self) -> &str {
        &self.0.request().client_order_id
    }

    #[getter]
    fn strategy(&self) -> &str {
        &self.0.request().strategy
    }

    #[getter]
    fn instrument(&self) -> &str {
        &self.0.request().instrument
    }

    #[getter]
    fn purpose(&self) -> &'static str {
        self.0.request().purpose.as_str()
    }

    #[getter]
    fn side(&self) -> &'static str {
        self.0.request().side.as_str()
    }

    #[getter]
    fn order_type(&self) -> &'static str {
        self.0.request().order_type.as_str()
    }

    #[getter]
    fn tif(&self) -> &'static str {
        self.0.request().tif.as_str()
    }

    #[getter]
    fn qty_1e8(&self) -> i64 {
        self.0.request().qty_1e8
    }

    #[getter]
    fn limit_1e8(&self) -> Option<i64> {
        self.0.request().limit_1e8
    }

    #[getter]
    fn trigger_1e8(&self) -> Option<i64> {
        self.0.request().trigger_1e8
    }

    #[getter]
    fn adds_risk(&self) -> bool {
        self.0.request().adds_risk
    }

    #[getter]
    fn deadline_ns(&self) -> i64 {
        self.0.request().deadline_ns
    }

    /// The intent's bytes, as journaled.
    #[getter]
    fn intent<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.intent())
    }

    /// Whether it was redeemed, with whatever outcome.
    #[getter]
    fn is_spent(&self) -> bool {
        self.0.is_spent()
    }

    /// The bytes for the transport, once, at the instant of hand-over.
    #[pyo3(signature = (gate, now_ns, *, fence_word = None))]
    fn redeem<'py>(
        &self,
        py: Python<'py>,
        gate: &ReleaseGate,
        now_ns: i64,
        fence_word: Option<u64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        match self.0.redeem(&gate.0, now_ns, fence_word) {
            Ok(bytes) => Ok(PyBytes::new(py, bytes)),
            Err(RedeemError::Refused(refusal)) => Err(refused(refusal)),
            Err(RedeemError::Spent) => {
                let client_order_id = self.client_order_id().to_owned();
                Err(VerdictSpentError::new_err(client_order_id))
            }
        }
    }
}
