//! The gate at its edges: one step inside, exactly at, just beyond, and unknown.

mod binding;
mod entries;
mod exits;
mod release;

use super::*;
use crate::message::{KillLevel, Name, OrderType, Purpose, Side, TimeInForce, Veto};
use crate::money::ONE_1E8;
use crate::protections::{Active, ProtectionName};

pub(super) const NOW_NS: i64 = 1_577_972_700_000_000_000;
const DOLLAR: i64 = ONE_1E8;

/// Everything a check reads, owned and free to change.
#[derive(Clone)]
pub(super) struct World {
    pub(super) purpose: Purpose,
    pub(super) side: Side,
    pub(super) order_type: OrderType,
    pub(super) qty_1e8: i64,
    pub(super) limit_1e8: Option<i64>,
    pub(super) trigger_1e8: Option<i64>,
    pub(super) stop: ProtectiveStop,
    pub(super) take_profit_1e8: Option<i64>,
    pub(super) is_protective: bool,
    pub(super) deadline_ns: i64,
    pub(super) symbol: Name,
    pub(super) strategy: Name,
    pub(super) rules: Option<GateRules>,
    pub(super) instrument: Option<InstrumentRules>,
    pub(super) mark: Option<MarkPrice>,
    pub(super) equity_1e8: Option<i64>,
    pub(super) buying_power: Option<BuyingPower>,
    pub(super) session: Option<SessionTimes>,
    pub(super) reducible_qty_1e8: Option<i64>,
    pub(super) position_notional_1e8: Option<i64>,
    pub(super) instrument_exposure_1e8: Option<i64>,
    pub(super) portfolio_exposure_1e8: Option<i64>,
    pub(super) entries_in_window: Option<u32>,
    pub(super) open_positions_of_symbol: Option<u32>,
    pub(super) open_positions: Option<u32>,
    pub(super) has_unknown_order: Option<bool>,
    pub(super) kill_level: KillLevel,
    pub(super) is_paused: bool,
    pub(super) halted: Option<&'static str>,
    pub(super) protections: Option<Vec<Active>>,
    pub(super) vetoes: Option<Vec<Veto>>,
}

/// Buys one share at $10 with a stop at $9, in a world where nothing objects.
pub(super) fn entry() -> World {
    World {
        purpose: Purpose::Entry,
        side: Side::Buy,
        order_type: OrderType::Market,
        qty_1e8: ONE_1E8,
        limit_1e8: None,
        trigger_1e8: None,
        stop: ProtectiveStop::Price1e8(9 * DOLLAR),
        take_profit_1e8: Some(13 * DOLLAR),
        is_protective: false,
        deadline_ns: NOW_NS + 5_000_000_000,
        symbol: Name::from("XYZ"),
        strategy: Name::from("vwap"),
        rules: Some(GateRules {
            max_trade_loss_1e8: 3 * DOLLAR / 2,
            max_position_notional_1e8: 100 * DOLLAR,
            ..GateRules::default()
        }),
        instrument: Some(InstrumentRules {
            tick_1e8: ONE_1E8 / 100,
            lot_1e8: ONE_1E8 / 1000,
            min_qty_1e8: ONE_1E8 / 1000,
            multiplier_1e8: ONE_1E8,
            price_min_1e8: None,
            price_max_1e8: None,
            margin_ratio_1e8: ONE_1E8,
        }),
        mark: Some(MarkPrice {
            price_1e8: 10 * DOLLAR,
            at_ns: NOW_NS,
        }),
        equity_1e8: Some(1000 * DOLLAR),
        buying_power: Some(BuyingPower {
            amount_1e8: 1000 * DOLLAR,
            reserved_1e8: 0,
            at_ns: NOW_NS,
        }),
        session: Some(SessionTimes {
            open_ns: NOW_NS - 60_000_000_000,
            close_ns: NOW_NS + 60_000_000_000,
        }),
        reducible_qty_1e8: Some(0),
        position_notional_1e8: Some(0),
        instrument_exposure_1e8: Some(0),
        portfolio_exposure_1e8: Some(0),
        entries_in_window: Some(0),
        open_positions_of_symbol: Some(0),
        open_positions: Some(0),
        has_unknown_order: Some(false),
        kill_level: KillLevel::None,
        is_paused: false,
        halted: None,
        protections: Some(Vec::new()),
        vetoes: Some(Vec::new()),
    }
}

/// Sells one share of three that are held.
pub(super) fn exit() -> World {
    World {
        purpose: Purpose::Exit,
        side: Side::Sell,
        stop: ProtectiveStop::Missing,
        take_profit_1e8: None,
        reducible_qty_1e8: Some(3 * ONE_1E8),
        ..entry()
    }
}

impl World {
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn rules(&mut self) -> &mut GateRules {
        self.rules.as_mut().unwrap()
    }

    pub(super) fn instrument(&mut self) -> &mut InstrumentRules {
        self.instrument.as_mut().unwrap()
    }

    pub(super) fn ruling(&self) -> Ruling {
        let client_order_id = Name::from("p-main-vwap-20200102-1000-0e1");
        let draft = OrderDraft {
            client_order_id: &client_order_id,
            strategy: &self.strategy,
            instrument: &self.symbol,
            purpose: self.purpose,
            side: self.side,
            order_type: self.order_type,
            tif: TimeInForce::Day,
            qty_1e8: self.qty_1e8,
            limit_1e8: self.limit_1e8,
            trigger_1e8: self.trigger_1e8,
            protective_stop: self.stop,
            take_profit_1e8: self.take_profit_1e8,
            is_protective: self.is_protective,
            deadline_ns: self.deadline_ns,
        };
        let context = GateContext {
            now_ns: NOW_NS,
            rules: self.rules.as_ref(),
            instrument: self.instrument.as_ref(),
            mark: self.mark,
            equity_1e8: self.equity_1e8,
            buying_power: self.buying_power,
            session: self.session,
            reducible_qty_1e8: self.reducible_qty_1e8,
            position_notional_1e8: self.position_notional_1e8,
            instrument_exposure_1e8: self.instrument_exposure_1e8,
            portfolio_exposure_1e8: self.portfolio_exposure_1e8,
            entries_in_window: self.entries_in_window,
            open_positions_of_symbol: self.open_positions_of_symbol,
            open_positions: self.open_positions,
            has_unknown_order: self.has_unknown_order,
            kill_level: self.kill_level,
            is_paused: self.is_paused,
            halted: self.halted,
            protections: self.protections.as_deref(),
            vetoes: self.vetoes.as_deref(),
        };
        check(&draft, &context)
    }

    pub(super) fn failed(&self) -> Vec<FailedCheck> {
        match self.ruling() {
            Ruling::Approved(_) => Vec::new(),
            Ruling::Refused(failed) => {
                assert!(!failed.is_empty(), "a refusal has a reason");
                failed
            }
        }
    }

    pub(super) fn names(&self) -> Vec<CheckName> {
        self.failed().into_iter().map(|one| one.name).collect()
    }
}

pub(super) fn tripped(name: ProtectionName) -> Active {
    Active {
        name,
        instrument: None,
        is_unknown: false,
        until_ns: Some(NOW_NS + 1),
        value: Some(3),
        limit: Some(3),
    }
}
