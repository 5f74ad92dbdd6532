//! Executions that the venue has taken back while nobody listened (EX-2, ST-4): its positions say so, or its cash where
//! both legs of a round trip are gone, and its list of executions does not have them any more.

use super::fills::{execution_id, order_in, total_of};
use super::holdings::Held;
use super::reconcile::Compared;
use super::store::Store;
use super::work::Work;
use super::AccountCore;
use crate::message::{Name, ReportKind, Settlement, VenueReport};
use crate::money::{div_round, narrow};
use crate::orders::{filled_at, Execution, Order};
use crate::statement::Statement;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a statement says of executions.
pub(super) enum Listed {
    /// It was not asked.
    Nothing,
    /// Not of all that our books remember.
    Some,
    /// Those that stand, of all that our books remember.
    All(Standing),
}

/// What a venue lists: executions, or of each order how far it is filled in all.
pub(super) struct Standing {
    executions: BTreeSet<(Name, Name)>,
    totals: BTreeMap<Name, i64>,
}

impl Standing {
    /// An execution that a total told of stands while the total reaches it, and where none is listed: a list of
    /// orders may begin today.
    fn has(&self, order: &Name, execution: &Name) -> bool {
        match total_of(order, execution) {
            Some(reached_1e8) => {
                let total_1e8 = self.totals.get(order).copied();
                total_1e8.is_none_or(|total_1e8| total_1e8 >= reached_1e8)
            }
            None => self
                .executions
                .contains(&(order.clone(), execution.clone())),
        }
    }
}

/// Whether executions that are not listed any more explain the cash.
#[derive(PartialEq)]
pub(super) enum RoundTrips {
    /// They do not.
    No,
    /// They may: another answer has to say so.
    Wait,
    /// They do, by two answers.
    Gone(Vec<Gone>),
}

/// An execution of ours that the venue does not list.
#[derive(PartialEq)]
pub(super) struct Gone {
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
        let of = |kind: ReportKind| fills.iter().filter(move |one| one.kind == kind);
        Listed::All(Standing {
            executions: of(ReportKind::Filled)
                .map(|one| (one.client_order_id.clone(), self.name_of(one)))
                .collect(),
            totals: of(ReportKind::FilledTo)
                .map(|one| (one.client_order_id.clone(), one.qty_1e8))
                .collect(),
        })
    }

    /// Whether a fill that is told alone is one that our books have under another name: where names do not decide, it
    /// is new only if our books, with it, do not go beyond the total that its place states (EX-5).
    pub(super) fn is_counted(&self, report: &VenueReport) -> bool {
        let id = execution_id(report);
        let order = order_in(self, &report.client_order_id)
            .filter(|order| report.kind == ReportKind::Filled && !names_decide(order))
            .filter(|order| order.execution(&id).is_none());
        match (order, filled_at(&id)) {
            (Some(order), Some(total_1e8)) => {
                order.filled_1e8.saturating_add(report.qty_1e8) > total_1e8
            }
            _ => false,
        }
    }

    /// All that a venue says of one order, its executions as they stand.
    pub(super) fn listed_of(&mut self, order: &Order, reports: &[&VenueReport]) {
        match without_counted(order, reports) {
            Some(lacking) => lacking.iter().for_each(|report| self.reported(report)),
            None => reports.iter().for_each(|report| self.reported(report)),
        }
    }

    /// The id that our books have for an execution that the venue lists; its own where they have none.
    fn name_of(&self, one: &VenueReport) -> Name {
        let id = execution_id(one);
        let order = order_in(self, &one.client_order_id);
        let known = order.and_then(|order| order.execution(&id).map(|e| e.execution_id.clone()));
        known.unwrap_or(id)
    }

    /// Takes executions back that explain a difference: two answers in a row do not list them, nothing of the
    /// instrument is on its way, and none of them is young.
    pub(super) fn take_back(
        &mut self,
        held: &mut Held<'_>,
        listed: &Listed,
        compared: &mut Compared,
    ) {
        if held.venue_1e8() == held.local_1e8 {
            return;
        }
        let stands = match listed {
            Listed::Nothing => return,
            Listed::Some => {
                held.waits = !held.is_equal();
                return;
            }
            Listed::All(stands) => stands,
        };
        let gone = self.gone(held.name, stands);
        let sum_1e8: i64 = gone.iter().map(Gone::signed_1e8).sum();
        let left_1e8 = held.local_1e8.saturating_sub(sum_1e8);
        // What was called another's may be what a list of executions that was behind did not explain yet.
        let explains = left_1e8 == held.venue_1e8() || left_1e8 == held.net_1e8();
        if sum_1e8 == 0 || !explains {
            return;
        }
        let suspects: Vec<_> = gone.iter().map(Gone::suspect).collect();
        held.waits = self.is_moving(held.name, compared.asked_version)
            || gone.iter().any(|one| self.is_young(&one.order))
            || suspects.iter().any(|one| !self.core.suspects.contains(one));
        if held.waits {
            compared.judgement.suspects.extend(suspects);
            return;
        }
        self.reverse_all(&gone);
        held.local_1e8 = left_1e8;
    }

    /// Executions whose quantities cancel out, so that no list of positions shows that they were taken back: the cash
    /// does, to the last cent. `by_1e8` is what our books hold more of it.
    pub(super) fn round_trips_gone(
        &self,
        by_1e8: i64,
        said: &Statement,
        compared: &mut Compared,
    ) -> RoundTrips {
        let stands = match self.listed(said) {
            Listed::Nothing => return RoundTrips::No,
            Listed::Some => return RoundTrips::Wait,
            Listed::All(stands) => stands,
        };
        let mut gone = Vec::new();
        for name in self
            .core
            .instruments
            .keys()
            .filter(|name| said.tells_of(name))
        {
            let of_it = self.gone(name, &stands);
            if of_it.iter().map(Gone::signed_1e8).sum::<i64>() == 0 {
                gone.extend(of_it);
            }
        }
        let did_1e8 = gone.iter().try_fold(0_i64, |sum, one| {
            sum.checked_add(self.cash_by_1e8(&one.order, &one.execution)?)
        });
        if gone.is_empty() || did_1e8 != Some(by_1e8) {
            return RoundTrips::No;
        }
        let suspects: Vec<_> = gone.iter().map(Gone::suspect).collect();
        let is_new = suspects.iter().any(|one| !self.core.suspects.contains(one));
        compared.judgement.suspects.extend(suspects);
        if is_new || gone.iter().any(|one| self.is_young(&one.order)) {
            return RoundTrips::Wait;
        }
        RoundTrips::Gone(gone)
    }

    /// Takes all of them back before anything is decided on what is left: half of a round trip is nobody's position.
    /// What adds to a position goes first, so that none is closed on the way.
    pub(super) fn reverse_all(&mut self, gone: &[Gone]) {
        let mut gone: Vec<&Gone> = gone.iter().collect();
        gone.sort_by_key(|one| self.lessens(one));
        self.undecided = Some(Vec::new());
        for one in gone {
            self.reported(&taken_back(one, self.now_ns));
        }
        for (position_id, is_left_over) in self.undecided.take().into_iter().flatten() {
            if self.draft.position(&position_id).is_some() {
                self.decide_left(&position_id, is_left_over);
            }
        }
    }

    /// Whether its reversal lessens what its strategy holds.
    fn lessens(&self, one: &Gone) -> bool {
        let intent = &one.order.intent;
        let own = self.draft.position_of(&intent.strategy, &intent.instrument);
        own.is_some_and(|position| position.qty_1e8.signum() == one.signed_1e8().signum())
    }

    /// Executions in an instrument that our books hold and the venue does not list.
    fn gone(&self, instrument: &Name, stands: &Standing) -> Vec<Gone> {
        let state = &self.core.state;
        let mut gone = Vec::new();
        for order in state.orders.values().chain(state.ended.iter()) {
            if order.intent.instrument != *instrument {
                continue;
            }
            for execution in &order.executions {
                let id = &order.intent.client_order_id;
                let is_listed = stands.has(id, &execution.execution_id);
                if execution.settlement != Settlement::Failed && !is_listed {
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

/// Whether names and places tell an order's executions apart: not once one of them was taken back, nor where one was
/// booked as a total, which has no name.
pub(super) fn names_decide(order: &Order) -> bool {
    let id = &order.intent.client_order_id;
    let is_total = |one: &Execution| total_of(id, &one.execution_id).is_some();
    !order.has_taken_back() && !order.executions.iter().any(is_total)
}

/// What a list of an order's executions tells that our books lack; `None` where names and places say it all.
///
/// Places repeat once an execution was taken back, heard of or not, and list and stream may have names of their own. So
/// the sum has the last word: what is new by its name must not be less than what is missing, nor, where names do not
/// decide, anything else. Otherwise what is missing is booked as a total, and without any nothing is.
fn without_counted(order: &Order, reports: &[&VenueReport]) -> Option<Vec<VenueReport>> {
    let is_fill = |one: &&&VenueReport| one.kind == ReportKind::Filled;
    let has_place = |one: &&VenueReport| filled_at(&execution_id(one)).is_some();
    if !reports.iter().any(|one| is_fill(&one)) || !reports.iter().filter(is_fill).all(has_place) {
        return None;
    }
    let sum = |of: &dyn Fn(&VenueReport) -> bool| {
        let fills = reports.iter().filter(is_fill).filter(|one| of(one));
        fills.fold(0, |sum: i64, one| sum.saturating_add(one.qty_1e8))
    };
    let total_1e8 = sum(&|_| true);
    let missing_1e8 = total_1e8.saturating_sub(order.filled_1e8);
    let new_1e8 = sum(&|one| order.execution(&execution_id(one)).is_none());
    if new_1e8 == missing_1e8 || (new_1e8 > missing_1e8 && names_decide(order)) {
        return None;
    }
    let mut lacking = Vec::new();
    for one in reports {
        if one.kind != ReportKind::Filled {
            lacking.push((*one).clone());
        } else if missing_1e8 > 0 && lacking.iter().all(|l| l.kind != ReportKind::FilledTo) {
            let value_1e16 = reports.iter().filter(is_fill).fold(0, |sum: i128, fill| {
                sum + i128::from(fill.qty_1e8) * i128::from(fill.price_1e8)
            });
            lacking.push(VenueReport {
                kind: ReportKind::FilledTo,
                execution_id: Name::from(""),
                qty_1e8: total_1e8,
                price_1e8: div_round(value_1e16, i128::from(total_1e8)).and_then(narrow)?,
                ..(*one).clone()
            });
        }
    }
    Some(lacking)
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
        reason: Name::from("the venue lists it no more, and its books are as if it never was"),
    }
}
