//! One order and what is known of it.

use crate::event::OrderIntended;
use crate::message::{Name, Settlement};
use crate::money::{div_round, narrow, wide};
use crate::order_table::OrderState;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One execution, by the broker's id for it (EX-5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// The broker's id, or a fingerprint where it gives none.
    pub execution_id: Name,
    /// Quantity.
    pub qty_1e8: i64,
    /// Price.
    pub price_1e8: i64,
    /// Above zero is a cost.
    pub fee_1e8: i64,
    /// Where it stands on its way to being final; FAILED has been reversed.
    pub settlement: Settlement,
    /// The venue's stamp.
    pub venue_ns: i64,
}

/// An order: its intent, which never changes, and how far it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What was asked for.
    pub intent: Arc<OrderIntended>,
    /// Where it stands.
    pub state: OrderState,
    /// The venue's id, empty until known.
    pub broker_order_id: Name,
    /// Filled and not reversed.
    pub filled_1e8: i64,
    /// Sum of price × quantity over what is filled, at 1e-16.
    #[serde(with = "wide")]
    pub filled_value_1e16: i128,
    /// Fees so far.
    pub fees_1e8: i64,
    /// Every execution heard of.
    pub executions: Vec<Execution>,
    /// Its bytes were handed to the transport (or may have been).
    pub is_released: bool,
    /// When a cancel was asked for; zero if never.
    pub cancel_asked_ns: i64,
    /// Last change.
    pub changed_ns: i64,
}

impl Order {
    /// A new order, PENDING.
    pub fn new(intent: Arc<OrderIntended>, at_ns: i64) -> Self {
        Self {
            intent,
            state: OrderState::Pending,
            broker_order_id: Name::from(""),
            filled_1e8: 0,
            filled_value_1e16: 0,
            fees_1e8: 0,
            executions: Vec::new(),
            is_released: false,
            cancel_asked_ns: 0,
            changed_ns: at_ns,
        }
    }

    /// What may still be filled; zero once it has ended.
    pub fn open_1e8(&self) -> i64 {
        if self.state.is_terminal() {
            0
        } else {
            (self.intent.qty_1e8 - self.filled_1e8).max(0)
        }
    }

    /// Average price of what is filled; `None` before the first fill.
    pub fn average_1e8(&self) -> Option<i64> {
        narrow(div_round(
            self.filled_value_1e16,
            i128::from(self.filled_1e8),
        )?)
    }

    /// The execution of that id, if it was heard of before.
    pub fn execution(&self, execution_id: &str) -> Option<&Execution> {
        self.executions
            .iter()
            .find(|e| &*e.execution_id == execution_id)
    }
}
