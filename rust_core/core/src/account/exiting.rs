//! From the one exit decision to an exit order (PX-1, PX-2, PX-5).

use super::store::Store;
use super::work::Work;
use crate::decision::Effect;
use crate::event::{CancelRequested, Event, ExitTriggered, OrderIntended};
use crate::exits::{self, Advice, Circumstances, Portion, Trigger};
use crate::gate::{self, OrderDraft, ProtectiveStop, Ruling};
use crate::message::{ExitReason, Mark, Name, OrderType, Purpose, Side, TimeInForce, TimerKind};
use crate::order_table::OrderState;
use crate::orders::Order;
use crate::positions::{Phase, Position};

/// Longest wait between two tries of an exit, nanoseconds.
const RETRY_MAX_NS: i64 = 60_000_000_000;

impl Work<'_> {
    fn circumstances<'b>(
        &self,
        position: &Position,
        mark: Option<&'b Mark>,
        advice: Option<&'b Advice>,
    ) -> Circumstances<'b> {
        Circumstances {
            now_ns: self.now_ns,
            is_killed: self.is_kill_closing(),
            is_left: self.is_kill_leaving(),
            is_flattening: self.is_flattening(),
            mark,
            advice,
            runner_stop_r_1e8: self.core.config.runner_stop_r_1e8,
            lot_1e8: self
                .instrument(&position.instrument)
                .map_or(1, |i| i.lot_1e8),
        }
    }

    /// Nothing else may decide for it: an exit is under way (PX-1).
    fn is_settled(position: &Position) -> bool {
        position.phase == Phase::ExitPending
    }

    /// The wait after a failed exit is for that exit: the stop does not wait for a target, nor a kill for a stop.
    fn may_exit(&self, position: &Position, trigger: &Trigger) -> bool {
        let is_other = position.exit_reason != Some(trigger.reason);
        self.now_ns >= position.exit_retry_ns || (trigger.portion == Portion::All && is_other)
    }

    /// A new price of a position's instrument.
    pub(super) fn watch(&mut self, position: &Position, mark: &Mark) {
        if Self::is_settled(position) {
            return;
        }
        let now = self.circumstances(position, Some(mark), None);
        if let Some(trigger) = exits::decide(position, &now) {
            if self.may_exit(position, &trigger) {
                self.exit(position, &trigger);
            }
        } else if let Some(best_1e8) = exits::new_best_1e8(position, mark) {
            let mut next = position.clone();
            next.best_1e8 = best_1e8;
            next.cause = Name::from("best price");
            self.emit(Event::PositionChanged(Box::new(next)));
        }
    }

    /// Whatever asks for an exit without a price: a kill, a time, what an earlier exit left open.
    pub(super) fn reconsider(&mut self, position_id: &str) {
        let Some(position) = self.draft.position(position_id).cloned() else {
            return;
        };
        if Self::is_settled(&position) {
            return;
        }
        let now = self.circumstances(&position, None, None);
        if let Some(mut trigger) = exits::decide(&position, &now) {
            if trigger.price_1e8 == 0 {
                let side = exits::exit_side(&position);
                trigger.price_1e8 = self.market_1e8(&position.instrument, side);
            }
            if self.may_exit(&position, &trigger) {
                self.exit(&position, &trigger);
            }
        }
    }

    pub(super) fn advised(
        &mut self,
        strategy: &Name,
        instrument: &Name,
        reason: ExitReason,
        text: &Name,
        reference_1e8: i64,
    ) {
        let Some(position) = self.draft.position_of(strategy, instrument) else {
            return;
        };
        if Self::is_settled(&position) {
            return;
        }
        let advice = Advice {
            reason,
            text: text.clone(),
            reference_1e8,
        };
        let now = self.circumstances(&position, None, Some(&advice));
        if let Some(trigger) = exits::decide(&position, &now) {
            if self.may_exit(&position, &trigger) {
                self.exit(&position, &trigger);
            }
        }
    }

    pub(super) fn levels_set(
        &mut self,
        strategy: &Name,
        instrument: &Name,
        stop_1e8: Option<i64>,
        target_1e8: Option<i64>,
    ) {
        let Some(position) = self.draft.position_of(strategy, instrument) else {
            return;
        };
        let mut next = Position::clone(&position);
        for (slot, level) in [
            (&mut next.stop_override_1e8, stop_1e8),
            (&mut next.target_override_1e8, target_1e8),
        ] {
            match level {
                Some(level_1e8) if level_1e8 <= 0 => {
                    let text = format!("a level must be above zero, was {level_1e8} at 1e-8");
                    self.notify("WARNING", text, &[&position.position_id]);
                    return;
                }
                Some(level_1e8) => *slot = level_1e8,
                None => {}
            }
        }
        if next != *position {
            next.cause = Name::from("levels moved");
            self.emit(Event::PositionChanged(Box::new(next)));
        }
    }

    /// Intends the exit that was decided. What is not final at the venue yet cannot be sold (EX-7): it is
    /// wanted, and follows when it is.
    fn exit(&mut self, position: &Position, trigger: &Trigger) {
        let side = exits::exit_side(position);
        let open_1e8 = position.qty_1e8.abs();
        let may_1e8 = match side {
            Side::Sell => (open_1e8 - position.unconfirmed_1e8).max(0),
            Side::Buy => open_1e8,
        };
        let qty_1e8 = match trigger.portion {
            Portion::All => may_1e8,
            Portion::Part(part_1e8) => part_1e8.max(self.smallest_1e8(position)).min(may_1e8),
        };
        self.stop_entering(position, trigger);
        let mut next = position.clone();
        next.exit_intended_1e8 = trigger.price_1e8;
        next.exit_threshold_1e8 = trigger.threshold_1e8;
        if trigger.portion == Portion::All {
            next.exit_wanted = Some(trigger.reason);
        }
        if qty_1e8 == 0 {
            if position.exit_wanted.is_none() && next.exit_wanted.is_some() {
                next.cause = Name::from("waits for settlement");
                self.emit(Event::PositionChanged(Box::new(next)));
            }
            return;
        }
        let (id, attempt) = self.next_exit_id(position);
        let reducible_1e8 = may_1e8 * position.qty_1e8.signum();
        let draft = OrderDraft {
            client_order_id: &id,
            strategy: &position.strategy,
            instrument: &position.instrument,
            purpose: Purpose::Exit,
            side,
            order_type: OrderType::Market,
            tif: TimeInForce::Day,
            qty_1e8,
            limit_1e8: None,
            trigger_1e8: None,
            protective_stop: ProtectiveStop::Missing,
            take_profit_1e8: None,
            is_protective: trigger.reason.is_protective(),
            deadline_ns: i64::MAX,
        };
        let ruling = gate::check(
            &draft,
            &self.exit_context(&position.instrument, reducible_1e8),
        );
        match ruling {
            Ruling::Refused(failed) => {
                let what: Vec<&str> = failed.iter().map(|check| check.detail.as_str()).collect();
                let text = format!(
                    "exit of {} refused: {}",
                    position.position_id,
                    what.join("; ")
                );
                self.notify("CRITICAL", text, &[&position.position_id]);
                next.exit_reason = Some(trigger.reason);
                self.failed_exit(next, "exit refused");
            }
            Ruling::Approved(verdict) => {
                next.phase = Phase::ExitPending;
                next.exit_reason = Some(trigger.reason);
                next.exit_order_id = id.clone();
                next.exit_attempt = attempt;
                if trigger.reason == ExitReason::Target1 && position.target_1_ns == 0 {
                    next.target_1_ns = self.now_ns;
                }
                next.cause = Name::from(trigger.reason.as_str());
                self.triggered(position, trigger, qty_1e8, &id);
                let intent = self.exit_intent(position, trigger, &draft, attempt);
                if self.intend(verdict, intent) {
                    self.emit(Event::PositionChanged(Box::new(next)));
                    self.watch_runner(position, trigger);
                }
            }
        }
    }

    /// The smallest quantity that the venue takes; a part below it would be refused for ever.
    fn smallest_1e8(&self, position: &Position) -> i64 {
        self.instrument(&position.instrument)
            .map_or(0, |instrument| instrument.min_qty_1e8)
    }

    fn triggered(&mut self, position: &Position, trigger: &Trigger, qty_1e8: i64, id: &Name) {
        self.emit(Event::ExitTriggered(Box::new(ExitTriggered {
            position_id: position.position_id.clone(),
            strategy: position.strategy.clone(),
            instrument: position.instrument.clone(),
            reason: trigger.reason,
            trigger_1e8: trigger.price_1e8,
            threshold_1e8: trigger.threshold_1e8,
            qty_1e8,
            client_order_id: id.clone(),
            text: trigger.text.clone(),
        })));
    }

    fn watch_runner(&mut self, position: &Position, trigger: &Trigger) {
        if let (ExitReason::Target1, Portion::Part(_), Some(wait_ns)) = (
            trigger.reason,
            trigger.portion,
            position.plan.target_2_wait_ns,
        ) {
            let due_ns = self.now_ns.saturating_add(wait_ns);
            self.timer(TimerKind::Target2Wait, &position.position_id, due_ns);
        }
    }

    fn exit_intent(
        &self,
        position: &Position,
        trigger: &Trigger,
        draft: &OrderDraft<'_>,
        attempt: i64,
    ) -> OrderIntended {
        let entry = self.draft.order(&position.entry_order_id);
        OrderIntended {
            client_order_id: draft.client_order_id.clone(),
            signal_id: entry.map_or_else(|| Name::from(""), |o| o.intent.signal_id.clone()),
            position_id: position.position_id.clone(),
            strategy: position.strategy.clone(),
            instrument: position.instrument.clone(),
            session_date: position.session_date,
            setup_instance: position.setup_instance.clone(),
            leg: 0,
            purpose: Purpose::Exit,
            attempt,
            side: draft.side,
            qty_1e8: draft.qty_1e8,
            order_type: draft.order_type,
            tif: draft.tif,
            limit_1e8: None,
            trigger_1e8: None,
            adds_risk: false,
            deadline_ns: draft.deadline_ns,
            expires_ns: 0,
            reference_1e8: trigger.price_1e8,
            reference_ns: self.now_ns,
            exit_reason: Some(trigger.reason),
            plan: None,
        }
    }

    /// The next free id of an exit (EX-4); a late fill may have brought the position back after an exit.
    fn next_exit_id(&self, position: &Position) -> (Name, i64) {
        let of = (
            &*position.strategy,
            position.session_date,
            &*position.setup_instance,
        );
        let mut attempt = position.exit_attempt + 1;
        loop {
            let id = self.order_id(of, 0, Purpose::Exit, attempt);
            if self.draft.order(&id).is_none() {
                return (id, attempt);
            }
            attempt += 1;
        }
    }

    /// While a position is closed, nothing more is bought for it.
    fn stop_entering(&mut self, position: &Position, trigger: &Trigger) {
        if trigger.portion != Portion::All || position.phase != Phase::Entry {
            return;
        }
        if let Some(entry) = self.draft.order(&position.entry_order_id).cloned() {
            self.cancel(&entry, "its position is being closed");
        }
    }

    /// Asks for a cancel, once. The venue is asked as soon as it has the order.
    pub(super) fn cancel(&mut self, order: &Order, reason: &str) {
        if order.state.is_terminal() || order.cancel_asked_ns != 0 {
            return;
        }
        let id = order.intent.client_order_id.clone();
        self.emit(Event::CancelRequested(CancelRequested {
            client_order_id: id.clone(),
            reason: Name::from(reason),
            at_ns: self.now_ns,
        }));
        let is_working = matches!(
            order.state,
            OrderState::Working | OrderState::PartiallyFilled
        );
        // An UNKNOWN one may work there all the same, and can be named (KC-2).
        let may_work = order.state == OrderState::Unknown && !order.broker_order_id.is_empty();
        if is_working || may_work {
            self.out.effects.push(Effect::Cancel {
                client_order_id: id,
                broker_order_id: order.broker_order_id.clone(),
            });
        }
    }

    /// An exit came to nothing: the position is decided again, after a wait that doubles each time.
    pub(super) fn failed_exit(&mut self, mut next: Position, cause: &str) {
        next.phase = Phase::Monitoring;
        next.exit_order_id = Name::from("");
        next.exit_failures += 1;
        if next.exit_reason == Some(ExitReason::Target1) && next.exit_wanted.is_none() {
            next.target_1_ns = 0;
        }
        let doublings = u32::try_from(next.exit_failures - 1)
            .unwrap_or(u32::MAX)
            .min(16);
        let wait_ns = self
            .core
            .config
            .exit_retry_ns
            .saturating_mul(1_i64 << doublings);
        next.exit_retry_ns = self.now_ns.saturating_add(wait_ns.min(RETRY_MAX_NS));
        next.cause = Name::from(cause);
        self.timer(TimerKind::ExitRetry, &next.position_id, next.exit_retry_ns);
        self.emit(Event::PositionChanged(Box::new(next)));
    }
}
