//! What the protections remember, and what changes it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::{MaxDrawdownConfig, ProtectionsConfig};
use super::drawdown::ClosedTrades;
use super::losses::{week_of, Losses};
use super::report::{Active, ProtectionName, ProtectionRow, ProtectionStatus, Transition};
use super::volatility::Returns;
use super::ClosedTrade;
use crate::message::Name;
use crate::sizing::{Throttle, ThrottleCause};

/// A session's date and hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) date: i64,
    pub(super) open_ns: i64,
    pub(super) close_ns: i64,
}

/// What the protections of an account remember; small, and bounded by the number of instruments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionsState {
    pub(super) session: Option<Session>,
    week: Option<i64>,
    /// Equity at the first session, or the first one known after its open.
    first_equity_1e8: Option<i64>,
    pub(super) losses: Losses,
    pub(super) stop_outs: u32,
    pub(super) guard_until_ns: Option<i64>,
    pub(super) cooldown_until_ns: Option<i64>,
    pub(super) drawdown_until_ns: Option<i64>,
    pub(super) drawdown_ratio_1e8: i64,
    pub(super) is_drawdown_unknown: bool,
    #[serde(with = "shared")]
    trades: Arc<ClosedTrades>,
    #[serde(with = "shared")]
    pub(super) returns: Arc<Vec<Returns>>,
    announced: Vec<Transition>,
    pub(super) announced_throttle: Throttle,
}

impl ProtectionsState {
    pub(super) fn open_session(
        &mut self,
        date: i64,
        open_ns: i64,
        close_ns: i64,
        equity_1e8: Option<i64>,
    ) {
        let last = self.session.map(|session| session.date);
        if last.is_some_and(|last| date < last) {
            return;
        }
        self.session = Some(Session {
            date,
            open_ns,
            close_ns,
        });
        if last == Some(date) {
            return;
        }
        self.first_equity_1e8 = self.first_equity_1e8.or(equity_1e8);
        self.losses.start_day(equity_1e8);
        // a date that is none keeps the week's limit as it is
        if let Some(week) = week_of(date).filter(|week| self.week != Some(*week)) {
            self.week = Some(week);
            self.losses.start_week();
        }
        for returns in Arc::make_mut(&mut self.returns) {
            returns.start_session();
        }
    }

    pub(super) fn first_equity(&mut self, equity_1e8: i64) {
        self.first_equity_1e8.get_or_insert(equity_1e8);
    }

    pub(super) fn close_trade(&mut self, trade: &ClosedTrade, config: &ProtectionsConfig) {
        if trade.stop_out {
            self.stop_outs = self.stop_outs.saturating_add(1);
            let cooldown_ns = config.cooldown_period.cooldown_ns;
            self.cooldown_until_ns =
                Some(later(self.cooldown_until_ns, trade.exit_ns, cooldown_ns));
            if self.stop_outs >= config.stoploss_guard.stop_outs {
                let cooldown_ns = config.stoploss_guard.cooldown_ns;
                self.guard_until_ns = Some(later(self.guard_until_ns, trade.exit_ns, cooldown_ns));
            }
        } else {
            self.stop_outs = 0;
        }
        self.measure_drawdown(trade, &config.max_drawdown);
    }

    fn measure_drawdown(&mut self, trade: &ClosedTrade, config: &MaxDrawdownConfig) {
        let trades = Arc::make_mut(&mut self.trades);
        trades.push(trade.exit_ns, trade.net_1e8, config.window_ns);
        let base_1e8 = config.capital_base_1e8.or(self.first_equity_1e8);
        let ratio_1e8 = trades.drawdown_ratio_1e8(config.peak_min_1e8, base_1e8);
        self.is_drawdown_unknown = ratio_1e8.is_none();
        self.drawdown_ratio_1e8 = ratio_1e8.unwrap_or(0);
        if ratio_1e8.is_some_and(|ratio_1e8| ratio_1e8 >= config.ratio_1e8) {
            self.drawdown_until_ns = Some(later(
                self.drawdown_until_ns,
                trade.exit_ns,
                config.cooldown_ns,
            ));
        }
    }

    pub(super) fn mark(
        &mut self,
        instrument: &Name,
        price_1e8: i64,
        now_ns: i64,
        config: &ProtectionsConfig,
    ) {
        let config = &config.volatility_halt;
        match self
            .returns
            .binary_search_by(|returns| returns.instrument.cmp(instrument))
        {
            Ok(at) => {
                if self.returns[at].is_news(price_1e8, now_ns, config) {
                    Arc::make_mut(&mut self.returns)[at].sample(price_1e8, now_ns, config);
                }
            }
            Err(at) => {
                let mut returns = Returns::new(instrument);
                returns.sample(price_1e8, now_ns, config);
                Arc::make_mut(&mut self.returns).insert(at, returns);
            }
        }
    }

    pub(super) fn rows(&self, now_ns: i64, config: &ProtectionsConfig) -> Vec<ProtectionRow> {
        self.all_rows(now_ns, config).collect()
    }

    pub(super) fn active(&self, now_ns: i64, config: &ProtectionsConfig) -> Vec<Active> {
        self.all_rows(now_ns, config)
            .filter(|row| match row.status {
                ProtectionStatus::Off | ProtectionStatus::Armed => false,
                ProtectionStatus::Tripped
                | ProtectionStatus::Cooling
                | ProtectionStatus::Unknown => true,
            })
            .map(|row| Active {
                name: row.name,
                instrument: row.instrument,
                is_unknown: row.status == ProtectionStatus::Unknown,
                until_ns: row.until_ns,
                value: row.value,
                limit: row.limit,
            })
            .collect()
    }

    pub(super) fn transitions(
        &mut self,
        now_ns: i64,
        config: &ProtectionsConfig,
    ) -> Vec<Transition> {
        let changes = self.pending(now_ns, config);
        for change in &changes {
            self.announce(change);
        }
        changes
    }

    /// What `transitions` would tell; without an allocation when there is nothing.
    pub(super) fn pending(&self, now_ns: i64, config: &ProtectionsConfig) -> Vec<Transition> {
        let mut changes = Vec::new();
        for row in self.all_rows(now_ns, config) {
            let tripped = matches!(
                row.status,
                ProtectionStatus::Tripped | ProtectionStatus::Cooling
            );
            let told = self
                .announced
                .iter()
                .find(|told| is_about(told, row.name, row.instrument.as_ref()));
            let is_news = match told {
                None => tripped,
                Some(told) => !tripped || told.until_ns != row.until_ns,
            };
            if is_news {
                changes.push(Transition {
                    name: row.name,
                    instrument: row.instrument,
                    tripped,
                    until_ns: row.until_ns,
                    value: row.value,
                    limit: row.limit,
                });
            }
        }
        changes
    }

    pub(super) fn apply_transition(&mut self, change: &Transition) {
        self.announce(change);
        match change.name {
            ProtectionName::StoplossGuard => self.guard_until_ns = change.until_ns,
            ProtectionName::CooldownPeriod => self.cooldown_until_ns = change.until_ns,
            ProtectionName::MaxDrawdown => {
                self.drawdown_until_ns = change.until_ns;
                self.drawdown_ratio_1e8 = change.value.unwrap_or(self.drawdown_ratio_1e8);
            }
            ProtectionName::DailyLoss => self.losses.day.is_tripped = change.tripped,
            ProtectionName::WeeklyLoss => self.losses.week.is_tripped = change.tripped,
            ProtectionName::VolatilityHalt => self.apply_volatility(change),
            ProtectionName::TimeWindow => {} // follows from the session
        }
    }

    pub(super) fn apply_throttle(&mut self, after: Throttle) {
        self.announced_throttle = after;
        self.losses.is_halved = after.cause == ThrottleCause::DailyLoss;
        self.losses.is_quartered = after.cause == ThrottleCause::WeeklyLoss;
    }

    fn apply_volatility(&mut self, change: &Transition) {
        let Some(instrument) = &change.instrument else {
            return;
        };
        let all = Arc::make_mut(&mut self.returns);
        let at = match all.binary_search_by(|returns| returns.instrument.cmp(instrument)) {
            Ok(at) => at,
            Err(at) => {
                all.insert(at, Returns::new(instrument));
                at
            }
        };
        all[at].until_ns = change.until_ns;
    }

    fn announce(&mut self, change: &Transition) {
        self.announced
            .retain(|told| !is_about(told, change.name, change.instrument.as_ref()));
        if change.tripped {
            self.announced.push(change.clone());
        }
    }
}

fn later(until_ns: Option<i64>, from_ns: i64, cooldown_ns: i64) -> i64 {
    let fresh_ns = from_ns.saturating_add(cooldown_ns);
    until_ns.map_or(fresh_ns, |until_ns| until_ns.max(fresh_ns))
}

fn is_about(told: &Transition, name: ProtectionName, instrument: Option<&Name>) -> bool {
    told.name == name && told.instrument.as_ref() == instrument
}

/// A shared part is stored as what it holds.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}
