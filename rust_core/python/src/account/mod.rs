//! The account core as Python sees it: conversions only.

mod core;
mod decisions;
mod messages;
mod plans;
mod table;
mod views;

pub use self::core::{AccountCore, StaleDecisionError};
pub use decisions::{Cancel, Decision, Event, Lookup, Notify, Submit, Timer};
pub use messages::Message;
pub use plans::{ExitPlan, Leg, Signal};
pub use table::{
    add_constants, order_correct, order_step, realised_1e8, BrokerConfirmationRequiredError,
    InvalidTransitionError, OrderTableError, TerminalStateError,
};
pub use views::{
    AccountView, DriftView, Judgement, OrderView, PositionView, ProtectionView, StrategySeen,
    StrategySession,
};

use holdfast_core::message::Name;
use pyo3::exceptions::PyValueError;
use pyo3::PyResult;

/// The value of a word, or a `ValueError` that lists the words.
fn word<T: Copy>(what: &str, text: &str, all: &[T], as_str: fn(T) -> &'static str) -> PyResult<T> {
    all.iter()
        .copied()
        .find(|one| as_str(*one) == text)
        .ok_or_else(|| {
            let words: Vec<_> = all.iter().map(|one| as_str(*one)).collect();
            PyValueError::new_err(format!(
                "{what} must be one of {}, was {text:?}",
                words.join(", ")
            ))
        })
}

fn name(text: &str) -> Name {
    Name::from(text)
}
