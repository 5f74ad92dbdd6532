//! Decisions as Python reads them.

use crate::risk::Submission;
use holdfast_core::decision as core;
use holdfast_core::decision::Effect;
use holdfast_core::message::Name;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use std::sync::Arc;

/// What follows from one message.
#[pyclass(frozen, module = "rust_core._native")]
pub struct Decision(pub(super) Arc<core::Decision>);

#[pymethods]
impl Decision {
    #[getter]
    fn at_ns(&self) -> i64 {
        self.0.at_ns
    }

    #[getter]
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[getter]
    fn events(&self) -> PyResult<Vec<Event>> {
        let one = |event| {
            let payload = self
                .0
                .payload(event)
                .map_err(|e| PyRuntimeError::new_err(e.to_string()))?;
            Ok(Event {
                kind: event.kind(),
                stream: event.stream(),
                at_ns: self.0.at_ns,
                payload,
            })
        };
        self.0.events.iter().map(one).collect()
    }

    #[getter]
    fn effects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for effect in &self.0.effects {
            match effect {
                Effect::Submit(submission) => list.append(Submit(Arc::clone(submission)))?,
                Effect::Cancel {
                    client_order_id,
                    broker_order_id,
                } => list.append(Cancel {
                    client_order_id: client_order_id.clone(),
                    broker_order_id: broker_order_id.clone(),
                })?,
                Effect::Lookup { client_order_id } => {
                    list.append(Lookup {
                        client_order_id: client_order_id.clone(),
                    })?;
                }
                Effect::Notify {
                    severity,
                    text,
                    ids,
                } => list.append(Notify {
                    severity,
                    text: text.clone(),
                    ids: ids.clone(),
                })?,
            }
        }
        Ok(list)
    }

    #[getter]
    fn timers(&self) -> Vec<Timer> {
        self.0.timers.iter().cloned().map(Timer).collect()
    }

    #[getter]
    fn claims(&self) -> Vec<(&'static str, &str)> {
        self.0
            .claims
            .iter()
            .map(|claim| (claim.name, claim.key.as_str()))
            .collect()
    }

    fn __repr__(&self) -> String {
        let kinds: Vec<_> = self
            .0
            .events
            .iter()
            .map(holdfast_core::event::Event::kind)
            .collect();
        format!(
            "Decision(at_ns={}, events=[{}])",
            self.0.at_ns,
            kinds.join(", ")
        )
    }
}

/// One fact for the journal.
#[pyclass(frozen, module = "rust_core._native")]
pub struct Event {
    kind: &'static str,
    stream: String,
    at_ns: i64,
    payload: Arc<[u8]>,
}

/// Version of the payloads' shapes.
const SCHEMA_VER: i64 = 1;

impl Event {
    pub(super) fn new(event: &holdfast_core::event::Event, at_ns: i64) -> PyResult<Self> {
        let mut payload = Vec::new();
        event
            .write(&mut payload)
            .map_err(|e| PyRuntimeError::new_err(e.to_string()))?;
        Ok(Self {
            kind: event.kind(),
            stream: event.stream(),
            at_ns,
            payload: Arc::from(payload),
        })
    }
}

#[pymethods]
impl Event {
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind
    }

    #[getter]
    fn stream(&self) -> &str {
        &self.stream
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
    fn payload<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.payload)
    }

    fn __repr__(&self) -> String {
        format!(
            "Event({} {} {})",
            self.kind,
            self.stream,
            String::from_utf8_lossy(&self.payload)
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
