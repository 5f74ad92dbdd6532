//! What protections say: who is active, what changed, and a row for the console (RK-15).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::Name;
use crate::sizing::Throttle;

/// A protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProtectionName {
    /// Stop-outs in a row; value and limit are counts.
    StoplossGuard,
    /// Drawdown of the closed trades; value and limit are ratios at 1e-8.
    MaxDrawdown,
    /// A pause after a stop-out; value is the nanoseconds that are left, limit 0.
    CooldownPeriod,
    /// Allowed minutes; value is the minute of the session, limit the next window's first.
    TimeWindow,
    /// Deviation of returns; value and limit are ratios at 1e-8.
    VolatilityHalt,
    /// Loss of the day; value and limit are money at 1e-8.
    DailyLoss,
    /// Loss of the week; value and limit are money at 1e-8.
    WeeklyLoss,
}

impl ProtectionName {
    /// The word of the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StoplossGuard => "STOPLOSS_GUARD",
            Self::MaxDrawdown => "MAX_DRAWDOWN",
            Self::CooldownPeriod => "COOLDOWN_PERIOD",
            Self::TimeWindow => "TIME_WINDOW",
            Self::VolatilityHalt => "VOLATILITY_HALT",
            Self::DailyLoss => "DAILY_LOSS",
            Self::WeeklyLoss => "WEEKLY_LOSS",
        }
    }
}

/// Where a protection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProtectionStatus {
    /// Switched off by name.
    Off,
    /// On, and nothing objects.
    Armed,
    /// Entries are off until something else than time ends it: a session, a week.
    Tripped,
    /// Entries are off until `until_ns`.
    Cooling,
    /// It cannot be computed, so entries are off (RK-7).
    Unknown,
}

/// A protection as the console shows it (RK-15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionRow {
    /// Which.
    pub name: ProtectionName,
    /// Symbol of the instrument; `None` is the whole account.
    pub instrument: Option<Name>,
    /// Where it stands.
    pub status: ProtectionStatus,
    /// When entries may go on.
    pub until_ns: Option<i64>,
    /// Last value; `None` when unknown.
    pub value: Option<i64>,
    /// Its limit.
    pub limit: Option<i64>,
}

/// A protection that refuses entries now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// Which.
    pub name: ProtectionName,
    /// Symbol of the instrument; `None` is the whole account.
    pub instrument: Option<Name>,
    /// Whether it tripped, or cannot be computed.
    pub is_unknown: bool,
    /// When entries may go on; `None` when time alone does not end it.
    pub until_ns: Option<i64>,
    /// Last value; `None` when unknown.
    pub value: Option<i64>,
    /// Its limit.
    pub limit: Option<i64>,
}

impl fmt::Display for Active {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_str())?;
        if let Some(instrument) = &self.instrument {
            write!(f, " of {instrument}")?;
        }
        match (self.is_unknown, self.until_ns) {
            (true, _) => f.write_str(" cannot be computed"),
            (false, Some(until_ns)) => write!(f, " is active until {until_ns} ns"),
            (false, None) => f.write_str(" is active"),
        }
    }
}

/// A protection tripped, was prolonged, or cleared: a fact for the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Which.
    pub name: ProtectionName,
    /// Symbol of the instrument; `None` is the whole account.
    pub instrument: Option<Name>,
    /// Tripped or prolonged; otherwise cleared.
    pub tripped: bool,
    /// When entries may go on; `None` when time alone does not end it.
    pub until_ns: Option<i64>,
    /// Value at this instant.
    pub value: Option<i64>,
    /// Its limit.
    pub limit: Option<i64>,
}

/// The size throttle changed (RK-8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThrottleTransition {
    /// Before.
    pub before: Throttle,
    /// From now on.
    pub after: Throttle,
}
