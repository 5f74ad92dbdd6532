//! How a paper venue is set up.

use crate::message::Name;
use serde::{Deserialize, Serialize};

/// Something the venue trades.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueInstrument {
    /// Its name at the venue.
    pub symbol: Name,
    /// Smallest price step.
    pub tick_1e8: i64,
    /// Smallest quantity step.
    pub lot_1e8: i64,
    /// Money per point of price and unit of quantity.
    pub multiplier_1e8: i64,
}

/// What the venue charges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fees {
    /// Per unit of quantity.
    pub per_unit_1e8: i64,
    /// Part of the value filled.
    pub ratio_1e8: i64,
    /// Least of an order that fills at all.
    pub minimum_1e8: i64,
}

/// How a paper venue is set up; read from JSON, unknown keys refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperConfig {
    /// Its name, in front of the ids it gives.
    pub venue: Name,
    /// Cash of the account when it was opened.
    pub cash_1e8: i64,
    /// What it trades.
    pub instruments: Vec<VenueInstrument>,
    /// Ticks by which a market order on bars or trades is worse than the price.
    #[serde(default)]
    pub slippage_ticks: i64,
    /// Part of a bar's or a trade's volume that one order may get; zero for no limit.
    #[serde(default)]
    pub participation_ratio_1e8: i64,
    /// A limit order fills when the price only touches it.
    #[serde(default)]
    pub is_touch_filled: bool,
    /// Size taken for quotes that show none; zero fills nothing on them.
    #[serde(default)]
    pub quote_size_absent_1e8: i64,
    /// Fees.
    #[serde(default)]
    pub fees: Fees,
    /// Ended orders kept for look-ups and to recognise repeats, once their change was taken; zero for all.
    #[serde(default)]
    pub ended_orders_max: usize,
}

impl PaperConfig {
    /// Reads it from JSON.
    ///
    /// # Errors
    /// Text saying what was expected and what was found.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let config: Self = serde_json::from_slice(json)
            .map_err(|e| format!("configuration of the paper venue cannot be read: {e}"))?;
        config.check().map(|()| config)
    }

    /// Whether its figures can be meant.
    ///
    /// # Errors
    /// Text naming the key, what was expected and what was found.
    pub fn check(&self) -> Result<(), String> {
        if self.instruments.is_empty() {
            return Err("instruments must have at least 1 entry, had 0".into());
        }
        for (at, instrument) in self.instruments.iter().enumerate() {
            let name = &instrument.symbol;
            positive(&format!("tick_1e8 of {name}"), instrument.tick_1e8)?;
            positive(&format!("lot_1e8 of {name}"), instrument.lot_1e8)?;
            positive(
                &format!("multiplier_1e8 of {name}"),
                instrument.multiplier_1e8,
            )?;
            if self.instruments[..at].iter().any(|i| i.symbol == *name) {
                return Err(format!("instrument {name} is listed twice"));
            }
        }
        for (name, value) in [
            ("slippage_ticks", self.slippage_ticks),
            ("participation_ratio_1e8", self.participation_ratio_1e8),
            ("quote_size_absent_1e8", self.quote_size_absent_1e8),
            ("fees.per_unit_1e8", self.fees.per_unit_1e8),
            ("fees.ratio_1e8", self.fees.ratio_1e8),
            ("fees.minimum_1e8", self.fees.minimum_1e8),
        ] {
            if value < 0 {
                return Err(format!("{name} must be at least 0, was {value}"));
            }
        }
        Ok(())
    }
}

fn positive(name: &str, value: i64) -> Result<(), String> {
    if value > 0 {
        return Ok(());
    }
    Err(format!("{name} must be above 0, was {value}"))
}
