//! One built-in rule as the walker runs it: the session it is in, and the words it mails.

use super::config::StrategyConfig;
use crate::account::AccountCore;
use crate::message::{
    ExitPlan, KillLevel, Leg, Level, Message, Name, OrderType, Purpose, Side, Signal, Stop,
    TimeInForce,
};
use crate::money::ONE_1E8;
use crate::positions::Phase;
use crate::strategies::vwap_reversion::VwapReversion;
use crate::strategies::{Bar, Entry, Leave, RuleContext, RuleDecision};

/// A rule, its instrument and its session.
#[derive(Debug)]
pub struct Runner {
    name: Name,
    symbol: Name,
    /// Index of its instrument in the tape.
    pub instrument: usize,
    rule: VwapReversion,
    session: Option<Session>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    date: i64,
    open_ns: i64,
    close_ns: i64,
}

impl Runner {
    pub fn new(config: &StrategyConfig, instrument: usize) -> Result<Self, String> {
        Ok(Self {
            name: config.name.clone(),
            symbol: config.instrument.clone(),
            instrument,
            rule: VwapReversion::new(config.parameters)?,
            session: None,
        })
    }

    pub fn open_session(&mut self, date: i64, open_ns: i64, close_ns: i64) {
        self.session = Some(Session {
            date,
            open_ns,
            close_ns,
        });
    }

    pub fn close_session(&mut self) {
        self.session = None;
    }

    /// Asks the rule about a bar; `None` outside a session.
    pub fn evaluate(
        &mut self,
        bar: &Bar,
        now_ns: i64,
        core: &AccountCore,
    ) -> Result<Option<RuleDecision>, String> {
        let Some(session) = self.session else {
            return Ok(None);
        };
        let ctx = self.context(session, now_ns, core);
        let decision = self.rule.on_bar(bar, &ctx);
        decision
            .map(Some)
            .map_err(|fault| format!("{}: {fault}", self.name))
    }

    /// What the rule may know of its own standing, read from the account at this instant.
    fn context(&self, session: Session, now_ns: i64, core: &AccountCore) -> RuleContext {
        let state = core.state();
        let standing = state.session.strategies.get(&self.name);
        let position = core
            .position(&self.name, &self.symbol)
            .filter(|position| position.qty_1e8 != 0);
        RuleContext {
            now_ns,
            open_ns: session.open_ns,
            close_ns: session.close_ns,
            position: position.map(|p| if p.qty_1e8 < 0 { Side::Sell } else { Side::Buy }),
            is_entry_pending: self.is_entry_pending(core),
            is_exit_pending: position.is_some_and(|p| p.phase == Phase::ExitPending),
            entries: standing.map_or(0, |s| s.entries),
            session_net_1e8: standing.map_or(0, crate::ledger::StrategySession::net_1e8),
            is_trading_allowed: state.kill.level == KillLevel::None,
        }
    }

    fn is_entry_pending(&self, core: &AccountCore) -> bool {
        let is_mine = |intent: &crate::event::OrderIntended| {
            intent.purpose == Purpose::Entry
                && intent.strategy == self.name
                && intent.instrument == self.symbol
        };
        core.live_orders().any(|order| is_mine(&order.intent))
    }

    /// The signal an entry becomes.
    pub fn signal(&self, entry: &Entry) -> Message {
        let date = self.session.map_or(0, |session| session.date);
        Message::Signal(Box::new(Signal {
            signal_id: format!("{}/{date}/{}", self.name, entry.setup_instance).into(),
            strategy: self.name.clone(),
            setup_instance: entry.setup_instance.as_str().into(),
            session_date: date,
            legs: vec![Leg {
                instrument: self.symbol.clone(),
                side: entry.side,
                ratio_1e8: ONE_1E8,
            }],
            qty_1e8: None,
            risk_1e8: None,
            order_type: OrderType::Market,
            tif: TimeInForce::Day,
            limit_1e8: None,
            trigger_1e8: None,
            plan: plan(entry),
            reason: entry.reason.as_str().into(),
            confidence_ratio_1e8: ONE_1E8,
            reference_1e8: entry.reference_1e8,
            reference_ns: entry.reference_ns,
            vetoes: Vec::new(),
        }))
    }

    /// The advice an exit becomes.
    pub fn advice(&self, leave: &Leave) -> Message {
        Message::ExitAdvice {
            strategy: self.name.clone(),
            instrument: self.symbol.clone(),
            reason: leave.reason,
            text: leave.text.into(),
            reference_1e8: leave.reference_1e8,
        }
    }
}

fn plan(entry: &Entry) -> ExitPlan {
    ExitPlan {
        stop: Stop::At {
            level: Level::Ratio(entry.stop_ratio_1e8),
        },
        trailing_ratio_1e8: None,
        target: None,
        target_trailing_ratio_1e8: None,
        target_1: None,
        target_2: None,
        target_2_wait_ns: None,
        holding_max_ns: None,
        force_flat_ns: Some(entry.force_flat_ns),
    }
}
