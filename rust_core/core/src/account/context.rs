//! What the gate and the protections are told of the account.

use super::store::Store;
use super::work::Work;
use crate::config::EquitySource;
use crate::decision::AccountValue;
use crate::event::Event;
use crate::gate::{BuyingPower, GateContext, MarkPrice, SessionTimes};
use crate::message::{Mark, Name, Purpose, Scope, TimerKind, Veto};
use crate::money::{mul, notional, ONE_1E8};
use crate::order_table::OrderState;
use crate::orders::Order;
use crate::positions::Position;
use crate::protections::Active;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is open or about to be, at the newest prices; the gate's view of an entry.
pub struct Exposure {
    positions: Vec<Arc<Position>>,
    entries: Vec<Arc<Order>>,
    /// What others hold or ordered at the same venue: instrument, quantity, price.
    foreign: Vec<(Name, i64, i64)>,
}

impl Work<'_> {
    /// The account's value; `None` when it cannot be known (RK-4).
    pub(super) fn equity_1e8(&self) -> Option<i64> {
        let config = &self.core.config;
        match config.equity_source {
            EquitySource::Broker => self
                .draft
                .balance()
                .filter(|b| self.now_ns.saturating_sub(b.at_ns) <= config.balance_age_max_ns)
                .map(|b| b.equity_1e8),
            EquitySource::Ledger => {
                let mut equity_1e8 = config
                    .capital_1e8
                    .checked_add(self.draft.ledger().net_1e8())?;
                for position in self.draft.open_positions() {
                    equity_1e8 = equity_1e8.checked_add(self.unrealised_1e8(&position)?)?;
                }
                Some(equity_1e8)
            }
        }
    }

    /// Lets the protections see the account's value after what was decided, and tells what follows.
    pub(super) fn protections_after(&mut self) {
        let equity_1e8 = self.equity_1e8();
        self.draft.protections_mut().on_equity(equity_1e8);
        self.out.value = Some(AccountValue(equity_1e8));
        self.announce();
    }

    /// Lets the protections see a price, and the value that follows from it.
    pub(super) fn protections_marked(&mut self, mark: &Mark) {
        let is_watching = self.draft.protections().config().volatility_halt.enabled;
        if is_watching {
            let protections = self.draft.protections_mut();
            protections.on_mark(&mark.instrument, mark.price_1e8, mark.at_ns);
        }
        if self.core.state.positions.is_empty() {
            self.announce();
        } else {
            self.protections_after();
        }
    }

    /// Journals what changed with the protections and the throttle.
    pub(super) fn announce(&mut self) {
        for change in self.draft.protections().pending(self.now_ns) {
            if let Some(until_ns) = change.until_ns.filter(|_| change.tripped) {
                self.timer(
                    TimerKind::Protection,
                    &Name::from(change.name.as_str()),
                    until_ns,
                );
            }
            self.emit(if change.tripped {
                Event::ProtectionTripped(change)
            } else {
                Event::ProtectionCleared(change)
            });
        }
        if let Some(change) = self.draft.protections().pending_throttle() {
            self.emit(Event::ThrottleChanged(change));
        }
    }

    /// Everything open or about to be.
    pub(super) fn exposure(&self) -> Exposure {
        let is_entry = |order: &Arc<Order>| order.intent.purpose == Purpose::Entry;
        Exposure {
            positions: self.draft.open_positions(),
            entries: self
                .draft
                .live_orders()
                .into_iter()
                .filter(is_entry)
                .collect(),
            foreign: self.foreign(),
        }
    }

    /// What others hold and ordered counts in risk (ST-3).
    fn foreign(&self) -> Vec<(Name, i64, i64)> {
        let known = self.draft.reconciled();
        let held = known.foreign_positions.iter().map(|one| {
            (
                one.instrument.clone(),
                one.qty_1e8.saturating_abs(),
                one.price_1e8,
            )
        });
        let ordered = known
            .foreign_orders
            .iter()
            .map(|one| (one.instrument.clone(), one.open_1e8, one.price_1e8));
        held.chain(ordered).collect()
    }

    /// The world that an entry would enter.
    pub(super) fn entry_context<'b>(
        &'b self,
        exposure: &Exposure,
        strategy: &str,
        instrument: &Name,
        protections: &'b [Active],
        vetoes: &'b [Veto],
    ) -> GateContext<'b> {
        let equity_1e8 = self.equity_1e8();
        let session = self.draft.session();
        let notional_of =
            |wanted: &dyn Fn(&str, &str) -> bool| self.open_notional_1e8(exposure, wanted);
        GateContext {
            now_ns: self.now_ns,
            rules: Some(self.core.rules.gate(instrument)),
            instrument: self.core.rules.instrument(instrument),
            mark: self.mark_price(instrument),
            equity_1e8,
            buying_power: self.buying_power(exposure, equity_1e8),
            session: session.is_open.then_some(SessionTimes {
                open_ns: session.open_ns,
                close_ns: session.close_ns,
            }),
            reducible_qty_1e8: None,
            position_notional_1e8: notional_of(&|s, i| s == strategy && i == &**instrument),
            instrument_exposure_1e8: notional_of(&|_, i| i == &**instrument),
            portfolio_exposure_1e8: notional_of(&|_, _| true),
            entries_in_window: Some(self.entries_in_window(instrument)),
            open_positions_of_symbol: Some(exposure.count(|i| i == &**instrument)),
            open_positions: Some(exposure.count(|_| true)),
            has_unknown_order: Some(self.has_unknown(instrument)),
            kill_level: self.draft.kill().level,
            is_paused: false,
            halted: self.halt_reason(instrument),
            protections: Some(protections),
            vetoes: Some(vetoes),
        }
    }

    /// The world that an exit would enter: it may take `reducible` of the position, signed as that is.
    pub(super) fn exit_context(&self, instrument: &Name, reducible_1e8: i64) -> GateContext<'_> {
        GateContext {
            now_ns: self.now_ns,
            rules: Some(self.core.rules.gate(instrument)),
            instrument: self.core.rules.instrument(instrument),
            mark: None,
            equity_1e8: None,
            buying_power: None,
            session: None,
            reducible_qty_1e8: Some(reducible_1e8),
            position_notional_1e8: None,
            instrument_exposure_1e8: None,
            portfolio_exposure_1e8: None,
            entries_in_window: None,
            open_positions_of_symbol: None,
            open_positions: None,
            has_unknown_order: None,
            kill_level: self.draft.kill().level,
            is_paused: false,
            halted: None,
            protections: None,
            vetoes: None,
        }
    }

    fn mark_price(&self, instrument: &str) -> Option<MarkPrice> {
        self.mark(instrument).map(|mark| MarkPrice {
            price_1e8: mark.price_1e8,
            at_ns: mark.at_ns,
        })
    }

    fn halt_reason(&self, instrument: &str) -> Option<&str> {
        let stops = |scope: Scope, key: &str| match scope {
            Scope::Account | Scope::System => true,
            Scope::Instrument => key == instrument,
            Scope::Order => false,
        };
        self.draft
            .halts()
            .iter()
            .find(|h| stops(h.scope, &h.key))
            .map(|h| &*h.reason)
    }

    fn has_unknown(&self, instrument: &str) -> bool {
        self.draft
            .live_orders()
            .iter()
            .any(|o| o.state == OrderState::Unknown && &*o.intent.instrument == instrument)
    }

    fn entries_in_window(&self, instrument: &str) -> u32 {
        let window_ns = self.core.config.limits.entry_window_ns;
        let times = self.draft.session().entry_times.get(instrument);
        let counts = |at_ns: &&i64| window_ns == 0 || self.now_ns - **at_ns < window_ns;
        let count = times.map_or(0, |times| times.iter().filter(counts).count());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Notional of what is open or about to be; `None` when it cannot be computed.
    fn open_notional_1e8(
        &self,
        exposure: &Exposure,
        is_wanted: &dyn Fn(&str, &str) -> bool,
    ) -> Option<i64> {
        let mut sum_1e8: i64 = 0;
        for (instrument, qty_1e8, known_1e8) in exposure.parts(is_wanted) {
            sum_1e8 = sum_1e8.checked_add(self.part_1e8(instrument, qty_1e8, known_1e8)?)?;
        }
        Some(sum_1e8)
    }

    fn part_1e8(&self, instrument: &str, qty_1e8: i64, known_1e8: i64) -> Option<i64> {
        let price_1e8 = self
            .mark(instrument)
            .map_or(known_1e8, |mark| mark.price_1e8);
        notional(
            price_1e8.max(known_1e8),
            qty_1e8,
            self.multiplier_1e8(instrument),
        )
    }

    /// What may be spent: the broker's figure, or on our own books the account's value (EX-13).
    fn buying_power(&self, exposure: &Exposure, equity_1e8: Option<i64>) -> Option<BuyingPower> {
        let margin = |instrument: &str, notional_1e8: i64| {
            let ratio_1e8 = self.core.rules.instrument(instrument)?.margin_ratio_1e8;
            mul(notional_1e8, ratio_1e8)
        };
        let mut reserved_1e8: i64 = 0;
        let is_own = self.core.config.equity_source == EquitySource::Ledger;
        for (instrument, qty_1e8, known_1e8) in exposure.all_parts(is_own) {
            let part_1e8 = self.part_1e8(instrument, qty_1e8, known_1e8)?;
            reserved_1e8 = reserved_1e8.checked_add(margin(instrument, part_1e8)?)?;
        }
        if is_own {
            // Without a broker's figure, what the exposure rail allows by name may be spent (RK-14).
            let most_1e8 = self.core.config.limits.exposure_max_ratio_1e8.max(ONE_1E8);
            return Some(BuyingPower {
                amount_1e8: mul(equity_1e8?, most_1e8)?,
                reserved_1e8,
                at_ns: self.now_ns,
            });
        }
        self.draft.balance().map(|balance| BuyingPower {
            amount_1e8: balance.buying_power_1e8,
            reserved_1e8,
            at_ns: balance.at_ns,
        })
    }
}

impl Exposure {
    /// Pairs of strategy and instrument that are open or about to be.
    fn count(&self, is_wanted: impl Fn(&str) -> bool) -> u32 {
        let open = self
            .positions
            .iter()
            .map(|p| (&*p.strategy, &*p.instrument));
        let coming = self
            .entries
            .iter()
            .map(|o| (&*o.intent.strategy, &*o.intent.instrument));
        let pairs: BTreeSet<(&str, &str)> = open
            .chain(coming)
            .filter(|(_, instrument)| is_wanted(instrument))
            .collect();
        u32::try_from(pairs.len()).unwrap_or(u32::MAX)
    }

    /// Instrument, quantity and known price of every part.
    fn parts<'b>(
        &'b self,
        is_wanted: &'b dyn Fn(&str, &str) -> bool,
    ) -> impl Iterator<Item = (&'b str, i64, i64)> {
        let open = self
            .positions
            .iter()
            .filter(move |p| is_wanted(&p.strategy, &p.instrument))
            .map(|p| (&*p.instrument, p.qty_1e8.abs(), p.average_entry_1e8));
        let coming = self
            .entries
            .iter()
            .filter(move |o| is_wanted(&o.intent.strategy, &o.intent.instrument))
            .map(|o| (&*o.intent.instrument, o.open_1e8(), entry_price_1e8(o)));
        let foreign = self
            .foreign
            .iter()
            .filter(move |(instrument, _, _)| is_wanted("", instrument))
            .map(|(instrument, qty_1e8, price_1e8)| (&**instrument, *qty_1e8, *price_1e8));
        open.chain(coming).chain(foreign)
    }

    fn all_parts(&self, with_positions: bool) -> impl Iterator<Item = (&str, i64, i64)> {
        let open = self
            .positions
            .iter()
            .filter(move |_| with_positions)
            .map(|p| (&*p.instrument, p.qty_1e8.abs(), p.average_entry_1e8));
        let coming = self
            .entries
            .iter()
            .map(|o| (&*o.intent.instrument, o.open_1e8(), entry_price_1e8(o)));
        open.chain(coming)
    }
}

/// The price at which an entry under way counts: the worst it may pay.
fn entry_price_1e8(order: &Order) -> i64 {
    let intent = &order.intent;
    intent
        .limit_1e8
        .or(intent.trigger_1e8)
        .unwrap_or(0)
        .max(intent.reference_1e8)
}
