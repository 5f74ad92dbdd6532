//! The block walker as Python sees it.

use std::sync::Arc;

use holdfast_core::message::Name;
use holdfast_core::strategies::NoTradeReason;
use holdfast_core::tape::Tape;
use holdfast_core::walk as core;
use holdfast_core::walk::{Outcome, WalkConfig};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// A tape, read and checked once, walked as often as wanted.
#[pyclass(frozen, module = "rust_core._native")]
pub struct WalkTape(Arc<Tape>);

#[pymethods]
impl WalkTape {
    #[new]
    fn new(py: Python<'_>, rows: &Bound<'_, PyAny>, instruments: Vec<String>) -> PyResult<Self> {
        let cells = cells_of(rows)?;
        let symbols: Vec<Name> = instruments.iter().map(|s| s.as_str().into()).collect();
        let tape = py.detach(|| Tape::read(symbols, cells.into_iter()));
        tape.map(|tape| Self(Arc::new(tape)))
            .map_err(PyValueError::new_err)
    }

    #[getter]
    fn rows(&self) -> usize {
        self.0.rows().len()
    }

    #[getter]
    fn bars(&self) -> usize {
        self.0.bars()
    }

    #[getter]
    fn instruments(&self) -> Vec<&str> {
        self.0.instruments().iter().map(|name| &**name).collect()
    }
}

/// The integers of a buffer of bytes (as a file holds them) or of int64.
fn cells_of(rows: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    let py = rows.py();
    if let Ok(buffer) = PyBuffer::<i64>::get(rows) {
        return buffer.to_vec(py);
    }
    let Ok(buffer) = PyBuffer::<u8>::get(rows) else {
        let kind = rows.get_type().name()?;
        return Err(PyValueError::new_err(format!(
            "rows must be a contiguous buffer of bytes or int64, was {kind}"
        )));
    };
    let bytes = buffer.to_vec(py)?;
    let words = bytes.chunks_exact(8);
    if !words.remainder().is_empty() {
        return Err(PyValueError::new_err(format!(
            "rows must hold whole 8-byte integers, held {} bytes",
            bytes.len()
        )));
    }
    let read = |word: &[u8]| {
        let mut eight = [0_u8; 8];
        eight.copy_from_slice(word);
        i64::from_le_bytes(eight)
    };
    Ok(words.map(read).collect())
}

/// What a walk brought.
#[pyclass(frozen, module = "rust_core._native")]
pub struct WalkOutcome(Outcome);

#[pymethods]
impl WalkOutcome {
    #[getter]
    fn sessions(&self) -> u64 {
        self.0.sessions
    }

    #[getter]
    fn bars(&self) -> u64 {
        self.0.bars
    }

    #[getter]
    fn signals(&self) -> u64 {
        self.0.signals
    }

    #[getter]
    fn refused(&self) -> u64 {
        self.0.refused
    }

    #[getter]
    fn advice(&self) -> u64 {
        self.0.advice
    }

    #[getter]
    fn orders(&self) -> u64 {
        self.0.orders
    }

    #[getter]
    fn fills(&self) -> u64 {
        self.0.fills
    }

    #[getter]
    fn partial_fills(&self) -> u64 {
        self.0.partial_fills
    }

    #[getter]
    fn events_decided(&self) -> u64 {
        self.0.events_decided
    }

    #[getter]
    fn trades(&self) -> usize {
        self.0.trades.len()
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

    /// Evaluations without a signal, by reason; reasons that never applied are left out.
    #[getter]
    fn no_trades<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = NoTradeReason::ALL.iter().zip(self.0.no_trades);
        let named = counts.map(|(reason, count)| (reason.as_str(), count));
        counted(py, named.filter(|(_, count)| *count > 0))
    }

    #[getter]
    fn failed_checks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        counted(py, self.0.failed_checks.iter().map(|(n, c)| (&**n, *c)))
    }

    #[getter]
    fn tripped<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        counted(py, self.0.tripped.iter().map(|(n, c)| (&**n, *c)))
    }

    #[getter]
    fn violations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        counted(py, self.0.violations.iter().map(|(n, c)| (&**n, *c)))
    }

    /// The closed trades as a JSON array of `TradeClosed` payloads.
    fn trades_json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let json = self.0.trades_json().map_err(PyValueError::new_err)?;
        Ok(PyBytes::new(py, &json))
    }

    /// Stream, kind, time, payload and tape row of every event, if they were asked for.
    fn events<'py>(
        &self,
        py: Python<'py>,
    ) -> Vec<(&str, &'static str, i64, Bound<'py, PyBytes>, i64)> {
        let row = |event: &'_ core::WalkEvent| PyBytes::new(py, &event.payload);
        let events = self.0.events.iter();
        events
            .map(|e| (&*e.stream, e.kind, e.at_ns, row(e), e.tape_seq))
            .collect()
    }
}

fn counted<'py, 'a>(
    py: Python<'py>,
    counts: impl Iterator<Item = (&'a str, u64)>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, count) in counts {
        dict.set_item(name, count)?;
    }
    Ok(dict)
}

fn config_of(json: &[u8]) -> PyResult<WalkConfig> {
    WalkConfig::from_json(json).map_err(PyValueError::new_err)
}

/// Walks a tape once; the interpreter is free meanwhile.
#[pyfunction]
pub fn walk(py: Python<'_>, tape: &WalkTape, config_json: &[u8]) -> PyResult<WalkOutcome> {
    let config = config_of(config_json)?;
    py.detach(|| core::walk(&tape.0, &config))
        .map(WalkOutcome)
        .map_err(PyValueError::new_err)
}

/// Walks a tape once for each configuration; the interpreter is free meanwhile.
#[pyfunction]
#[pyo3(signature = (tape, config_jsons, *, threads = 1))]
pub fn walk_many(
    py: Python<'_>,
    tape: &WalkTape,
    config_jsons: Vec<Vec<u8>>,
    threads: usize,
) -> PyResult<Vec<WalkOutcome>> {
    let configs: Vec<WalkConfig> = config_jsons
        .iter()
        .map(|json| config_of(json))
        .collect::<PyResult<_>>()?;
    py.detach(|| core::walk_many(&tape.0, &configs, threads))
        .map(|outcomes| outcomes.into_iter().map(WalkOutcome).collect())
        .map_err(PyValueError::new_err)
}
