//! The order table and the sum of fills as Python sees them.

use super::word;
use holdfast_core::event::Event;
use holdfast_core::message::Side;
use holdfast_core::order_table::{
    self, OrderEvent, OrderState, TransitionError, CORRECTIONS, TRANSITIONS,
};
use holdfast_core::positions::{self, Sum};
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

create_exception!(
    rust_core._native,
    OrderTableError,
    PyException,
    "A step of an order that its table does not allow; the order is unchanged."
);
create_exception!(
    rust_core._native,
    InvalidTransitionError,
    OrderTableError,
    "The pair of state and event is not in the table."
);
create_exception!(
    rust_core._native,
    BrokerConfirmationRequiredError,
    OrderTableError,
    "Only the broker can confirm it, and no broker order id is known."
);
create_exception!(
    rust_core._native,
    TerminalStateError,
    OrderTableError,
    "The order is over, and this is none of the two corrections."
);

type Row = (&'static str, &'static str, &'static str);

/// The tables and kinds, by name.
pub fn add_constants(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add(
        "ORDER_STATES",
        PyTuple::new(py, OrderState::ALL.map(OrderState::as_str))?,
    )?;
    module.add("ORDER_TRANSITIONS", PyTuple::new(py, rows(TRANSITIONS))?)?;
    module.add("ORDER_CORRECTIONS", PyTuple::new(py, rows(CORRECTIONS))?)?;
    module.add("EVENT_KINDS", PyTuple::new(py, Event::KINDS)?)
}

fn rows(table: &[(OrderState, OrderEvent, OrderState)]) -> Vec<Row> {
    table
        .iter()
        .map(|(from, event, to)| (from.as_str(), event.as_str(), to.as_str()))
        .collect()
}

fn raise(error: TransitionError) -> PyErr {
    let text = error.to_string();
    match error {
        TransitionError::Invalid { .. } => InvalidTransitionError::new_err(text),
        TransitionError::BrokerConfirmationRequired { .. } => {
            BrokerConfirmationRequiredError::new_err(text)
        }
        TransitionError::Terminal { .. } => TerminalStateError::new_err(text),
    }
}

fn pair(state: &str, event: &str) -> PyResult<(OrderState, OrderEvent)> {
    Ok((
        word("state", state, &OrderState::ALL, OrderState::as_str)?,
        word("event", event, &OrderEvent::ALL, OrderEvent::as_str)?,
    ))
}

/// The state after an event, by the table.
#[pyfunction]
#[pyo3(signature = (state, event, *, has_broker_id))]
pub fn order_step(state: &str, event: &str, has_broker_id: bool) -> PyResult<&'static str> {
    let (from, event) = pair(state, event)?;
    order_table::step(from, event, has_broker_id)
        .map(OrderState::as_str)
        .map_err(raise)
}

/// The state of an ended order after one of the two corrections.
#[pyfunction]
#[pyo3(signature = (state, event, *, has_broker_id))]
pub fn order_correct(state: &str, event: &str, has_broker_id: bool) -> PyResult<&'static str> {
    let (from, event) = pair(state, event)?;
    order_table::correct(from, event, has_broker_id)
        .map(OrderState::as_str)
        .map_err(raise)
}

/// Profit and loss by average cost of fills in any order, without fees.
#[pyfunction]
pub fn realised_1e8(fills: Vec<(String, i64, i64)>, multiplier_1e8: i64) -> PyResult<i64> {
    let too_large = || PyValueError::new_err("amounts must fit 64 bits at 1e-8, did not");
    let (mut bought, mut sold) = (Sum::default(), Sum::default());
    for (side, qty_1e8, price_1e8) in fills {
        let sum = match word("side", &side, Side::ALL, Side::as_str)? {
            Side::Buy => &mut bought,
            Side::Sell => &mut sold,
        };
        *sum = sum.with(qty_1e8, price_1e8).ok_or_else(too_large)?;
    }
    positions::realised_1e8(bought, sold, multiplier_1e8).ok_or_else(too_large)
}
