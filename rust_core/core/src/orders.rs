//! One order and what is known of it.

use crate::event::OrderIntended;
use crate::message::{Name, Settlement};
use crate::money::{div_round, narrow, wide};
use crate::order_table::OrderState;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

/// Ended orders whose position is closed too, the newest thousand (as configured).
///
/// Memory stays bounded: an order that ended leaves the live table for this ring at once, the ring drops
/// its oldest when it is full, and the orders of sessions before the last one when a session opens. While
/// an order is here, a repeated fill, a late fill and a reversal are recognised for what they are. News
/// of an order that is no longer here is news of an unknown order: it halts entries (EX-9), and the
/// record's unique claims still refuse its id a second time (EX-4).
#[derive(Clone, Debug, Default)]
pub struct Ended {
    ring: VecDeque<Name>,
    orders: HashMap<Name, Arc<Order>, BuildHasherDefault<DefaultHasher>>,
}

impl Ended {
    /// The order of that id.
    pub fn get(&self, client_order_id: &str) -> Option<&Arc<Order>> {
        self.orders.get(client_order_id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Adds one; the oldest leave when there are more than `max`.
    pub fn push(&mut self, order: Arc<Order>, max: usize) {
        let id = order.intent.client_order_id.clone();
        if self.orders.insert(id.clone(), order).is_none() {
            self.ring.push_back(id);
        }
        while self.ring.len() > max {
            if let Some(oldest) = self.ring.pop_front() {
                self.orders.remove(&oldest);
            }
        }
    }

    /// Takes one out again: the broker had more to say about it.
    pub fn take(&mut self, client_order_id: &str) -> Option<Arc<Order>> {
        let order = self.orders.remove(client_order_id)?;
        self.ring.retain(|id| &**id != client_order_id);
        Some(order)
    }

    /// Drops the orders of sessions before `session_date`.
    pub fn forget_before(&mut self, session_date: i64) {
        let orders = &mut self.orders;
        self.ring.retain(|id| {
            let stays = orders
                .get(id)
                .is_some_and(|o| o.intent.session_date >= session_date);
            if !stays {
                orders.remove(id);
            }
            stays
        });
    }

    /// From oldest to newest.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Order>> {
        self.ring.iter().filter_map(|id| self.orders.get(id))
    }
}

impl PartialEq for Ended {
    fn eq(&self, other: &Self) -> bool {
        self.ring == other.ring && self.orders == other.orders
    }
}

impl Serialize for Ended {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Ended {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut ended = Self::default();
        for order in Vec::<Arc<Order>>::deserialize(from)? {
            ended.push(order, usize::MAX);
        }
        Ok(ended)
    }
}

/// One execution, by the broker's id for it (EX-5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// The broker's id, or a fingerprint where it gives none.
    pub execution_id: Name,
    /// Quantity.
    pub qty_1e8: i64,
    /// Price.
    pub price_1e8: i64,
    /// Above zero is a cost.
    pub fee_1e8: i64,
    /// Where it stands on its way to being final; FAILED has been reversed.
    pub settlement: Settlement,
    /// The venue's stamp.
    pub venue_ns: i64,
}

/// What stands between an execution's place, which every source tells alike, and the name that one source has for it.
const NAME: char = '#';

/// What stands between an order and the total that an execution brought it to.
const TOTAL: char = '@';

/// The place of an execution, `order@cumulative` at a venue that says `order@cumulative#name`; `None` for any other id,
/// which is a name as a whole.
fn place(execution_id: &str) -> Option<&str> {
    let (place, _) = execution_id.split_once(NAME)?;
    place.contains(TOTAL).then_some(place)
}

/// How far the order was filled after the execution at such a place; `None` for an id without a place.
pub fn filled_at(execution_id: &str) -> Option<i64> {
    let (_, cumulative) = place(execution_id)?.rsplit_once(TOTAL)?;
    cumulative.parse().ok()
}

impl Execution {
    /// Whether it stands at the place that an id names: stream and list may have names of their own for one execution.
    fn is_at(&self, execution_id: &str) -> bool {
        let own = place(&self.execution_id).unwrap_or(&self.execution_id);
        place(execution_id) == Some(own)
    }
}

/// An order: its intent, which never changes, and how far it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What was asked for.
    pub intent: Arc<OrderIntended>,
    /// Where it stands.
    pub state: OrderState,
    /// The venue's id, empty until known.
    pub broker_order_id: Name,
    /// Filled and not reversed.
    pub filled_1e8: i64,
    /// Sum of price × quantity over what is filled, at 1e-16.
    #[serde(with = "wide")]
    pub filled_value_1e16: i128,
    /// Fees so far.
    pub fees_1e8: i64,
    /// Every execution heard of.
    pub executions: Vec<Execution>,
    /// Its bytes were handed to the transport (or may have been).
    pub is_released: bool,
    /// When a cancel was asked for; zero if never.
    pub cancel_asked_ns: i64,
    /// Why it was asked for, empty if never.
    pub cancel_reason: Name,
    /// Last change.
    pub changed_ns: i64,
    /// Look-ups in a row that did not find it (EX-6).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub absent_reads: i64,
    /// When the first of them was answered; zero for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub absent_ns: i64,
}

/// Left out of what is written.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so
pub(crate) const fn is_zero(value: &i64) -> bool {
    *value == 0
}

impl Order {
    /// A new order, PENDING.
    pub fn new(intent: Arc<OrderIntended>, at_ns: i64) -> Self {
        Self {
            intent,
            state: OrderState::Pending,
            broker_order_id: Name::from(""),
            filled_1e8: 0,
            filled_value_1e16: 0,
            fees_1e8: 0,
            executions: Vec::new(),
            is_released: false,
            cancel_asked_ns: 0,
            cancel_reason: Name::from(""),
            changed_ns: at_ns,
            absent_reads: 0,
            absent_ns: 0,
        }
    }

    /// What may still be filled; zero once it has ended.
    pub fn open_1e8(&self) -> i64 {
        if self.state.is_terminal() {
            0
        } else {
            (self.intent.qty_1e8 - self.filled_1e8).max(0)
        }
    }

    /// Average price of what is filled; `None` before the first fill.
    pub fn average_1e8(&self) -> Option<i64> {
        narrow(div_round(
            self.filled_value_1e16,
            i128::from(self.filled_1e8),
        )?)
    }

    /// The execution of that id, if it was heard of before, under this name or another (EX-5).
    ///
    /// Once an execution was taken back its place may be another's, so from then on only names count.
    pub fn execution(&self, execution_id: &str) -> Option<&Execution> {
        let by_name = |e: &&Execution| &*e.execution_id == execution_id;
        let known = self.executions.iter().find(by_name);
        if known.is_some() || self.has_taken_back() {
            return known;
        }
        self.executions.iter().find(|e| e.is_at(execution_id))
    }

    /// Whether the venue took an execution back: its places may repeat since then.
    pub fn has_taken_back(&self) -> bool {
        let is_taken_back = |e: &Execution| e.settlement == Settlement::Failed;
        self.executions.iter().any(is_taken_back)
    }
}

#[cfg(test)]
mod tests {
    use super::{filled_at, place};

    #[test]
    fn only_what_has_a_name_has_a_place() {
        assert_eq!(place("o@200#e1"), Some("o@200"));
        assert_eq!(place("o@200"), None);
        assert_eq!(place("o#e1"), None);
        assert_eq!(filled_at("o@200#e1"), Some(200));
        assert_eq!(filled_at("o@200"), None);
        assert_eq!(filled_at("o@x#e1"), None);
    }
}
