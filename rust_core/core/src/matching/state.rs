//! What the venue remembers, as it is written down.

use super::order::{Execution, VenueOrder, VenueState};
use crate::json;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The best prices of one instrument and what happened last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    /// Last price seen; zero before the first.
    pub last_1e8: i64,
    /// Bid; zero while no quote is known.
    pub bid_1e8: i64,
    /// Ask; zero while no quote is known.
    pub ask_1e8: i64,
    /// What our fills left of the size shown at the bid.
    pub bid_left_1e8: i64,
    /// What our fills left of the size shown at the ask.
    pub ask_left_1e8: i64,
    /// Start of the bar whose open print was the last.
    pub open_print_ns: i64,
}

/// Everything a paper venue must not forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookState {
    /// Cash of the account.
    pub cash_1e8: i64,
    /// Quantity held of each instrument, in the order of the configuration.
    pub positions_1e8: Vec<i64>,
    /// Prices of each instrument.
    pub markets: Vec<Market>,
    /// Orders that work or were kept, by number.
    pub orders: VecDeque<VenueOrder>,
    /// Number the next order gets.
    pub next_order: u64,
    /// Executions of the orders kept, by number.
    pub executions: VecDeque<Execution>,
    /// Number the next execution gets.
    pub next_execution: u64,
    /// How many of the kept orders have ended.
    pub ended: usize,
    /// Number of the last change taken.
    pub changes: u64,
}

/// What changed since the last one was taken, as whole orders and resulting sums: written one after the
/// other they are the venue's book, and each costs no more than what it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookChange {
    /// Counts the changes from 1.
    pub number: u64,
    /// Cash after it.
    pub cash_1e8: i64,
    /// Quantities held after it.
    pub positions_1e8: Vec<i64>,
    /// Orders that are new or changed, as they are after it, by number.
    pub orders: Vec<VenueOrder>,
    /// New executions, by number.
    pub executions: Vec<Execution>,
}

impl BookState {
    /// Takes a change over.
    ///
    /// # Errors
    /// Text, when the change does not follow on this state.
    pub fn apply(&mut self, change: BookChange) -> Result<(), String> {
        if change.number != self.changes + 1 {
            return Err(out_of_turn("change", change.number));
        }
        self.changes = change.number;
        if change.positions_1e8.len() != self.positions_1e8.len() {
            return Err("a change of the book was kept for other instruments".into());
        }
        self.cash_1e8 = change.cash_1e8;
        self.positions_1e8 = change.positions_1e8;
        for order in change.orders {
            let number = order.number;
            if number == self.next_order {
                self.next_order += 1;
                self.orders.push_back(order);
            } else {
                let kept = self.order_mut(number);
                *kept.ok_or_else(|| out_of_turn("order", number))? = order;
            }
        }
        for execution in change.executions {
            if execution.number != self.next_execution {
                return Err(out_of_turn("execution", execution.number));
            }
            self.next_execution += 1;
            self.executions.push_back(execution);
        }
        let is_over = |order: &&VenueOrder| order.state != VenueState::Working;
        self.ended = self.orders.iter().filter(is_over).count();
        Ok(())
    }

    /// A venue that has seen nothing.
    pub fn new(cash_1e8: i64, instruments: usize) -> Self {
        Self {
            cash_1e8,
            positions_1e8: vec![0; instruments],
            markets: vec![Market::default(); instruments],
            orders: VecDeque::new(),
            next_order: 1,
            executions: VecDeque::new(),
            next_execution: 1,
            ended: 0,
            changes: 0,
        }
    }

    /// The kept order of that number.
    pub(super) fn order(&self, number: u64) -> Option<&VenueOrder> {
        self.orders.get(self.index(number)?)
    }

    /// The kept order of that number, to be changed.
    pub(super) fn order_mut(&mut self, number: u64) -> Option<&mut VenueOrder> {
        let index = self.index(number)?;
        self.orders.get_mut(index)
    }

    fn index(&self, number: u64) -> Option<usize> {
        let first = self.orders.front()?.number;
        usize::try_from(number.checked_sub(first)?).ok()
    }
}

/// Reads a state or a change from JSON.
///
/// # Errors
/// Text, when it is not one.
pub fn read_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|e| format!("the paper venue's book cannot be read: {e}"))
}

/// Writes a state or a change as JSON.
///
/// # Errors
/// Text, when it cannot be written; ours all can.
pub fn to_json(value: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(1024);
    json::write(value, &mut bytes)
        .map_err(|e| format!("the paper venue's book cannot be written: {e}"))?;
    Ok(bytes)
}

fn out_of_turn(what: &str, number: u64) -> String {
    format!("changes of the book must follow each other: {what} {number} came out of turn")
}
