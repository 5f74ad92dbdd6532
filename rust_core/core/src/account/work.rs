//! One decision in the making.

use super::apply::apply;
use super::store::Draft;
use super::AccountCore;
use crate::config::Instrument;
use crate::decision::{Claim, Decision, Effect, Timer};
use crate::event::{
    BalanceReported, Event, Halted, InvariantViolated, SessionClosed, SessionOpened,
};
use crate::ledger::Ledger;
use crate::message::{Balance, ExitReason, KillLevel, Mark, Message, Name, Scope, Side, TimerKind};
use crate::money::notional;
use crate::positions::Position;
use crate::protections::week_of;
use std::sync::Arc;

/// A draft over the core's state, and the decision so far.
pub struct Work<'a> {
    pub(super) core: &'a AccountCore,
    pub(super) now_ns: i64,
    pub(super) draft: Draft<'a>,
    pub(super) out: Decision,
    /// Positions on which nothing is decided before all executions that belong together are booked, and whether each
    /// was left over by one of them.
    pub(super) undecided: Option<Vec<(Name, bool)>>,
}

impl<'a> Work<'a> {
    pub fn new(core: &'a AccountCore, now_ns: i64) -> Self {
        let out = Decision {
            at_ns: now_ns,
            version: core.version,
            ..Decision::default()
        };
        Self {
            core,
            now_ns,
            draft: Draft::new(&core.state),
            out,
            undecided: None,
        }
    }

    /// The decision on one message.
    pub fn run(mut self, message: &Message) -> Decision {
        match message {
            Message::SessionOpened {
                session_date,
                open_ns,
                close_ns,
            } => {
                self.session_opened(*session_date, *open_ns, *close_ns);
            }
            Message::SessionClosed { session_date } => self.session_closed(*session_date),
            Message::Mark(mark) => self.marked(mark),
            Message::Signal(signal) => self.signalled(signal),
            Message::ExitAdvice {
                strategy,
                instrument,
                reason,
                text,
                reference_1e8,
            } => {
                self.advised(strategy, instrument, *reason, text, *reference_1e8);
            }
            Message::ExitLevels {
                strategy,
                instrument,
                stop_1e8,
                target_1e8,
            } => {
                self.levels_set(strategy, instrument, *stop_1e8, *target_1e8);
            }
            Message::Released {
                client_order_id,
                released_ns,
            } => {
                self.released(client_order_id, *released_ns);
            }
            Message::NotReleased {
                client_order_id,
                reason,
            } => {
                self.not_released(client_order_id, reason);
            }
            Message::VenueReport(report) => self.heard(report),
            Message::NoAnswer { client_order_id } => self.unanswered(client_order_id),
            Message::LookedUp {
                client_order_id,
                answer,
            } => {
                self.looked_up(client_order_id, answer);
            }
            Message::CancelFailed {
                client_order_id,
                reason,
            } => {
                self.cancel_failed(client_order_id, reason);
            }
            Message::Timer { kind, key } => self.timer_fired(*kind, key),
            Message::Control {
                name,
                value,
                author,
            } => self.control(name, value, author),
            Message::Kill(kill) => self.killed(kill),
            Message::Resume {
                author,
                rearm,
                reason,
            } => self.resumed(author, *rearm, reason),
            Message::VenueFlat {
                open_orders,
                positions,
            } => {
                self.venue_flat(*open_orders, *positions);
            }
            Message::Balance(balance) => self.balance(balance),
            Message::Stated(said) => self.stated(said),
            Message::Halt { scope, key, reason } => self.halt(*scope, key, reason),
        }
        self.out
    }

    /// Decides an event: it holds from here on.
    pub(super) fn emit(&mut self, event: Event) {
        apply(&mut self.draft, &event, self.now_ns);
        self.out.events.push(event);
    }

    pub(super) fn timer(&mut self, kind: TimerKind, key: &Name, due_ns: i64) {
        self.out.timers.push(Timer {
            due_ns,
            kind,
            key: key.clone(),
        });
    }

    pub(super) fn claim(&mut self, name: &'static str, key: String) {
        self.out.claims.push(Claim { name, key });
    }

    pub(super) fn notify(&mut self, severity: &'static str, text: String, ids: &[&Name]) {
        let ids = ids.iter().map(|id| (*id).clone()).collect();
        self.out.effects.push(Effect::Notify {
            severity,
            text,
            ids,
        });
    }

    /// A rule was broken: nothing of the subject changes, entries stop (EX-2, EX-9).
    pub(super) fn violated(&mut self, name: &str, subject: &Name, instrument: &Name, text: &str) {
        self.emit(Event::InvariantViolated(InvariantViolated {
            name: Name::from(name),
            subject: subject.clone(),
            text: Name::from(text),
        }));
        let scope = self.core.config.violation_scope;
        let key = match scope {
            Scope::Order => subject.clone(),
            Scope::Instrument => instrument.clone(),
            Scope::Account | Scope::System => Name::from(""),
        };
        self.halt(scope, &key, &Name::from(name));
        self.notify("CRITICAL", format!("{name}: {text}"), &[subject]);
    }

    pub(super) fn halt(&mut self, scope: Scope, key: &Name, reason: &Name) {
        let is_known = self
            .draft
            .halts()
            .iter()
            .any(|h| h.scope == scope && h.key == *key);
        if !is_known {
            self.emit(Event::Halted(Halted {
                scope,
                key: key.clone(),
                reason: reason.clone(),
            }));
        }
    }

    pub(super) fn instrument(&self, symbol: &str) -> Option<&'a Instrument> {
        self.core.instrument(symbol)
    }

    /// Money per point and unit; one for what is not configured.
    pub(super) fn multiplier_1e8(&self, symbol: &str) -> i64 {
        self.instrument(symbol)
            .map_or(crate::money::ONE_1E8, |i| i.multiplier_1e8)
    }

    /// The price an order of that side would meet; zero if none is known.
    pub(super) fn market_1e8(&self, symbol: &str, side: Side) -> i64 {
        self.mark(symbol).map_or(0, |mark| match side {
            Side::Buy => mark.ask_1e8,
            Side::Sell => mark.bid_1e8,
        })
    }

    pub(super) fn mark(&self, symbol: &str) -> Option<&Mark> {
        let new = self
            .out
            .mark
            .as_ref()
            .filter(|mark| &*mark.instrument == symbol);
        new.or_else(|| self.core.mark(symbol))
    }

    /// Unrealised profit and loss of a position at the last mark; `None` without one.
    pub(super) fn unrealised_1e8(&self, position: &Position) -> Option<i64> {
        let mark = self.mark(&position.instrument)?;
        unrealised_1e8(position, mark, self.multiplier_1e8(&position.instrument))
    }

    fn session_opened(&mut self, session_date: i64, open_ns: i64, close_ns: i64) {
        let old = self.draft.session();
        if old.session_date == session_date && old.open_ns == open_ns {
            return;
        }
        // a session that opens on Sunday evening belongs to Monday's week (RK-5)
        let week = week_of(session_date).unwrap_or(old.week);
        let is_new_week = week != old.week;
        let kept = *self.draft.ledger();
        let ledger = Ledger {
            session_gross_1e8: 0,
            session_fees_1e8: 0,
            week_gross_1e8: if is_new_week { 0 } else { kept.week_gross_1e8 },
            week_fees_1e8: if is_new_week { 0 } else { kept.week_fees_1e8 },
            ..kept
        };
        let equity_1e8 = self.equity_1e8();
        self.emit(Event::SessionOpened(SessionOpened {
            session_date,
            open_ns,
            close_ns,
            week,
            equity_1e8,
            ledger,
        }));
        self.protections_after();
        for timer in self.session_timers() {
            self.out.timers.push(timer);
        }
        for position in self.draft.open_positions() {
            let text = format!("{} is still open as a session begins", position.position_id);
            self.notify("ERROR", text, &[&position.position_id]);
            self.flatten_overnight(&position);
        }
    }

    /// Where the account is flat at each session's end, what was held over it is closed (ST-9).
    fn flatten_overnight(&mut self, position: &Position) {
        if self.core.config.auto_flatten_before_close_ns == 0 || position.exit_wanted.is_some() {
            return;
        }
        let mut next = position.clone();
        next.exit_wanted = Some(ExitReason::AutoFlatten);
        next.cause = Name::from("held overnight");
        self.emit(Event::PositionChanged(Box::new(next)));
        self.reconsider(&position.position_id);
    }

    /// Timers of the open session (KC-8).
    pub(super) fn session_timers(&self) -> Vec<Timer> {
        let session = self.draft.session();
        let config = &self.core.config;
        let key = Name::from(session.session_date.to_string());
        let before = [
            (TimerKind::AutoFlatten, config.auto_flatten_before_close_ns),
            (
                TimerKind::FlattenCheck,
                config.flatten_check_before_close_ns,
            ),
        ];
        before
            .into_iter()
            .filter(|(_, before_ns)| session.is_open && *before_ns > 0)
            .map(|(kind, before_ns)| Timer {
                due_ns: session.close_ns - before_ns,
                kind,
                key: key.clone(),
            })
            .collect()
    }

    /// The account's time to be flat has come, and the session is not over (KC-8).
    pub(super) fn is_flattening(&self) -> bool {
        let before_ns = self.core.config.auto_flatten_before_close_ns;
        let session = self.draft.session();
        before_ns > 0 && session.is_open && self.now_ns >= session.close_ns - before_ns
    }

    /// A kill closes positions (KC-1).
    pub(super) fn is_kill_closing(&self) -> bool {
        use crate::config::EmergencyPolicy;
        match self.draft.kill().level {
            KillLevel::None | KillLevel::Pause => false,
            KillLevel::Flatten => true,
            KillLevel::Emergency => self.core.config.emergency == EmergencyPolicy::Close,
        }
    }

    /// A kill leaves positions to their stops (KC-1).
    pub(super) fn is_kill_leaving(&self) -> bool {
        self.draft.kill().level == KillLevel::Emergency && !self.is_kill_closing()
    }

    fn session_closed(&mut self, session_date: i64) {
        let session = self.draft.session();
        if !session.is_open || session.session_date != session_date {
            return;
        }
        let ledger = *self.draft.ledger();
        let entries = session.strategies.values().map(|s| s.entries).sum();
        let trades = session.strategies.values().map(|s| s.trades).sum();
        let open = self.draft.open_positions();
        self.emit(Event::SessionClosed(SessionClosed {
            session_date,
            entries,
            trades,
            gross_1e8: ledger.session_gross_1e8,
            fees_1e8: ledger.session_fees_1e8,
            net_1e8: ledger.session_net_1e8(),
            equity_1e8: self.equity_1e8(),
            positions_open: i64::try_from(open.len()).unwrap_or(i64::MAX),
        }));
        for position in open {
            let text = format!("{} is still open after the session", position.position_id);
            self.notify("ERROR", text, &[&position.position_id]);
        }
    }

    fn marked(&mut self, mark: &Mark) {
        self.out.mark = Some(mark.clone());
        let concerned: Vec<Arc<Position>> = self
            .core
            .state
            .positions
            .values()
            .filter(|p| p.instrument == mark.instrument)
            .cloned()
            .collect();
        for position in concerned {
            self.watch(&position, mark);
        }
        self.protections_marked(mark);
    }

    pub(super) fn balance(&mut self, balance: &Balance) {
        self.emit(Event::BalanceReported(BalanceReported {
            equity_1e8: balance.equity_1e8,
            cash_1e8: balance.cash_1e8,
            buying_power_1e8: balance.buying_power_1e8,
            at_ns: balance.at_ns,
        }));
        self.protections_after();
    }
}

/// Unrealised profit and loss at a mark, at the price at which it could be left.
pub fn unrealised_1e8(position: &Position, mark: &Mark, multiplier_1e8: i64) -> Option<i64> {
    let price_1e8 = crate::exits::leaving_price_1e8(position, mark);
    let points_1e8 = price_1e8.checked_sub(position.basis_1e8())?;
    notional(points_1e8, position.qty_1e8, multiplier_1e8)
}
