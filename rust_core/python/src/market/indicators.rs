//! Indicators as Python sees them.

use holdfast_core::indicators as core;
use holdfast_core::indicators::{BadParameter, IndicatorSpec, Moments, VwapValue};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arrays::{floats_in, floats_out, pairs_out, same_length};

type View<'py> = Bound<'py, PyAny>;

fn refused(bad: BadParameter) -> PyErr {
    PyValueError::new_err(bad.to_string())
}

#[inline]
fn finite(name: &str, value: f64) -> PyResult<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(PyValueError::new_err(format!(
            "{name} must be finite, was {value}"
        )))
    }
}

#[inline]
fn finite_bar(high: f64, low: f64, close: f64) -> PyResult<()> {
    if (high + low + close).is_finite() {
        return Ok(());
    }
    finite("high", high)?;
    finite("low", low)?;
    finite("close", close).map(|_| ())
}

#[inline]
fn sane_volume(volume: f64) -> PyResult<()> {
    if volume.is_finite() && volume >= 0.0 {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "volume must be finite and at least 0, was {volume}"
    )))
}

/// Exponential moving average, one value at a time.
#[pyclass(module = "rust_core._native")]
pub struct Ema(core::Ema);

#[pymethods]
impl Ema {
    #[new]
    fn new(period: usize) -> PyResult<Self> {
        core::Ema::new(period).map(Self).map_err(refused)
    }

    /// Takes the next value; gives the average once warm.
    fn update(&mut self, value: f64) -> PyResult<Option<f64>> {
        Ok(self.0.update(finite("value", value)?))
    }

    #[getter]
    fn value(&self) -> Option<f64> {
        self.0.value()
    }

    #[getter]
    fn is_warm(&self) -> bool {
        self.0.is_warm()
    }

    fn reset_session(&mut self) {
        self.0.reset_session();
    }
}

/// Wilder's average true range, one bar at a time.
#[pyclass(module = "rust_core._native")]
pub struct Atr(core::Atr);

#[pymethods]
impl Atr {
    #[new]
    fn new(period: usize) -> PyResult<Self> {
        core::Atr::new(period).map(Self).map_err(refused)
    }

    /// Takes the next bar; gives the range once warm.
    fn update(&mut self, high: f64, low: f64, close: f64) -> PyResult<Option<f64>> {
        finite_bar(high, low, close)?;
        Ok(self.0.update(high, low, close))
    }

    #[getter]
    fn value(&self) -> Option<f64> {
        self.0.value()
    }

    #[getter]
    fn is_warm(&self) -> bool {
        self.0.is_warm()
    }

    fn reset_session(&mut self) {
        self.0.reset_session();
    }
}

/// Mean and deviation of a moving window, one value at a time.
#[pyclass(module = "rust_core._native")]
pub struct Rolling(core::Rolling);

#[pymethods]
impl Rolling {
    #[new]
    #[pyo3(signature = (window, *, ddof = 0))]
    fn new(window: usize, ddof: usize) -> PyResult<Self> {
        core::Rolling::new(window, ddof).map(Self).map_err(refused)
    }

    /// Takes the next value; gives the mean once the window is full.
    fn update(&mut self, value: f64) -> PyResult<Option<f64>> {
        Ok(self.0.update(finite("value", value)?).map(|m| m.mean))
    }

    #[getter]
    fn value(&self) -> Option<f64> {
        self.0.value().map(|m| m.mean)
    }

    #[getter]
    fn deviation(&self) -> Option<f64> {
        self.0.value().map(|m| m.deviation)
    }

    #[getter]
    fn is_warm(&self) -> bool {
        self.0.is_warm()
    }

    fn reset_session(&mut self) {
        self.0.reset_session();
    }
}

/// VWAP anchored at the session's open with bands, one bar at a time.
#[pyclass(module = "rust_core._native")]
pub struct SessionVwap {
    vwap: core::SessionVwap,
    band_deviations: f64,
}

impl SessionVwap {
    fn band(&self, side: f64) -> Option<f64> {
        let value = self.vwap.value()?;
        Some(value.vwap + side * self.band_deviations * value.deviation)
    }
}

#[pymethods]
impl SessionVwap {
    #[new]
    #[pyo3(signature = (*, band_deviations = 2.0))]
    fn new(band_deviations: f64) -> PyResult<Self> {
        let spec = IndicatorSpec::Vwap { band_deviations };
        core::IndicatorSet::new(&[spec]).map_err(refused)?;
        let vwap = core::SessionVwap::new();
        Ok(Self {
            vwap,
            band_deviations,
        })
    }

    /// Takes the next complete bar; gives the VWAP once there is volume.
    fn update(&mut self, high: f64, low: f64, close: f64, volume: f64) -> PyResult<Option<f64>> {
        finite_bar(high, low, close)?;
        sane_volume(volume)?;
        Ok(self.vwap.update(high, low, close, volume).map(|v| v.vwap))
    }

    #[getter]
    fn value(&self) -> Option<f64> {
        self.vwap.value().map(|v| v.vwap)
    }

    #[getter]
    fn deviation(&self) -> Option<f64> {
        self.vwap.value().map(|v| v.deviation)
    }

    #[getter]
    fn upper(&self) -> Option<f64> {
        self.band(1.0)
    }

    #[getter]
    fn lower(&self) -> Option<f64> {
        self.band(-1.0)
    }

    #[getter]
    fn is_warm(&self) -> bool {
        self.vwap.is_warm()
    }

    fn reset_session(&mut self) {
        self.vwap.reset_session();
    }
}

/// Several indicators fed by one call.
#[pyclass(module = "rust_core._native")]
pub struct IndicatorSet(core::IndicatorSet);

impl IndicatorSet {
    fn tuple<'py>(py: Python<'py>, values: &[f64]) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, values.iter().map(|v| (!v.is_nan()).then_some(*v)))
    }
}

#[pymethods]
impl IndicatorSet {
    #[new]
    fn new(specs: Vec<(String, f64)>) -> PyResult<Self> {
        let specs: Vec<IndicatorSpec> = specs
            .iter()
            .map(|(kind, parameter)| spec(kind, *parameter))
            .collect::<PyResult<_>>()?;
        core::IndicatorSet::new(&specs).map(Self).map_err(refused)
    }

    #[getter]
    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.names())
    }

    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        Self::tuple(py, self.0.values())
    }

    #[getter]
    fn is_warm(&self) -> bool {
        self.0.is_warm()
    }

    /// Takes the next complete bar; gives every output in the order of `names`.
    #[pyo3(signature = (open_, high, low, close, volume, /))]
    fn update<'py>(
        &mut self,
        py: Python<'py>,
        open_: f64,
        high: f64,
        low: f64,
        close: f64,
        volume: f64,
    ) -> PyResult<Bound<'py, PyTuple>> {
        finite("open", open_)?;
        finite_bar(high, low, close)?;
        sane_volume(volume)?;
        Self::tuple(py, self.0.update(high, low, close, volume))
    }

    fn reset_session(&mut self) {
        self.0.reset_session();
    }
}

fn spec(kind: &str, parameter: f64) -> PyResult<IndicatorSpec> {
    Ok(match kind {
        "ema" => IndicatorSpec::Ema {
            period: whole_number(kind, parameter)?,
        },
        "atr" => IndicatorSpec::Atr {
            period: whole_number(kind, parameter)?,
        },
        "rolling" => IndicatorSpec::Rolling {
            window: whole_number(kind, parameter)?,
        },
        "vwap" => IndicatorSpec::Vwap {
            band_deviations: parameter,
        },
        other => {
            return Err(PyValueError::new_err(format!(
                "an indicator must be one of ema, atr, rolling, vwap, was {other}"
            )))
        }
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole_number(kind: &str, parameter: f64) -> PyResult<usize> {
    if parameter.fract() == 0.0 && (0.0..=1e9).contains(&parameter) {
        return Ok(parameter as usize);
    }
    Err(PyValueError::new_err(format!(
        "the period of {kind} must be a whole number, was {parameter}"
    )))
}

/// Exponential moving average after each value.
#[pyfunction]
pub fn ema_array<'py>(values: &Bound<'py, PyAny>, period: usize) -> PyResult<View<'py>> {
    let x = floats_in(values, "values")?;
    floats_out(values.py(), x.len(), |out| {
        core::Ema::whole(period, x.iter().copied(), |value| out.push(value)).map_err(refused)
    })
}

/// Wilder's average true range after each bar.
#[pyfunction]
pub fn atr_array<'py>(
    high: &Bound<'py, PyAny>,
    low: &Bound<'py, PyAny>,
    close: &Bound<'py, PyAny>,
    period: usize,
) -> PyResult<View<'py>> {
    let (h, l, c) = (
        floats_in(high, "high")?,
        floats_in(low, "low")?,
        floats_in(close, "close")?,
    );
    same_length(&[("high", h.len()), ("low", l.len()), ("close", c.len())])?;
    floats_out(high.py(), h.len(), |out| {
        let bars = h.iter().zip(&l).zip(&c);
        let bars = bars.map(|((h, l), c)| (*h, *l, *c));
        core::Atr::whole(period, bars, |value| out.push(value)).map_err(refused)
    })
}

/// Mean and deviation of the window that ends at each value.
#[pyfunction]
#[pyo3(signature = (values, window, *, ddof = 0))]
pub fn rolling_array<'py>(
    values: &Bound<'py, PyAny>,
    window: usize,
    ddof: usize,
) -> PyResult<(View<'py>, View<'py>)> {
    let x = floats_in(values, "values")?;
    pairs_out(values.py(), x.len(), |means, deviations| {
        let emit = |m: Moments| {
            means.push(m.mean);
            deviations.push(m.deviation);
        };
        core::Rolling::whole(window, ddof, x.iter().copied(), emit).map_err(refused)
    })
}

/// Session VWAP and its deviation after each bar.
#[pyfunction]
pub fn session_vwap_array<'py>(
    high: &Bound<'py, PyAny>,
    low: &Bound<'py, PyAny>,
    close: &Bound<'py, PyAny>,
    volume: &Bound<'py, PyAny>,
    session_starts: Vec<usize>,
) -> PyResult<(View<'py>, View<'py>)> {
    let (h, l, c, v) = (
        floats_in(high, "high")?,
        floats_in(low, "low")?,
        floats_in(close, "close")?,
        floats_in(volume, "volume")?,
    );
    same_length(&[
        ("high", h.len()),
        ("low", l.len()),
        ("close", c.len()),
        ("volume", v.len()),
    ])?;
    if let Some(negative) = v.iter().find(|x| **x < 0.0) {
        sane_volume(*negative)?;
    }
    pairs_out(high.py(), h.len(), |vwaps, deviations| {
        let bars = h.iter().zip(&l).zip(&c).zip(&v);
        let bars = bars.map(|(((h, l), c), v)| (*h, *l, *c, *v));
        let emit = |v: VwapValue| {
            vwaps.push(v.vwap);
            deviations.push(v.deviation);
        };
        core::SessionVwap::whole(&session_starts, bars, emit).map_err(refused)
    })
}
