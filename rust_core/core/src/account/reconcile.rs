//! The venue's own account against ours (ST-3, ST-4): differences are named, small ones taken over, large ones stop
//! entries. No order is invented, and what others placed is never touched.

use super::controls::is_stop;
use super::store::Store;
use super::taken_back::{names_decide, RoundTrips};
use super::work::Work;
use crate::config::EquitySource;
use crate::decision::Effect;
use crate::event::Event;
use crate::message::{Name, OrderType, ReportKind, Scope, Settlement, VenueReport};
use crate::money::div;
use crate::order_table::OrderState;
use crate::orders::Order;
use crate::statement::{
    Drift, DriftKind, ForeignOrder, Judgement, Reconciled, StatedCash, StatedOrder, Statement,
};
use std::sync::Arc;

/// Why entries are stopped when the venue's books differ too much.
pub const RECONCILIATION_ERROR: &str = "ReconciliationError";

/// One statement being compared.
pub(super) struct Compared {
    pub(super) judgement: Judgement,
    pub(super) next: Reconciled,
    pub(super) is_forced: bool,
    pub(super) asked_version: u64,
}

impl Work<'_> {
    pub(super) fn stated(&mut self, said: &Statement) {
        let mut compared = Compared {
            judgement: Judgement {
                is_conclusive: true,
                is_partial: said.positions.is_some() && said.positions_of.is_some(),
                ..Judgement::default()
            },
            next: Reconciled {
                drift: Vec::new(),
                is_stopped: false,
                ..self.draft.reconciled().clone()
            },
            is_forced: said.is_forced,
            asked_version: said.asked_version,
        };
        self.keep_parts_not_stated(said, &mut compared);
        for fill in said.fills.iter().flatten() {
            self.fill_stated(fill, said, &mut compared);
        }
        if let Some(orders) = &said.orders {
            self.orders_stated(orders, &mut compared);
        }
        if let Some(positions) = &said.positions {
            self.positions_stated(positions, said, &mut compared);
        }
        if let Some(cash) = &said.cash {
            self.cash_stated(cash, said, &mut compared);
        }
        self.conclude(compared);
    }

    /// What stood before and was not asked about now still stands.
    fn keep_parts_not_stated(&self, said: &Statement, compared: &mut Compared) {
        let known = self.draft.reconciled();
        let is_asked = |one: &Drift| match one.kind {
            DriftKind::PositionMissing | DriftKind::PositionQty => said.tells_of(&one.instrument),
            // Named anew from what others hold, which stays where nothing was told of it.
            DriftKind::ForeignPosition => said.positions.is_some(),
            DriftKind::OrderUnknown
            | DriftKind::OrderQty
            | DriftKind::OrderAlive
            | DriftKind::ForeignOrder => said.orders.is_some(),
            DriftKind::FillUnknown => said.fills.is_some(),
            DriftKind::Cash => said.cash.is_some(),
        };
        let kept = known.drift.iter().filter(|one| !is_asked(one));
        compared.next.drift.extend(kept.cloned());
        if said.positions.is_none() {
            compared.judgement.suspects.clone_from(&self.core.suspects);
        }
    }

    /// The id carries our tag: mode and account (EX-4).
    pub(super) fn is_own(&self, client_order_id: &str) -> bool {
        let config = &self.core.config;
        let mut rest = client_order_id.chars();
        rest.next() == Some(config.mode.tag())
            && rest
                .as_str()
                .strip_prefix('-')
                .and_then(|text| text.strip_prefix(&*config.account))
                .is_some_and(|text| text.starts_with('-'))
    }

    /// Our books of the instrument were changed since the venue was asked.
    pub(super) fn has_moved(&self, instrument: &str, asked_version: u64) -> bool {
        self.core.moved.get(instrument).copied().unwrap_or(0) > asked_version
    }

    /// Whether something of the instrument is on its way, so that two lists of different times cannot be compared.
    pub(super) fn is_moving(&self, instrument: &str, asked_version: u64) -> bool {
        let is_in_flight = |order: &Arc<Order>| {
            &*order.intent.instrument == instrument
                && (order.intent.order_type == OrderType::Market
                    || order.cancel_asked_ns != 0
                    || matches!(
                        order.state,
                        OrderState::Pending | OrderState::Submitted | OrderState::Unknown
                    ))
        };
        self.has_moved(instrument, asked_version)
            || self.draft.live_orders().iter().any(is_in_flight)
    }

    fn fill_stated(&mut self, fill: &VenueReport, said: &Statement, compared: &mut Compared) {
        if !self.is_own(&fill.client_order_id) {
            return;
        }
        if let Some(order) = self.draft.order(&fill.client_order_id).cloned() {
            let is_beside = |one: &&VenueReport| one.client_order_id == fill.client_order_id;
            if fill.kind != ReportKind::Filled || names_decide(&order) {
                self.reported(fill);
            } else {
                let fills: Vec<_> = said.fills.iter().flatten().filter(is_beside).collect();
                self.listed_of(&order, &fills);
            }
            return;
        }
        let known_ns = said.fills_known_ns;
        let is_nothing = fill.kind == ReportKind::FilledTo && fill.qty_1e8 == 0;
        if is_nothing || fill.venue_ns <= known_ns {
            return; // it was booked, and its order forgotten
        }
        let text = format!(
            "{} filled at the venue for {}, which this account never intended",
            fill.qty_1e8, fill.client_order_id
        );
        compared.judgement.drift.push(Drift {
            kind: DriftKind::FillUnknown,
            instrument: Name::from(""),
            subject: fill.client_order_id.clone(),
            local_1e8: 0,
            venue_1e8: fill.qty_1e8,
            drift_ratio_1e8: None,
            is_adopted: false,
            text: Name::from(text),
        });
    }

    // -- orders ---------------------------------------------------------------------------------------

    fn orders_stated(&mut self, orders: &[StatedOrder], compared: &mut Compared) {
        compared.next.foreign_orders.clear();
        for stated in orders {
            let known = self.draft.order(&stated.client_order_id).cloned();
            match known {
                Some(order) => self.own_stated(&order, stated, compared),
                None if self.is_own(&stated.client_order_id) => {
                    stray(stated, DriftKind::OrderUnknown, compared);
                }
                None => foreign(stated, compared),
            }
            self.count_for_kill(stated, compared);
        }
        self.look_for_missing(orders, compared.asked_version);
    }

    fn own_stated(&mut self, order: &Arc<Order>, stated: &StatedOrder, compared: &mut Compared) {
        let intent = &order.intent;
        if self.has_moved(&intent.instrument, compared.asked_version) {
            compared.judgement.is_conclusive = false;
            return;
        }
        if order.state.is_terminal() {
            // It ended in our books, so nobody watches it: it must not fill. It is named once the list cannot be
            // behind its end any more.
            self.cancel_at_venue(stated);
            if self.is_young(order) {
                compared.judgement.is_conclusive = false;
            } else {
                stray(stated, DriftKind::OrderAlive, compared);
            }
            return;
        }
        if stated.qty_1e8 != intent.qty_1e8 {
            let text = format!("the venue works {} of it", stated.qty_1e8);
            compared.judgement.drift.push(Drift {
                kind: DriftKind::OrderQty,
                instrument: intent.instrument.clone(),
                subject: intent.client_order_id.clone(),
                local_1e8: intent.qty_1e8,
                venue_1e8: stated.qty_1e8,
                drift_ratio_1e8: None,
                is_adopted: false,
                text: Name::from(text),
            });
        }
        let waits = matches!(
            order.state,
            OrderState::Pending | OrderState::Submitted | OrderState::Unknown
        );
        if waits {
            self.reported(&acknowledged(stated, self.now_ns));
        }
        if stated.filled_1e8 > order.filled_1e8 {
            self.look_up(order);
        }
    }

    /// Under a kill everything with our tag is cancelled, whatever our books say, and by policy the rest (KC-2).
    fn count_for_kill(&mut self, stated: &StatedOrder, compared: &mut Compared) {
        let is_own = self.is_own(&stated.client_order_id);
        if !is_own && !self.core.config.reconcile.kill_foreign_orders {
            return;
        }
        let known = self.draft.order(&stated.client_order_id).cloned();
        let stays = self.is_kill_leaving() && known.as_deref().is_some_and(is_stop);
        if stays {
            return;
        }
        compared.judgement.kill_orders += 1;
        // The list may be older than the news of its end: it is neither cancelled nor told of on that word.
        let is_overtaken = known
            .as_deref()
            .is_some_and(|order| self.has_moved(&order.intent.instrument, compared.asked_version));
        compared.judgement.is_kill_overtaken |= is_overtaken;
        let is_known_live = known.is_some_and(|order| order.state.is_live());
        if self.draft.kill().is_clearing() && !is_known_live && !is_overtaken {
            self.cancel_at_venue(stated);
        }
    }

    fn cancel_at_venue(&mut self, stated: &StatedOrder) {
        let is_asked = |effect: &Effect| {
            matches!(effect, Effect::Cancel { broker_order_id, .. }
                if *broker_order_id == stated.broker_order_id)
        };
        if !self.out.effects.iter().any(is_asked) {
            self.out.effects.push(Effect::Cancel {
                client_order_id: stated.client_order_id.clone(),
                broker_order_id: stated.broker_order_id.clone(),
            });
        }
    }

    /// What works in our books and not in the venue's list has ended there: its news was lost, so it is asked for.
    fn look_for_missing(&mut self, orders: &[StatedOrder], asked_version: u64) {
        for order in self.draft.live_orders() {
            let works = matches!(
                order.state,
                OrderState::Working | OrderState::PartiallyFilled
            );
            let id = &order.intent.client_order_id;
            let is_listed = orders.iter().any(|one| one.client_order_id == *id);
            let moved = self.core.moved.get(&order.intent.instrument).copied();
            if works && !is_listed && moved.unwrap_or(0) <= asked_version {
                self.look_up(&order);
            }
        }
    }

    pub(super) fn look_up(&mut self, order: &Order) {
        self.out.effects.push(Effect::Lookup {
            client_order_id: order.intent.client_order_id.clone(),
        });
    }

    // -- cash -----------------------------------------------------------------------------------------

    fn cash_stated(&mut self, stated: &StatedCash, said: &Statement, compared: &mut Compared) {
        if self.core.config.equity_source == EquitySource::Broker {
            self.balance(&stated.balance);
        }
        let waits_for_operator = |one: &Drift| one.kind.stops() && !one.is_adopted;
        if !stated.is_movement
            || said.positions.is_none()
            || !compared.judgement.is_conclusive
            || compared.judgement.drift.iter().any(waits_for_operator)
        {
            return;
        }
        let moved_1e8 = self.draft.ledger().cash_1e8;
        let base_1e8 = self
            .draft
            .reconciled()
            .cash_base_1e8
            .unwrap_or(self.core.config.capital_1e8);
        let local_1e8 = base_1e8.saturating_add(moved_1e8);
        let venue_1e8 = stated.balance.cash_1e8;
        let asked_version = compared.asked_version;
        let mut instruments = self.core.instruments.keys();
        let has_moved = instruments.any(|name| self.has_moved(name, asked_version));
        let mut instruments = self.core.instruments.keys();
        let is_moving = has_moved || instruments.any(|name| self.is_moving(name, asked_version));
        if local_1e8 == venue_1e8 {
            return;
        }
        let suspect = (Name::from("cash"), local_1e8, venue_1e8);
        let is_confirmed = self.core.suspects.contains(&suspect);
        if !has_moved {
            compared.judgement.suspects.push(suspect);
        }
        let gone = self.round_trips_gone(local_1e8.saturating_sub(venue_1e8), said, compared);
        let waits = is_moving || !is_confirmed || gone == RoundTrips::Wait;
        if waits || self.was_cash_lately(local_1e8, venue_1e8) {
            compared.judgement.is_conclusive = false;
            return;
        }
        if let RoundTrips::Gone(gone) = gone {
            self.reverse_all(&gone);
            return;
        }
        compared.next.cash_base_1e8 = Some(venue_1e8.saturating_sub(moved_1e8));
        compared.judgement.drift.push(Drift {
            kind: DriftKind::Cash,
            instrument: Name::from(""),
            subject: Name::from(""),
            local_1e8,
            venue_1e8,
            drift_ratio_1e8: div(
                venue_1e8.saturating_sub(local_1e8).saturating_abs(),
                local_1e8.saturating_abs(),
            ),
            is_adopted: true,
            text: Name::from("cash that no fill of ours explains"),
        });
    }

    // -- the end --------------------------------------------------------------------------------------

    fn conclude(&mut self, mut compared: Compared) {
        let known = self.draft.reconciled().clone();
        let found = std::mem::take(&mut compared.judgement.drift);
        for one in &found {
            let is_new = !known.drift.iter().any(|old| old.is_same(one));
            if is_new {
                self.emit(Event::DriftFound(Box::new(one.clone())));
                let text = format!(
                    "{} {} {}: {}",
                    one.kind.as_str(),
                    one.instrument,
                    one.subject,
                    one.text
                );
                self.notify(one.kind.severity(), text, &[&one.subject]);
            }
            if !one.is_adopted {
                compared.next.drift.push(one.clone());
            }
        }
        compared.judgement.drift = found;
        let stops = !compared.is_forced && compared.next.drift.iter().any(|one| one.kind.stops());
        compared.next.is_stopped = stops;
        compared.judgement.is_stopped = stops;
        if compared.next != known {
            self.emit(Event::Reconciled(Box::new(compared.next)));
        }
        if stops {
            let reason = Name::from(RECONCILIATION_ERROR);
            self.halt(Scope::Account, &Name::from(""), &reason);
        }
        if stops && !known.is_stopped {
            let text = "our books and the venue's differ too much: entries are stopped until an operator decides \
                        (holdfast reconcile)";
            self.notify("CRITICAL", text.to_owned(), &[]);
        }
        self.out.judgement = Some(compared.judgement);
    }
}

/// That it stands in the venue's list is the venue's word that it has it.
fn acknowledged(stated: &StatedOrder, now_ns: i64) -> VenueReport {
    VenueReport {
        client_order_id: stated.client_order_id.clone(),
        kind: ReportKind::Accepted,
        broker_order_id: stated.broker_order_id.clone(),
        execution_id: Name::from(""),
        qty_1e8: 0,
        price_1e8: 0,
        fee_1e8: 0,
        settlement: Settlement::Confirmed,
        venue_ns: now_ns,
        reason: Name::from("listed as open"),
    }
}

/// Names an order at the venue that our books do not hold as live.
fn stray(stated: &StatedOrder, kind: DriftKind, compared: &mut Compared) {
    let text = format!(
        "{} {} of {} works at the venue as {}",
        stated.side.as_str(),
        stated.qty_1e8 - stated.filled_1e8,
        stated.instrument,
        stated.broker_order_id
    );
    let subject = if stated.client_order_id.is_empty() {
        &stated.broker_order_id
    } else {
        &stated.client_order_id
    };
    compared.judgement.drift.push(Drift {
        kind,
        instrument: stated.instrument.clone(),
        subject: subject.clone(),
        local_1e8: 0,
        venue_1e8: stated.qty_1e8 - stated.filled_1e8,
        drift_ratio_1e8: None,
        is_adopted: false,
        text: Name::from(text),
    });
}

/// Somebody else's order: named and kept.
fn foreign(stated: &StatedOrder, compared: &mut Compared) {
    stray(stated, DriftKind::ForeignOrder, compared);
    compared.next.foreign_orders.push(ForeignOrder {
        broker_order_id: stated.broker_order_id.clone(),
        client_order_id: stated.client_order_id.clone(),
        instrument: stated.instrument.clone(),
        side: stated.side,
        open_1e8: stated.qty_1e8 - stated.filled_1e8,
        price_1e8: stated.price_1e8,
    });
}
