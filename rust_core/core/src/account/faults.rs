//! What contradicts itself in an account's own books: the part of WD-5's assertions that needs nothing else.

use super::AccountCore;
use crate::message::{Name, Purpose, Settlement};
use crate::money::{mul, notional, ONE_1E8};
use crate::order_table::OrderState;
use crate::orders::Order;
use crate::positions::Position;
use std::collections::BTreeMap;

/// Cash is rounded once a fill, profit once a trade: they may be this far apart.
const ROUNDING_1E8: i64 = 10_000;

/// One assertion that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which: `signal_order`, `fill_confirmed`, …
    pub assertion: &'static str,
    /// The order or position concerned, empty for the account.
    pub subject: Name,
    /// What was expected and what was found.
    pub text: String,
}

pub(super) fn faults(core: &AccountCore) -> Vec<Fault> {
    let mut found = Vec::new();
    one_order_a_signal(core, &mut found);
    for order in core.state().orders.values() {
        check_order(core, order, &mut found);
    }
    for position in core.state().positions.values() {
        check_position(core, position, &mut found);
    }
    check_cash(core, &mut found);
    found
}

fn fault(found: &mut Vec<Fault>, assertion: &'static str, subject: &Name, text: String) {
    found.push(Fault {
        assertion,
        subject: subject.clone(),
        text,
    });
}

/// A signal has one entry order that lives, and an entry order has a signal.
fn one_order_a_signal(core: &AccountCore, found: &mut Vec<Fault>) {
    let mut seen: BTreeMap<&Name, &Name> = BTreeMap::new();
    for order in core.live_orders() {
        let intent = &order.intent;
        if intent.purpose != Purpose::Entry {
            continue;
        }
        if intent.signal_id.is_empty() {
            let text = "an entry order must have a signal, had none".to_owned();
            fault(found, "signal_order", &intent.client_order_id, text);
        } else if let Some(other) = seen.insert(&intent.signal_id, &intent.client_order_id) {
            let text = format!(
                "signal {} must have one order, has {other} too",
                intent.signal_id
            );
            fault(found, "signal_order", &intent.client_order_id, text);
        }
    }
}

fn check_order(core: &AccountCore, order: &Order, found: &mut Vec<Fault>) {
    let intent = &order.intent;
    let id = &intent.client_order_id;
    let counted: i64 = order
        .executions
        .iter()
        .filter(|one| one.settlement != Settlement::Failed)
        .map(|one| one.qty_1e8)
        .sum();
    if counted != order.filled_1e8 || order.executions.iter().any(|e| e.execution_id.is_empty()) {
        let text = format!(
            "filled {} must be its executions, which are {counted}",
            order.filled_1e8
        );
        fault(found, "fill_confirmed", id, text);
    }
    let is_acknowledged = matches!(
        order.state,
        OrderState::Working | OrderState::PartiallyFilled
    );
    if id.is_empty() || (is_acknowledged && order.broker_order_id.is_empty()) {
        let text = format!("{} without the broker's id", order.state.as_str());
        fault(found, "order_id", id, text);
    }
    if core.instrument(&intent.instrument).is_none() {
        let text = format!("{} is not configured", intent.instrument);
        fault(found, "in_scope", id, text);
    }
    let session = &core.state().session;
    let is_early = intent.session_date > session.session_date;
    if intent.purpose == Purpose::Entry && order.state.is_live() && is_early {
        let text = format!(
            "an entry of session {} while {} is open",
            intent.session_date, session.session_date
        );
        fault(found, "window_begun", id, text);
    }
    let is_illegal = match order.state {
        OrderState::Filled => order.executions.is_empty(),
        OrderState::Working | OrderState::Pending | OrderState::Submitted | OrderState::NotSent => {
            order.filled_1e8 != 0
        }
        _ => order.filled_1e8 < 0,
    };
    if is_illegal {
        let text = format!("{} with {} filled", order.state.as_str(), order.filled_1e8);
        fault(found, "state_legal", id, text);
    }
}

fn check_position(core: &AccountCore, position: &Position, found: &mut Vec<Fault>) {
    let id = &position.position_id;
    if core.instrument(&position.instrument).is_none() {
        let text = format!("{} is not configured", position.instrument);
        fault(found, "in_scope", id, text);
    }
    let sum_1e8 = position
        .bought
        .qty_1e8
        .saturating_sub(position.sold.qty_1e8)
        .saturating_add(position.adopted_1e8);
    if sum_1e8 != position.qty_1e8 || position.is_flat() {
        let text = format!(
            "quantity {} must be its fills, {sum_1e8}, and open",
            position.qty_1e8
        );
        fault(found, "state_legal", id, text);
    }
    if exceeds_cap(core, position).unwrap_or(true) {
        let text = format!(
            "{} at {} exceeds the capital cap",
            position.qty_1e8, position.entry_intended_1e8
        );
        fault(found, "capital_cap", id, text);
    }
}

/// What is held and may still be filled, at the price it was decided on, over the largest notional: the collar is how
/// far that price may have been from the gate's.
fn exceeds_cap(core: &AccountCore, position: &Position) -> Option<bool> {
    let instrument = core.instrument(&position.instrument)?;
    let coming: i64 = core
        .live_orders()
        .filter(|o| {
            o.intent.purpose == Purpose::Entry && o.intent.position_id == position.position_id
        })
        .map(|o| o.open_1e8())
        .sum();
    let qty_1e8 = position.qty_1e8.checked_abs()?.checked_add(coming)?;
    let worth_1e8 = notional(
        position.entry_intended_1e8,
        qty_1e8,
        instrument.multiplier_1e8,
    )?;
    let limits = &core.config().limits;
    let most_1e8 = mul(
        limits.position_notional_max_1e8,
        ONE_1E8.checked_add(limits.collar_ratio_1e8)?,
    )
    .unwrap_or(i64::MAX);
    Some(worth_1e8 > most_1e8)
}

/// Profit and loss equals the movement of cash, less what is still open.
fn check_cash(core: &AccountCore, found: &mut Vec<Fault>) {
    match core.cash_apart_1e8() {
        Some(apart_1e8) if apart_1e8.abs() <= ROUNDING_1E8 => {}
        Some(apart_1e8) => {
            let text = format!("cash and profit must agree, are {apart_1e8} apart at 1e-8");
            fault(found, "pnl_cash", &Name::from(""), text);
        }
        None => {
            let text = "cash and profit do not fit 64 bits".to_owned();
            fault(found, "pnl_cash", &Name::from(""), text);
        }
    }
}

impl AccountCore {
    /// Cash that was moved and that neither profit, nor fees, nor what is open, nor what was written off explains.
    pub fn cash_apart_1e8(&self) -> Option<i64> {
        let ledger = &self.state.ledger;
        let mut explained_1e8 = ledger.net_1e8().checked_add(ledger.written_off_1e8)?;
        for position in self.state.positions.values() {
            let multiplier_1e8 = self
                .instrument(&position.instrument)
                .map_or(ONE_1E8, |i| i.multiplier_1e8);
            explained_1e8 =
                explained_1e8.checked_add(position.unrealised_cash_1e8(multiplier_1e8)?)?;
        }
        ledger.cash_1e8.checked_sub(explained_1e8)
    }
}
