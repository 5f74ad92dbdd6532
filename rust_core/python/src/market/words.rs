//! The words of an order from their text.

use holdfast_core::words::{OrderType, Side, TimeInForce};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

fn unknown(what: &str, known: &str, found: &str) -> PyErr {
    PyValueError::new_err(format!("{what} must be one of {known}, was {found}"))
}

pub fn side_of(text: &str) -> PyResult<Side> {
    match text {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        other => Err(unknown("side", "BUY, SELL", other)),
    }
}

pub fn order_type_of(text: &str) -> PyResult<OrderType> {
    match text {
        "MARKET" => Ok(OrderType::Market),
        "LIMIT" => Ok(OrderType::Limit),
        "STOP" => Ok(OrderType::Stop),
        "STOP_LIMIT" => Ok(OrderType::StopLimit),
        other => Err(unknown(
            "order_type",
            "MARKET, LIMIT, STOP, STOP_LIMIT",
            other,
        )),
    }
}

pub fn tif_of(text: &str) -> PyResult<TimeInForce> {
    match text {
        "DAY" => Ok(TimeInForce::Day),
        "GTC" => Ok(TimeInForce::Gtc),
        "IOC" => Ok(TimeInForce::Ioc),
        "FOK" => Ok(TimeInForce::Fok),
        "GTX" => Ok(TimeInForce::Gtx),
        other => Err(unknown("tif", "DAY, GTC, IOC, FOK, GTX", other)),
    }
}
