//! What is walked: an account, a venue, and rules.

use crate::config::AccountConfig;
use crate::matching::PaperConfig;
use crate::message::Name;
use crate::strategies::vwap_reversion::VwapParameters;
use serde::{Deserialize, Serialize};

/// One built-in rule on one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyConfig {
    /// Its name in ids and in the journal.
    pub name: Name,
    /// What it trades.
    pub instrument: Name,
    /// Parameters of `vwap_reversion`.
    #[serde(default)]
    pub parameters: VwapParameters,
}

/// A walk, read from JSON; unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalkConfig {
    /// The account, as the actors' account core reads it.
    pub account: AccountConfig,
    /// The venue, as the actors' paper venue reads it.
    pub venue: PaperConfig,
    /// The rules, in the order in which they are asked.
    pub strategies: Vec<StrategyConfig>,
    /// Keep every event with its bytes, to be compared with a journal.
    #[serde(default)]
    pub with_events: bool,
}

impl WalkConfig {
    /// Reads it from JSON.
    ///
    /// # Errors
    /// Text saying what was expected and what was found.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json)
            .map_err(|e| format!("the configuration of a walk cannot be read: {e}"))
    }
}
