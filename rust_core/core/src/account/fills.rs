//! What a fill does: order, position, ledger and trade in one decision (EX-5, EX-7, EX-14).

use super::store::Store;
use super::work::Work;
use crate::event::{Event, FillReversed, FillSettled, OrderFilled, TradeClosed};
use crate::exits::{levels, risk_per_unit_1e8};
use crate::ledger::Ledger;
use crate::message::{ExitReason, Name, Purpose, Settlement, Side, TimerKind, VenueReport};
use crate::money::{div, notional};
use crate::order_table::OrderState;
use crate::orders::{Execution, Order};
use crate::positions::{left_over, realised_1e8, Phase, Position, Sum};
use std::sync::Arc;

/// One execution as it enters a position: a fill, or a reversal as a fill of the other side.
struct Part<'a> {
    order: &'a Order,
    side: Side,
    qty_1e8: i64,
    price_1e8: i64,
    /// Above zero is a cost; below zero is given back.
    fee_1e8: i64,
    settlement: Settlement,
    venue_ns: i64,
    /// It takes a fill of this very position out again.
    undoes: bool,
}

/// What it does to the books.
struct Booked {
    position: Position,
    is_new: bool,
    realised_1e8: i64,
    ledger: Ledger,
}

impl Work<'_> {
    /// A fill that is new. `new` is the order's state after it; the caller journals the transition.
    /// `None` when amounts do not fit, which is a broken rule.
    pub(super) fn filled(
        &mut self,
        order: &Order,
        report: &VenueReport,
        new: OrderState,
    ) -> Option<()> {
        let intent = &order.intent;
        let part = Part {
            order,
            side: intent.side,
            qty_1e8: report.qty_1e8,
            price_1e8: report.price_1e8,
            fee_1e8: report.fee_1e8,
            settlement: report.settlement,
            venue_ns: report.venue_ns,
            undoes: false,
        };
        let booked = self.book(&part, new)?;
        let sum = Sum {
            qty_1e8: order.filled_1e8,
            value_1e16: order.filled_value_1e16,
        };
        let after = sum.with(report.qty_1e8, report.price_1e8)?;
        self.emit(Event::OrderFilled(Box::new(OrderFilled {
            client_order_id: intent.client_order_id.clone(),
            execution_id: execution_id(report),
            broker_order_id: broker_id(order, report),
            position_id: booked.position.position_id.clone(),
            strategy: intent.strategy.clone(),
            instrument: intent.instrument.clone(),
            side: intent.side,
            qty_1e8: report.qty_1e8,
            price_1e8: report.price_1e8,
            fee_1e8: report.fee_1e8,
            settlement: report.settlement,
            venue_ns: report.venue_ns,
            at_ns: self.now_ns,
            is_late: order.state.is_terminal(),
            filled_1e8: after.qty_1e8,
            filled_value_1e16: after.value_1e16,
            order_fees_1e8: order.fees_1e8.checked_add(report.fee_1e8)?,
            realised_1e8: booked.realised_1e8,
            ledger: booked.ledger,
        })));
        self.transition(order, new, "filled", report);
        self.settle_position(booked);
        Some(())
    }

    /// A fill became final at the venue: what waited for it may be sold (EX-7).
    pub(super) fn settled(&mut self, order: &Order, execution: &Execution, venue_ns: i64) {
        let intent = &order.intent;
        self.emit(Event::FillSettled(FillSettled {
            client_order_id: intent.client_order_id.clone(),
            execution_id: execution.execution_id.clone(),
            venue_ns,
            at_ns: self.now_ns,
        }));
        let Some(position) = self.draft.position_of(&intent.strategy, &intent.instrument) else {
            return;
        };
        if position.side == intent.side && position.unconfirmed_1e8 > 0 {
            let mut next = Position::clone(&position);
            next.unconfirmed_1e8 = (next.unconfirmed_1e8 - execution.qty_1e8).max(0);
            next.cause = Name::from("settled");
            self.emit(Event::PositionChanged(Box::new(next)));
            self.reconsider(&position.position_id);
        }
    }

    /// A fill was taken back (EX-2). `None` when amounts do not fit.
    pub(super) fn reversed(
        &mut self,
        order: &Order,
        execution: &Execution,
        report: &VenueReport,
    ) -> Option<()> {
        let intent = &order.intent;
        let own = self.draft.position_of(&intent.strategy, &intent.instrument);
        let undoes = own.is_some_and(|p| p.position_id == intent.position_id);
        let part = Part {
            order,
            side: if undoes {
                intent.side
            } else {
                intent.side.opposite()
            },
            qty_1e8: if undoes {
                -execution.qty_1e8
            } else {
                execution.qty_1e8
            },
            price_1e8: execution.price_1e8,
            fee_1e8: -execution.fee_1e8,
            settlement: execution.settlement,
            venue_ns: report.venue_ns,
            undoes,
        };
        let booked = self.book(&part, order.state)?;
        let sum = Sum {
            qty_1e8: order.filled_1e8,
            value_1e16: order.filled_value_1e16,
        };
        let after = sum.with(-execution.qty_1e8, execution.price_1e8)?;
        self.emit(Event::FillReversed(Box::new(FillReversed {
            client_order_id: intent.client_order_id.clone(),
            execution_id: execution.execution_id.clone(),
            position_id: booked.position.position_id.clone(),
            strategy: intent.strategy.clone(),
            instrument: intent.instrument.clone(),
            side: intent.side,
            qty_1e8: execution.qty_1e8,
            price_1e8: execution.price_1e8,
            fee_1e8: execution.fee_1e8,
            reason: report.reason.clone(),
            venue_ns: report.venue_ns,
            at_ns: self.now_ns,
            filled_1e8: after.qty_1e8,
            filled_value_1e16: after.value_1e16,
            order_fees_1e8: order.fees_1e8.checked_sub(execution.fee_1e8)?,
            realised_1e8: booked.realised_1e8,
            ledger: booked.ledger,
        })));
        self.settle_position(booked);
        Some(())
    }

    /// The position and the ledger after one execution; nothing is journaled yet.
    fn book(&self, part: &Part<'_>, new: OrderState) -> Option<Booked> {
        let intent = &part.order.intent;
        let found = self.draft.position_of(&intent.strategy, &intent.instrument);
        let is_new = found.is_none();
        let mut position = found.map_or_else(|| open(part), |p| Position::clone(&p));
        let slot = match part.side {
            Side::Buy => &mut position.bought,
            Side::Sell => &mut position.sold,
        };
        *slot = slot.with(part.qty_1e8, part.price_1e8)?;
        position.qty_1e8 = position
            .bought
            .qty_1e8
            .checked_sub(position.sold.qty_1e8)?
            .checked_add(position.adopted_1e8)?;
        position.average_entry_1e8 = position.entered().average_1e8().unwrap_or(0);
        position.fees_1e8 = position.fees_1e8.checked_add(part.fee_1e8)?;
        note(&mut position, part, new);
        let multiplier_1e8 = self.multiplier_1e8(&intent.instrument);
        let realised = realised_1e8(position.bought, position.sold, multiplier_1e8)?;
        let delta_1e8 = realised.checked_sub(position.realised_1e8)?;
        position.realised_1e8 = realised;
        let paid_1e8 = notional(part.price_1e8, part.qty_1e8, multiplier_1e8)?;
        let cash_1e8 = paid_1e8.checked_mul(-part.side.sign())?;
        let ledger = self
            .draft
            .ledger()
            .after(delta_1e8, part.fee_1e8, cash_1e8)?;
        Some(Booked {
            position,
            is_new,
            realised_1e8: delta_1e8,
            ledger,
        })
    }

    /// Journals the position as it is now, and the trade when it is flat.
    fn settle_position(&mut self, booked: Booked) {
        let Booked {
            position, is_new, ..
        } = booked;
        let id = position.position_id.clone();
        if position.is_flat() {
            self.close(position);
            return;
        }
        if is_new && position.exit_wanted.is_none() {
            self.arm(&position);
        }
        let is_over = position.exit_wanted == Some(ExitReason::ExecutionError);
        self.emit(Event::PositionChanged(Box::new(position)));
        self.decide_left(&id, is_new && is_over);
    }

    /// What is to be done with what an execution left: at once, or when all that belong together are booked.
    pub(super) fn decide_left(&mut self, position_id: &Name, is_left_over: bool) {
        if let Some(undecided) = &mut self.undecided {
            undecided.push((position_id.clone(), is_left_over));
            return;
        }
        if is_left_over {
            let text = format!(
                "{position_id} was left over by a late fill or a reversal; it is closed at once"
            );
            self.notify("ERROR", text, &[position_id]);
        }
        self.reconsider(position_id);
    }

    /// Arms the timers of a position.
    fn arm(&mut self, position: &Position) {
        for timer in position_timers(position) {
            self.out.timers.push(timer);
        }
    }

    pub(super) fn close(&mut self, mut position: Position) {
        if position.adopted_1e8 != 0 {
            let multiplier_1e8 = self.multiplier_1e8(&position.instrument);
            position.written_off_1e8 = position.unrealised_cash_1e8(multiplier_1e8).unwrap_or(0);
        }
        let trade = self.trade(&position);
        let id = position.position_id.clone();
        self.emit(Event::PositionChanged(Box::new(position)));
        if let Some(trade) = trade {
            self.emit(Event::TradeClosed(Box::new(trade)));
        }
        self.cancel_rest(&id);
        self.protections_after();
    }

    /// Nothing is held any more: what still works for it would open the other side (PX-1).
    fn cancel_rest(&mut self, position_id: &Name) {
        for order in self.draft.live_orders() {
            if order.intent.position_id == *position_id {
                self.cancel(&order, "its position is closed");
            }
        }
    }

    /// The round trip that a flat position was; `None` when nothing was held after all.
    fn trade(&self, position: &Position) -> Option<TradeClosed> {
        let (entered, exited) = (position.entered(), position.exited());
        let entry_1e8 = entered.average_1e8()?;
        let exit_1e8 = exited.average_1e8()?;
        let sign = position.side.sign();
        let multiplier_1e8 = self.multiplier_1e8(&position.instrument);
        let net_1e8 = position.realised_1e8.checked_sub(position.fees_1e8)?;
        let risk_1e8 = risk_per_unit_1e8(&position.plan, position.side, entry_1e8)
            .and_then(|unit_1e8| notional(unit_1e8, entered.qty_1e8, multiplier_1e8))
            .unwrap_or(0);
        let reason = position.exit_reason.unwrap_or(ExitReason::ExecutionError);
        let beyond = |from_1e8: i64, to_1e8: i64| {
            if from_1e8 == 0 {
                0
            } else {
                (from_1e8 - to_1e8) * sign
            }
        };
        let is_stop = matches!(reason, ExitReason::StopLoss | ExitReason::Trailing);
        let stop_1e8 = levels(position, self.core.config.runner_stop_r_1e8).stop_1e8;
        let threshold_1e8 = match position.exit_threshold_1e8 {
            0 if is_stop => stop_1e8.unwrap_or(0),
            known_1e8 => known_1e8,
        };
        Some(TradeClosed {
            trade_id: position.position_id.clone(),
            strategy: position.strategy.clone(),
            instrument: position.instrument.clone(),
            session_date: position.session_date,
            setup_instance: position.setup_instance.clone(),
            side: position.side,
            qty_1e8: entered.qty_1e8,
            entry_ns: position.entry_ns,
            exit_ns: position.exit_ns,
            entry_1e8,
            exit_1e8,
            gross_1e8: position.realised_1e8,
            fees_1e8: position.fees_1e8,
            net_1e8,
            risk_1e8,
            r_1e8: if risk_1e8 > 0 {
                div(net_1e8, risk_1e8).unwrap_or(0)
            } else {
                0
            },
            reason,
            entry_intended_1e8: position.entry_intended_1e8,
            exit_intended_1e8: position.exit_intended_1e8,
            exit_threshold_1e8: threshold_1e8,
            entry_slippage_1e8: -beyond(position.entry_intended_1e8, entry_1e8),
            exit_slippage_1e8: beyond(position.exit_intended_1e8, exit_1e8),
            gap_1e8: if is_stop {
                beyond(threshold_1e8, exit_1e8).max(0)
            } else {
                0
            },
            multiplier_1e8,
            entry_order_id: position.entry_order_id.clone(),
            exit_order_id: position.exit_order_id.clone(),
        })
    }
}

/// Times, phase and settlement of a position after one execution.
fn note(position: &mut Position, part: &Part<'_>, new: OrderState) {
    let intent = &part.order.intent;
    let is_entry_side = part.side == position.side;
    if is_entry_side && part.settlement == Settlement::Provisional {
        position.unconfirmed_1e8 = (position.unconfirmed_1e8 + part.qty_1e8).max(0);
    }
    if is_entry_side && !part.undoes {
        position.entry_ns = position.entry_ns.min(part.venue_ns);
    }
    if !is_entry_side && !part.undoes {
        position.exit_ns = position.exit_ns.max(part.venue_ns);
    }
    let is_own_entry = intent.client_order_id == position.entry_order_id;
    if is_own_entry && position.phase == Phase::Entry && new.is_terminal() {
        position.phase = Phase::Monitoring;
    }
    if intent.purpose == Purpose::Exit && intent.client_order_id == position.exit_order_id {
        position.exit_failures = 0;
        if new.is_terminal() && !position.is_flat() {
            position.phase = Phase::Monitoring;
            position.exit_order_id = Name::from("");
        }
    }
    // A reversal or an overfill may leave the other side, which nobody asked for.
    if !position.is_flat() && position.qty_1e8.signum() != position.side.sign() {
        position
            .exit_wanted
            .get_or_insert(ExitReason::ExecutionError);
    }
    if position.is_flat() {
        position.phase = Phase::Closed;
    }
    position.cause = Name::from(if part.undoes {
        "fill reversed"
    } else {
        "filled"
    });
}

/// A position that this execution opens. What a late fill or a reversal leaves over is closed at once
/// by an exit of its own (PX-1); an entry that was filled after all is a position like any other.
fn open(part: &Part<'_>) -> Position {
    let intent = &part.order.intent;
    let is_first = intent.purpose == Purpose::Entry
        && part.side == intent.side
        && part.order.executions.is_empty();
    let position_id = if is_first {
        intent.position_id.clone()
    } else {
        // Every fill and every reversal of an order counts one up, so no two left-overs share an id.
        let executions = &part.order.executions;
        let is_gone = |one: &&Execution| one.settlement == Settlement::Failed;
        let count = executions.len() + executions.iter().filter(is_gone).count();
        Name::from(format!(
            "{}/over-{}-{count}",
            intent.position_id, intent.client_order_id
        ))
    };
    let is_live = part.order.state.is_live();
    Position {
        position_id,
        strategy: intent.strategy.clone(),
        instrument: intent.instrument.clone(),
        session_date: intent.session_date,
        setup_instance: intent.setup_instance.clone(),
        entry_order_id: intent.client_order_id.clone(),
        phase: if is_first && is_live {
            Phase::Entry
        } else {
            Phase::Monitoring
        },
        side: part.side,
        qty_1e8: 0,
        unconfirmed_1e8: 0,
        bought: Sum::default(),
        sold: Sum::default(),
        adopted_1e8: 0,
        written_off_1e8: 0,
        average_entry_1e8: 0,
        realised_1e8: 0,
        fees_1e8: 0,
        plan: intent.plan.clone().unwrap_or_else(left_over),
        stop_override_1e8: 0,
        target_override_1e8: 0,
        best_1e8: 0,
        target_1_ns: 0,
        exit_reason: None,
        exit_wanted: (!is_first).then_some(ExitReason::ExecutionError),
        exit_order_id: Name::from(""),
        exit_attempt: 0,
        exit_failures: 0,
        exit_retry_ns: 0,
        exit_intended_1e8: 0,
        exit_threshold_1e8: 0,
        entry_intended_1e8: intent.reference_1e8,
        entry_ns: part.venue_ns,
        exit_ns: 0,
        cause: Name::from("filled"),
    }
}

/// Timers of an open position: its longest holding, its time to be flat, the wait for its second target,
/// the next try of a failed exit.
pub fn position_timers(position: &Position) -> Vec<crate::decision::Timer> {
    let plan = &position.plan;
    let held = plan
        .holding_max_ns
        .map(|most_ns| (TimerKind::HoldingMax, position.entry_ns + most_ns));
    let flat = plan
        .force_flat_ns
        .map(|at_ns| (TimerKind::ForceFlat, at_ns));
    let waited = plan
        .target_2_wait_ns
        .filter(|_| position.target_1_ns != 0)
        .map(|wait_ns| (TimerKind::Target2Wait, position.target_1_ns + wait_ns));
    let retry =
        (position.exit_failures > 0).then_some((TimerKind::ExitRetry, position.exit_retry_ns));
    [held, flat, waited, retry]
        .into_iter()
        .flatten()
        .map(|(kind, due_ns)| crate::decision::Timer {
            due_ns,
            kind,
            key: position.position_id.clone(),
        })
        .collect()
}

/// The venue's id of an execution, or a fingerprint where it gives none (EX-5).
pub fn execution_id(report: &VenueReport) -> Name {
    if report.execution_id.is_empty() {
        let text = format!(
            "fp-{}-{}-{}",
            report.venue_ns, report.qty_1e8, report.price_1e8
        );
        return Name::from(text);
    }
    report.execution_id.clone()
}

/// What stands between a total and how often the order had come to it before.
const AGAIN: char = '+';

/// Our name of an execution that brought an order to a total, where the venue tells totals alone. After something was
/// taken back it may come to one again: from the second time on the name says how often it had before.
pub fn id_of_total(order: &Order, total_1e8: i64) -> Name {
    let id = &order.intent.client_order_id;
    let reached = |one: &&Execution| total_of(id, &one.execution_id) == Some(total_1e8);
    match order.executions.iter().filter(reached).count() {
        0 => Name::from(format!("{id}@{total_1e8}")),
        before => Name::from(format!("{id}@{total_1e8}{AGAIN}{before}")),
    }
}

/// The total of such a name; `None` for a venue's own id.
pub fn total_of(order: &Name, execution: &Name) -> Option<i64> {
    let rest = execution.strip_prefix(&**order)?.strip_prefix('@')?;
    let total = rest.split_once(AGAIN).map_or(rest, |(total, _)| total);
    total.parse().ok()
}

/// The venue's id of the order: the one known, or the one it says now.
pub fn broker_id(order: &Order, report: &VenueReport) -> Name {
    if order.broker_order_id.is_empty() {
        report.broker_order_id.clone()
    } else {
        order.broker_order_id.clone()
    }
}

/// The draft's copy of an order.
pub fn order_in(work: &Work<'_>, client_order_id: &str) -> Option<Arc<Order>> {
    work.draft.order(client_order_id).cloned()
}
