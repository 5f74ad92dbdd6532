//! Kills, controls and timers (KC-1, KC-2, KC-6, EX-8).

use super::fills::{order_in, position_timers};
use super::rules::ControlName;
use super::work::Work;
use super::CLEAR_HALTS;
use crate::decision::{Effect, Timer};
use crate::event::{ControlChanged, Event, KillFinished, KillLevelChanged};
use crate::gate::Submission;
use crate::message::{ExitReason, Kill, KillLevel, Name, OrderType, Purpose, TimerKind};
use crate::order_table::OrderState;
use crate::orders::Order;
use std::sync::Arc;

/// Why an entry is cancelled when its time is over (EX-8).
pub const TTL_OVER: &str = "time to live is over";
/// The control under which a refused resume is journaled.
const KILL_LEVEL: &str = "kill_level";

impl Work<'_> {
    pub(super) fn killed(&mut self, kill: &Kill) {
        let old = self.draft.kill().level;
        if kill.level == KillLevel::None || self.draft.kill().seen.contains(&kill.kill_id) {
            return;
        }
        let new = old.max(kill.level);
        self.emit(Event::KillLevelChanged(KillLevelChanged {
            kill_id: kill.kill_id.clone(),
            old,
            new,
            reason: kill.reason.clone(),
            author: kill.author.clone(),
            at_ns: self.now_ns,
        }));
        let text = format!("{} by {}: {}", new.as_str(), kill.author, kill.reason);
        self.notify("CRITICAL", text, &[&kill.kill_id]);
        if new == KillLevel::Pause {
            self.finish_kill();
            return;
        }
        self.clear_orders();
        for position in self.draft.open_positions() {
            self.reconsider(&position.position_id);
        }
    }

    /// Cancels what works: entries always; exits too when positions are not to be closed. An exit at
    /// market that is under way is the closing itself, and a protective stop stays until it is not needed.
    fn clear_orders(&mut self) {
        let closes = self.is_kill_closing();
        for order in self.draft.live_orders() {
            let stays = match order.intent.purpose {
                Purpose::Entry => false,
                Purpose::Exit => {
                    let is_stop = order
                        .intent
                        .exit_reason
                        .is_some_and(ExitReason::is_protective);
                    (closes || is_stop) && order.intent.order_type == OrderType::Market
                }
                Purpose::Protect => !closes,
            };
            if !stays {
                self.cancel(&order, "killed");
            }
        }
    }

    /// The venue's own word after a kill (KC-2). The kill stays latched until it says flat, and so do we.
    pub(super) fn venue_flat(&mut self, open_orders: i64, positions: i64) {
        if !self.draft.kill().is_clearing() || self.draft.kill().unfinished.is_empty() {
            return;
        }
        let leaves = self.is_kill_leaving();
        let (own_orders, own_positions) = self.kill_remaining();
        let stay = self.draft.live_orders().len() - own_orders;
        let orders_left = open_orders.saturating_sub(i64::try_from(stay).unwrap_or(i64::MAX));
        let theirs = orders_left.max(0) + if leaves { 0 } else { positions };
        if own_orders == 0 && own_positions == 0 && theirs == 0 {
            self.finish_kill();
            return;
        }
        let text = format!(
            "the kill is not done: {own_orders} orders and {own_positions} positions in our books, \
             {open_orders} and {positions} at the venue"
        );
        let id = self.draft.kill().kill_id.clone();
        self.notify("CRITICAL", text, &[&id]);
    }

    /// Orders and positions that a kill still has to end. What it leaves, and the stops that protect it, is none.
    pub fn kill_remaining(&self) -> (usize, usize) {
        let leaves = self.is_kill_leaving();
        let orders = self.draft.live_orders();
        let count = orders
            .iter()
            .filter(|order| !(leaves && is_stop(order)))
            .count();
        let positions = if leaves {
            0
        } else {
            self.draft.open_positions().len()
        };
        (count, positions)
    }

    fn finish_kill(&mut self) {
        let kill = self.draft.kill().clone();
        // A PAUSE ends nothing: what goes on under it is no failure that a person is woken for.
        let remaining = match kill.level {
            KillLevel::Pause => 0,
            _ => self.draft.live_orders().len() + self.draft.open_positions().len(),
        };
        for kill_id in &kill.unfinished {
            self.emit(Event::KillFinished(KillFinished {
                kill_id: kill_id.clone(),
                level: kill.level,
                cancelled: kill.cancelled,
                closed: kill.closed,
                failed: kill.failed,
                remaining: i64::try_from(remaining).unwrap_or(i64::MAX),
            }));
        }
    }

    /// Lifts a kill: not before it is finished, and an EMERGENCY only by a person who says so (KC-1).
    pub(super) fn resumed(&mut self, author: &Name, rearm: bool, reason: &Name) {
        let kill = self.draft.kill().clone();
        if kill.level == KillLevel::None {
            return;
        }
        let refused = if !kill.unfinished.is_empty() {
            "the kill is not finished: the venue has not confirmed it"
        } else if kill.level == KillLevel::Emergency && (author.is_empty() || !rearm) {
            "an EMERGENCY ends only when a person re-arms explicitly"
        } else {
            ""
        };
        if !refused.is_empty() {
            self.refuse_control(KILL_LEVEL, "\"NONE\"", author, refused);
            return;
        }
        self.emit(Event::KillLevelChanged(KillLevelChanged {
            kill_id: kill.kill_id,
            old: kill.level,
            new: KillLevel::None,
            reason: reason.clone(),
            author: author.clone(),
            at_ns: self.now_ns,
        }));
    }

    pub(super) fn control(&mut self, name: &Name, value: &Name, author: &Name) {
        if &**name == CLEAR_HALTS {
            let halts: Vec<&str> = self.draft.halts().iter().map(|h| &*h.reason).collect();
            let old = Name::from(format!("\"{}\"", halts.join(", ")));
            if !halts.is_empty() {
                self.set_control(name, old, value, author);
            }
            return;
        }
        let Some(known) = ControlName::parse(name) else {
            let names: Vec<&str> = ControlName::ALL.iter().map(|one| one.as_str()).collect();
            let text = format!("control must be one of {}, was {name}", names.join(", "));
            self.refuse_control(name, value, author, &text);
            return;
        };
        if let Err(text) = known.read(value) {
            self.refuse_control(name, value, author, &text);
        } else {
            let old = self.draft.controls().values.get(name).cloned();
            self.change_control(
                name,
                old.unwrap_or_else(|| Name::from("null")),
                value,
                author,
            );
        }
    }

    fn change_control(&mut self, name: &Name, old: Name, new: &Name, author: &Name) {
        if old == *new {
            return;
        }
        self.set_control(name, old, new, author);
    }

    fn set_control(&mut self, name: &Name, old: Name, new: &Name, author: &Name) {
        self.emit(Event::ControlChanged(ControlChanged {
            name: name.clone(),
            old,
            new: new.clone(),
            author: author.clone(),
            refused: Name::from(""),
        }));
    }

    fn refuse_control(&mut self, name: &str, value: &str, author: &Name, text: &str) {
        let old = self.draft.controls().values.get(name).cloned();
        self.emit(Event::ControlChanged(ControlChanged {
            name: Name::from(name),
            old: old.unwrap_or_else(|| Name::from("null")),
            new: Name::from(value),
            author: author.clone(),
            refused: Name::from(text),
        }));
        self.notify(
            "WARNING",
            format!("{name} was not changed: {text}"),
            &[author],
        );
    }

    pub(super) fn timer_fired(&mut self, kind: TimerKind, key: &Name) {
        match kind {
            TimerKind::EntryTtl => {
                let due = order_in(self, key)
                    .filter(|o| o.intent.expires_ns != 0 && o.intent.expires_ns <= self.now_ns);
                if let Some(order) = due {
                    self.cancel(&order, TTL_OVER);
                }
            }
            TimerKind::HoldingMax
            | TimerKind::ForceFlat
            | TimerKind::Target2Wait
            | TimerKind::ExitRetry => self.reconsider(key),
            TimerKind::AutoFlatten | TimerKind::FlattenCheck => self.flatten_fired(kind, key),
            TimerKind::Protection => self.announce(),
            TimerKind::Shutdown => self.cancel_entries("the trader stops"),
        }
    }

    fn cancel_entries(&mut self, reason: &str) {
        for order in self.draft.live_orders() {
            if order.intent.purpose == Purpose::Entry {
                self.cancel(&order, reason);
            }
        }
    }

    /// Market exits for what is open (KC-8); the safety net names the survivors.
    fn flatten_fired(&mut self, kind: TimerKind, key: &Name) {
        let is_now = *self.draft.session().session_date.to_string() == **key;
        if !is_now || !self.draft.session().is_open {
            return;
        }
        let open = self.draft.open_positions();
        if kind == TimerKind::FlattenCheck {
            let ids: Vec<&Name> = open.iter().map(|p| &p.position_id).collect();
            let (severity, text) = match open.len() {
                0 => ("INFO", "flat at the last look before the close".to_owned()),
                count => (
                    "ERROR",
                    format!("still open after the time to be flat: {count}"),
                ),
            };
            self.notify(severity, text, &ids);
        }
        if kind == TimerKind::AutoFlatten {
            let count = open.len();
            self.notify(
                "INFO",
                format!("time to be flat: {count} positions are closed"),
                &[key],
            );
        }
        self.cancel_entries("time to be flat");
        for position in open {
            self.reconsider(&position.position_id);
        }
    }

    /// Every money timer of what is open, to be armed after rehydration.
    pub fn open_timers(&self) -> Vec<Timer> {
        let mut timers = self.session_timers();
        for order in self.draft.live_orders() {
            if order.intent.expires_ns != 0 && order.cancel_asked_ns == 0 {
                timers.push(Timer {
                    due_ns: order.intent.expires_ns,
                    kind: TimerKind::EntryTtl,
                    key: order.intent.client_order_id.clone(),
                });
            }
        }
        for position in self.draft.open_positions() {
            timers.extend(position_timers(&position));
        }
        let rows = self.draft.protections().rows(self.now_ns);
        timers.extend(rows.into_iter().filter_map(|row| {
            let due_ns = row.until_ns?;
            let key = Name::from(row.name.as_str());
            Some(Timer {
                due_ns,
                kind: TimerKind::Protection,
                key,
            })
        }));
        timers
    }

    /// Submissions of intents without an outcome: durable, and never known to have been handed over.
    pub fn unresolved(&self) -> Vec<Effect> {
        self.draft
            .live_orders()
            .iter()
            .filter(|order| order.state == OrderState::Pending)
            .filter_map(|order| {
                let bytes = super::entries::bytes_of(&order.intent).ok()?;
                Submission::from_journal(bytes)
                    .ok()
                    .map(|one| Effect::Submit(Arc::new(one)))
            })
            .collect()
    }
}

/// An order that protects a position: a kill that leaves positions leaves it too.
pub fn is_stop(order: &Order) -> bool {
    let reason = order.intent.exit_reason;
    order.intent.purpose == Purpose::Protect || reason.is_some_and(ExitReason::is_protective)
}
