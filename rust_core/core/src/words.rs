//! The few words every part of an order shares: side, order type, time in force.

use serde::{Deserialize, Serialize};

/// Direction of an order or a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    /// Adds to a long position or reduces a short one.
    Buy,
    /// Adds to a short position or reduces a long one.
    Sell,
}

impl Side {
    /// +1 for a buy, −1 for a sell.
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }

    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// The word of the journal and the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }
}

/// How an order meets the market (EX-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderType {
    /// At the best price there is.
    Market,
    /// At the limit price or better.
    Limit,
    /// A market order once the stop price trades.
    Stop,
    /// A limit order once the stop price trades.
    StopLimit,
}

impl OrderType {
    /// Whether a limit price must stand on the order.
    pub const fn needs_limit_price(self) -> bool {
        matches!(self, Self::Limit | Self::StopLimit)
    }

    /// Whether a stop price must stand on the order.
    pub const fn needs_stop_price(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit)
    }

    /// The word of the journal and the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Market => "MARKET",
            Self::Limit => "LIMIT",
            Self::Stop => "STOP",
            Self::StopLimit => "STOP_LIMIT",
        }
    }
}

/// How long an order stays at the venue (EX-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimeInForce {
    /// Until the session ends.
    Day,
    /// Until it is cancelled.
    Gtc,
    /// What fills at once; the rest is cancelled.
    Ioc,
    /// All of it at once, or nothing.
    Fok,
}

impl TimeInForce {
    /// The word of the journal and the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "DAY",
            Self::Gtc => "GTC",
            Self::Ioc => "IOC",
            Self::Fok => "FOK",
        }
    }
}

/// How far trading is stopped (KC-1); a higher level includes the lower ones.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum KillLevel {
    /// Trading is not stopped.
    #[default]
    None,
    /// No new entries; exits and stops go on.
    Pause,
    /// Everything is cancelled and closed, then paused.
    Flatten,
    /// Everything is cancelled and halted until a person re-arms.
    Emergency,
}

impl KillLevel {
    /// All levels, lowest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Pause, Self::Flatten, Self::Emergency];

    /// The word of the journal and the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Pause => "PAUSE",
            Self::Flatten => "FLATTEN",
            Self::Emergency => "EMERGENCY",
        }
    }

    /// The level of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}
