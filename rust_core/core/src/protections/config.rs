//! What protects an account; everything is on unless it is switched off by name (RK-12).

use serde::{Deserialize, Serialize};

use crate::money::ONE_1E8;

const MINUTE_NS: i64 = 60_000_000_000;
const HOUR_NS: i64 = 60 * MINUTE_NS;

/// Every protection of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProtectionsConfig {
    /// Several stop-outs in a row.
    pub stoploss_guard: StoplossGuardConfig,
    /// Drawdown of the closed trades.
    pub max_drawdown: MaxDrawdownConfig,
    /// A pause after each stop-out.
    pub cooldown_period: CooldownPeriodConfig,
    /// When entries are allowed.
    pub time_window: TimeWindowConfig,
    /// Returns that vary too much.
    pub volatility_halt: VolatilityHaltConfig,
    /// Loss since the start of the day (RK-4).
    pub daily_loss: DailyLossConfig,
    /// Loss since the start of the week (RK-5).
    pub weekly_loss: WeeklyLossConfig,
    /// Smaller sizes after losses (RK-8).
    pub throttle: ThrottleConfig,
}

/// Several stop-outs in a row (RK-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoplossGuardConfig {
    /// On.
    pub enabled: bool,
    /// Stop-outs in a row that trip it; each further one trips it again.
    pub stop_outs: u32,
    /// How long entries stay off after the last of them.
    pub cooldown_ns: i64,
}

impl Default for StoplossGuardConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            stop_outs: 3,
            cooldown_ns: 30 * MINUTE_NS,
        }
    }
}

/// (peak − current) / peak of the cumulative closed P&L in a sliding window (RK-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaxDrawdownConfig {
    /// On.
    pub enabled: bool,
    /// Drawdown that trips it.
    pub ratio_1e8: i64,
    /// Trades older than this do not count.
    pub window_ns: i64,
    /// How long entries stay off.
    pub cooldown_ns: i64,
    /// Up to this profit, zero by default, the peak measures nothing and the capital base does.
    pub peak_min_1e8: i64,
    /// What the drawdown is measured against when the peak is not above that; `None` is the equity at the first
    /// session.
    pub capital_base_1e8: Option<i64>,
}

impl Default for MaxDrawdownConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            ratio_1e8: ONE_1E8 / 100 * 15,
            window_ns: 7 * 24 * HOUR_NS,
            cooldown_ns: 24 * HOUR_NS,
            peak_min_1e8: 0,
            capital_base_1e8: None,
        }
    }
}

/// A pause after each stop-out (RK-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CooldownPeriodConfig {
    /// On.
    pub enabled: bool,
    /// How long entries stay off.
    pub cooldown_ns: i64,
}

impl Default for CooldownPeriodConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            cooldown_ns: HOUR_NS,
        }
    }
}

/// Minutes of the session in which entries are allowed (RK-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeWindowConfig {
    /// On.
    pub enabled: bool,
    /// Allowed windows, in order; no window at all allows nothing.
    pub windows: Vec<WindowMinutes>,
}

impl Default for TimeWindowConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            windows: vec![WindowMinutes {
                from_min: 0,
                until_min: None,
            }],
        }
    }
}

/// One window, in minutes since the session's open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowMinutes {
    /// First minute.
    pub from_min: i64,
    /// First minute that is not in it; `None` is the session's close.
    #[serde(default)]
    pub until_min: Option<i64>,
}

/// Deviation of returns above a threshold (RK-6), for each instrument by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolatilityHaltConfig {
    /// On.
    pub enabled: bool,
    /// Returns are taken from one mark to the first of a later interval of this length.
    pub sample_ns: i64,
    /// Returns that count.
    pub returns: u32,
    /// Deviation above which it trips.
    pub threshold_ratio_1e8: i64,
    /// How long entries of the instrument stay off.
    pub cooldown_ns: i64,
}

impl Default for VolatilityHaltConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            sample_ns: MINUTE_NS,
            returns: 30,
            threshold_ratio_1e8: ONE_1E8 / 200,
            cooldown_ns: 15 * MINUTE_NS,
        }
    }
}

/// Loss since the start of the day (RK-4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DailyLossConfig {
    /// On.
    pub enabled: bool,
    /// Loss that stops entries until the next session.
    pub limit_1e8: i64,
}

impl Default for DailyLossConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            limit_1e8: 10 * ONE_1E8,
        }
    }
}

/// Loss since the start of the week (RK-5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeeklyLossConfig {
    /// On.
    pub enabled: bool,
    /// Loss that stops entries until the next week.
    pub limit_1e8: i64,
}

impl Default for WeeklyLossConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            limit_1e8: 25 * ONE_1E8,
        }
    }
}

/// Smaller sizes after losses (RK-8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleConfig {
    /// On.
    pub enabled: bool,
    /// Share of the daily limit that halves the size.
    pub daily_used_ratio_1e8: i64,
    /// Size from then on.
    pub daily_size_ratio_1e8: i64,
    /// Share of the weekly limit that quarters it.
    pub weekly_used_ratio_1e8: i64,
    /// Size from then on.
    pub weekly_size_ratio_1e8: i64,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            daily_used_ratio_1e8: ONE_1E8 / 2,
            daily_size_ratio_1e8: ONE_1E8 / 2,
            weekly_used_ratio_1e8: ONE_1E8 / 10 * 6,
            weekly_size_ratio_1e8: ONE_1E8 / 4,
        }
    }
}

impl ProtectionsConfig {
    /// Whether the settings can be meant.
    ///
    /// # Errors
    /// One sentence per setting: expected and found.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        let above_zero = [
            (
                "stoploss_guard.stop_outs",
                i64::from(self.stoploss_guard.stop_outs),
            ),
            (
                "stoploss_guard.cooldown_ns",
                self.stoploss_guard.cooldown_ns,
            ),
            ("max_drawdown.ratio_1e8", self.max_drawdown.ratio_1e8),
            ("max_drawdown.window_ns", self.max_drawdown.window_ns),
            ("max_drawdown.cooldown_ns", self.max_drawdown.cooldown_ns),
            (
                "max_drawdown.capital_base_1e8",
                self.max_drawdown.capital_base_1e8.unwrap_or(1),
            ),
            (
                "cooldown_period.cooldown_ns",
                self.cooldown_period.cooldown_ns,
            ),
            ("volatility_halt.sample_ns", self.volatility_halt.sample_ns),
            (
                "volatility_halt.threshold_ratio_1e8",
                self.volatility_halt.threshold_ratio_1e8,
            ),
            (
                "volatility_halt.cooldown_ns",
                self.volatility_halt.cooldown_ns,
            ),
            ("daily_loss.limit_1e8", self.daily_loss.limit_1e8),
            ("weekly_loss.limit_1e8", self.weekly_loss.limit_1e8),
        ];
        for (name, value) in above_zero {
            if value <= 0 {
                problems.push(format!("{name} must be above zero, was {value}"));
            }
        }
        if self.max_drawdown.peak_min_1e8 < 0 {
            problems.push(format!(
                "max_drawdown.peak_min_1e8 must be zero or above, was {}",
                self.max_drawdown.peak_min_1e8
            ));
        }
        if !(2..=1024).contains(&self.volatility_halt.returns) {
            problems.push(format!(
                "volatility_halt.returns must be between 2 and 1024, was {}",
                self.volatility_halt.returns
            ));
        }
        let throttle = &self.throttle;
        let ratios = [
            (
                "throttle.daily_used_ratio_1e8",
                throttle.daily_used_ratio_1e8,
            ),
            (
                "throttle.daily_size_ratio_1e8",
                throttle.daily_size_ratio_1e8,
            ),
            (
                "throttle.weekly_used_ratio_1e8",
                throttle.weekly_used_ratio_1e8,
            ),
            (
                "throttle.weekly_size_ratio_1e8",
                throttle.weekly_size_ratio_1e8,
            ),
        ];
        for (name, value) in ratios {
            if !(1..=ONE_1E8).contains(&value) {
                problems.push(format!(
                    "{name} must be above zero and at most 1e8, was {value}"
                ));
            }
        }
        self.validate_windows(&mut problems);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    fn validate_windows(&self, problems: &mut Vec<String>) {
        let windows = &self.time_window.windows;
        if windows.is_empty() {
            problems
                .push("time_window.windows must hold at least one window, was empty".to_owned());
        }
        for window in windows {
            if window.from_min < 0
                || window
                    .until_min
                    .is_some_and(|until_min| until_min <= window.from_min)
            {
                problems.push(format!("time_window.windows: a window must start at 0 or later and end after it, was {window:?}"));
            }
        }
    }
}
