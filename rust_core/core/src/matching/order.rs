//! Orders and executions as the venue keeps them.

use super::config::VenueInstrument;
use crate::message::{named_enum, Name, OrderType, Side, TimeInForce};
use crate::money::is_multiple;
use serde::{Deserialize, Serialize};

named_enum! {
    /// Where an order stands at the venue.
    VenueState {
        /// It waits for a price.
        Working = "WORKING",
        /// All of it is filled.
        Filled = "FILLED",
        /// What was left is cancelled.
        Cancelled = "CANCELLED",
        /// It was never taken.
        Rejected = "REJECTED",
        /// Its time is over.
        Expired = "EXPIRED",
    }
}

named_enum! {
    /// Whether a fill took a price that was there or waited for one.
    Liquidity {
        /// It waited.
        Maker = "MAKER",
        /// It took.
        Taker = "TAKER",
    }
}

/// What is asked of the venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder {
    /// The client's id; the venue takes it once.
    pub client_order_id: Name,
    /// Its symbol.
    pub instrument: Name,
    /// Direction.
    pub side: Side,
    /// Type.
    pub order_type: OrderType,
    /// Time in force.
    pub tif: TimeInForce,
    /// Quantity.
    pub qty_1e8: i64,
    /// Limit price, of LIMIT and `STOP_LIMIT`.
    pub limit_1e8: Option<i64>,
    /// Trigger price, of STOP and `STOP_LIMIT`.
    pub trigger_1e8: Option<i64>,
}

impl NewOrder {
    /// Why the venue would not take it, in its words; `None` if it would.
    pub fn fault(&self, instrument: Option<&VenueInstrument>) -> Option<String> {
        let Some(instrument) = instrument else {
            return Some(format!("unknown instrument {}", self.instrument));
        };
        if self.qty_1e8 <= 0 {
            return Some(format!("quantity must be above 0, was {}", self.qty_1e8));
        }
        if !is_multiple(self.qty_1e8, instrument.lot_1e8) {
            return Some(format!(
                "quantity must be a multiple of the lot {}, was {}",
                instrument.lot_1e8, self.qty_1e8
            ));
        }
        let needs_limit = self.order_type.needs_limit_price();
        let needs_trigger = self.order_type.needs_trigger_price();
        price_fault("limit", needs_limit, self.limit_1e8, instrument.tick_1e8).or_else(|| {
            price_fault(
                "trigger",
                needs_trigger,
                self.trigger_1e8,
                instrument.tick_1e8,
            )
        })
    }
}

fn price_fault(name: &str, is_needed: bool, price: Option<i64>, tick: i64) -> Option<String> {
    match price {
        None if is_needed => Some(format!("{name} price is missing")),
        Some(_) if !is_needed => Some(format!("{name} price does not belong on this order type")),
        Some(price) if price <= 0 || !is_multiple(price, tick) => Some(format!(
            "{name} price must be a positive multiple of the tick {tick}, was {price}"
        )),
        _ => None,
    }
}

/// An order at the venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueOrder {
    /// What was asked.
    pub asked: NewOrder,
    /// Counts the venue's orders from 1.
    pub number: u64,
    /// The venue's id.
    pub broker_order_id: Name,
    /// Index of its instrument.
    pub(super) instrument: usize,
    /// Where it stands.
    pub state: VenueState,
    /// When it came.
    pub submitted_ns: i64,
    /// When it ended; zero while it works.
    pub ended_ns: i64,
    /// Why it ended, in the venue's words.
    pub reason: Name,
    /// Filled so far.
    pub filled_1e8: i64,
    /// Price × quantity × multiplier filled so far.
    pub value_1e8: i64,
    /// Fees charged so far.
    pub fees_1e8: i64,
    /// Its stop was reached.
    pub is_triggered: bool,
    /// Which bar `bar_filled_1e8` belongs to, by its start.
    pub(super) bar_ns: i64,
    /// Filled from that bar's volume.
    pub(super) bar_filled_1e8: i64,
}

impl VenueOrder {
    /// What is not filled.
    pub fn left_1e8(&self) -> i64 {
        self.asked.qty_1e8 - self.filled_1e8
    }

    /// Whether its stop still waits.
    pub(super) fn is_armed(&self) -> bool {
        self.asked.order_type.needs_trigger_price() && !self.is_triggered
    }
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Counts the venue's executions from 1.
    pub number: u64,
    /// The venue's id.
    pub execution_id: Name,
    /// The client's id of the order.
    pub client_order_id: Name,
    /// The venue's id of the order.
    pub broker_order_id: Name,
    /// Number of the order.
    pub order_number: u64,
    /// Symbol.
    pub instrument: Name,
    /// Direction.
    pub side: Side,
    /// Quantity.
    pub qty_1e8: i64,
    /// Price.
    pub price_1e8: i64,
    /// Fee; above zero is a cost.
    pub fee_1e8: i64,
    /// Whether it waited.
    pub liquidity: Liquidity,
    /// When.
    pub at_ns: i64,
}
