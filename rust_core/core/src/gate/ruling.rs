//! What the gate answers.

use serde::{Deserialize, Serialize};

use super::submission::Verdict;

crate::message::named_enum! {
    /// Every check there is.
    CheckName {
        /// Rules are configured.
        RulesPresent = "RULES_PRESENT",
        /// The instrument is known and its tick, lot and multiplier are above zero.
        InstrumentKnown = "INSTRUMENT_KNOWN",
        /// Client order id, strategy, symbol, and the prices its type asks for.
        RequiredFields = "REQUIRED_FIELDS",
        /// Quantity above zero.
        QtyPositive = "QTY_POSITIVE",
        /// Risk, caps and throttle leave a quantity to trade (RK-2, RK-8).
        ZeroSize = "ZERO_SIZE",
        /// Quantity on the lot.
        LotSize = "LOT_SIZE",
        /// Quantity at least the venue's smallest.
        MinSize = "MIN_SIZE",
        /// Prices on the tick.
        PriceTick = "PRICE_TICK",
        /// Prices above zero and inside the venue's band.
        PriceBand = "PRICE_BAND",
        /// An exit is opposite to the position and no larger.
        ReducesPosition = "REDUCES_POSITION",
        /// A protective stop above zero on the losing side, or none by name.
        ProtectiveStop = "PROTECTIVE_STOP",
        /// A target above zero, if there is one.
        TakeProfit = "TAKE_PROFIT",
        /// A price is known, above zero and fresh.
        MarkFresh = "MARK_FRESH",
        /// The order's prices are near the mark.
        Collar = "COLLAR",
        /// The broker's figure is known, fresh and enough.
        BuyingPower = "BUYING_POWER",
        /// The loss at the stop is within the trade's limit.
        TradeLoss = "TRADE_LOSS",
        /// The position's notional is within its limit.
        PositionNotional = "POSITION_NOTIONAL",
        /// Entries of this window.
        EntriesPerWindow = "ENTRIES_PER_WINDOW",
        /// Positions in this symbol.
        OpenPositionsPerSymbol = "OPEN_POSITIONS_PER_SYMBOL",
        /// Positions overall.
        OpenPositions = "OPEN_POSITIONS",
        /// The account value is known and above zero.
        EquityKnown = "EQUITY_KNOWN",
        /// Exposure of the instrument.
        InstrumentExposure = "INSTRUMENT_EXPOSURE",
        /// Exposure of the account.
        PortfolioExposure = "PORTFOLIO_EXPOSURE",
        /// No order of the instrument is UNKNOWN.
        UnknownOrder = "UNKNOWN_ORDER",
        /// A short entry is allowed.
        ShortAllowed = "SHORT_ALLOWED",
        /// The kill level.
        KillLevel = "KILL_LEVEL",
        /// The pause control.
        Paused = "PAUSED",
        /// The halt of an invariant.
        Halted = "HALTED",
        /// The instrument may be entered.
        InstrumentAllowed = "INSTRUMENT_ALLOWED",
        /// The strategy may enter.
        StrategyAllowed = "STRATEGY_ALLOWED",
        /// No protection is active.
        Protections = "PROTECTIONS",
        /// The session is open.
        SessionOpen = "SESSION_OPEN",
        /// No policy objects.
        PolicyVeto = "POLICY_VETO",
        /// The deadline has not passed.
        Deadline = "DEADLINE",
    }
}

/// How loud a failed check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Severity {
    /// An expected outcome.
    Refusal,
    /// A fault of whoever made the order.
    Critical,
}

/// One check that did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCheck {
    /// Which.
    pub name: CheckName,
    /// How loud.
    pub severity: Severity,
    /// What was found, in the unit of the limit (1e-8, a count, or nanoseconds); `None` when unknown.
    pub value: Option<i64>,
    /// What was allowed.
    pub limit: Option<i64>,
    /// What was expected and found, in words; names the policy or protection.
    pub detail: String,
}

/// What the figures of a check count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Unit {
    /// Things.
    Count,
    /// Nanoseconds.
    Ns,
    /// Money at 1e-8.
    Money,
    /// A ratio at 1e-8.
    Ratio,
}

/// One check with a figure that passed: what was found beside what is allowed (PM-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedCheck {
    /// Which.
    pub name: CheckName,
    /// What was found.
    pub value: i64,
    /// What is allowed at most.
    pub limit: i64,
    /// Of both.
    pub unit: Unit,
}

/// What an approved entry would change; zero for exits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Notional of the order.
    pub notional_1e8: i64,
    /// Loss at the stop.
    pub trade_loss_1e8: i64,
    /// Exposure of the instrument afterwards.
    pub instrument_exposure_1e8: i64,
    /// Exposure of the account afterwards.
    pub portfolio_exposure_1e8: i64,
}

/// The gate's answer.
#[derive(Debug)]
#[must_use]
pub enum Ruling {
    /// Nothing objects; bind the verdict to the intent's bytes.
    Approved(Verdict),
    /// Every check that failed, at least one.
    Refused(Vec<FailedCheck>),
}
