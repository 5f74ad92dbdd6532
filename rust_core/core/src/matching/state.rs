//! What the venue remembers, as it is written down.

use super::order::{Execution, VenueOrder};
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
}

impl BookState {
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
