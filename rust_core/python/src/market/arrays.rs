//! Arrays of numbers to and from Python by the buffer protocol: numpy fits, but is not needed.
//!
//! What comes in is copied once: another thread may write to a Python buffer while it is read.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

/// The values of a C-contiguous float64 buffer, all of them finite; `name` stands in the errors.
pub fn floats_in(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<f64>> {
    let wrong = |found: String| {
        PyValueError::new_err(format!(
            "{name} must be a C-contiguous buffer of float64, was {found}"
        ))
    };
    let Ok(buffer) = PyBuffer::<f64>::get(object) else {
        let found = kind_of(object);
        // an empty array.array has no address, which PyBuffer refuses
        return if found == "an empty buffer of format d" {
            Ok(Vec::new())
        } else {
            Err(wrong(found))
        };
    };
    if !buffer.is_c_contiguous() {
        return Err(wrong("not contiguous".into()));
    }
    let values = buffer.to_vec(object.py())?;
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(at) => Err(PyValueError::new_err(format!(
            "{name}[{at}] must be finite, was {}",
            values[at]
        ))),
    }
}

/// Columns that must be equally long.
pub fn same_length(columns: &[(&str, usize)]) -> PyResult<()> {
    let (first_name, first) = columns[0];
    match columns.iter().find(|(_, length)| *length != first) {
        None => Ok(()),
        Some((name, length)) => Err(PyValueError::new_err(format!(
            "{name} must be as long as {first_name} ({first}), was {length}"
        ))),
    }
}

/// Where the values of one array are written, one after the other.
pub struct Slots<'a>(std::slice::ChunksExactMut<'a, u8>);

impl Slots<'_> {
    /// Writes the next value; beyond the end there is nowhere to write.
    #[inline]
    pub fn push(&mut self, value: f64) {
        if let Some(slot) = self.0.next() {
            slot.copy_from_slice(&value.to_ne_bytes());
        }
    }
}

/// Makes a read-only memoryview of `rows` float64 values; `fill` writes each of them once.
pub fn floats_out(
    py: Python<'_>,
    rows: usize,
    fill: impl FnOnce(&mut Slots<'_>) -> PyResult<()>,
) -> PyResult<Bound<'_, PyAny>> {
    let bytes = PyBytes::new_with(py, rows * 8, |out| {
        fill(&mut Slots(out.chunks_exact_mut(8)))
    })?;
    as_floats(&bytes)
}

/// Two arrays filled side by side.
pub fn pairs_out(
    py: Python<'_>,
    rows: usize,
    fill: impl FnOnce(&mut Slots<'_>, &mut Slots<'_>) -> PyResult<()>,
) -> PyResult<(Bound<'_, PyAny>, Bound<'_, PyAny>)> {
    let mut second = vec![0_u8; rows * 8];
    let first = floats_out(py, rows, |one| {
        fill(one, &mut Slots(second.chunks_exact_mut(8)))
    })?;
    Ok((first, as_floats(&PyBytes::new(py, &second))?))
}

fn as_floats<'py>(bytes: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
    PyMemoryView::from(bytes)?.call_method1("cast", ("d",))
}

fn kind_of(object: &Bound<'_, PyAny>) -> String {
    let described = PyMemoryView::from(object).and_then(|view| {
        let empty = if view.len()? == 0 { "n empty" } else { "" };
        Ok(format!(
            "a{empty} buffer of format {}",
            view.getattr("format")?
        ))
    });
    described.unwrap_or_else(|_| {
        let name = object.get_type().name();
        name.map_or_else(|_| "unknown".into(), |name| name.to_string())
    })
}
