//! One order meets one price: how much fills, what it costs, what is booked.

use super::book::PaperBook;
use super::look_up::filled;
use super::order::{Execution, Liquidity, VenueOrder, VenueState};
use super::rules::{active, triggered_now, Chance, Outcome, Terms};
use crate::message::{Side, TimeInForce, VenueReport};
use crate::money::{floor_to, mul, notional};

/// What one price may still give an order.
#[derive(Clone, Copy)]
pub(super) enum Budget {
    /// No limit.
    Free,
    /// A share of the bar that starts at that time.
    Bar(i64, i64),
    /// That much, for each order.
    Print(i64),
    /// What is left of the quote's size.
    Shown,
}

/// A fill that is certain: what, when.
#[derive(Clone, Copy)]
struct Fill {
    price_1e8: i64,
    qty_1e8: i64,
    liquidity: Liquidity,
    now_ns: i64,
}

/// What a fill leaves behind.
#[allow(clippy::struct_field_names)] // the unit is part of every name
struct Booked {
    value_1e8: i64,
    fee_1e8: i64,
    cash_1e8: i64,
}

impl PaperBook {
    /// One working order meets one chance.
    pub(super) fn offer(
        &mut self,
        number: u64,
        chance: Chance,
        budget: Budget,
        now_ns: i64,
        out: &mut Vec<VenueReport>,
    ) {
        let Some(order) = self.state.order_mut(number) else {
            return;
        };
        if order.state != VenueState::Working {
            return;
        }
        let instrument = &self.config.instruments[order.instrument];
        let terms = Terms {
            slippage: (self.config.slippage_ticks).saturating_mul(instrument.tick_1e8),
            tick: instrument.tick_1e8,
            is_touch_filled: self.config.is_touch_filled,
        };
        let outcome = if order.is_armed() {
            let stop = order.asked.trigger_1e8.unwrap_or(0);
            if !chance.reaches(order.asked.side, stop) {
                return;
            }
            order.is_triggered = true;
            self.touched.insert(number);
            triggered_now(order, chance, terms)
        } else {
            active(order, chance, terms)
        };
        let post_only_1e8 = match order.asked.tif {
            TimeInForce::Gtx => order.asked.limit_1e8,
            _ => None,
        };
        match (outcome, post_only_1e8) {
            (Outcome::Nothing, _) => return,
            (Outcome::Missed, _) => {}
            (Outcome::Price(_, Liquidity::Taker), Some(_))
                if matches!(chance, Chance::QuoteTaken(..)) =>
            {
                let reason = "post-only: it would have taken";
                self.end(number, VenueState::Cancelled, reason, now_ns, out);
                return;
            }
            (Outcome::Price(price_1e8, liquidity), post_only_1e8) => {
                let (price_1e8, liquidity) = match post_only_1e8 {
                    Some(limit_1e8) => (limit_1e8, Liquidity::Maker),
                    None => (price_1e8, liquidity),
                };
                let qty_1e8 = self.allowed(number, budget);
                let fill = Fill {
                    price_1e8,
                    qty_1e8,
                    liquidity,
                    now_ns,
                };
                if qty_1e8 > 0 && self.execute(number, fill, out) {
                    self.use_up(number, qty_1e8, budget);
                }
            }
        }
        self.end_if_immediate(number, now_ns, out);
    }

    /// How much of the order a price may fill; nothing of a FOK order unless all of it.
    fn allowed(&mut self, number: u64, budget: Budget) -> i64 {
        let Some(order) = self.state.order(number) else {
            return 0;
        };
        let (at, side, left, tif) = (
            order.instrument,
            order.asked.side,
            order.left_1e8(),
            order.asked.tif,
        );
        let most = match budget {
            Budget::Free => left,
            Budget::Print(most) => most,
            Budget::Bar(start_ns, most) => most - order.filled_in(start_ns),
            Budget::Shown => {
                let lot = self.config.instruments[at].lot_1e8;
                floor_to(*self.shown(at, side), lot)
            }
        };
        if tif == TimeInForce::Fok && most < left {
            return 0;
        }
        most.min(left)
    }

    fn use_up(&mut self, number: u64, qty_1e8: i64, budget: Budget) {
        let Some(order) = self.state.order_mut(number) else {
            return;
        };
        let (at, side) = (order.instrument, order.asked.side);
        match budget {
            Budget::Free | Budget::Print(_) => {}
            Budget::Bar(start_ns, _) => {
                order.bar_filled_1e8 = order.filled_in(start_ns) + qty_1e8;
                order.bar_ns = start_ns;
            }
            Budget::Shown => *self.shown(at, side) -= qty_1e8,
        }
    }

    /// Size shown that an order of `side` would take.
    fn shown(&mut self, at: usize, side: Side) -> &mut i64 {
        let market = &mut self.state.markets[at];
        match side {
            Side::Buy => &mut market.ask_left_1e8,
            Side::Sell => &mut market.bid_left_1e8,
        }
    }

    /// Books a fill; `false` (and the order cancelled) when its amounts do not fit.
    fn execute(&mut self, number: u64, fill: Fill, out: &mut Vec<VenueReport>) -> bool {
        let Some(booked) = self.booked(number, fill) else {
            let state = VenueState::Cancelled;
            self.end(number, state, "amount too large", fill.now_ns, out);
            return false;
        };
        let execution_number = self.state.next_execution;
        let execution_id = format!("{}-x{execution_number}", self.config.venue);
        let Some(order) = self.state.order_mut(number) else {
            return false;
        };
        order.filled_1e8 += fill.qty_1e8;
        order.value_1e8 = booked.value_1e8;
        order.fees_1e8 += booked.fee_1e8;
        let (at, sign) = (order.instrument, order.asked.side.sign());
        let execution = Execution {
            number: execution_number,
            execution_id: execution_id.into(),
            client_order_id: order.asked.client_order_id.clone(),
            broker_order_id: order.broker_order_id.clone(),
            order_number: number,
            instrument: order.asked.instrument.clone(),
            side: order.asked.side,
            qty_1e8: fill.qty_1e8,
            price_1e8: fill.price_1e8,
            fee_1e8: booked.fee_1e8,
            liquidity: fill.liquidity,
            at_ns: fill.now_ns,
        };
        if order.left_1e8() == 0 {
            order.state = VenueState::Filled;
            order.ended_ns = fill.now_ns;
            self.state.ended += 1;
        }
        self.touched.insert(number);
        self.state.cash_1e8 = booked.cash_1e8;
        self.state.positions_1e8[at] += sign * fill.qty_1e8;
        self.state.next_execution += 1;
        out.push(filled(&execution));
        self.state.executions.push_back(execution);
        true
    }

    /// Sums after a fill; `None` when one does not fit.
    fn booked(&self, number: u64, fill: Fill) -> Option<Booked> {
        let order = self.state.order(number)?;
        let sign = order.asked.side.sign();
        let multiplier = self.config.instruments[order.instrument].multiplier_1e8;
        let value = notional(fill.price_1e8, fill.qty_1e8, multiplier)?;
        let value_1e8 = order.value_1e8.checked_add(value)?;
        let fee_1e8 = self.fees_due(order.filled_1e8 + fill.qty_1e8, value_1e8)? - order.fees_1e8;
        let cash = self.state.cash_1e8.checked_sub(sign * value)?;
        self.state.positions_1e8[order.instrument].checked_add(sign * fill.qty_1e8)?;
        Some(Booked {
            value_1e8,
            fee_1e8,
            cash_1e8: cash.checked_sub(fee_1e8)?,
        })
    }

    /// What an order owes in all after `filled` units worth `value`.
    fn fees_due(&self, filled_1e8: i64, value_1e8: i64) -> Option<i64> {
        let fees = self.config.fees;
        let by_unit = mul(fees.per_unit_1e8, filled_1e8)?;
        let by_value = mul(fees.ratio_1e8, value_1e8)?;
        Some(by_unit.checked_add(by_value)?.max(fees.minimum_1e8))
    }

    /// IOC and FOK orders end with the first price that might have filled them.
    fn end_if_immediate(&mut self, number: u64, now_ns: i64, out: &mut Vec<VenueReport>) {
        let Some(order) = self.state.order(number) else {
            return;
        };
        let reason = match order.asked.tif {
            TimeInForce::Day | TimeInForce::Gtc | TimeInForce::Gtx => return,
            TimeInForce::Ioc => "immediate or cancel",
            TimeInForce::Fok => "fill or kill",
        };
        if order.state == VenueState::Working {
            self.end(number, VenueState::Cancelled, reason, now_ns, out);
        }
    }
}

impl VenueOrder {
    /// Filled from the volume of the bar that starts at `start_ns`.
    fn filled_in(&self, start_ns: i64) -> i64 {
        if self.bar_ns == start_ns {
            self.bar_filled_1e8
        } else {
            0
        }
    }
}
