//! A venue's word on one order as Python sees it.

use holdfast_core::message::{ReportKind, Settlement, VenueReport as CoreReport};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What a venue said about one order.
#[pyclass(frozen, eq, from_py_object, module = "rust_core._native")]
#[derive(Clone, PartialEq)]
pub struct VenueReport(pub(crate) CoreReport);

fn unknown(what: &str, known: Vec<&str>, found: &str) -> PyErr {
    let known = known.join(", ");
    PyValueError::new_err(format!("{what} must be one of {known}, was {found}"))
}

#[pymethods]
impl VenueReport {
    #[new]
    #[pyo3(signature = (
        client_order_id, kind, venue_ns, broker_order_id = "", execution_id = "", qty_1e8 = 0,
        price_1e8 = 0, fee_1e8 = 0, settlement = "CONFIRMED", reason = "",
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        client_order_id: &str,
        kind: &str,
        venue_ns: i64,
        broker_order_id: &str,
        execution_id: &str,
        qty_1e8: i64,
        price_1e8: i64,
        fee_1e8: i64,
        settlement: &str,
        reason: &str,
    ) -> PyResult<Self> {
        let kinds = || ReportKind::ALL.iter().map(|k| k.as_str()).collect();
        let settlements = || Settlement::ALL.iter().map(|s| s.as_str()).collect();
        Ok(Self(CoreReport {
            client_order_id: client_order_id.into(),
            kind: ReportKind::parse(kind).ok_or_else(|| unknown("kind", kinds(), kind))?,
            broker_order_id: broker_order_id.into(),
            execution_id: execution_id.into(),
            qty_1e8,
            price_1e8,
            fee_1e8,
            settlement: Settlement::parse(settlement)
                .ok_or_else(|| unknown("settlement", settlements(), settlement))?,
            venue_ns,
            reason: reason.into(),
        }))
    }

    #[getter]
    fn client_order_id(&self) -> &str {
        &self.0.client_order_id
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.as_str()
    }

    #[getter]
    fn venue_ns(&self) -> i64 {
        self.0.venue_ns
    }

    #[getter]
    fn broker_order_id(&self) -> &str {
        &self.0.broker_order_id
    }

    #[getter]
    fn execution_id(&self) -> &str {
        &self.0.execution_id
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
    fn settlement(&self) -> &'static str {
        self.0.settlement.as_str()
    }

    #[getter]
    fn reason(&self) -> &str {
        &self.0.reason
    }
}
