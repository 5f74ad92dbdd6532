//! The paper venue's book as Python sees it.

use holdfast_core::matching as core;
use holdfast_core::matching::{read_json, to_json, BookState, NewOrder, PaperConfig};
use holdfast_core::message as words;
use holdfast_core::strategies::Bar;
use holdfast_core::words::{OrderType, Side, TimeInForce};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::report::VenueReport;
use super::words::{order_type_of, side_of, tif_of};

type Reports = Vec<VenueReport>;

/// An order as the venue keeps it.
#[pyclass(frozen, module = "rust_core._native")]
pub struct VenueOrder(core::VenueOrder);

#[pymethods]
impl VenueOrder {
    #[getter]
    fn client_order_id(&self) -> &str {
        &self.0.asked.client_order_id
    }

    #[getter]
    fn broker_order_id(&self) -> &str {
        &self.0.broker_order_id
    }

    #[getter]
    fn instrument(&self) -> &str {
        &self.0.asked.instrument
    }

    #[getter]
    fn side(&self) -> &'static str {
        self.0.asked.side.as_str()
    }

    #[getter]
    fn order_type(&self) -> &'static str {
        self.0.asked.order_type.as_str()
    }

    #[getter]
    fn tif(&self) -> &'static str {
        self.0.asked.tif.as_str()
    }

    #[getter]
    fn qty_1e8(&self) -> i64 {
        self.0.asked.qty_1e8
    }

    #[getter]
    fn limit_1e8(&self) -> Option<i64> {
        self.0.asked.limit_1e8
    }

    #[getter]
    fn trigger_1e8(&self) -> Option<i64> {
        self.0.asked.trigger_1e8
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.0.state.as_str()
    }

    #[getter]
    fn filled_1e8(&self) -> i64 {
        self.0.filled_1e8
    }

    #[getter]
    fn fees_1e8(&self) -> i64 {
        self.0.fees_1e8
    }

    #[getter]
    fn submitted_ns(&self) -> i64 {
        self.0.submitted_ns
    }

    #[getter]
    fn ended_ns(&self) -> i64 {
        self.0.ended_ns
    }

    #[getter]
    fn reason(&self) -> &str {
        &self.0.reason
    }
}

/// One execution at the venue.
#[pyclass(frozen, module = "rust_core._native")]
pub struct VenueExecution(core::Execution);

#[pymethods]
impl VenueExecution {
    #[getter]
    fn number(&self) -> u64 {
        self.0.number
    }

    #[getter]
    fn execution_id(&self) -> &str {
        &self.0.execution_id
    }

    #[getter]
    fn client_order_id(&self) -> &str {
        &self.0.client_order_id
    }

    #[getter]
    fn broker_order_id(&self) -> &str {
        &self.0.broker_order_id
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
    fn qty_1e8(&self) -> i64 {
        self.0.qty_1e8
    }

    #[getter]
    fn price_1e8(&self) -> i64 {
        self.0.price_1e8
    }

    #[getter]
    fn fee_1e8(&self) -> i64 {
        self.0.fee_1e8
    }

    #[getter]
    fn liquidity(&self) -> &'static str {
        self.0.liquidity.as_str()
    }

    #[getter]
    fn at_ns(&self) -> i64 {
        self.0.at_ns
    }
}

/// A paper venue: orders and prices in, reports out; no clock, no I/O.
#[pyclass(module = "rust_core._native")]
pub struct PaperVenueBook(core::PaperBook);

impl PaperVenueBook {
    fn at(&self, instrument: &str) -> PyResult<usize> {
        self.0.instrument(instrument).ok_or_else(|| {
            let known = self.0.config().instruments.iter().map(|i| &*i.symbol);
            let known: Vec<_> = known.collect();
            PyValueError::new_err(format!(
                "instrument must be one of {}, was {instrument}",
                known.join(", ")
            ))
        })
    }
}

/// Runs a call that fills a list of reports.
fn reports(fill: impl FnOnce(&mut Vec<words::VenueReport>)) -> Reports {
    let mut out = Vec::new();
    fill(&mut out);
    out.into_iter().map(VenueReport).collect()
}

fn priced(name: &str, price: i64) -> PyResult<()> {
    if price > 0 {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "{name} must be above 0, was {price}"
    )))
}

fn counted(name: &str, volume: i64) -> PyResult<()> {
    if volume >= 0 {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "{name} must be at least 0, was {volume}"
    )))
}

#[pymethods]
impl PaperVenueBook {
    #[new]
    #[pyo3(signature = (config_json, state_json = None, changes = Vec::new()))]
    fn new(config_json: &[u8], state_json: Option<&[u8]>, changes: Vec<Vec<u8>>) -> PyResult<Self> {
        let config = PaperConfig::from_json(config_json).map_err(PyValueError::new_err)?;
        let mut state = match state_json {
            Some(json) => read_json(json).map_err(PyValueError::new_err)?,
            None => BookState::new(config.cash_1e8, config.instruments.len()),
        };
        for json in changes {
            read_json(&json)
                .and_then(|change| state.apply(change))
                .map_err(PyValueError::new_err)?;
        }
        core::PaperBook::from_state(config, state)
            .map(Self)
            .map_err(PyValueError::new_err)
    }

    /// Takes an order; None when its client id was taken before.
    #[pyo3(signature = (
        client_order_id, instrument, side, order_type, tif, qty_1e8, now_ns, *,
        limit_1e8 = None, trigger_1e8 = None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn submit(
        &mut self,
        client_order_id: &str,
        instrument: &str,
        side: &str,
        order_type: &str,
        tif: &str,
        qty_1e8: i64,
        now_ns: i64,
        limit_1e8: Option<i64>,
        trigger_1e8: Option<i64>,
    ) -> PyResult<Option<Reports>> {
        let (side, order_type, tif): (Side, OrderType, TimeInForce) =
            (side_of(side)?, order_type_of(order_type)?, tif_of(tif)?);
        let asked = NewOrder {
            client_order_id: client_order_id.into(),
            instrument: instrument.into(),
            side,
            order_type,
            tif,
            qty_1e8,
            limit_1e8,
            trigger_1e8,
        };
        let mut is_new = false;
        let reports = reports(|out| is_new = self.0.submit(asked, now_ns, out));
        Ok(is_new.then_some(reports))
    }

    fn cancel(&mut self, client_order_id: &str, now_ns: i64) -> Reports {
        reports(|out| self.0.cancel(client_order_id, now_ns, out))
    }

    fn cancel_all(&mut self, now_ns: i64) -> Reports {
        reports(|out| self.0.cancel_all(now_ns, out))
    }

    fn on_open_print(
        &mut self,
        instrument: &str,
        price_1e8: i64,
        volume_1e8: i64,
        now_ns: i64,
    ) -> PyResult<Reports> {
        let at = self.at(instrument)?;
        priced("price_1e8", price_1e8)?;
        counted("volume_1e8", volume_1e8)?;
        Ok(reports(|out| {
            self.0.on_open_print(at, price_1e8, volume_1e8, now_ns, out);
        }))
    }

    #[allow(clippy::too_many_arguments)]
    fn on_bar(
        &mut self,
        instrument: &str,
        start_ns: i64,
        end_ns: i64,
        open_1e8: i64,
        high_1e8: i64,
        low_1e8: i64,
        close_1e8: i64,
        volume_1e8: i64,
    ) -> PyResult<Reports> {
        let at = self.at(instrument)?;
        let bar = Bar {
            start_ns,
            end_ns,
            open_1e8,
            high_1e8,
            low_1e8,
            close_1e8,
            volume_1e8,
        };
        if !bar.is_possible() {
            return Err(PyValueError::new_err(format!(
                "a bar must have 0 < low <= open, close <= high, a volume of at least 0 and a length, was {bar:?}"
            )));
        }
        Ok(reports(|out| self.0.on_bar(at, &bar, out)))
    }

    fn on_quote(
        &mut self,
        instrument: &str,
        bid_1e8: i64,
        ask_1e8: i64,
        bid_size_1e8: i64,
        ask_size_1e8: i64,
        now_ns: i64,
    ) -> PyResult<Reports> {
        let at = self.at(instrument)?;
        let (prices, sizes) = ((bid_1e8, ask_1e8), (bid_size_1e8, ask_size_1e8));
        Ok(reports(|out| {
            self.0.on_quote(at, prices, sizes, now_ns, out);
        }))
    }

    fn on_trade(
        &mut self,
        instrument: &str,
        price_1e8: i64,
        size_1e8: i64,
        now_ns: i64,
    ) -> PyResult<Reports> {
        let at = self.at(instrument)?;
        priced("price_1e8", price_1e8)?;
        counted("size_1e8", size_1e8)?;
        Ok(reports(|out| {
            self.0.on_trade(at, price_1e8, size_1e8, now_ns, out);
        }))
    }

    fn on_session_close(&mut self, now_ns: i64) -> Reports {
        reports(|out| self.0.on_session_close(now_ns, out))
    }

    /// Every report of that order again; None if the venue does not have it.
    fn look_up(&self, client_order_id: &str) -> Option<Reports> {
        let found = self.0.look_up(client_order_id)?;
        Some(found.into_iter().map(VenueReport).collect())
    }

    fn order(&self, client_order_id: &str) -> Option<VenueOrder> {
        self.0.order(client_order_id).cloned().map(VenueOrder)
    }

    fn open_orders(&self) -> Vec<VenueOrder> {
        self.0.open_orders().cloned().map(VenueOrder).collect()
    }

    fn executions_since(&self, number: u64) -> Vec<VenueExecution> {
        let executions = self.0.executions_since(number);
        executions.cloned().map(VenueExecution).collect()
    }

    fn positions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let held = PyDict::new(py);
        for (symbol, qty) in self.0.positions() {
            held.set_item(&**symbol, qty)?;
        }
        Ok(held)
    }

    #[getter]
    fn cash_1e8(&self) -> i64 {
        self.0.state().cash_1e8
    }

    #[getter]
    fn equity_1e8(&self) -> Option<i64> {
        self.0.equity_1e8()
    }

    /// The whole book as JSON.
    fn state_json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        written(py, to_json(self.0.state()))
    }

    /// What changed since this was last called, as JSON; None if no order did.
    fn take_change<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let change = self.0.take_change();
        change
            .map(|change| written(py, to_json(&change)))
            .transpose()
    }
}

fn written(py: Python<'_>, json: Result<Vec<u8>, String>) -> PyResult<Bound<'_, PyBytes>> {
    let json = json.map_err(PyValueError::new_err)?;
    Ok(PyBytes::new(py, &json))
}
