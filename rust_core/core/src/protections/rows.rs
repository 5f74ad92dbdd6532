//! Where each protection stands at an instant.

use super::config::{ProtectionsConfig, TimeWindowConfig};
use super::losses::LossSince;
use super::report::{ProtectionName, ProtectionRow, ProtectionStatus};
use super::state::ProtectionsState;
use super::volatility::Returns;
use crate::message::Name;

const MINUTE_NS: i64 = 60_000_000_000;

impl ProtectionsState {
    /// Every protection, in a fixed order.
    pub(super) fn all_rows<'a>(
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
