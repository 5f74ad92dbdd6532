//! Lists of the venue that may be behind what it pushed (ST-4): what they show was so a moment ago, and proves nothing.

use super::work::Work;
use crate::message::Settlement;
use crate::money::notional;
use crate::orders::{Execution, Order};
use std::sync::Arc;

impl Work<'_> {
    /// It changed within the longest flight, in which a list may be behind (EX-6).
    pub(super) fn is_young(&self, order: &Order) -> bool {
        self.now_ns.saturating_sub(order.changed_ns) < self.core.config.flight_max_ns
    }

    /// Whether the venue lists what we held a moment ago: some of the newest executions undone, the newest first.
    pub(super) fn was_held_lately(
        &self,
        instrument: &str,
        local_1e8: i64,
        listed_1e8: i64,
    ) -> bool {
        let of_it = self.young_executions(|order| &*order.intent.instrument == instrument);
        was_lately(local_1e8, listed_1e8, of_it.iter(), |order, execution| {
            Some(order.intent.side.sign() * execution.qty_1e8)
        })
    }

    /// The same of cash, by the executions in any instrument.
    pub(super) fn was_cash_lately(&self, local_1e8: i64, listed_1e8: i64) -> bool {
        let all = self.young_executions(|_| true);
        was_lately(local_1e8, listed_1e8, all.iter(), |order, execution| {
            self.cash_by_1e8(order, execution)
        })
    }

    /// What an execution did to the cash, with its fee; `None` when it does not fit.
    pub(super) fn cash_by_1e8(&self, order: &Order, execution: &Execution) -> Option<i64> {
        let intent = &order.intent;
        let multiplier_1e8 = self.multiplier_1e8(&intent.instrument);
        let paid_1e8 = notional(execution.price_1e8, execution.qty_1e8, multiplier_1e8)?;
        paid_1e8
            .checked_mul(-intent.side.sign())?
            .checked_sub(execution.fee_1e8)
    }

    /// Executions of young orders, the newest first by the venue's stamp.
    fn young_executions(
        &self,
        is_meant: impl Fn(&Order) -> bool,
    ) -> Vec<(&Arc<Order>, &Execution)> {
        let state = &self.core.state;
        let mut found: Vec<_> = state
            .orders
            .values()
            .chain(state.ended.iter())
            .filter(|order| self.is_young(order) && is_meant(order))
            .flat_map(|order| order.executions.iter().map(move |one| (order, one)))
            .collect();
        found.sort_by_key(|(_, execution)| std::cmp::Reverse(execution.venue_ns));
        found
    }
}

/// Undoes what each execution did, or its being taken back, one after the other, until what is listed is met.
fn was_lately<'a>(
    now_1e8: i64,
    listed_1e8: i64,
    newest: impl Iterator<Item = &'a (&'a Arc<Order>, &'a Execution)>,
    did_1e8: impl Fn(&Order, &Execution) -> Option<i64>,
) -> bool {
    let mut then_1e8 = now_1e8;
    for (order, execution) in newest {
        let Some(by_1e8) = did_1e8(order, execution) else {
            return true; // it cannot be told, so it is not concluded
        };
        then_1e8 = if execution.settlement == Settlement::Failed {
            then_1e8.saturating_add(by_1e8)
        } else {
            then_1e8.saturating_sub(by_1e8)
        };
        if then_1e8 == listed_1e8 {
            return true;
        }
    }
    false
}
