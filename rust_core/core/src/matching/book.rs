//! The venue's book: orders in, prices in, reports out.

use super::config::PaperConfig;
use super::fill::Budget;
use super::look_up::{report, unknown_order};
use super::order::{NewOrder, VenueOrder, VenueState};
use super::rules::Chance;
use super::state::{BookChange, BookState, Market};
use crate::message::{Name, ReportKind, TimeInForce, VenueReport};
use crate::money::{floor_to, mul};
use crate::strategies::Bar;
use std::collections::{BTreeSet, HashMap};

/// A paper venue: see the module's page for what fills when.
#[derive(Clone, Debug)]
pub struct PaperBook {
    pub(super) config: PaperConfig,
    pub(super) state: BookState,
    by_symbol: HashMap<Name, usize>,
    pub(super) by_client_id: HashMap<Name, u64>,
    /// Numbers of working orders by instrument, oldest first.
    pub(super) open: Vec<Vec<u64>>,
    /// Numbers of orders that changed since the last change was taken.
    pub(super) touched: BTreeSet<u64>,
    /// Number of the last execution that was taken.
    taken_execution: u64,
}

impl PaperBook {
    /// A venue without orders.
    ///
    /// # Errors
    /// As [`PaperConfig::check`].
    pub fn new(config: PaperConfig) -> Result<Self, String> {
        let state = BookState::new(config.cash_1e8, config.instruments.len());
        Self::from_state(config, state)
    }

    /// A venue that goes on where another stopped.
    ///
    /// # Errors
    /// As [`PaperConfig::check`], and when the state was kept for other instruments.
    pub fn from_state(config: PaperConfig, state: BookState) -> Result<Self, String> {
        config.check()?;
        let count = config.instruments.len();
        if state.positions_1e8.len() != count || state.markets.len() != count {
            return Err(format!(
                "the book must hold the {count} instruments of the configuration, held {}",
                state.positions_1e8.len()
            ));
        }
        let symbols = config.instruments.iter().enumerate();
        let by_symbol: HashMap<_, _> = symbols.map(|(at, i)| (i.symbol.clone(), at)).collect();
        let mut open = vec![Vec::new(); count];
        let mut by_client_id = HashMap::new();
        for order in &state.orders {
            by_client_id.insert(order.asked.client_order_id.clone(), order.number);
            if order.state == VenueState::Working {
                open.get_mut(order.instrument)
                    .ok_or("an order of the book names no instrument of the configuration")?
                    .push(order.number);
            }
        }
        Ok(Self {
            taken_execution: state.next_execution - 1,
            config,
            state,
            by_symbol,
            by_client_id,
            open,
            touched: BTreeSet::new(),
        })
    }

    /// Everything it must not forget.
    pub fn state(&self) -> &BookState {
        &self.state
    }

    /// What changed since this was last called; `None` if no order did. Whoever keeps the book writes it
    /// down before anybody hears of the reports.
    pub fn take_change(&mut self) -> Option<BookChange> {
        if self.touched.is_empty() {
            return None;
        }
        let touched = std::mem::take(&mut self.touched);
        self.state.changes += 1;
        let orders = touched
            .iter()
            .filter_map(|number| self.state.order(*number));
        let change = BookChange {
            number: self.state.changes,
            cash_1e8: self.state.cash_1e8,
            positions_1e8: self.state.positions_1e8.clone(),
            orders: orders.cloned().collect(),
            executions: self
                .executions_since(self.taken_execution)
                .cloned()
                .collect(),
        };
        self.taken_execution = self.state.next_execution - 1;
        self.forget();
        Some(change)
    }

    /// Its set-up.
    pub fn config(&self) -> &PaperConfig {
        &self.config
    }

    /// Index of a symbol, for the calls below.
    pub fn instrument(&self, symbol: &str) -> Option<usize> {
        self.by_symbol.get(symbol).copied()
    }

    /// Takes an order; `false` when its client id was taken before: nothing changes then, and no report
    /// speaks of it, because it would be read as news of the first.
    pub fn submit(&mut self, asked: NewOrder, now_ns: i64, out: &mut Vec<VenueReport>) -> bool {
        if self.by_client_id.contains_key(&asked.client_order_id) {
            return false;
        }
        let instrument = self.instrument(&asked.instrument);
        let fault = asked.fault(instrument.map(|at| &self.config.instruments[at]));
        let number = self.state.next_order;
        self.state.next_order += 1;
        let order = VenueOrder {
            number,
            broker_order_id: format!("{}-o{number}", self.config.venue).into(),
            instrument: instrument.unwrap_or(0),
            state: VenueState::Working,
            submitted_ns: now_ns,
            ended_ns: 0,
            reason: "".into(),
            filled_1e8: 0,
            value_1e8: 0,
            fees_1e8: 0,
            is_triggered: false,
            bar_ns: i64::MIN,
            bar_filled_1e8: 0,
            asked,
        };
        self.by_client_id
            .insert(order.asked.client_order_id.clone(), number);
        self.touched.insert(number);
        let at = order.instrument;
        let first = match fault {
            Some(_) => None,
            None => Some(report(&order, ReportKind::Accepted, now_ns, "")),
        };
        self.state.orders.push_back(order);
        if let Some(fault) = fault {
            self.end(number, VenueState::Rejected, &fault, now_ns, out);
            return true;
        }
        out.extend(first);
        self.open[at].push(number);
        if let Some(chance) = self.quote(at, Chance::QuoteTaken) {
            self.offer(number, chance, Budget::Shown, now_ns, out);
            self.sweep(at);
        }
        true
    }

    /// Cancels what is left of an order; an order that ended, or is not known, cannot be cancelled.
    pub fn cancel(&mut self, client_order_id: &str, now_ns: i64, out: &mut Vec<VenueReport>) {
        let found = self.by_client_id.get(client_order_id).copied();
        let Some(order) = found.and_then(|number| self.state.order(number)) else {
            out.push(unknown_order(client_order_id, now_ns));
            return;
        };
        if order.state != VenueState::Working {
            let reason = format!("the order is {}", order.state.as_str());
            out.push(report(order, ReportKind::CancelRejected, now_ns, &reason));
            return;
        }
        let (number, at) = (order.number, order.instrument);
        self.end(number, VenueState::Cancelled, "asked for", now_ns, out);
        self.sweep(at);
    }

    /// Cancels every working order, oldest first of each instrument.
    pub fn cancel_all(&mut self, now_ns: i64, out: &mut Vec<VenueReport>) {
        for at in 0..self.open.len() {
            for number in std::mem::take(&mut self.open[at]) {
                self.end(number, VenueState::Cancelled, "asked for", now_ns, out);
            }
        }
    }

    /// The first price of the bar that starts now, with the volume it will have.
    pub fn on_open_print(
        &mut self,
        at: usize,
        price_1e8: i64,
        volume_1e8: i64,
        now_ns: i64,
        out: &mut Vec<VenueReport>,
    ) {
        self.state.markets[at].open_print_ns = now_ns;
        self.state.markets[at].last_1e8 = price_1e8;
        if self.open[at].is_empty() {
            return;
        }
        let budget = self.share(volume_1e8, |share| Budget::Bar(now_ns, share), at);
        self.meet(at, Chance::Open(price_1e8), budget, i64::MAX, now_ns, out);
    }

    /// A complete bar.
    pub fn on_bar(&mut self, at: usize, bar: &Bar, out: &mut Vec<VenueReport>) {
        self.state.markets[at].last_1e8 = bar.close_1e8;
        if self.open[at].is_empty() {
            return;
        }
        let (start_ns, end_ns) = (bar.start_ns, bar.end_ns);
        let budget = self.share(bar.volume_1e8, |share| Budget::Bar(start_ns, share), at);
        if self.state.markets[at].open_print_ns != start_ns {
            self.meet(
                at,
                Chance::Open(bar.open_1e8),
                budget,
                start_ns,
                end_ns,
                out,
            );
        }
        let range = Chance::Range {
            high: bar.high_1e8,
            low: bar.low_1e8,
        };
        self.meet(at, range, budget, start_ns, end_ns, out);
    }

    /// Best bid and ask with the sizes shown; a crossed or empty quote takes the last one away.
    pub fn on_quote(
        &mut self,
        at: usize,
        (bid_1e8, ask_1e8): (i64, i64),
        (bid_size_1e8, ask_size_1e8): (i64, i64),
        now_ns: i64,
        out: &mut Vec<VenueReport>,
    ) {
        let absent = self.config.quote_size_absent_1e8;
        let size = |shown: i64| if shown > 0 { shown } else { absent };
        let market = &mut self.state.markets[at];
        let is_sane = 0 < bid_1e8 && bid_1e8 <= ask_1e8;
        market.bid_1e8 = if is_sane { bid_1e8 } else { 0 };
        market.ask_1e8 = if is_sane { ask_1e8 } else { 0 };
        market.bid_left_1e8 = size(bid_size_1e8);
        market.ask_left_1e8 = size(ask_size_1e8);
        if let Some(chance) = self.quote(at, Chance::QuoteMet) {
            self.state.markets[at].last_1e8 = bid_1e8 + (ask_1e8 - bid_1e8) / 2;
            self.meet(at, chance, Budget::Shown, i64::MAX, now_ns, out);
        }
    }

    /// A trade of somebody else.
    pub fn on_trade(
        &mut self,
        at: usize,
        price_1e8: i64,
        size_1e8: i64,
        now_ns: i64,
        out: &mut Vec<VenueReport>,
    ) {
        self.state.markets[at].last_1e8 = price_1e8;
        let chance = Chance::Trade {
            price: price_1e8,
            serves_market: self.quote(at, Chance::QuoteMet).is_none(),
        };
        let budget = self.share(size_1e8, Budget::Print, at);
        self.meet(at, chance, budget, i64::MAX, now_ns, out);
    }

    /// The session is over: DAY, IOC and FOK orders expire, quotes are forgotten.
    pub fn on_session_close(&mut self, now_ns: i64, out: &mut Vec<VenueReport>) {
        for at in 0..self.open.len() {
            let market = &mut self.state.markets[at];
            (market.bid_1e8, market.ask_1e8) = (0, 0);
            for number in self.open[at].clone() {
                let tif = self.state.order(number).map(|order| order.asked.tif);
                if tif.is_some_and(|tif| !matches!(tif, TimeInForce::Gtc | TimeInForce::Gtx)) {
                    self.end(number, VenueState::Expired, "session closed", now_ns, out);
                }
            }
            self.sweep(at);
        }
    }

    fn quote(&self, at: usize, chance: fn(i64, i64) -> Chance) -> Option<Chance> {
        let Market {
            bid_1e8, ask_1e8, ..
        } = self.state.markets[at];
        (ask_1e8 > 0).then(|| chance(bid_1e8, ask_1e8))
    }

    fn share(&self, volume_1e8: i64, budget: impl Fn(i64) -> Budget, at: usize) -> Budget {
        if self.config.participation_ratio_1e8 == 0 {
            return Budget::Free;
        }
        let part = mul(volume_1e8.max(0), self.config.participation_ratio_1e8).unwrap_or(i64::MAX);
        budget(floor_to(part, self.config.instruments[at].lot_1e8))
    }

    /// Offers a chance to every working order that came no later than `submitted_max_ns`.
    fn meet(
        &mut self,
        at: usize,
        chance: Chance,
        budget: Budget,
        submitted_max_ns: i64,
        now_ns: i64,
        out: &mut Vec<VenueReport>,
    ) {
        for index in 0..self.open[at].len() {
            let number = self.open[at][index];
            let order = self.state.order(number);
            if order.is_some_and(|order| order.submitted_ns <= submitted_max_ns) {
                self.offer(number, chance, budget, now_ns, out);
            }
        }
        self.sweep(at);
    }

    /// Drops what ended from the working orders of one instrument.
    fn sweep(&mut self, at: usize) {
        let state = &self.state;
        let is_working = |number: &u64| {
            let order = state.order(*number);
            order.is_some_and(|order| order.state == VenueState::Working)
        };
        self.open[at].retain(is_working);
    }
}
