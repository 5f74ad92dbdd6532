//! Protections: small policies that stop entries for a while (RK-4 to RK-8, RK-12, RK-15).
//!
//! Facts come in with their time; nothing here reads a clock. What cannot be computed counts as active (RK-7).
//! [`Protections::transitions`] gives what the journal should say; [`Protections::apply_transition`] and
//! [`Protections::apply_throttle`] put it back after a restart. A clone is cheap: large parts are shared until changed.

mod config;
mod drawdown;
mod losses;
mod report;
mod rows;
mod state;
mod volatility;

use std::sync::Arc;

pub use config::{
    CooldownPeriodConfig, DailyLossConfig, MaxDrawdownConfig, ProtectionsConfig,
    StoplossGuardConfig, ThrottleConfig, TimeWindowConfig, VolatilityHaltConfig, WeeklyLossConfig,
    WindowMinutes,
};
pub use losses::week_of;
pub use report::{
    Active, ProtectionName, ProtectionRow, ProtectionStatus, ThrottleTransition, Transition,
};
pub use state::ProtectionsState;

use crate::message::Name;
use crate::sizing::Throttle;

/// A round trip that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedTrade {
    /// When its last exit filled.
    pub exit_ns: i64,
    /// Profit or loss after fees.
    pub net_1e8: i64,
    /// Closed by its protective stop.
    pub stop_out: bool,
}

/// The protections of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protections {
    config: Arc<ProtectionsConfig>,
    state: ProtectionsState,
}

impl Protections {
    /// All of them, as configured, with nothing known yet.
    pub fn new(config: ProtectionsConfig) -> Self {
        Self::restore(config, ProtectionsState::default())
    }

    /// With a state from a snapshot; the configuration is today's, never the snapshot's.
    pub fn restore(config: ProtectionsConfig, state: ProtectionsState) -> Self {
        Self {
            config: Arc::new(config),
            state,
        }
    }

    /// What a snapshot keeps.
    pub fn state(&self) -> &ProtectionsState {
        &self.state
    }

    /// What is configured.
    pub fn config(&self) -> &ProtectionsConfig {
        &self.config
    }

    /// Changes the limits; what has tripped stays tripped.
    pub fn configure(&mut self, config: ProtectionsConfig) {
        self.config = Arc::new(config);
    }

    /// A session opens. The same or an earlier date changes no limit: a restart does not give a day back.
    pub fn on_session_opened(
        &mut self,
        session_date: i64,
        open_ns: i64,
        close_ns: i64,
        equity_1e8: Option<i64>,
    ) {
        self.state
            .open_session(session_date, open_ns, close_ns, equity_1e8);
        self.on_equity(equity_1e8);
    }

    /// A position was closed for good.
    pub fn on_trade_closed(&mut self, trade: &ClosedTrade) {
        self.state.close_trade(trade, &self.config);
    }

    /// A price of an instrument, by its symbol; a price that is not above zero stops its entries (RK-7).
    pub fn on_mark(&mut self, instrument: &Name, price_1e8: i64, now_ns: i64) {
        self.state.mark(instrument, price_1e8, now_ns, &self.config);
    }

    /// The account value with open positions at their marks; `None` when it is not available (RK-4).
    pub fn on_equity(&mut self, equity_1e8: Option<i64>) {
        self.state.losses.on_equity(equity_1e8, &self.config);
    }

    /// The broker told of the account's value; the first one stands in where a session opened before it was known.
    pub fn on_balance(&mut self, equity_1e8: i64) {
        self.state.first_equity(equity_1e8);
    }

    /// What changed since the last call, and is told by it, in a fixed order.
    pub fn transitions(&mut self, now_ns: i64) -> Vec<Transition> {
        self.state.transitions(now_ns, &self.config)
    }

    /// What [`Protections::transitions`] would tell; nothing is changed.
    pub fn pending(&self, now_ns: i64) -> Vec<Transition> {
        self.state.pending(now_ns, &self.config)
    }

    /// What [`Protections::throttle_transition`] would tell; nothing is changed.
    pub fn pending_throttle(&self) -> Option<ThrottleTransition> {
        let (before, after) = (self.state.announced_throttle, self.throttle());
        (before != after).then_some(ThrottleTransition { before, after })
    }

    /// Puts back what [`Protections::transitions`] told before a restart.
    pub fn apply_transition(&mut self, transition: &Transition) {
        self.state.apply_transition(transition);
    }

    /// What refuses entries of this instrument now; empty when nothing does.
    pub fn active(&self, instrument: &Name, now_ns: i64) -> Vec<Active> {
        let mut active = self.state.active(now_ns, &self.config);
        active.retain(|one| {
            one.instrument
                .as_ref()
                .is_none_or(|other| other == instrument)
        });
        active
    }

    /// The share of the full size that may be traded now (RK-8).
    pub fn throttle(&self) -> Throttle {
        self.state.losses.throttle(&self.config)
    }

    /// The change of the throttle since the last call, if any.
    pub fn throttle_transition(&mut self) -> Option<ThrottleTransition> {
        let (before, after) = (self.state.announced_throttle, self.throttle());
        self.state.announced_throttle = after;
        (before != after).then_some(ThrottleTransition { before, after })
    }

    /// Puts back what [`Protections::throttle_transition`] told before a restart.
    pub fn apply_throttle(&mut self, change: &ThrottleTransition) {
        self.state.apply_throttle(change.after);
    }

    /// Every protection for the console; those of instruments come once for each instrument with a price (RK-15).
    pub fn rows(&self, now_ns: i64) -> Vec<ProtectionRow> {
        self.state.rows(now_ns, &self.config)
    }
}

#[cfg(test)]
mod tests;
