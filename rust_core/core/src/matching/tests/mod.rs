//! Each rule of the module's page with exact numbers. Prices are in hundredths, `px(310_025)` is 3100.25.

use super::*;
use crate::message::{OrderType, ReportKind, Side, TimeInForce, VenueReport};
use crate::money::ONE_1E8;
use crate::strategies::Bar;
use OrderType::{Limit, Market, Stop, StopLimit};
use Side::{Buy, Sell};
use TimeInForce::{Day, Fok, Gtc, Ioc};

mod bars;
mod keeping;
mod prices;

const T: i64 = 1_000;
const BAR_NS: i64 = 60;

fn px(hundredths: i64) -> i64 {
    hundredths * 1_000_000
}

fn units(n: i64) -> i64 {
    n * ONE_1E8
}

struct Venue {
    book: PaperBook,
    reports: Vec<VenueReport>,
}

fn config() -> PaperConfig {
    PaperConfig {
        venue: "paper".into(),
        cash_1e8: units(100_000),
        instruments: vec![VenueInstrument {
            symbol: "ES".into(),
            tick_1e8: px(25),
            lot_1e8: units(1),
            multiplier_1e8: units(50),
        }],
        slippage_ticks: 1,
        participation_ratio_1e8: 0,
        is_touch_filled: false,
        quote_size_absent_1e8: 0,
        fees: Fees::default(),
        ended_orders_max: 0,
    }
}

fn venue() -> Venue {
    venue_of(config())
}

fn venue_of(config: PaperConfig) -> Venue {
    Venue {
        book: PaperBook::new(config).unwrap(),
        reports: Vec::new(),
    }
}

fn order(id: &str, side: Side, order_type: OrderType, qty: i64) -> NewOrder {
    NewOrder {
        client_order_id: id.into(),
        instrument: "ES".into(),
        side,
        order_type,
        tif: Gtc,
        qty_1e8: units(qty),
        limit_1e8: None,
        trigger_1e8: None,
    }
}

fn limit(id: &str, side: Side, qty: i64, price: i64) -> NewOrder {
    NewOrder {
        limit_1e8: Some(px(price)),
        ..order(id, side, Limit, qty)
    }
}

fn stop(id: &str, side: Side, qty: i64, price: i64) -> NewOrder {
    NewOrder {
        trigger_1e8: Some(px(price)),
        ..order(id, side, Stop, qty)
    }
}

fn stop_limit(id: &str, side: Side, trigger: i64, price: i64) -> NewOrder {
    NewOrder {
        limit_1e8: Some(px(price)),
        trigger_1e8: Some(px(trigger)),
        ..order(id, side, StopLimit, 1)
    }
}

impl Venue {
    /// Gives an order at `T` and forgets its ACCEPTED.
    fn give(&mut self, asked: NewOrder) {
        assert!(self.book.submit(asked, T, &mut self.reports));
        let accepted = |r: &VenueReport| r.kind == ReportKind::Accepted;
        let at = self.reports.iter().position(accepted).unwrap();
        self.reports.remove(at);
    }

    fn open_print(&mut self, price: i64, volume: i64) {
        self.open_print_at(T, price, volume);
    }

    fn open_print_at(&mut self, at_ns: i64, price: i64, volume: i64) {
        self.book
            .on_open_print(0, px(price), units(volume), at_ns, &mut self.reports);
    }

    fn bar(&mut self, open: i64, high: i64, low: i64, close: i64) {
        self.bar_at(T, [open, high, low, close], 1_000);
    }

    fn bar_at(&mut self, start_ns: i64, [o, h, l, c]: [i64; 4], volume: i64) {
        let bar = Bar {
            start_ns,
            end_ns: start_ns + BAR_NS,
            open_1e8: px(o),
            high_1e8: px(h),
            low_1e8: px(l),
            close_1e8: px(c),
            volume_1e8: units(volume),
        };
        self.book.on_bar(0, &bar, &mut self.reports);
    }

    fn quote(&mut self, bid: i64, ask: i64, bid_size: i64, ask_size: i64) {
        let sizes = (units(bid_size), units(ask_size));
        self.book
            .on_quote(0, (px(bid), px(ask)), sizes, T, &mut self.reports);
    }

    fn trade(&mut self, price: i64, size: i64) {
        self.book
            .on_trade(0, px(price), units(size), T, &mut self.reports);
    }

    /// Fills reported since the last call, as (quantity, hundredths).
    fn fills(&mut self) -> Vec<(i64, i64)> {
        let reports = std::mem::take(&mut self.reports);
        let fills = reports.iter().filter(|r| r.kind == ReportKind::Filled);
        fills
            .map(|r| (r.qty_1e8 / ONE_1E8, r.price_1e8 / 1_000_000))
            .collect()
    }

    /// Everything reported since the last call.
    fn kinds(&mut self) -> Vec<ReportKind> {
        let reports = std::mem::take(&mut self.reports);
        reports.iter().map(|r| r.kind).collect()
    }
}
