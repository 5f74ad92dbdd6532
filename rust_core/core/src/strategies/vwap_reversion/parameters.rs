//! Parameters of the rule with their ranges (SG-8).

use serde::{Deserialize, Serialize};

/// One parameter: its name, default and range, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its key in the configuration.
    pub name: &'static str,
    /// Its value when none is given.
    pub default: i64,
    /// The least it may be.
    pub least: i64,
    /// The most it may be.
    pub most: i64,
    /// What it does.
    pub text: &'static str,
}

macro_rules! parameters {
    ($($(#[doc = $doc:literal])+ $name:ident = $default:literal in $least:literal..=$most:literal,)+) => {
        /// Parameters of [`super::VwapReversion`]; a key that is not here is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct VwapParameters {
            $($(#[doc = $doc])+ pub $name: i64,)+
            /// Sell above the average too, not only buy below it.
            pub is_short_allowed: bool,
        }

        impl Default for VwapParameters {
            fn default() -> Self {
                Self { $($name: $default,)+ is_short_allowed: false }
            }
        }

        /// Every numeric parameter with its range.
        pub const PARAMETERS: &[Parameter] = &[$(Parameter {
            name: stringify!($name), default: $default, least: $least, most: $most,
            text: concat!($($doc),+),
        },)+];

        impl VwapParameters {
            fn values(&self) -> [(i64, &'static Parameter); PARAMETERS.len()] {
                let values = [$(self.$name),+];
                std::array::from_fn(|i| (values[i], &PARAMETERS[i]))
            }
        }
    };
}

parameters! {
    /// How far below the average a close must be, a ratio at 1e-8.
    entry_deviation_ratio_1e8 = 300_000 in 1..=20_000_000,
    /// Distance of the stop from the average fill, a ratio at 1e-8.
    stop_ratio_1e8 = 300_000 in 1..=50_000_000,
    /// First minute after the open at which a bar may end to enter.
    window_start_minutes = 30 in 0..=1_440,
    /// Last minute after the open at which a bar may end to enter.
    window_end_minutes = 120 in 0..=1_440,
    /// Complete bars a session must have.
    bars_min = 20 in 1..=10_000,
    /// Entries in one session.
    entries_max = 1 in 1..=1_000,
    /// Loss of the session at which entries end, money at 1e-8.
    session_loss_max_1e8 = 1_000_000_000 in 1..=1_000_000_000_000_000_000,
    /// Flat this many minutes after the open, at the latest.
    flat_after_open_minutes = 385 in 1..=1_440,
    /// Flat this many minutes before the close, at the latest.
    flat_before_close_minutes = 5 in 0..=1_440,
}

impl VwapParameters {
    /// Reads them from JSON; what is absent takes its default.
    ///
    /// # Errors
    /// Text saying what was expected and what was found.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(json)
            .map_err(|e| format!("parameters of vwap_reversion cannot be read: {e}"))?;
        read.check().map(|()| read)
    }

    /// Whether each is in its range and they agree with each other.
    ///
    /// # Errors
    /// Text naming the parameter, its range and what it was.
    pub fn check(&self) -> Result<(), String> {
        for (value, parameter) in self.values() {
            if !(parameter.least..=parameter.most).contains(&value) {
                return Err(format!(
                    "{} must be between {} and {}, was {value}",
                    parameter.name, parameter.least, parameter.most
                ));
            }
        }
        if self.window_end_minutes < self.window_start_minutes {
            return Err(format!(
                "window_end_minutes must be at least window_start_minutes ({}), was {}",
                self.window_start_minutes, self.window_end_minutes
            ));
        }
        Ok(())
    }
}
