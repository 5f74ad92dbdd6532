//! What the protections remember, and where each of them stands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::{MaxDrawdownConfig, ProtectionsConfig, TimeWindowConfig};
use super::drawdown::ClosedTrades;
use super::losses::{week_of, LossSince, Losses};
use super::report::{Active, ProtectionName, ProtectionRow, ProtectionStatus, Transition};
use super::volatility::Returns;
use super::ClosedTrade;
use crate::message::Name;
use crate::sizing::{Throttle, ThrottleCause};

const MINUTE_NS: i64 = 60_000_000_000;

/// A session's date and hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    date: i64,
    open_ns: i64,
    close_ns: i64,
}

/// What the protections of an account remember; small, and bounded by the number of instruments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionsState {
    session: Option<Session>,
    week: Option<i64>,
    /// Equity at the first session.
    first_equity_1e8: Option<i64>,
    pub(super) losses: Losses,
    stop_outs: u32,
    guard_until_ns: Option<i64>,
    cooldown_until_ns: Option<i64>,
    drawdown_until_ns: Option<i64>,
    drawdown_ratio_1e8: i64,
    is_drawdown_unknown: bool,
    #[serde(with = "shared")]
    trades: Arc<ClosedTrades>,
    #[serde(with = "shared")]
    returns: Arc<Vec<Returns>>,
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
        let ratio_1e8 = trades.drawdown_ratio_1e8(base_1e8);
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
        for change in &changes {
            self.announce(change);
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

    fn all_rows<'a>(
        &'a self,
        now_ns: i64,
        config: &'a ProtectionsConfig,
    ) -> impl Iterator<Item = ProtectionRow> + 'a {
        let of_account = [
            self.guard_row(now_ns, config),
            self.drawdown_row(now_ns, config),
            self.cooldown_row(now_ns, config),
            self.window_row(now_ns, &config.time_window),
            self.loss_row(
                ProtectionName::DailyLoss,
                &self.losses.day,
                config.daily_loss.enabled,
                config.daily_loss.limit_1e8,
            ),
            self.loss_row(
                ProtectionName::WeeklyLoss,
                &self.losses.week,
                config.weekly_loss.enabled,
                config.weekly_loss.limit_1e8,
            ),
        ];
        let of_instruments = self
            .returns
            .iter()
            .map(move |returns| volatility_row(returns, now_ns, config));
        of_account.into_iter().chain(of_instruments)
    }

    fn guard_row(&self, now_ns: i64, config: &ProtectionsConfig) -> ProtectionRow {
        let config = &config.stoploss_guard;
        let row = row(
            ProtectionName::StoplossGuard,
            i64::from(self.stop_outs),
            i64::from(config.stop_outs),
        );
        until(row, config.enabled, self.guard_until_ns, now_ns)
    }

    fn cooldown_row(&self, now_ns: i64, config: &ProtectionsConfig) -> ProtectionRow {
        let left_ns = self
            .cooldown_until_ns
            .map_or(0, |until_ns| until_ns.saturating_sub(now_ns).max(0));
        let row = row(ProtectionName::CooldownPeriod, left_ns, 0);
        until(
            row,
            config.cooldown_period.enabled,
            self.cooldown_until_ns,
            now_ns,
        )
    }

    fn drawdown_row(&self, now_ns: i64, config: &ProtectionsConfig) -> ProtectionRow {
        let config = &config.max_drawdown;
        let row = row(
            ProtectionName::MaxDrawdown,
            self.drawdown_ratio_1e8,
            config.ratio_1e8,
        );
        let row = until(row, config.enabled, self.drawdown_until_ns, now_ns);
        if row.status == ProtectionStatus::Armed && self.is_drawdown_unknown {
            return unknown(row);
        }
        row
    }

    /// Outside of the session the gate's own check refuses; here it would be news twice a day.
    fn window_row(&self, now_ns: i64, config: &TimeWindowConfig) -> ProtectionRow {
        let mut row = ProtectionRow {
            limit: None,
            ..row(ProtectionName::TimeWindow, 0, 0)
        };
        if !config.enabled {
            row.status = ProtectionStatus::Off;
            return row;
        }
        let Some(session) = self.session else {
            return unknown(row);
        };
        let since_open_ns = now_ns.saturating_sub(session.open_ns);
        row.value = Some(since_open_ns.div_euclid(MINUTE_NS));
        let is_allowed = config.windows.iter().any(|window| {
            let is_begun = since_open_ns >= window.from_min.saturating_mul(MINUTE_NS);
            let is_over = |until_min: i64| since_open_ns >= until_min.saturating_mul(MINUTE_NS);
            is_begun && !window.until_min.is_some_and(is_over)
        });
        if is_allowed || !(session.open_ns..session.close_ns).contains(&now_ns) {
            return row;
        }
        let starts_ns = config.windows.iter().map(|window| {
            session
                .open_ns
                .saturating_add(window.from_min.saturating_mul(MINUTE_NS))
        });
        row.until_ns = starts_ns
            .filter(|start_ns| (now_ns..session.close_ns).contains(start_ns))
            .min();
        row.limit = row
            .until_ns
            .map(|until_ns| (until_ns - session.open_ns) / MINUTE_NS);
        row.status = if row.until_ns.is_some() {
            ProtectionStatus::Cooling
        } else {
            ProtectionStatus::Tripped
        };
        row
    }

    fn loss_row(
        &self,
        name: ProtectionName,
        since: &LossSince,
        enabled: bool,
        limit_1e8: i64,
    ) -> ProtectionRow {
        let loss_1e8 = since.loss_1e8(self.losses.equity_1e8);
        ProtectionRow {
            status: match (enabled, since.is_tripped, loss_1e8) {
                (false, _, _) => ProtectionStatus::Off,
                (true, true, _) => ProtectionStatus::Tripped,
                (true, false, None) => ProtectionStatus::Unknown,
                (true, false, Some(_)) => ProtectionStatus::Armed,
            },
            value: loss_1e8,
            ..row(name, 0, limit_1e8)
        }
    }
}

fn volatility_row(returns: &Returns, now_ns: i64, config: &ProtectionsConfig) -> ProtectionRow {
    let config = &config.volatility_halt;
    let row = ProtectionRow {
        instrument: Some(Name::clone(&returns.instrument)),
        ..row(
            ProtectionName::VolatilityHalt,
            returns.deviation_ratio_1e8,
            config.threshold_ratio_1e8,
        )
    };
    let row = until(row, config.enabled, returns.until_ns, now_ns);
    if row.status == ProtectionStatus::Armed && returns.is_faulty {
        return unknown(row);
    }
    row
}

fn row(name: ProtectionName, value: i64, limit: i64) -> ProtectionRow {
    ProtectionRow {
        name,
        instrument: None,
        status: ProtectionStatus::Armed,
        until_ns: None,
        value: Some(value),
        limit: Some(limit),
    }
}

fn until(row: ProtectionRow, enabled: bool, until_ns: Option<i64>, now_ns: i64) -> ProtectionRow {
    let until_ns = until_ns.filter(|until_ns| now_ns < *until_ns && enabled);
    let status = match (enabled, until_ns) {
        (false, _) => ProtectionStatus::Off,
        (true, Some(_)) => ProtectionStatus::Cooling,
        (true, None) => ProtectionStatus::Armed,
    };
    ProtectionRow {
        status,
        until_ns,
        ..row
    }
}

fn unknown(row: ProtectionRow) -> ProtectionRow {
    ProtectionRow {
        status: ProtectionStatus::Unknown,
        value: None,
        ..row
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
