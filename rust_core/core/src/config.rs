//! How one account is set up; read from JSON, unknown keys refused.

use crate::gate::{GateRules, InstrumentRules};
use crate::message::{named_enum, Name, Scope};
use crate::money::ONE_1E8;
use crate::protections::ProtectionsConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Longest id of an instrument: Polymarket's are numbers of up to 78 digits.
const SYMBOL_MAX: usize = 80;

named_enum! {
    /// Where fills come from; nothing downstream differs.
    Mode {
        /// Real money.
        Live = "LIVE",
        /// The paper venue, in real time or on a replay.
        Paper = "PAPER",
        /// Everything but the hand-over to a venue.
        DryRun = "DRY_RUN",
        /// A replay for research.
        Backtest = "BACKTEST",
    }
}

impl Mode {
    /// The tag in front of a client order id (EX-4). A dry run prepares the very bytes that LIVE
    /// would send (BR-3), the id among them; it sends none, so no venue can see one twice.
    pub const fn tag(self) -> char {
        match self {
            Self::Live | Self::DryRun => 'l',
            Self::Paper => 'p',
            Self::Backtest => 'b',
        }
    }
}

named_enum! {
    /// Where the account's value comes from.
    EquitySource {
        /// Capital plus what our own books made, marked to the last price.
        Ledger = "LEDGER",
        /// The broker's own figure; too old counts as missing and fails closed (EX-13, RK-4).
        Broker = "BROKER",
    }
}

named_enum! {
    /// What an EMERGENCY does with positions (KC-1).
    EmergencyPolicy {
        /// Close them at market.
        Close = "CLOSE",
        /// Leave them, with their protective stops.
        Leave = "LEAVE",
    }
}

named_enum! {
    /// What kind of thing is traded.
    InstrumentKind {
        /// Shares, funds.
        Equity = "EQUITY",
        /// Futures.
        Future = "FUTURE",
        /// Options.
        Option = "OPTION",
        /// Binary contracts.
        Binary = "BINARY",
    }
}

/// One thing that may be traded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// Its id everywhere in Holdfast.
    pub symbol: Name,
    /// Kind.
    pub kind: InstrumentKind,
    /// Smallest price step.
    pub tick_1e8: i64,
    /// Smallest quantity step.
    pub lot_1e8: i64,
    /// Smallest quantity.
    pub min_qty_1e8: i64,
    /// Money per point of price and unit of quantity.
    pub multiplier_1e8: i64,
    /// Share of the notional that an entry takes from the buying power.
    #[serde(default = "whole")]
    pub margin_ratio_1e8: i64,
    /// Quantities below one are possible.
    #[serde(default)]
    pub fractional: bool,
}

/// Hard caps in the order path (EX-12, RK-13, PF-3). A missing key is refused, not defaulted: rails are
/// loosened by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Notional of one position.
    pub position_notional_max_1e8: i64,
    /// Units of one position; zero for no limit by count.
    #[serde(default)]
    pub position_qty_max_1e8: i64,
    /// Open positions (and entries under way) of one instrument.
    pub positions_per_instrument_max: i64,
    /// Open positions (and entries under way) of the account.
    pub positions_max: i64,
    /// Entry orders of one instrument within `entry_window_ns`; exits are exempt.
    pub entries_per_window_max: i64,
    /// Length of that window, nanoseconds; zero for the session.
    #[serde(default)]
    pub entry_window_ns: i64,
    /// Entry orders of one strategy in a session; zero for no limit.
    #[serde(default)]
    pub entries_per_session_max: i64,
    /// Notional of everything open over equity, as a ratio (PF-3).
    pub exposure_max_ratio_1e8: i64,
    /// Notional of one instrument over equity, as a ratio; zero for the limit of everything (RK-13).
    #[serde(default)]
    pub instrument_exposure_max_ratio_1e8: i64,
    /// Whether an entry may sell what is not held; futures always may.
    #[serde(default)]
    pub allow_short: bool,
    /// How far an entry's price may be from the reference, as a ratio (EX-10).
    pub collar_ratio_1e8: i64,
    /// Oldest reference price an entry may rest on, nanoseconds; zero for any age.
    #[serde(default)]
    pub reference_age_max_ns: i64,
}

/// Money rules of the account (RK-2 to RK-5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskConfig {
    /// Money to risk on one trade, where a signal states none; also the most it may state (RK-3).
    pub per_trade_1e8: i64,
    /// Ratio taken as stop distance when a strategy waived its stop, for sizing only.
    #[serde(default)]
    pub unstopped_ratio_1e8: i64,
}

/// Differences from the venue's own books (ST-3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReconcileConfig {
    /// More positions than this that the venue does not know stop entries.
    pub missing_max: i64,
    /// A position that differs by more than this part of ours stops entries.
    pub drift_max_ratio_1e8: i64,
    /// A kill cancels orders of others too (KC-2).
    pub kill_foreign_orders: bool,
}

impl Default for ReconcileConfig {
    fn default() -> Self {
        Self {
            missing_max: 3,
            drift_max_ratio_1e8: ONE_1E8 / 20,
            kill_foreign_orders: false,
        }
    }
}

/// How one account is set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// Mode.
    pub mode: Mode,
    /// The account's name.
    pub account: Name,
    /// Capital at the start.
    pub capital_1e8: i64,
    /// Where the account's value comes from.
    #[serde(default = "ledger")]
    pub equity_source: EquitySource,
    /// Oldest balance that the account's value may rest on, nanoseconds (RK-4).
    #[serde(default = "minute")]
    pub balance_age_max_ns: i64,
    /// Oldest balance that an entry may rest on, nanoseconds (EX-13).
    #[serde(default = "minute")]
    pub entry_balance_age_max_ns: i64,
    /// What may be traded.
    pub instruments: Vec<Instrument>,
    /// Strategies that may trade; empty for all.
    #[serde(default)]
    pub strategies: Vec<Name>,
    /// Hard caps.
    pub limits: Limits,
    /// Money rules.
    pub risk: RiskConfig,
    /// Protections and loss limits.
    #[serde(default)]
    pub protections: ProtectionsConfig,
    /// Life of an entry LIMIT order, nanoseconds; zero for no end (EX-8).
    #[serde(default = "two_minutes")]
    pub entry_ttl_ns: i64,
    /// An entry whose time is over is tried once more, at market.
    #[serde(default)]
    pub entry_ttl_retry_at_market: bool,
    /// Longest time from a decision to the hand-over of its bytes, nanoseconds.
    #[serde(default = "five_seconds")]
    pub release_deadline_ns: i64,
    /// The runner's stop after the first target: entry plus this many R (PX-4).
    #[serde(default = "runner")]
    pub runner_stop_r_1e8: i64,
    /// Flat this long before the session ends; zero for never (KC-8).
    #[serde(default)]
    pub auto_flatten_before_close_ns: i64,
    /// The safety net looks again this long before the session ends; zero for never.
    #[serde(default)]
    pub flatten_check_before_close_ns: i64,
    /// First wait before a failed exit is tried again; doubles up to a minute.
    #[serde(default = "second")]
    pub exit_retry_ns: i64,
    /// What an EMERGENCY does with positions.
    #[serde(default = "close")]
    pub emergency: EmergencyPolicy,
    /// What a broken rule of an order stops (EX-9).
    #[serde(default = "account")]
    pub violation_scope: Scope,
    /// The longest that an order's bytes may be on their way to the venue, nanoseconds: two look-ups that do not
    /// find it prove nothing before this lies between them (EX-6).
    #[serde(default = "minute")]
    pub flight_max_ns: i64,
    /// When a difference from the venue's own books is taken over, and when it stops entries.
    #[serde(default)]
    pub reconcile: ReconcileConfig,
    /// How many ended orders stay in memory, so that late repeats are recognised.
    #[serde(default = "ended")]
    pub ended_orders_max: usize,
}

/// What is wrong with a configuration: one sentence each, expected and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// A name that may stand in ids: short, without `/`, spaces and control characters.
pub fn is_name(text: &str) -> bool {
    let is_fine = |c: char| !(c == '/' || c.is_whitespace() || c.is_control());
    (1..=64).contains(&text.len()) && text.chars().all(is_fine)
}

impl Instrument {
    /// The facts that the gate compares an order with.
    pub fn rules(&self) -> InstrumentRules {
        InstrumentRules {
            tick_1e8: self.tick_1e8,
            lot_1e8: self.lot_1e8,
            min_qty_1e8: self.min_qty_1e8,
            multiplier_1e8: self.multiplier_1e8,
            price_min_1e8: None,
            price_max_1e8: None,
            margin_ratio_1e8: self.margin_ratio_1e8,
        }
    }
}

impl AccountConfig {
    /// The gate's rules as configured, before controls.
    pub fn gate_rules(&self) -> GateRules {
        let limits = &self.limits;
        let or_all = |limit: i64| if limit == 0 { i64::MAX } else { limit };
        let count = |limit: i64| u32::try_from(limit).unwrap_or(u32::MAX);
        let of_one = match limits.instrument_exposure_max_ratio_1e8 {
            0 => limits.exposure_max_ratio_1e8,
            ratio_1e8 => ratio_1e8,
        };
        GateRules {
            max_trade_loss_1e8: self.risk.per_trade_1e8,
            max_position_notional_1e8: limits.position_notional_max_1e8,
            max_entries_per_window: count(limits.entries_per_window_max),
            max_open_positions_per_symbol: count(limits.positions_per_instrument_max),
            max_open_positions: count(limits.positions_max),
            max_instrument_exposure_ratio_1e8: of_one,
            max_portfolio_exposure_ratio_1e8: limits.exposure_max_ratio_1e8,
            collar_ratio_1e8: limits.collar_ratio_1e8,
            max_mark_age_ns: or_all(limits.reference_age_max_ns),
            max_balance_age_ns: self.entry_balance_age_max_ns,
            allow_short: limits.allow_short,
            emergency_closes_positions: self.emergency == EmergencyPolicy::Close,
            allowed_instruments: None,
            allowed_strategies: (!self.strategies.is_empty()).then(|| self.strategies.clone()),
        }
    }

    /// Whether the configuration can be meant.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem found.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        if !is_name(&self.account) {
            problems.push(format!(
                "account must be a short name without '/' and spaces, was {:?}",
                self.account
            ));
        }
        if self.capital_1e8 <= 0 {
            problems.push(format!(
                "capital_1e8 must be above zero, was {}",
                self.capital_1e8
            ));
        }
        if self.instruments.is_empty() {
            problems.push("instruments must hold at least one, was empty".to_owned());
        }
        self.check_instruments(&mut problems);
        for name in self.strategies.iter().filter(|name| !is_name(name)) {
            problems.push(format!(
                "a strategy's name must be short, without '/' and spaces, was {name:?}"
            ));
        }
        let entries_max = self.limits.entries_per_window_max;
        if !(0..=i64::from(ENTRY_TIMES_MAX)).contains(&entries_max) {
            problems.push(format!(
                "entries_per_window_max must be between 0 and {ENTRY_TIMES_MAX}, was {entries_max}"
            ));
        }
        if self.release_deadline_ns <= 0 || self.exit_retry_ns <= 0 {
            problems.push("release_deadline_ns and exit_retry_ns must be above zero".to_owned());
        }
        if self.flight_max_ns < 0
            || self.reconcile.missing_max < 0
            || self.reconcile.drift_max_ratio_1e8 < 0
        {
            problems.push(
                "flight_max_ns, reconcile.missing_max and drift_max_ratio_1e8 must be zero or more"
                    .to_owned(),
            );
        }
        problems.extend(self.gate_rules().validate().err().into_iter().flatten());
        problems.extend(self.protections.validate().err().into_iter().flatten());
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ConfigError(problems))
        }
    }

    fn check_instruments(&self, problems: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for instrument in &self.instruments {
            let symbol = &instrument.symbol;
            if symbol.is_empty()
                || symbol.len() > SYMBOL_MAX
                || symbol.chars().any(char::is_control)
            {
                problems.push(format!("symbol must be a short text, was {symbol:?}"));
            }
            if !seen.insert(symbol.clone()) {
                problems.push(format!("symbol {symbol} must stand once, was there twice"));
            }
            let steps = [
                ("tick_1e8", instrument.tick_1e8),
                ("lot_1e8", instrument.lot_1e8),
                ("min_qty_1e8", instrument.min_qty_1e8),
                ("multiplier_1e8", instrument.multiplier_1e8),
                ("margin_ratio_1e8", instrument.margin_ratio_1e8),
            ];
            for (name, value) in steps.iter().filter(|(_, value)| *value <= 0) {
                problems.push(format!(
                    "{name} of {symbol} must be above zero, was {value}"
                ));
            }
        }
    }
}

/// Times of entries that are remembered per instrument.
pub const ENTRY_TIMES_MAX: u8 = 64;

const SECOND_NS: i64 = 1_000_000_000;

const fn whole() -> i64 {
    ONE_1E8
}
const fn ledger() -> EquitySource {
    EquitySource::Ledger
}
const fn second() -> i64 {
    SECOND_NS
}
const fn five_seconds() -> i64 {
    5 * SECOND_NS
}
const fn minute() -> i64 {
    60 * SECOND_NS
}
const fn two_minutes() -> i64 {
    120 * SECOND_NS
}
const fn runner() -> i64 {
    ONE_1E8 / 100 * 15
}
const fn close() -> EmergencyPolicy {
    EmergencyPolicy::Close
}
const fn account() -> Scope {
    Scope::Account
}
const fn ended() -> usize {
    1024
}
