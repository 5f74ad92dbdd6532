//! What events do to what an account knows: they set it. One function for the draft of a decision, for the
//! state it is taken into, and for rehydration.

use super::state::{BalanceSeen, Halt, State};
use super::store::Store;
use crate::config::ENTRY_TIMES_MAX;
use crate::event::{
    ControlChanged, Event, FillReversed, OrderChanged, OrderFilled, OrderIntended, SessionOpened,
    TradeClosed,
};
use crate::ledger::Session;
use crate::message::{ExitReason, Name, Purpose, Settlement};
use crate::order_table::OrderState;
use crate::orders::{Execution, Order};
use crate::positions::{left_over, Phase, Position};
use crate::protections::ClosedTrade;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Takes one event over.
pub fn apply<S: Store>(store: &mut S, event: &Event, at_ns: i64) {
    match event {
        Event::SessionOpened(e) => session_opened(store, e),
        Event::SessionClosed(e) => {
            store.session_mut().is_open = false;
            store.protections_mut().on_equity(e.equity_1e8);
        }
        Event::OrderIntended(e) => order_intended(store, e, at_ns),
        Event::OrderChanged(e) => order_changed(store, e),
        Event::CancelRequested(e) => {
            if let Some(order) = store.order_mut(&e.client_order_id) {
                order.cancel_asked_ns = e.at_ns;
                order.cancel_reason = e.reason.clone();
            }
        }
        Event::CancelFailed(_) => {
            if store.kill_mut().is_clearing() {
                store.kill_mut().failed += 1;
            }
        }
        Event::OrderFilled(e) => order_filled(store, e),
        Event::FillSettled(e) => {
            settle(
                store,
                &e.client_order_id,
                &e.execution_id,
                Settlement::Confirmed,
            );
        }
        Event::FillReversed(e) => fill_reversed(store, e),
        Event::PositionChanged(e) => position_changed(store, e),
        Event::TradeClosed(e) => trade_closed(store, e),
        Event::ProtectionTripped(e) | Event::ProtectionCleared(e) => {
            store.protections_mut().apply_transition(e);
        }
        Event::ThrottleChanged(e) => store.protections_mut().apply_throttle(e),
        Event::KillLevelChanged(e) => store.kill_mut().change(e),
        Event::KillFinished(e) => {
            store.kill_mut().unfinished.retain(|id| *id != e.kill_id);
        }
        Event::ControlChanged(e) => control_changed(store, e),
        Event::BalanceReported(e) => {
            store.set_balance(BalanceSeen {
                equity_1e8: e.equity_1e8,
                cash_1e8: e.cash_1e8,
                buying_power_1e8: e.buying_power_1e8,
                at_ns: e.at_ns,
            });
            store.protections_mut().on_balance(e.equity_1e8);
        }
        Event::Halted(e) => store.halts_mut().push(Halt {
            scope: e.scope,
            key: e.key.clone(),
            reason: e.reason.clone(),
        }),
        Event::LookupMissed(e) => {
            if let Some(order) = store.order_mut(&e.client_order_id) {
                (order.absent_reads, order.absent_ns) = (e.reads, e.since_ns);
            }
        }
        Event::Reconciled(e) => store.reconciled_mut().clone_from(e),
        Event::AccountSnapshot(e) => store.restore(e),
        // Told for people and for the record; nothing that a decision rests on.
        Event::SignalReceived(_)
        | Event::VerdictGiven(_)
        | Event::DuplicateRefused(_)
        | Event::ExitTriggered(_)
        | Event::DriftFound(_)
        | Event::InvariantViolated(_) => {}
    }
}

fn session_opened<S: Store>(store: &mut S, e: &SessionOpened) {
    let last = store.session_mut().session_date;
    store.forget_before(last);
    *store.session_mut() = Session {
        session_date: e.session_date,
        open_ns: e.open_ns,
        close_ns: e.close_ns,
        is_open: true,
        week: e.week,
        start_equity_1e8: e.equity_1e8.unwrap_or(0),
        strategies: BTreeMap::new(),
        entry_times: BTreeMap::new(),
    };
    *store.ledger_mut() = e.ledger;
    store
        .protections_mut()
        .on_session_opened(e.session_date, e.open_ns, e.close_ns, e.equity_1e8);
}

fn order_intended<S: Store>(store: &mut S, e: &Arc<OrderIntended>, at_ns: i64) {
    if e.purpose == Purpose::Entry {
        entry_counts(store, e, at_ns);
    }
    store.add_order(Order::new(Arc::clone(e), at_ns));
}

/// An entry order takes a place among those of the window and of the session (EX-12).
fn entry_counts<S: Store>(store: &mut S, intent: &OrderIntended, at_ns: i64) {
    let session = store.session_mut();
    session
        .strategies
        .entry(intent.strategy.clone())
        .or_default()
        .entries += 1;
    let times = session
        .entry_times
        .entry(intent.instrument.clone())
        .or_default();
    if times.len() >= usize::from(ENTRY_TIMES_MAX) {
        times.remove(0);
    }
    times.push(at_ns);
}

/// It was held back or proven absent: no venue had it, so its place is free again. In another session than its own
/// there is nothing to free. Of several entries decided on one price the first gives its place, which ends soonest.
fn entry_never_left<S: Store>(store: &mut S, intent: &OrderIntended) {
    let session = store.session_mut();
    if session.session_date != intent.session_date {
        return;
    }
    if let Some(own) = session.strategies.get_mut(&intent.strategy) {
        own.entries = (own.entries - 1).max(0);
    }
    if let Some(times) = session.entry_times.get_mut(&intent.instrument) {
        if let Some(place) = times.iter().position(|time| *time >= intent.reference_ns) {
            times.remove(place);
        }
    }
}

fn order_changed<S: Store>(store: &mut S, e: &OrderChanged) {
    let Some(order) = store.order_mut(&e.client_order_id) else {
        return;
    };
    order.state = e.new;
    order.changed_ns = e.at_ns;
    (order.absent_reads, order.absent_ns) = (0, 0);
    order.is_released |= !matches!(e.new, OrderState::NotSent | OrderState::Unknown);
    if order.broker_order_id != e.broker_order_id {
        order.broker_order_id = e.broker_order_id.clone();
    }
    let intent = Arc::clone(&order.intent);
    let was_cancel = order.cancel_asked_ns != 0 && e.new == OrderState::Cancelled;
    if was_cancel && !e.is_correction && store.kill_mut().is_clearing() {
        store.kill_mut().cancelled += 1;
    }
    if intent.purpose == Purpose::Entry && e.new != e.old {
        if e.new == OrderState::NotSent {
            entry_never_left(store, &intent);
        } else if e.old == OrderState::NotSent {
            entry_counts(store, &intent, e.at_ns); // the proof was wrong
        }
    }
    // A fill is followed by its position, and what that says of the order's place.
    if e.new.is_terminal() && e.new != OrderState::Filled {
        store.retire(&e.client_order_id);
    }
}

fn order_filled<S: Store>(store: &mut S, e: &OrderFilled) {
    if let Some(order) = store.order_mut(&e.client_order_id) {
        order.executions.push(Execution {
            execution_id: e.execution_id.clone(),
            qty_1e8: e.qty_1e8,
            price_1e8: e.price_1e8,
            fee_1e8: e.fee_1e8,
            settlement: e.settlement,
            venue_ns: e.venue_ns,
        });
        order.filled_1e8 = e.filled_1e8;
        order.filled_value_1e16 = e.filled_value_1e16;
        order.fees_1e8 = e.order_fees_1e8;
        order.changed_ns = e.at_ns;
    }
    *store.ledger_mut() = e.ledger;
    let own = store
        .session_mut()
        .strategies
        .entry(e.strategy.clone())
        .or_default();
    own.gross_1e8 += e.realised_1e8;
    own.fees_1e8 += e.fee_1e8;
}

fn fill_reversed<S: Store>(store: &mut S, e: &FillReversed) {
    settle(
        store,
        &e.client_order_id,
        &e.execution_id,
        Settlement::Failed,
    );
    if let Some(order) = store.order_mut(&e.client_order_id) {
        order.filled_1e8 = e.filled_1e8;
        order.filled_value_1e16 = e.filled_value_1e16;
        order.fees_1e8 = e.order_fees_1e8;
        order.changed_ns = e.at_ns;
    }
    *store.ledger_mut() = e.ledger;
    let own = store
        .session_mut()
        .strategies
        .entry(e.strategy.clone())
        .or_default();
    own.gross_1e8 += e.realised_1e8;
    own.fees_1e8 -= e.fee_1e8;
}

fn settle<S: Store>(store: &mut S, order_id: &Name, execution_id: &str, to: Settlement) {
    let Some(order) = store.order_mut(order_id) else {
        return;
    };
    if let Some(fill) = order
        .executions
        .iter_mut()
        .find(|f| &*f.execution_id == execution_id)
    {
        fill.settlement = to;
    }
}

fn position_changed<S: Store>(store: &mut S, e: &Position) {
    if e.phase == Phase::Closed {
        store.ledger_mut().written_off_1e8 += e.written_off_1e8;
        store.remove_position(&e.position_id);
        store.retire_all(e);
        return;
    }
    let known = store.position(&e.position_id).map(|p| Arc::clone(&p.plan));
    let is_new = known.is_none();
    let mut position = e.clone();
    position.plan = known.unwrap_or_else(|| {
        store
            .order(&e.entry_order_id)
            .and_then(|order| order.intent.plan.clone())
            .unwrap_or_else(left_over)
    });
    if is_new {
        store
            .session_mut()
            .strategies
            .entry(e.strategy.clone())
            .or_default()
            .opened += 1;
    }
    store.set_position(position);
}

fn trade_closed<S: Store>(store: &mut S, e: &TradeClosed) {
    // A trailing stop that loses is a stop all the same (RK-6).
    let is_losing_trail = e.reason == ExitReason::Trailing && e.net_1e8 < 0;
    let stop_out = e.reason == ExitReason::StopLoss || is_losing_trail;
    let own = store
        .session_mut()
        .strategies
        .entry(e.strategy.clone())
        .or_default();
    own.trades += 1;
    own.wins += i64::from(e.net_1e8 > 0);
    own.stop_outs += i64::from(stop_out);
    store.protections_mut().on_trade_closed(&ClosedTrade {
        exit_ns: e.exit_ns,
        net_1e8: e.net_1e8,
        stop_out,
    });
    // What was being left as the kill came is closed under it too, whatever it is left for (KC-2).
    let kill = store.kill_mut();
    if kill.is_clearing() && !kill.unfinished.is_empty() {
        kill.closed += 1;
    }
}

fn control_changed<S: Store>(store: &mut S, e: &ControlChanged) {
    if !e.refused.is_empty() {
        return;
    }
    if &*e.name == super::CLEAR_HALTS {
        store.halts_mut().clear();
        return;
    }
    store
        .controls_mut()
        .values
        .insert(e.name.clone(), e.new.clone());
}

impl State {
    /// Gives open positions their plans back, which their entry orders hold.
    pub fn join_plans(&mut self) {
        let orders = &self.orders;
        for position in self.positions.values_mut() {
            let plan = orders
                .get(&position.entry_order_id)
                .and_then(|o| o.intent.plan.clone());
            Arc::make_mut(position).plan = plan.unwrap_or_else(left_over);
        }
    }
}
