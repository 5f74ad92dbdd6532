//! What the venue answers when it is asked, and the reports it writes.

use super::book::PaperBook;
use super::order::{Execution, VenueOrder, VenueState};
use crate::message::{Name, ReportKind, Settlement, VenueReport};
use crate::money::notional;

impl PaperBook {
    /// The order of that client id, if the venue has it.
    pub fn order(&self, client_order_id: &str) -> Option<&VenueOrder> {
        self.state.order(*self.by_client_id.get(client_order_id)?)
    }

    /// Every report of that order again, oldest first; `None` if the venue does not have it (EX-6).
    pub fn look_up(&self, client_order_id: &str) -> Option<Vec<VenueReport>> {
        let order = self.order(client_order_id)?;
        let mut reports = Vec::new();
        if order.state != VenueState::Rejected {
            reports.push(report(order, ReportKind::Accepted, order.submitted_ns, ""));
        }
        let executions = &self.state.executions;
        let of_order = |execution: &&Execution| execution.order_number == order.number;
        reports.extend(executions.iter().filter(of_order).map(filled));
        if let Some(kind) = ending(order.state) {
            reports.push(report(order, kind, order.ended_ns, &order.reason));
        }
        Some(reports)
    }

    /// Working orders, oldest first.
    pub fn open_orders(&self) -> impl Iterator<Item = &VenueOrder> {
        let is_working = |order: &&VenueOrder| order.state == VenueState::Working;
        self.state.orders.iter().filter(is_working)
    }

    /// Executions with a number above `number`, oldest first.
    pub fn executions_since(&self, number: u64) -> impl Iterator<Item = &Execution> {
        let executions = &self.state.executions;
        let first = executions.partition_point(|execution| execution.number <= number);
        executions.range(first..)
    }

    /// What is held, by symbol; what is flat is left out.
    pub fn positions(&self) -> impl Iterator<Item = (&Name, i64)> {
        let symbols = self.config.instruments.iter().map(|i| &i.symbol);
        symbols
            .zip(self.state.positions_1e8.iter().copied())
            .filter(|(_, qty)| *qty != 0)
    }

    /// Cash, and with the positions at the last prices the account's value; `None` if it does not fit.
    pub fn equity_1e8(&self) -> Option<i64> {
        let mut equity = self.state.cash_1e8;
        for (at, instrument) in self.config.instruments.iter().enumerate() {
            let qty = self.state.positions_1e8[at];
            let last = self.state.markets[at].last_1e8;
            equity = equity.checked_add(notional(last, qty, instrument.multiplier_1e8)?)?;
        }
        Some(equity)
    }

    /// Ends a working order and reports it; the caller sweeps.
    pub(super) fn end(
        &mut self,
        number: u64,
        state: VenueState,
        reason: &str,
        now_ns: i64,
        out: &mut Vec<VenueReport>,
    ) {
        let Some(order) = self.state.order_mut(number) else {
            return;
        };
        order.state = state;
        order.ended_ns = now_ns;
        order.reason = reason.into();
        if let Some(kind) = ending(state) {
            out.push(report(order, kind, now_ns, reason));
        }
        self.state.ended += 1;
        self.touched.insert(number);
    }

    /// Forgets the oldest ended orders beyond the configured number, with their executions; only once
    /// their change was taken.
    pub(super) fn forget(&mut self) {
        let most = self.config.ended_orders_max;
        while most > 0 && self.state.ended > most {
            let Some(front) = self.state.orders.front() else {
                return;
            };
            if front.state == VenueState::Working {
                return; // an old order still works: numbers stay without a hole
            }
            self.by_client_id.remove(&front.asked.client_order_id);
            self.state.orders.pop_front();
            self.state.ended -= 1;
        }
        let first = self.state.orders.front().map_or(0, |order| order.number);
        let executions = &mut self.state.executions;
        while executions.front().is_some_and(|e| e.order_number < first) {
            executions.pop_front();
        }
    }
}

/// The report of an end; a fill is reported by its executions.
fn ending(state: VenueState) -> Option<ReportKind> {
    match state {
        VenueState::Working | VenueState::Filled => None,
        VenueState::Cancelled => Some(ReportKind::Cancelled),
        VenueState::Rejected => Some(ReportKind::Rejected),
        VenueState::Expired => Some(ReportKind::Expired),
    }
}

pub(super) fn report(
    order: &VenueOrder,
    kind: ReportKind,
    venue_ns: i64,
    reason: &str,
) -> VenueReport {
    VenueReport {
        broker_order_id: order.broker_order_id.clone(),
        ..bare(&order.asked.client_order_id, kind, venue_ns, reason)
    }
}

pub(super) fn unknown_order(client_order_id: &str, venue_ns: i64) -> VenueReport {
    let kind = ReportKind::CancelRejected;
    bare(&client_order_id.into(), kind, venue_ns, "unknown order")
}

pub(super) fn filled(execution: &Execution) -> VenueReport {
    VenueReport {
        broker_order_id: execution.broker_order_id.clone(),
        execution_id: execution.execution_id.clone(),
        qty_1e8: execution.qty_1e8,
        price_1e8: execution.price_1e8,
        fee_1e8: execution.fee_1e8,
        ..bare(
            &execution.client_order_id,
            ReportKind::Filled,
            execution.at_ns,
            "",
        )
    }
}

fn bare(client_order_id: &Name, kind: ReportKind, venue_ns: i64, reason: &str) -> VenueReport {
    VenueReport {
        client_order_id: client_order_id.clone(),
        kind,
        broker_order_id: "".into(),
        execution_id: "".into(),
        qty_1e8: 0,
        price_1e8: 0,
        fee_1e8: 0,
        settlement: Settlement::Confirmed,
        venue_ns,
        reason: reason.into(),
    }
}
