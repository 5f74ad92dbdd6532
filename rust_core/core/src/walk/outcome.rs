//! What a walk brought.

use crate::event::TradeClosed;
use crate::strategies::NoTradeReason;
use std::collections::BTreeMap;

/// One event with its bytes, as a journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkEvent {
    /// Its stream.
    pub stream: String,
    /// Its kind.
    pub kind: &'static str,
    /// When.
    pub at_ns: i64,
    /// JSON.
    pub payload: Vec<u8>,
    /// The row of the tape at or before it; -1 before the first.
    pub tape_seq: i64,
}

/// What a walk brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Bars told to the strategies.
    pub bars: u64,
    /// Sessions opened.
    pub sessions: u64,
    /// Signals given by the rules.
    pub signals: u64,
    /// Signals the account refused.
    pub refused: u64,
    /// Exits advised by the rules.
    pub advice: u64,
    /// Evaluations without a signal or advice, in the order of [`NoTradeReason::ALL`].
    pub no_trades: [u64; NoTradeReason::ALL.len()],
    /// Orders intended.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Fills that were not the whole of their order.
    pub partial_fills: u64,
    /// Failed checks of refused signals, by name.
    pub failed_checks: BTreeMap<String, u64>,
    /// Protections that tripped, by name.
    pub tripped: BTreeMap<String, u64>,
    /// Invariants that broke, by name; a walk without faults has none.
    pub violations: BTreeMap<String, u64>,
    /// Events decided.
    pub events_decided: u64,
    /// Closed trades, oldest first.
    pub trades: Vec<TradeClosed>,
    /// Profit and loss of the closed trades without fees.
    pub gross_1e8: i64,
    /// Fees of the closed trades.
    pub fees_1e8: i64,
    /// Every event, if asked for.
    pub events: Vec<WalkEvent>,
}

impl Outcome {
    /// Profit and loss of the closed trades less fees.
    pub fn net_1e8(&self) -> i64 {
        self.gross_1e8 - self.fees_1e8
    }

    /// The trades as a JSON array of `TradeClosed` payloads.
    ///
    /// # Errors
    /// Text, when they cannot be written; ours all can.
    pub fn trades_json(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(&self.trades).map_err(|e| format!("trades cannot be written: {e}"))
    }
}
