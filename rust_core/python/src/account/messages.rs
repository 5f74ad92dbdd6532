//! What an account is told, as Python makes it.

use super::plans::Signal;
use super::{name, word};
use crate::market::report::VenueReport;
use holdfast_core::message as core;
use holdfast_core::message::{
    Balance, ExitReason, Kill, KillLevel, Lookup, Mark, MarkKind, Scope, TimerKind,
};
use holdfast_core::statement::{StatedCash, StatedOrder, StatedPosition, Statement};
use holdfast_core::words::Side;
use pyo3::prelude::*;

/// Our id, the venue's, instrument, side, quantity, filled, price.
type OrderRow = (String, String, String, String, i64, i64, i64);
/// Instrument, quantity, price.
type PositionRow = (String, i64, i64);
/// Account value, cash, buying power, the venue's stamp, whether cash moves with fills.
type CashRow = (i64, i64, i64, i64, bool);

fn order_of(row: OrderRow) -> PyResult<StatedOrder> {
    let (client_order_id, broker_order_id, instrument, side, qty_1e8, filled_1e8, price_1e8) = row;
    Ok(StatedOrder {
        client_order_id: name(&client_order_id),
        broker_order_id: name(&broker_order_id),
        instrument: name(&instrument),
        side: word("side", &side, Side::ALL, Side::as_str)?,
        qty_1e8,
        filled_1e8,
        price_1e8,
    })
}

fn position_of((instrument, qty_1e8, price_1e8): PositionRow) -> StatedPosition {
    StatedPosition {
        instrument: name(&instrument),
        qty_1e8,
        price_1e8,
    }
}

fn cash_of((equity_1e8, cash_1e8, buying_power_1e8, at_ns, is_movement): CashRow) -> StatedCash {
    StatedCash {
        balance: Balance {
            equity_1e8,
            cash_1e8,
            buying_power_1e8,
            at_ns,
        },
        is_movement,
    }
}

/// One thing an account core is told.
#[pyclass(frozen, module = "rust_core._native")]
pub struct Message(pub(super) core::Message);

#[pymethods]
impl Message {
    #[staticmethod]
    fn session_opened(session_date: i64, open_ns: i64, close_ns: i64) -> Self {
        Self(core::Message::SessionOpened {
            session_date,
            open_ns,
            close_ns,
        })
    }

    #[staticmethod]
    fn session_closed(session_date: i64) -> Self {
        Self(core::Message::SessionClosed { session_date })
    }

    #[staticmethod]
    #[pyo3(signature = (instrument, kind, at_ns, price_1e8, bid_1e8 = 0, ask_1e8 = 0))]
    fn mark(
        instrument: &str,
        kind: &str,
        at_ns: i64,
        price_1e8: i64,
        bid_1e8: i64,
        ask_1e8: i64,
    ) -> PyResult<Self> {
        let kind = word("kind", kind, MarkKind::ALL, MarkKind::as_str)?;
        Ok(Self(core::Message::Mark(Mark::new(
            name(instrument),
            kind,
            at_ns,
            price_1e8,
            bid_1e8,
            ask_1e8,
        ))))
    }

    #[staticmethod]
    fn signal(signal: &Signal) -> Self {
        Self(core::Message::Signal(Box::new(signal.0.clone())))
    }

    #[staticmethod]
    #[pyo3(signature = (strategy, instrument, reason, text = "", reference_1e8 = 0))]
    fn exit_advice(
        strategy: &str,
        instrument: &str,
        reason: &str,
        text: &str,
        reference_1e8: i64,
    ) -> PyResult<Self> {
        Ok(Self(core::Message::ExitAdvice {
            strategy: name(strategy),
            instrument: name(instrument),
            reason: word("reason", reason, ExitReason::ALL, ExitReason::as_str)?,
            text: name(text),
            reference_1e8,
        }))
    }

    #[staticmethod]
    #[pyo3(signature = (strategy, instrument, stop_1e8 = None, target_1e8 = None))]
    fn exit_levels(
        strategy: &str,
        instrument: &str,
        stop_1e8: Option<i64>,
        target_1e8: Option<i64>,
    ) -> Self {
        Self(core::Message::ExitLevels {
            strategy: name(strategy),
            instrument: name(instrument),
            stop_1e8,
            target_1e8,
        })
    }

    #[staticmethod]
    fn released(client_order_id: &str, released_ns: i64) -> Self {
        Self(core::Message::Released {
            client_order_id: name(client_order_id),
            released_ns,
        })
    }

    #[staticmethod]
    fn not_released(client_order_id: &str, reason: &str) -> Self {
        Self(core::Message::NotReleased {
            client_order_id: name(client_order_id),
            reason: name(reason),
        })
    }

    #[staticmethod]
    fn venue_report(report: &VenueReport) -> Self {
        Self(core::Message::VenueReport(report.0.clone()))
    }

    #[staticmethod]
    fn no_answer(client_order_id: &str) -> Self {
        Self(core::Message::NoAnswer {
            client_order_id: name(client_order_id),
        })
    }

    #[staticmethod]
    fn lookup_found(client_order_id: &str, reports: Vec<VenueReport>) -> Self {
        let reports = reports.into_iter().map(|report| report.0).collect();
        Self(core::Message::LookedUp {
            client_order_id: name(client_order_id),
            answer: Lookup::Found { reports },
        })
    }

    #[staticmethod]
    #[pyo3(signature = (client_order_id, *, is_complete = true))]
    fn lookup_absent(client_order_id: &str, is_complete: bool) -> Self {
        Self(core::Message::LookedUp {
            client_order_id: name(client_order_id),
            answer: Lookup::Absent { is_complete },
        })
    }

    #[staticmethod]
    fn lookup_unknown(client_order_id: &str) -> Self {
        Self(core::Message::LookedUp {
            client_order_id: name(client_order_id),
            answer: Lookup::Unknown,
        })
    }

    #[staticmethod]
    fn cancel_failed(client_order_id: &str, reason: &str) -> Self {
        Self(core::Message::CancelFailed {
            client_order_id: name(client_order_id),
            reason: name(reason),
        })
    }

    #[staticmethod]
    fn timer(kind: &str, key: &str) -> PyResult<Self> {
        let kind = word("kind", kind, TimerKind::ALL, TimerKind::as_str)?;
        Ok(Self(core::Message::Timer {
            kind,
            key: name(key),
        }))
    }

    #[staticmethod]
    fn control(name: &str, value_json: &str, author: &str) -> Self {
        Self(core::Message::Control {
            name: super::name(name),
            value: super::name(value_json),
            author: super::name(author),
        })
    }

    #[staticmethod]
    fn kill(kill_id: &str, level: &str, reason: &str, author: &str) -> PyResult<Self> {
        let level = word("level", level, &KillLevel::ALL[1..], KillLevel::as_str)?;
        Ok(Self(core::Message::Kill(Kill {
            kill_id: name(kill_id),
            level,
            reason: name(reason),
            author: name(author),
        })))
    }

    #[staticmethod]
    #[pyo3(signature = (author, *, rearm = false, reason = ""))]
    fn resume(author: &str, rearm: bool, reason: &str) -> Self {
        Self(core::Message::Resume {
            author: name(author),
            rearm,
            reason: name(reason),
        })
    }

    #[staticmethod]
    fn venue_flat(open_orders: i64, positions: i64) -> Self {
        Self(core::Message::VenueFlat {
            open_orders,
            positions,
        })
    }

    #[staticmethod]
    fn balance(equity_1e8: i64, cash_1e8: i64, buying_power_1e8: i64, at_ns: i64) -> Self {
        Self(core::Message::Balance(Balance {
            equity_1e8,
            cash_1e8,
            buying_power_1e8,
            at_ns,
        }))
    }

    #[staticmethod]
    fn halt(scope: &str, key: &str, reason: &str) -> PyResult<Self> {
        let scope = word("scope", scope, Scope::ALL, Scope::as_str)?;
        Ok(Self(core::Message::Halt {
            scope,
            key: name(key),
            reason: name(reason),
        }))
    }

    #[staticmethod]
    #[pyo3(signature = (
        asked_version, *, orders = None, positions = None, positions_of = None, cash = None, fills = None,
        fills_after_ns = 0, fills_known_ns = 0, is_forced = false
    ))]
    #[allow(clippy::too_many_arguments)] // keywords in Python
    fn stated(
        asked_version: u64,
        orders: Option<Vec<OrderRow>>,
        positions: Option<Vec<PositionRow>>,
        positions_of: Option<Vec<String>>,
        cash: Option<CashRow>,
        fills: Option<Vec<VenueReport>>,
        fills_after_ns: i64,
        fills_known_ns: i64,
        is_forced: bool,
    ) -> PyResult<Self> {
        let orders = orders.map(|rows| rows.into_iter().map(order_of).collect::<PyResult<_>>());
        Ok(Self(core::Message::Stated(Box::new(Statement {
            asked_version,
            orders: orders.transpose()?,
            positions: positions.map(|rows| rows.into_iter().map(position_of).collect()),
            positions_of: positions_of.map(|names| names.iter().map(|one| name(one)).collect()),
            cash: cash.map(cash_of),
            fills: fills.map(|reports| reports.into_iter().map(|report| report.0).collect()),
            fills_after_ns,
            fills_known_ns,
            is_forced,
        }))))
    }

    #[getter]
    fn asked(&self) -> Option<Signal> {
        if let core::Message::Signal(signal) = &self.0 {
            Some(Signal((**signal).clone()))
        } else {
            None
        }
    }

    fn __repr__(&self) -> String {
        format!("Message({:?})", self.0)
    }
}
