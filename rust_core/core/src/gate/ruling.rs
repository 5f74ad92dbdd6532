//! What the gate answers.

use serde::{Deserialize, Serialize};

use super::submission::Verdict;

/// Every check there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CheckName {
    /// Rules are configured.
    RulesPresent,
    /// The instrument is known and its tick, lot and multiplier are above zero.
    InstrumentKnown,
    /// Client order id, strategy, symbol, and the prices its type asks for.
    RequiredFields,
    /// Quantity above zero.
    QtyPositive,
    /// Quantity on the lot.
    LotSize,
    /// Quantity at least the venue's smallest.
    MinSize,
    /// Prices on the tick.
    PriceTick,
    /// Prices above zero and inside the venue's band.
    PriceBand,
    /// An exit is opposite to the position and no larger.
    ReducesPosition,
    /// A protective stop above zero on the losing side, or none by name.
    ProtectiveStop,
    /// A target above zero, if there is one.
    TakeProfit,
    /// A price is known, above zero and fresh.
    MarkFresh,
    /// The order's prices are near the mark.
    Collar,
    /// The broker's figure is known, fresh and enough.
    BuyingPower,
    /// The loss at the stop is within the trade's limit.
    TradeLoss,
    /// The position's notional is within its limit.
    PositionNotional,
    /// Entries of this window.
    EntriesPerWindow,
    /// Positions in this symbol.
    OpenPositionsPerSymbol,
    /// Positions overall.
    OpenPositions,
    /// The account value is known and above zero.
    EquityKnown,
    /// Exposure of the instrument.
    InstrumentExposure,
    /// Exposure of the account.
    PortfolioExposure,
    /// No order of the instrument is UNKNOWN.
    UnknownOrder,
    /// A short entry is allowed.
    ShortAllowed,
    /// The kill level.
    KillLevel,
    /// The pause control.
    Paused,
    /// The halt of an invariant.
    Halted,
    /// The instrument may be entered.
    InstrumentAllowed,
    /// The strategy may enter.
    StrategyAllowed,
    /// No protection is active.
    Protections,
    /// The session is open.
    SessionOpen,
    /// No policy objects.
    PolicyVeto,
    /// The deadline has not passed.
    Deadline,
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
