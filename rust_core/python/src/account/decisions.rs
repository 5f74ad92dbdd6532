//! Decisions as Python reads them.

use super::views::Judgement;
use crate::risk::Submission;
use holdfast_core::decision as core;
use holdfast_core::decision::Effect;
use holdfast_core::message::Name;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyTuple};
use std::sync::Arc;

/// What follows from one message.
///
/// Its events are made for Python once, when it is made: the record, the account and whoever listens each
/// read them.
#[pyclass(frozen, module = "rust_core._native")]
pub struct Decision {
    pub(super) decided: core::Decision,
    events: Py<PyTuple>,
}

impl Decision {
    pub(super) fn new(py: Python<'_>, decided: core::Decision) -> PyResult<Self> {
        let events = if decided.events.is_empty() {
            PyTuple::empty(py)
        } else {
            let mut room = Vec::with_capacity(1024);
            let one = |event: &holdfast_core::event::Event| {
                let payload = decided
                    .payload(event, &mut room)
                    .map_err(|e| PyRuntimeError::new_err(e.to_string()))?;
                Py::new(py, Event::of(py, event, decided.at_ns, payload))
            };
            let events: Vec<_> = decided.events.iter().map(one).collect::<PyResult<_>>()?;
            PyTuple::new(py, events)?
        };
        Ok(Self {
            events: events.unbind(),
            decided,
        })
    }
}

#[pymethods]
impl Decision {
    #[getter]
    fn at_ns(&self) -> i64 {
        self.decided.at_ns
    }

    #[getter]
    fn is_empty(&self) -> bool {
        self.decided.is_empty()
    }

    #[getter]
    fn is_acting(&self) -> bool {
        !(self.decided.effects.is_empty() && self.decided.timers.is_empty())
    }

    #[getter]
    fn events(&self, py: Python<'_>) -> Py<PyTuple> {
        self.events.clone_ref(py)
    }

    #[getter]
    fn effects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        if self.decided.effects.is_empty() {
            return Ok(PyTuple::empty(py));
        }
        let one = |effect: &Effect| -> PyResult<Py<PyAny>> {
            Ok(match effect {
                Effect::Submit(submission) => {
                    Py::new(py, Submit(Arc::clone(submission)))?.into_any()
                }
                Effect::Cancel {
                    client_order_id,
                    broker_order_id,
                } => {
                    let cancel = Cancel {
                        client_order_id: client_order_id.clone(),
                        broker_order_id: broker_order_id.clone(),
                    };
                    Py::new(py, cancel)?.into_any()
                }
                Effect::Lookup { client_order_id } => {
                    let lookup = Lookup {
                        client_order_id: client_order_id.clone(),
                    };
                    Py::new(py, lookup)?.into_any()
                }
                Effect::Notify {
                    severity,
                    text,
                    ids,
                } => {
                    let notify = Notify {
                        severity,
                        text: text.clone(),
                        ids: ids.clone(),
                    };
                    Py::new(py, notify)?.into_any()
                }
            })
        };
        let effects: Vec<_> = self
            .decided
            .effects
            .iter()
            .map(one)
            .collect::<PyResult<_>>()?;
        PyTuple::new(py, effects)
    }

    #[getter]
    fn timers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.decided.timers.iter().cloned().map(Timer))
    }

    #[getter]
    fn claims<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let claims = self.decided.claims.iter();
        PyTuple::new(py, claims.map(|claim| (claim.name, claim.key.as_str())))
    }

    #[getter]
    fn judgement(&self) -> Option<Judgement> {
        self.decided.judgement.as_ref().map(Judgement::from)
    }

    fn __repr__(&self) -> String {
        let kinds: Vec<_> = self
            .decided
            .events
            .iter()
            .map(holdfast_core::event::Event::kind)
            .collect();
        format!(
            "Decision(at_ns={}, events=[{}])",
            self.decided.at_ns,
            kinds.join(", ")
        )
    }
}

/// One fact for the journal, in Python's own texts and bytes.
#[pyclass(frozen, module = "rust_core._native")]
pub struct Event {
    kind: Py<PyString>,
    stream: Py<PyString>,
    at_ns: i64,
    payload: Py<PyBytes>,
}

/// Version of the payloads' shapes.
const SCHEMA_VER: i64 = 1;

/// Every kind as Python's own text, made once.
static KINDS: PyOnceLock<Vec<(&'static str, Py<PyString>)>> = PyOnceLock::new();

fn kind(py: Python<'_>, name: &'static str) -> Py<PyString> {
    let texts = KINDS.get_or_init(py, || {
        let names = holdfast_core::event::Event::KINDS.iter();
        names
            .map(|name| (*name, PyString::intern(py, name).unbind()))
            .collect()
    });
    let known = texts.iter().find(|(text, _)| *text == name);
    known.map_or_else(
        || PyString::intern(py, name).unbind(),
        |(_, text)| text.clone_ref(py),
    )
}

impl Event {
    fn of(py: Python<'_>, event: &holdfast_core::event::Event, at_ns: i64, payload: &[u8]) -> Self {
        Self {
            kind: kind(py, event.kind()),
            stream: PyString::new(py, &event.stream()).unbind(),
            at_ns,
            payload: PyBytes::new(py, payload).unbind(),
        }
    }

    pub(super) fn new(
        py: Python<'_>,
        event: &holdfast_core::event::Event,
        at_ns: i64,
    ) -> PyResult<Self> {
        let mut payload = Vec::new();
        event
            .write(&mut payload)
            .map_err(|e| PyRuntimeError::new_err(e.to_string()))?;
        Ok(Self::of(py, event, at_ns, &payload))
    }
}

#[pymethods]
impl Event {
    #[getter]
    fn kind(&self, py: Python<'_>) -> Py<PyString> {
        self.kind.clone_ref(py)
    }

    #[getter]
    fn stream(&self, py: Python<'_>) -> Py<PyString> {
        self.stream.clone_ref(py)
    }

    #[getter]
    fn at_ns(&self) -> i64 {
        self.at_ns
    }

    #[getter]
    fn schema_ver(&self) -> i64 {
        let _ = self;
        SCHEMA_VER
    }

    #[getter]
    fn payload(&self, py: Python<'_>) -> Py<PyBytes> {
        self.payload.clone_ref(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!(
            "Event({} {} {})",
            self.kind,
            self.stream,
            String::from_utf8_lossy(self.payload.as_bytes(py))
        )
    }
}

/// A money timer to arm.
#[pyclass(frozen, eq, module = "rust_core._native")]
#[derive(PartialEq)]
pub struct Timer(core::Timer);

impl From<core::Timer> for Timer {
    fn from(timer: core::Timer) -> Self {
        Self(timer)
    }
}

#[pymethods]
impl Timer {
    #[getter]
    fn due_ns(&self) -> i64 {
        self.0.due_ns
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.as_str()
    }

    #[getter]
    fn key(&self) -> &str {
        &self.0.key
    }

    fn __repr__(&self) -> String {
        format!(
            "Timer({} {} at {} ns)",
            self.0.kind.as_str(),
            self.0.key,
            self.0.due_ns
        )
    }
}

/// Hand an order to the venue.
#[pyclass(frozen, module = "rust_core._native")]
pub struct Submit(Arc<holdfast_core::gate::Submission>);

#[pymethods]
impl Submit {
    #[getter]
    fn submission(&self) -> Submission {
        Arc::clone(&self.0).into()
    }

    #[getter]
    fn client_order_id(&self) -> &str {
        &self.0.request().client_order_id
    }
}

/// Ask the venue to cancel.
#[pyclass(frozen, module = "rust_core._native")]
pub struct Cancel {
    pub(super) client_order_id: Name,
    pub(super) broker_order_id: Name,
}

#[pymethods]
impl Cancel {
    #[getter]
    fn client_order_id(&self) -> &str {
        &self.client_order_id
    }

    #[getter]
    fn broker_order_id(&self) -> &str {
        &self.broker_order_id
    }
}

/// Ask the venue whether it has the order.
#[pyclass(frozen, module = "rust_core._native")]
pub struct Lookup {
    client_order_id: Name,
}

#[pymethods]
impl Lookup {
    #[getter]
    fn client_order_id(&self) -> &str {
        &self.client_order_id
    }
}

/// Tell a person.
#[pyclass(frozen, module = "rust_core._native")]
pub struct Notify {
    severity: &'static str,
    text: String,
    ids: Vec<Name>,
}

#[pymethods]
impl Notify {
    #[getter]
    fn severity(&self) -> &'static str {
        self.severity
    }

    #[getter]
    fn text(&self) -> &str {
        &self.text
    }

    #[getter]
    fn ids(&self) -> Vec<&str> {
        self.ids.iter().map(|id| &**id).collect()
    }

    fn __repr__(&self) -> String {
        format!("Notify({}: {})", self.severity, self.text)
    }
}
