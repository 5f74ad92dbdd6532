//! What the venue, or its silence, says about an order (EX-1 to EX-6).

use super::fills::{broker_id, execution_id, id_of_total, order_in};
use super::work::Work;
use crate::decision::Effect;
use crate::event::{CancelFailed, Event, LookupMissed, OrderChanged};
use crate::message::{Lookup, Name, Purpose, ReportKind, Settlement, VenueReport};
use crate::order_table::{correct, step, OrderEvent, OrderState, TransitionError};
use crate::orders::{Execution, Order};
use crate::positions::Phase;
use std::sync::Arc;

impl Work<'_> {
    /// A report as the venue's stream brings it. News of an execution that was not reported yet is a hole in the
    /// stream: the order is looked up, and the answer tells the whole of it. So is the end of an order that names more
    /// fills than were heard.
    pub(super) fn heard(&mut self, report: &VenueReport) {
        let is_of_execution = matches!(report.kind, ReportKind::Settled | ReportKind::Reversed);
        let known = order_in(self, &report.client_order_id).filter(|_| is_of_execution);
        match known {
            Some(order) if order.execution(&report.execution_id).is_none() => {
                let text = format!("{} of a fill that was not reported", report.kind.as_str());
                self.notify("WARNING", text, &[&report.client_order_id]);
                self.look_up(&order);
            }
            _ if self.is_counted(report) => {
                if let Some(order) = order_in(self, &report.client_order_id) {
                    self.look_up(&order);
                }
            }
            _ => {
                self.reported(report);
                let order = order_in(self, &report.client_order_id);
                if let Some(order) = order.filter(|one| lacks_fills(one, report)) {
                    self.look_up(&order);
                }
            }
        }
    }

    pub(super) fn reported(&mut self, report: &VenueReport) {
        if self.is_of_others(report) {
            return;
        }
        let Some(order) = self.known(&report.client_order_id, report.kind.as_str()) else {
            return;
        };
        let order = if report.kind == ReportKind::CancelRejected {
            order // "unknown order" is what a venue says of one that still waits for its token
        } else {
            self.was_sent(order, report)
        };
        match report.kind {
            ReportKind::Accepted => self.accepted(&order, report),
            ReportKind::Filled => self.fill_reported(&order, report),
            ReportKind::FilledTo => self.total_reported(&order, report),
            ReportKind::Cancelled => self.ended(&order, OrderEvent::CancelAck, report),
            ReportKind::Rejected => self.ended(&order, OrderEvent::Reject, report),
            ReportKind::Expired => self.ended(&order, OrderEvent::Expire, report),
            ReportKind::CancelRejected => {
                self.cancel_failed(&report.client_order_id, &report.reason);
            }
            ReportKind::Settled => self.settle_reported(&order, report),
            ReportKind::Reversed => self.reversal_reported(&order, report),
        }
    }

    /// News of an order that somebody else placed, or of the end of a stray one: reconciliation lists them, and they
    /// are nothing that our books hold.
    fn is_of_others(&self, report: &VenueReport) -> bool {
        if order_in(self, &report.client_order_id).is_some() {
            return false;
        }
        let is_end = matches!(
            report.kind,
            ReportKind::Cancelled | ReportKind::CancelRejected | ReportKind::Expired
        );
        is_end || !self.is_own(&report.client_order_id)
    }

    /// The order of that id. News of an order that nobody knows stops entries (EX-9).
    fn known(&mut self, client_order_id: &Name, what: &str) -> Option<Arc<Order>> {
        let order = order_in(self, client_order_id);
        if order.is_none() {
            let text = format!("{what} of {client_order_id}, which this account never intended");
            self.violated("UnknownOrder", client_order_id, &Name::from(""), &text);
        }
        order
    }

    /// The venue's answer proves that a PENDING order was sent, before we heard of its release (EX-3).
    fn was_sent(&mut self, order: Arc<Order>, report: &VenueReport) -> Arc<Order> {
        if order.state != OrderState::Pending {
            return order;
        }
        self.change(
            &order,
            OrderState::Submitted,
            "the venue answered",
            &Name::from(""),
            0,
        );
        order_in(self, &report.client_order_id).unwrap_or(order)
    }

    fn accepted(&mut self, order: &Arc<Order>, report: &VenueReport) {
        let id = broker_id(order, report);
        let is_repeat = !report.broker_order_id.is_empty() && id == report.broker_order_id;
        match order.state {
            OrderState::Working | OrderState::PartiallyFilled if is_repeat => return,
            // An acknowledgement that comes after the end changes nothing, unless it was thought absent.
            OrderState::Filled
            | OrderState::Cancelled
            | OrderState::Rejected
            | OrderState::Expired
                if is_repeat =>
            {
                return;
            }
            _ => {}
        }
        // With fills, working again means partially filled.
        let is_filling = order.filled_1e8 > 0 && order.state == OrderState::Unknown;
        let event = if is_filling {
            OrderEvent::PartialFill
        } else {
            OrderEvent::Accept
        };
        match step(order.state, event, !id.is_empty()) {
            Ok(new) => self.transition(order, new, "accepted", report),
            Err(error) => {
                self.refused(order, error);
                if order.state == OrderState::NotSent {
                    // It lives at the venue after all; it must not.
                    self.out.effects.push(Effect::Cancel {
                        client_order_id: order.intent.client_order_id.clone(),
                        broker_order_id: report.broker_order_id.clone(),
                    });
                }
            }
        }
    }

    fn fill_reported(&mut self, order: &Arc<Order>, report: &VenueReport) {
        let id = execution_id(report);
        if let Some(known) = order.execution(&id).cloned() {
            let is_final = report.settlement == Settlement::Confirmed;
            if is_final && known.settlement == Settlement::Provisional {
                self.settled(order, &known, report.venue_ns);
            }
            return;
        }
        if report.qty_1e8 <= 0 || report.price_1e8 < 0 || report.settlement == Settlement::Failed {
            let text = format!(
                "a fill must have a quantity above zero and a price, was {} at {} ({})",
                report.qty_1e8,
                report.price_1e8,
                report.settlement.as_str()
            );
            self.broken("MalformedFill", order, &text);
            return;
        }
        let Some(filled_1e8) = order.filled_1e8.checked_add(report.qty_1e8) else {
            self.broken("AmountOverflow", order, "a fill does not fit 64 bits");
            return;
        };
        // A bust does not reopen an order at the venue: what was taken back counts towards its end.
        let executed_1e8 = filled_1e8.saturating_add(taken_back_1e8(order));
        let is_whole = executed_1e8 >= order.intent.qty_1e8;
        let event = if is_whole {
            OrderEvent::Fill
        } else {
            OrderEvent::PartialFill
        };
        let has_id = !broker_id(order, report).is_empty();
        let new = if order.state.is_terminal() {
            correct(order.state, event, has_id)
        } else {
            step(order.state, event, has_id)
        };
        match new {
            Err(error) => self.refused(order, error),
            Ok(new) => {
                if self.filled(order, report, new).is_none() {
                    let text = "what a fill makes of the books does not fit 64 bits";
                    self.broken("AmountOverflow", order, text);
                } else if filled_1e8 > order.intent.qty_1e8 {
                    let text = format!("{filled_1e8} filled of {}", order.intent.qty_1e8);
                    self.broken("Overfilled", order, &text);
                } else if order.state == OrderState::NotSent {
                    let text = "a fill of an order that was proven absent";
                    self.broken("ProofWasWrong", order, text);
                    if let Some(order) = order_in(self, &order.intent.client_order_id) {
                        self.cancel(&order, "it was proven absent");
                    }
                }
            }
        }
    }

    /// A venue that names no executions says how far an order has filled, and at what average: what is not booked yet
    /// is one fill (EX-5). A total that is not above what is booked is old, or heard twice, and changes nothing.
    fn total_reported(&mut self, order: &Arc<Order>, report: &VenueReport) {
        let missing_1e8 = report.qty_1e8.saturating_sub(order.filled_1e8);
        if missing_1e8 <= 0 {
            return;
        }
        let total_1e16 = i128::from(report.qty_1e8) * i128::from(report.price_1e8);
        let price_1e16 = (total_1e16 - order.filled_value_1e16) / i128::from(missing_1e8);
        let Some(price_1e8) = i64::try_from(price_1e16).ok().filter(|price| *price >= 0) else {
            let text = format!(
                "{} filled at {} on average cannot follow {} filled before it",
                report.qty_1e8, report.price_1e8, order.filled_1e8
            );
            self.broken("MalformedFill", order, &text);
            return;
        };
        let fill = VenueReport {
            kind: ReportKind::Filled,
            execution_id: id_of_total(order, report.qty_1e8),
            qty_1e8: missing_1e8,
            price_1e8,
            ..report.clone()
        };
        self.fill_reported(order, &fill);
    }

    fn ended(&mut self, order: &Arc<Order>, event: OrderEvent, report: &VenueReport) {
        let is_repeat = matches!(
            (order.state, event),
            // Cancelled as its time ended, or the other way round: what was left is gone, either way.
            (
                OrderState::Cancelled | OrderState::Expired,
                OrderEvent::CancelAck | OrderEvent::Expire
            ) | (OrderState::Rejected, OrderEvent::Reject)
        );
        // A cancel that lost the race to a fill is not an error, in whatever order the two are heard (EX-8).
        let is_overtaken = order.state == OrderState::Filled
            && event == OrderEvent::CancelAck
            && order.cancel_asked_ns != 0;
        if is_repeat || is_overtaken {
            return;
        }
        if lacks_fills(order, report) {
            let id = &order.intent.client_order_id;
            let text = format!(
                "{} of {id}, of which {} was filled: we have heard of {}",
                report.kind.as_str(),
                report.qty_1e8,
                order.filled_1e8
            );
            self.notify("WARNING", text, &[id]);
            return; // live until a look-up has told of every fill; polling asks again (EX-6)
        }
        let has_id = !broker_id(order, report).is_empty();
        match step(order.state, event, has_id) {
            Err(error) => self.refused(order, error),
            Ok(new) => {
                let said = if report.reason.is_empty() {
                    event.as_str()
                } else {
                    &*report.reason
                };
                self.transition(order, new, said, report);
                if event == OrderEvent::Reject {
                    let id = &order.intent.client_order_id;
                    let text = format!("the broker rejected {id}: {said}");
                    self.notify("ERROR", text, &[id]);
                }
                self.after_end(order, new);
            }
        }
    }

    /// What follows when an order ended without being filled whole.
    fn after_end(&mut self, order: &Order, new: OrderState) {
        let intent = &order.intent;
        let position = self.draft.position_of(&intent.strategy, &intent.instrument);
        if let Some(position) = &position {
            if position.exit_order_id == intent.client_order_id {
                let mut next = (**position).clone();
                if order.filled_1e8 == 0 {
                    let text = format!("exit {} ended {}", intent.client_order_id, new.as_str());
                    self.notify("ERROR", text, &[&position.position_id]);
                    self.failed_exit(next, new.as_str());
                } else {
                    next.phase = Phase::Monitoring;
                    next.exit_order_id = Name::from("");
                    next.cause = Name::from(new.as_str());
                    self.emit(Event::PositionChanged(Box::new(next)));
                    self.reconsider(&position.position_id);
                }
            } else if position.entry_order_id == intent.client_order_id
                && position.phase == Phase::Entry
            {
                let mut next = (**position).clone();
                next.phase = Phase::Monitoring;
                next.cause = Name::from(new.as_str());
                self.emit(Event::PositionChanged(Box::new(next)));
                self.reconsider(&position.position_id);
            }
        }
        let is_retry = self.core.config.entry_ttl_retry_at_market
            && intent.purpose == Purpose::Entry
            && new == OrderState::Cancelled
            && order.filled_1e8 == 0
            && &*order.cancel_reason == super::controls::TTL_OVER;
        if is_retry {
            self.retry_at_market(order);
        }
    }

    fn settle_reported(&mut self, order: &Arc<Order>, report: &VenueReport) {
        match order.execution(&report.execution_id).cloned() {
            Some(known) if known.settlement == Settlement::Provisional => {
                self.settled(order, &known, report.venue_ns);
            }
            Some(_) => {}
            None => {
                let text = "SETTLED of an execution that was never reported";
                self.broken("UnknownExecution", order, text);
            }
        }
    }

    fn reversal_reported(&mut self, order: &Arc<Order>, report: &VenueReport) {
        let Some(known) = order.execution(&report.execution_id).cloned() else {
            return; // it was never booked, so there is nothing to take back
        };
        if known.settlement == Settlement::Failed {
            return;
        }
        let has_id = !broker_id(order, report).is_empty();
        let allowed = if order.state.is_terminal() {
            correct(order.state, OrderEvent::Reverse, has_id)
        } else {
            step(order.state, OrderEvent::Reverse, has_id)
        };
        if let Err(error) = allowed {
            self.refused(order, error);
        } else {
            let id = &order.intent.client_order_id;
            let text = format!("the broker took back a fill of {id}: {}", report.reason);
            self.notify("CRITICAL", text, &[id]);
            if self.reversed(order, &known, report).is_none() {
                let text = "what a reversal makes of the books does not fit 64 bits";
                self.broken("AmountOverflow", order, text);
            }
        }
    }

    pub(super) fn released(&mut self, client_order_id: &Name, released_ns: i64) {
        let Some(order) = self.known(client_order_id, "release") else {
            return;
        };
        match order.state {
            OrderState::Pending => {
                let none = Name::from("");
                self.change(
                    &order,
                    OrderState::Submitted,
                    "released",
                    &none,
                    released_ns,
                );
            }
            OrderState::NotSent => {
                let error = TransitionError::Terminal {
                    from: OrderState::NotSent,
                    event: OrderEvent::Send,
                };
                self.refused(&order, error);
            }
            // The venue, or a missing answer, was quicker than the news of the release.
            _ => {}
        }
    }

    pub(super) fn not_released(&mut self, client_order_id: &Name, reason: &Name) {
        let Some(order) = self.known(client_order_id, "refused release") else {
            return;
        };
        if order.state == OrderState::NotSent {
            return;
        }
        self.absent(&order, &format!("not released: {reason}"));
    }

    /// It never reached the venue.
    fn absent(&mut self, order: &Arc<Order>, cause: &str) {
        match step(order.state, OrderEvent::ProvenAbsent, false) {
            Err(error) => self.refused(order, error),
            Ok(new) => {
                self.change(order, new, cause, &order.broker_order_id, 0);
                self.after_end(order, new);
            }
        }
    }

    pub(super) fn unanswered(&mut self, client_order_id: &Name) {
        let Some(order) = self.known(client_order_id, "silence") else {
            return;
        };
        if order.state.is_terminal() {
            return;
        }
        if order.state != OrderState::Unknown {
            match step(order.state, OrderEvent::Silence, false) {
                Ok(new) => self.change(&order, new, "no answer", &order.broker_order_id, 0),
                Err(error) => {
                    self.refused(&order, error);
                    return;
                }
            }
            let text =
                format!("no answer about {client_order_id}: its instrument takes no new risk");
            self.notify("WARNING", text, &[client_order_id]);
        }
        self.out.effects.push(Effect::Lookup {
            client_order_id: client_order_id.clone(),
        });
    }

    pub(super) fn looked_up(&mut self, client_order_id: &Name, answer: &Lookup) {
        let Some(order) = self.known(client_order_id, "look-up") else {
            return;
        };
        match answer {
            Lookup::Found { reports } => {
                let about = |r: &&VenueReport| r.client_order_id == *client_order_id;
                self.listed_of(&order, &reports.iter().filter(about).collect::<Vec<_>>());
            }
            Lookup::Absent { is_complete: true } => self.missed(&order),
            Lookup::Absent { is_complete: false } | Lookup::Unknown => {}
        }
    }

    /// The venue does not have it. Once is not believed: it is proof when a second answer says so after the longest
    /// possible flight (EX-6). An order that the venue had acknowledged is never proven absent.
    fn missed(&mut self, order: &Arc<Order>) {
        if order.state.is_terminal() {
            return;
        }
        let flight_ns = self.core.config.flight_max_ns;
        let since_ns = if order.absent_reads == 0 {
            self.now_ns
        } else {
            order.absent_ns
        };
        let reads = order.absent_reads + 1;
        let is_proof = reads > 1 && self.now_ns.saturating_sub(since_ns) >= flight_ns;
        let was_there = !order.broker_order_id.is_empty() || order.filled_1e8 != 0;
        if is_proof && was_there {
            self.vanished(order);
            return;
        }
        if is_proof {
            self.absent(order, "proven absent at the venue");
            return;
        }
        if matches!(order.state, OrderState::Pending | OrderState::Submitted) {
            let none = Name::from("");
            self.change(
                order,
                OrderState::Unknown,
                "not found at the venue",
                &none,
                0,
            );
        }
        self.emit(Event::LookupMissed(LookupMissed {
            client_order_id: order.intent.client_order_id.clone(),
            reads,
            since_ns,
            at_ns: self.now_ns,
        }));
        if flight_ns == 0 {
            self.look_up(order);
        }
    }

    /// The venue had it and knows it no more, and says nothing of its end: it stays UNKNOWN until a person has asked.
    fn vanished(&mut self, order: &Arc<Order>) {
        if order.state == OrderState::Unknown {
            return;
        }
        let id = order.broker_order_id.clone();
        self.change(order, OrderState::Unknown, "gone at the venue", &id, 0);
        let text = "the venue acknowledged it and does not know it any more";
        self.broken("VanishedOrder", order, text);
    }

    pub(super) fn cancel_failed(&mut self, client_order_id: &Name, reason: &Name) {
        let Some(order) = self.known(client_order_id, "refused cancel") else {
            return;
        };
        // Losing the race to a fill is not an error (EX-8).
        if order.state.is_terminal() {
            return;
        }
        self.emit(Event::CancelFailed(CancelFailed {
            client_order_id: client_order_id.clone(),
            reason: reason.clone(),
            at_ns: self.now_ns,
        }));
        let text = format!("cancel of {client_order_id} failed: {reason}");
        self.notify("ERROR", text, &[client_order_id]);
    }

    /// The table says no: nothing changes, entries stop (EX-2).
    fn refused(&mut self, order: &Order, error: TransitionError) {
        self.broken(error.name(), order, &error.to_string());
    }

    fn broken(&mut self, name: &str, order: &Order, text: &str) {
        let intent = &order.intent;
        self.violated(name, &intent.client_order_id, &intent.instrument, text);
    }

    /// One transition that the venue caused (EX-3).
    pub(super) fn transition(
        &mut self,
        order: &Order,
        new: OrderState,
        cause: &str,
        report: &VenueReport,
    ) {
        let id = broker_id(order, report);
        self.change(order, new, cause, &id, report.venue_ns);
    }

    fn change(
        &mut self,
        order: &Order,
        new: OrderState,
        cause: &str,
        broker: &Name,
        venue_ns: i64,
    ) {
        if new == order.state && *broker == order.broker_order_id {
            return;
        }
        self.emit(Event::OrderChanged(OrderChanged {
            client_order_id: order.intent.client_order_id.clone(),
            old: order.state,
            new,
            cause: Name::from(cause),
            broker_order_id: broker.clone(),
            venue_ns,
            at_ns: self.now_ns,
            is_correction: order.state.is_terminal(),
        }));
        // A cancel that waited until the venue has the order (KC-2, EX-8).
        let works = |state| matches!(state, OrderState::Working | OrderState::PartiallyFilled);
        if order.cancel_asked_ns != 0 && works(new) && !works(order.state) {
            self.out.effects.push(Effect::Cancel {
                client_order_id: order.intent.client_order_id.clone(),
                broker_order_id: broker.clone(),
            });
        }
    }
}

/// The venue names the end of an order, and with it more fills than were heard: the news of one was lost. A venue that
/// does not say how much was filled says 0.
fn lacks_fills(order: &Order, report: &VenueReport) -> bool {
    let is_end = matches!(
        report.kind,
        ReportKind::Cancelled | ReportKind::Expired | ReportKind::Rejected
    );
    let executed_1e8 = order.filled_1e8.saturating_add(taken_back_1e8(order));
    is_end && !order.state.is_terminal() && report.qty_1e8 > executed_1e8
}

/// What the venue executed of an order and took back again.
fn taken_back_1e8(order: &Order) -> i64 {
    let is_gone = |one: &&Execution| one.settlement == Settlement::Failed;
    let gone = order.executions.iter().filter(is_gone);
    gone.fold(0, |sum: i64, one| sum.saturating_add(one.qty_1e8))
}
