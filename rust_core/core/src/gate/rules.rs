//! The limits of an account and the facts of an instrument.

use serde::{Deserialize, Serialize};

use crate::message::Name;
use crate::money::ONE_1E8;

const SECOND_NS: i64 = 1_000_000_000;

/// The hard limits of an account. Every one is on; a limit is loosened by its name (RK-12, RK-14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateRules {
    /// Largest loss of one trade at its stop (RK-3).
    pub max_trade_loss_1e8: i64,
    /// Largest notional of one position (EX-12).
    pub max_position_notional_1e8: i64,
    /// Entry orders per session or window, and instrument (EX-12).
    pub max_entries_per_window: u32,
    /// Positions per symbol (EX-12).
    pub max_open_positions_per_symbol: u32,
    /// Positions overall (EX-12, RK-13).
    pub max_open_positions: u32,
    /// Largest exposure of one instrument, as a share of equity (RK-13).
    pub max_instrument_exposure_ratio_1e8: i64,
    /// Largest exposure of the account, as a share of equity (PF-3).
    pub max_portfolio_exposure_ratio_1e8: i64,
    /// Farthest an order's price may be from the mark, as a share of the mark (EX-10).
    pub collar_ratio_1e8: i64,
    /// Oldest mark that counts as a price.
    pub max_mark_age_ns: i64,
    /// Oldest balance that counts as the broker's word (EX-13).
    pub max_balance_age_ns: i64,
    /// Whether an entry may sell what is not held (EX-10).
    pub allow_short: bool,
    /// Whether positions are closed under EMERGENCY, or left with their stops (KC-1).
    pub emergency_closes_positions: bool,
    /// Symbols that may be entered; `None` is every configured one, an empty list is none.
    pub allowed_instruments: Option<Vec<Name>>,
    /// Strategies that may enter; `None` is every configured one, an empty list is none.
    pub allowed_strategies: Option<Vec<Name>>,
}

impl Default for GateRules {
    /// The micro profile (RK-3, EX-12, PF-3).
    fn default() -> Self {
        Self {
            max_trade_loss_1e8: 3 * ONE_1E8 / 2,
            max_position_notional_1e8: 5 * ONE_1E8,
            max_entries_per_window: 2,
            max_open_positions_per_symbol: 1,
            max_open_positions: 5,
            max_instrument_exposure_ratio_1e8: ONE_1E8 / 2,
            max_portfolio_exposure_ratio_1e8: ONE_1E8 / 5 * 4,
            collar_ratio_1e8: ONE_1E8 / 20,
            max_mark_age_ns: 90 * SECOND_NS,
            max_balance_age_ns: 5 * SECOND_NS,
            allow_short: false,
            emergency_closes_positions: true,
            allowed_instruments: None,
            allowed_strategies: None,
        }
    }
}

impl GateRules {
    /// Whether the limits make sense.
    ///
    /// # Errors
    /// One sentence per limit that cannot be meant: expected and found.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        let amounts = [
            ("max_trade_loss_1e8", self.max_trade_loss_1e8),
            ("max_position_notional_1e8", self.max_position_notional_1e8),
            (
                "max_entries_per_window",
                i64::from(self.max_entries_per_window),
            ),
            (
                "max_open_positions_per_symbol",
                i64::from(self.max_open_positions_per_symbol),
            ),
            ("max_open_positions", i64::from(self.max_open_positions)),
            (
                "max_instrument_exposure_ratio_1e8",
                self.max_instrument_exposure_ratio_1e8,
            ),
            (
                "max_portfolio_exposure_ratio_1e8",
                self.max_portfolio_exposure_ratio_1e8,
            ),
            ("max_mark_age_ns", self.max_mark_age_ns),
        ];
        for (name, value) in amounts {
            if value <= 0 {
                problems.push(format!("{name} must be above zero, was {value}"));
            }
        }
        if !(1..ONE_1E8).contains(&self.collar_ratio_1e8) {
            problems.push(format!(
                "collar_ratio_1e8 must be above zero and below 1e8, was {}",
                self.collar_ratio_1e8
            ));
        }
        if self.max_balance_age_ns < 0 {
            problems.push(format!(
                "max_balance_age_ns must not be below zero, was {}",
                self.max_balance_age_ns
            ));
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}

/// The facts of an instrument that an order must fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentRules {
    /// Price step.
    pub tick_1e8: i64,
    /// Quantity step.
    pub lot_1e8: i64,
    /// Smallest quantity.
    pub min_qty_1e8: i64,
    /// Money per point and unit.
    pub multiplier_1e8: i64,
    /// Lowest price the venue takes; one tick where it has no band.
    #[serde(default)]
    pub price_min_1e8: Option<i64>,
    /// Highest price the venue takes.
    #[serde(default)]
    pub price_max_1e8: Option<i64>,
    /// Share of the notional that an entry takes from the buying power; 1e8 for paid-in-full instruments.
    #[serde(default = "whole")]
    pub margin_ratio_1e8: i64,
}

const fn whole() -> i64 {
    ONE_1E8
}
