//! Executions that the venue has taken back while nobody listened (EX-2, ST-4): its position says so, and its list of
//! executions does not have them any more.

use super::fills::execution_id;
use super::holdings::Held;
use super::reconcile::Compared;
use super::work::Work;
use super::AccountCore;
use crate::message::{Name, ReportKind, Settlement, VenueReport};
use crate::orders::{Execution, Order};
use crate::statement::Statement;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a statement says of executions.
pub(super) enum Listed {
    /// It was not asked.
    Nothing,
    /// Not of all that our books remember.
    Some,
    /// The ones that stand, as order and execution, of all that our books remember.
    All(BTreeSet<(Name, Name)>),
}

/// An execution of ours that the venue does not list.
struct Gone {
    order: Arc<Order>,
    execution: Execution,
}

impl Gone {
    fn signed_1e8(&self) -> i64 {
        self.order.intent.side.sign() * self.execution.qty_1e8
    }

    fn suspect(&self) -> (Name, i64, i64) {
        let id = &self.order.intent.client_order_id;
        let name = format!("{} of {id}", self.execution.execution_id);
        (Name::from(name), self.execution.qty_1e8, 0)
    }
}

impl AccountCore {
    /// The venue's stamp of the oldest execution that the books remember with its order; `None` without any.
    pub fn oldest_execution_ns(&self) -> Option<i64> {
        let orders = self.state.orders.values().chain(self.state.ended.iter());
        orders
            .flat_map(|order| order.executions.iter())
            .map(|execution| execution.venue_ns)
            .min()
    }

    /// Whether a difference was seen that nothing explains yet: executions have to be asked for from the oldest on.
    pub fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }
}

impl Work<'_> {
    pub(super) fn listed(&self, said: &Statement) -> Listed {
        let Some(fills) = &said.fills else {
            return Listed::Nothing;
        };
        let oldest_ns = self.core.oldest_execution_ns();
        if oldest_ns.is_some_and(|oldest_ns| oldest_ns <= said.fills_after_ns) {
            return Listed::Some;
        }
        let stands = fills.iter().filter(|one| one.kind == ReportKind::Filled);
        Listed::All(
            stands
                .map(|one| (one.client_order_id.clone(), execution_id(one)))
                .collect(),
        )
    }

    /// Takes executions back that explain a difference: two answers in a row do not list them, and nothing of the
    /// instrument is on its way. A venue's list may be behind what it pushed, so the newest of them must be older
    /// than the longest flight.
    pub(super) fn take_back(
        &mut self,
        held: &mut Held<'_>,
        listed: &Listed,
        compared: &mut Compared,
    ) {
        if held.is_equal() {
            return;
        }
        let stands = match listed {
            Listed::Nothing => return,
            Listed::Some => {
                held.waits = true;
                return;
            }
            Listed::All(stands) => stands,
        };
        let gone = self.gone(held.name, stands);
        let sum_1e8: i64 = gone.iter().map(Gone::signed_1e8).sum();
        if sum_1e8 == 0 || held.local_1e8.saturating_sub(sum_1e8) != held.net_1e8() {
            return;
        }
        let flight_ns = self.core.config.flight_max_ns;
        let is_young = |one: &Gone| self.now_ns.saturating_sub(one.order.changed_ns) < flight_ns;
        let suspects: Vec<_> = gone.iter().map(Gone::suspect).collect();
        held.waits = self.is_moving(held.name, compared.asked_version)
            || gone.iter().any(is_young)
            || suspects.iter().any(|one| !self.core.suspects.contains(one));
        if held.waits {
            compared.judgement.suspects.extend(suspects);
            return;
        }
        for one in &gone {
            self.reported(&taken_back(one, self.now_ns));
        }
        held.local_1e8 = held.net_1e8();
    }

    /// Executions in an instrument that our books hold and the venue does not list.
    fn gone(&self, instrument: &Name, stands: &BTreeSet<(Name, Name)>) -> Vec<Gone> {
        let state = &self.core.state;
        let mut gone = Vec::new();
        for order in state.orders.values().chain(state.ended.iter()) {
            if order.intent.instrument != *instrument {
                continue;
            }
            for execution in &order.executions {
                let id = &order.intent.client_order_id;
                let key = (id.clone(), execution.execution_id.clone());
                if execution.settlement != Settlement::Failed && !stands.contains(&key) {
                    gone.push(Gone {
                        order: Arc::clone(order),
                        execution: execution.clone(),
                    });
                }
            }
        }
        gone
    }
}

/// What the venue would have reported, had anybody listened.
fn taken_back(gone: &Gone, now_ns: i64) -> VenueReport {
    VenueReport {
        client_order_id: gone.order.intent.client_order_id.clone(),
        kind: ReportKind::Reversed,
        broker_order_id: gone.order.broker_order_id.clone(),
        execution_id: gone.execution.execution_id.clone(),
        qty_1e8: gone.execution.qty_1e8,
        price_1e8: gone.execution.price_1e8,
        fee_1e8: gone.execution.fee_1e8,
        settlement: Settlement::Failed,
        venue_ns: now_ns,
        reason: Name::from("the venue holds less, and lists it no more"),
    }
}
