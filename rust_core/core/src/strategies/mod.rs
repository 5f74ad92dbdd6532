//! Built-in strategy rules: pure, fed one complete bar at a time, the same in actors and walker.

pub mod vwap_reversion;

use crate::message::{named_enum, ExitReason, Side};

named_enum! {
    /// Why an evaluation gave no signal (SG-2); the first that applies, in the order of the rule.
    NoTradeReason {
        /// The strategy or the account takes no entries now.
        Disabled = "DISABLED",
        /// The session's loss has reached the strategy's limit.
        DailyLimit = "DAILY_LIMIT",
        /// Too few bars in this session.
        Warmup = "WARMUP",
        /// No volume yet, or figures too large to be true.
        NoVwap = "NO_VWAP",
        /// Not the time of day for entries.
        OutsideWindow = "OUTSIDE_WINDOW",
        /// As many entries as a session may have.
        MaxTrades = "MAX_TRADES",
        /// A position is open and stays open.
        InPosition = "IN_POSITION",
        /// An entry is under way.
        OrderWorking = "ORDER_WORKING",
        /// The price is not low enough (nor, where both sides are traded, high enough).
        PriceAboveThreshold = "PRICE_ABOVE_THRESHOLD",
        /// The price is not high enough.
        PriceBelowThreshold = "PRICE_BELOW_THRESHOLD",
        /// The size came out as nothing.
        ZeroSize = "ZERO_SIZE",
        /// Nothing to do, for a strategy that has no closer word.
        NoSetup = "NO_SETUP",
        /// Too little volume.
        NoVolume = "NO_VOLUME",
        /// Too much or too little movement.
        Volatility = "VOLATILITY",
        /// Not a regime this strategy trades (SG-7).
        Regime = "REGIME",
        /// Data are missing or too old.
        StaleData = "STALE_DATA",
    }
}

/// A complete bar; prices and volume at 1e-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// First instant.
    pub start_ns: i64,
    /// Last instant, when the bar becomes known.
    pub end_ns: i64,
    /// First price.
    pub open_1e8: i64,
    /// Highest price.
    pub high_1e8: i64,
    /// Lowest price.
    pub low_1e8: i64,
    /// Last price.
    pub close_1e8: i64,
    /// Quantity traded.
    pub volume_1e8: i64,
}

/// What a rule may know beside its bars: a read-only view of its own standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)]
pub struct RuleContext {
    /// Now, nanoseconds UTC.
    pub now_ns: i64,
    /// First instant of the session.
    pub open_ns: i64,
    /// Last instant of the session.
    pub close_ns: i64,
    /// Direction of the strategy's open position.
    pub position: Option<Side>,
    /// An entry order is live.
    pub is_entry_pending: bool,
    /// An exit of the open position was decided already.
    pub is_exit_pending: bool,
    /// Entry orders intended in this session.
    pub entries: i64,
    /// The strategy's realised result of this session, less fees.
    pub session_net_1e8: i64,
    /// Entries are allowed (controls, kill level, flags).
    pub is_trading_allowed: bool,
}

/// What a rule makes of a bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleDecision {
    /// Ask for a position.
    Enter(Box<Entry>),
    /// Advise to close it.
    Exit(Leave),
    /// Neither, for this reason.
    NoTrade(NoTradeReason),
}

/// A position a rule asks for, at market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Direction.
    pub side: Side,
    /// Minute of the session at which the bar ended: `m0030` (EX-4).
    pub setup_instance: String,
    /// Stop distance from the average fill, at 1e-8.
    pub stop_ratio_1e8: i64,
    /// Flat at this instant.
    pub force_flat_ns: i64,
    /// Close of the bar.
    pub reference_1e8: i64,
    /// End of the bar.
    pub reference_ns: i64,
    /// The average it was compared with, rounded half away from zero; for people.
    pub vwap_1e8: i64,
    /// In words.
    pub reason: String,
}

/// Advice to close a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// Under which reason: `TAKE_PROFIT`.
    pub reason: ExitReason,
    /// Close of the bar.
    pub reference_1e8: i64,
    /// The average it was compared with, rounded half away from zero; for people.
    pub vwap_1e8: i64,
    /// In words, fixed: `mean reversion`.
    pub text: &'static str,
}

/// The caller broke a promise; the bar was not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleFault {
    /// The bar ends after now (SG-3: no future bars).
    LookAhead {
        /// End of the bar.
        end_ns: i64,
        /// Now.
        now_ns: i64,
    },
    /// The bar starts before the one before it ended.
    OutOfOrder {
        /// Start of the bar.
        start_ns: i64,
        /// End of the one before.
        last_end_ns: i64,
    },
    /// Prices that contradict each other, or are not above zero.
    Impossible {
        /// End of the bar.
        end_ns: i64,
    },
}

impl std::fmt::Display for RuleFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LookAhead { end_ns, now_ns } => write!(
                f,
                "a bar must have ended by now ({now_ns}), its end was {end_ns}"
            ),
            Self::OutOfOrder {
                start_ns,
                last_end_ns,
            } => write!(
                f,
                "a bar must start at or after the end of the one before ({last_end_ns}), its start was {start_ns}"
            ),
            Self::Impossible { end_ns } => write!(
                f,
                "a bar must have 0 < low <= open, close <= high, a volume of at least 0 and a length; the one ending at {end_ns} has not"
            ),
        }
    }
}

impl std::error::Error for RuleFault {}

impl Bar {
    /// Whether its figures can be true together.
    pub fn is_possible(&self) -> bool {
        self.low_1e8 > 0
            && self.low_1e8 <= self.open_1e8.min(self.close_1e8)
            && self.high_1e8 >= self.open_1e8.max(self.close_1e8)
            && self.volume_1e8 >= 0
            && self.start_ns < self.end_ns
    }
}
