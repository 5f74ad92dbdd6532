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
    /// Every side.
    pub const ALL: &'static [Self] = &[Self::Buy, Self::Sell];

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
    /// Every type.
    pub const ALL: &'static [Self] = &[Self::Market, Self::Limit, Self::Stop, Self::StopLimit];

    /// Whether a limit price must stand on the order.
    pub const fn needs_limit_price(self) -> bool {
        matches!(self, Self::Limit | Self::StopLimit)
    }

    /// Whether a trigger price must stand on the order.
    pub const fn needs_trigger_price(self) -> bool {
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
    /// Until it is cancelled, and only if it rests: what would take at once is not wanted.
    Gtx,
}

impl TimeInForce {
    /// Every time in force.
    pub const ALL: &'static [Self] = &[Self::Day, Self::Gtc, Self::Ioc, Self::Fok, Self::Gtx];

    /// The word of the journal and the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "DAY",
            Self::Gtc => "GTC",
            Self::Ioc => "IOC",
            Self::Fok => "FOK",
            Self::Gtx => "GTX",
        }
    }
}
