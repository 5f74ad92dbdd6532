//! What events are applied to: the state itself, or a draft over it.

use super::state::{BalanceSeen, Controls, Halt, KillState, State};
use crate::ledger::{Ledger, Session};
use crate::message::Name;
use crate::orders::Order;
use crate::positions::Position;
use crate::protections::Protections;
use crate::statement::Reconciled;
use std::sync::Arc;

/// Reads and sets what an account knows. One `apply` over this trait serves the draft that a decision is
/// made on and the state that it is then taken into, so both come out the same.
pub trait Store {
    /// Money.
    fn ledger_mut(&mut self) -> &mut Ledger;
    /// Session.
    fn session_mut(&mut self) -> &mut Session;
    /// Protections.
    fn protections_mut(&mut self) -> &mut Protections;
    /// Kill.
    fn kill_mut(&mut self) -> &mut KillState;
    /// Controls.
    fn controls_mut(&mut self) -> &mut Controls;
    /// Halts.
    fn halts_mut(&mut self) -> &mut Vec<Halt>;
    /// How the books stand with the venue's.
    fn reconciled_mut(&mut self) -> &mut Reconciled;
    /// The broker's figures.
    fn set_balance(&mut self, balance: BalanceSeen);
    /// An order, ended ones too.
    fn order(&self, client_order_id: &str) -> Option<&Arc<Order>>;
    /// An order to change; one that had left the live table returns to it.
    fn order_mut(&mut self, client_order_id: &Name) -> Option<&mut Order>;
    /// A new order.
    fn add_order(&mut self, order: Order);
    /// An open position.
    fn position(&self, position_id: &str) -> Option<&Arc<Position>>;
    /// A position as it is now.
    fn set_position(&mut self, position: Position);
    /// A position that is flat.
    fn remove_position(&mut self, position_id: &Name);
    /// Moves an ended order out of the live table unless its position is open.
    fn retire(&mut self, client_order_id: &Name);
    /// The same for every order of a position that closed.
    fn retire_all(&mut self, position: &Position);
    /// Drops ended orders of sessions before this one.
    fn forget_before(&mut self, session_date: i64);
    /// The whole state is replaced.
    fn restore(&mut self, state: &State);
}

impl State {
    /// The open position of a strategy in an instrument; there is at most one (EX-7).
    pub fn position_of(&self, strategy: &str, instrument: &str) -> Option<&Arc<Position>> {
        self.positions
            .values()
            .find(|p| &*p.strategy == strategy && &*p.instrument == instrument)
    }
}

impl Store for State {
    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    fn protections_mut(&mut self) -> &mut Protections {
        &mut self.protections
    }

    fn kill_mut(&mut self) -> &mut KillState {
        &mut self.kill
    }

    fn controls_mut(&mut self) -> &mut Controls {
        &mut self.controls
    }

    fn halts_mut(&mut self) -> &mut Vec<Halt> {
        &mut self.halts
    }

    fn reconciled_mut(&mut self) -> &mut Reconciled {
        &mut self.reconciled
    }

    fn set_balance(&mut self, balance: BalanceSeen) {
        self.balance = Some(balance);
    }

    fn order(&self, client_order_id: &str) -> Option<&Arc<Order>> {
        self.orders
            .get(client_order_id)
            .or_else(|| self.ended.get(client_order_id))
    }

    fn order_mut(&mut self, client_order_id: &Name) -> Option<&mut Order> {
        if !self.orders.contains_key(client_order_id) {
            let order = self.ended.take(client_order_id)?;
            self.orders.insert(client_order_id.clone(), order);
        }
        self.orders.get_mut(client_order_id).map(Arc::make_mut)
    }

    fn add_order(&mut self, order: Order) {
        self.orders
            .insert(order.intent.client_order_id.clone(), Arc::new(order));
    }

    fn position(&self, position_id: &str) -> Option<&Arc<Position>> {
        self.positions.get(position_id)
    }

    fn set_position(&mut self, position: Position) {
        match self.positions.get_mut(&position.position_id) {
            Some(slot) => *slot = Arc::new(position),
            None => {
                self.positions
                    .insert(position.position_id.clone(), Arc::new(position));
            }
        }
    }

    fn remove_position(&mut self, position_id: &Name) {
        self.positions.remove(position_id);
    }

    fn retire(&mut self, client_order_id: &Name) {
        let is_over = self.orders.get(client_order_id).is_some_and(|order| {
            let intent = &order.intent;
            order.state.is_terminal()
                && self
                    .position_of(&intent.strategy, &intent.instrument)
                    .is_none()
        });
        if is_over {
            if let Some(order) = self.orders.remove(client_order_id) {
                self.ended.push(order, self.ended_max);
            }
        }
    }

    fn retire_all(&mut self, position: &Position) {
        let over: Vec<Name> = self
            .orders
            .values()
            .filter(|o| {
                o.state.is_terminal()
                    && o.intent.strategy == position.strategy
                    && o.intent.instrument == position.instrument
            })
            .map(|o| o.intent.client_order_id.clone())
            .collect();
        for id in over {
            self.retire(&id);
        }
    }

    fn forget_before(&mut self, session_date: i64) {
        self.ended.forget_before(session_date);
    }

    fn restore(&mut self, state: &State) {
        *self = state.clone();
        self.join_plans();
    }
}

/// A decision in the making: what it changed so far, over the state that it may not change.
#[derive(Debug)]
pub struct Draft<'a> {
    base: &'a State,
    ledger: Option<Ledger>,
    session: Option<Box<Session>>,
    protections: Option<Box<Protections>>,
    kill: Option<Box<KillState>>,
    controls: Option<Box<Controls>>,
    halts: Option<Vec<Halt>>,
    balance: Option<BalanceSeen>,
    reconciled: Option<Box<Reconciled>>,
    orders: Vec<Arc<Order>>,
    positions: Vec<(Name, Option<Arc<Position>>)>,
}

impl<'a> Draft<'a> {
    /// Nothing changed yet.
    pub const fn new(base: &'a State) -> Self {
        Self {
            base,
            ledger: None,
            session: None,
            protections: None,
            kill: None,
            controls: None,
            halts: None,
            balance: None,
            reconciled: None,
            orders: Vec::new(),
            positions: Vec::new(),
        }
    }

    /// Money.
    pub fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap_or(&self.base.ledger)
    }

    /// Session.
    pub fn session(&self) -> &Session {
        self.session.as_deref().unwrap_or(&self.base.session)
    }

    /// Protections.
    pub fn protections(&self) -> &Protections {
        self.protections
            .as_deref()
            .unwrap_or(&self.base.protections)
    }

    /// Kill.
    pub fn kill(&self) -> &KillState {
        self.kill.as_deref().unwrap_or(&self.base.kill)
    }

    /// Controls.
    pub fn controls(&self) -> &Controls {
        self.controls.as_deref().unwrap_or(&self.base.controls)
    }

    /// Halts.
    pub fn halts(&self) -> &[Halt] {
        self.halts.as_deref().unwrap_or(&self.base.halts)
    }

    /// How the books stand with the venue's.
    pub fn reconciled(&self) -> &Reconciled {
        self.reconciled.as_deref().unwrap_or(&self.base.reconciled)
    }

    /// The broker's figures.
    pub fn balance(&self) -> Option<BalanceSeen> {
        self.balance.or(self.base.balance)
    }

    /// Orders of the live table and new ones, in order of their ids; the draft's own where it has one.
    pub fn live_orders(&self) -> Vec<Arc<Order>> {
        let mut all: Vec<Arc<Order>> = self
            .base
            .orders
            .values()
            .filter(|o| !self.orders.iter().any(|d| same_order(d, o)))
            .chain(&self.orders)
            .filter(|o| o.state.is_live())
            .cloned()
            .collect();
        all.sort_by(|a, b| a.intent.client_order_id.cmp(&b.intent.client_order_id));
        all
    }

    /// Open positions, in order of their ids.
    pub fn open_positions(&self) -> Vec<Arc<Position>> {
        let mut all: Vec<Arc<Position>> = self
            .base
            .positions
            .iter()
            .filter(|(id, _)| !self.positions.iter().any(|(own, _)| own == *id))
            .map(|(_, p)| p)
            .chain(self.positions.iter().filter_map(|(_, p)| p.as_ref()))
            .cloned()
            .collect();
        all.sort_by(|a, b| a.position_id.cmp(&b.position_id));
        all
    }

    /// The open position of a strategy in an instrument.
    pub fn position_of(&self, strategy: &str, instrument: &str) -> Option<Arc<Position>> {
        let is_it = |p: &Position| &*p.strategy == strategy && &*p.instrument == instrument;
        let own = self
            .positions
            .iter()
            .filter_map(|(_, p)| p.as_ref())
            .find(|p| is_it(p));
        if let Some(position) = own {
            return Some(Arc::clone(position));
        }
        let position = self.base.position_of(strategy, instrument)?;
        let is_changed = self
            .positions
            .iter()
            .any(|(id, _)| *id == position.position_id);
        (!is_changed).then(|| Arc::clone(position))
    }

    fn set(&mut self, position_id: &Name, position: Option<Arc<Position>>) {
        match self.positions.iter_mut().find(|(id, _)| id == position_id) {
            Some(slot) => slot.1 = position,
            None => self.positions.push((position_id.clone(), position)),
        }
    }
}

fn same_order(a: &Order, b: &Order) -> bool {
    a.intent.client_order_id == b.intent.client_order_id
}

impl Store for Draft<'_> {
    fn ledger_mut(&mut self) -> &mut Ledger {
        self.ledger.get_or_insert(self.base.ledger)
    }

    fn session_mut(&mut self) -> &mut Session {
        self.session
            .get_or_insert_with(|| Box::new(self.base.session.clone()))
    }

    fn protections_mut(&mut self) -> &mut Protections {
        self.protections
            .get_or_insert_with(|| Box::new(self.base.protections.clone()))
    }

    fn kill_mut(&mut self) -> &mut KillState {
        self.kill
            .get_or_insert_with(|| Box::new(self.base.kill.clone()))
    }

    fn controls_mut(&mut self) -> &mut Controls {
        self.controls
            .get_or_insert_with(|| Box::new(self.base.controls.clone()))
    }

    fn halts_mut(&mut self) -> &mut Vec<Halt> {
        self.halts.get_or_insert_with(|| self.base.halts.clone())
    }

    fn reconciled_mut(&mut self) -> &mut Reconciled {
        self.reconciled
            .get_or_insert_with(|| Box::new(self.base.reconciled.clone()))
    }

    fn set_balance(&mut self, balance: BalanceSeen) {
        self.balance = Some(balance);
    }

    fn order(&self, client_order_id: &str) -> Option<&Arc<Order>> {
        self.orders
            .iter()
            .find(|o| &*o.intent.client_order_id == client_order_id)
            .or_else(|| self.base.order(client_order_id))
    }

    fn order_mut(&mut self, client_order_id: &Name) -> Option<&mut Order> {
        let at = self
            .orders
            .iter()
            .position(|o| o.intent.client_order_id == *client_order_id);
        let at = if let Some(at) = at {
            at
        } else {
            self.orders
                .push(Arc::clone(self.base.order(client_order_id)?));
            self.orders.len() - 1
        };
        self.orders.get_mut(at).map(Arc::make_mut)
    }

    fn add_order(&mut self, order: Order) {
        self.orders.push(Arc::new(order));
    }

    fn position(&self, position_id: &str) -> Option<&Arc<Position>> {
        match self.positions.iter().find(|(id, _)| &**id == position_id) {
            Some((_, own)) => own.as_ref(),
            None => self.base.position(position_id),
        }
    }

    fn set_position(&mut self, position: Position) {
        let id = position.position_id.clone();
        self.set(&id, Some(Arc::new(position)));
    }

    fn remove_position(&mut self, position_id: &Name) {
        self.set(position_id, None);
    }

    // An ended order reads the same from the draft, the live table and the ring: moving it can wait.
    fn retire(&mut self, _client_order_id: &Name) {}
    fn retire_all(&mut self, _position: &Position) {}
    fn forget_before(&mut self, _session_date: i64) {}

    // A snapshot is never part of a decision.
    fn restore(&mut self, _state: &State) {}
}
