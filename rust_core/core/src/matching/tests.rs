//! Each rule of the module's page with exact numbers. Prices are in hundredths, `px(310_025)` is 3100.25.

use super::*;
use crate::message::{OrderType, ReportKind, Side, TimeInForce, VenueReport};
use crate::money::ONE_1E8;
use crate::strategies::Bar;
use OrderType::{Limit, Market, Stop, StopLimit};
use Side::{Buy, Sell};
use TimeInForce::{Day, Fok, Gtc, Ioc};

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

#[test]
fn a_market_order_waits_for_the_open_print_and_pays_the_slippage() {
    let mut v = venue();
    v.give(order("b", Buy, Market, 2));
    v.give(order("s", Sell, Market, 1));
    v.book.state.markets[0].open_print_ns = T; // the bar's own open print came before the orders
    v.bar(310_000, 311_000, 309_000, 310_500);
    assert_eq!(v.fills(), []);
    v.open_print(310_100, 500);
    assert_eq!(v.fills(), [(2, 310_125), (1, 310_075)]);
}

#[test]
fn a_bar_that_nothing_announced_is_taken_as_an_open_print_first() {
    let mut v = venue();
    v.give(order("b", Buy, Market, 1));
    v.bar(310_100, 311_000, 309_000, 310_500);
    assert_eq!(v.fills(), [(1, 310_125)]);
}

#[test]
fn a_sell_never_gets_less_than_one_tick() {
    let mut v = venue();
    v.give(order("s", Sell, Market, 1));
    v.open_print(25, 500);
    assert_eq!(v.fills(), [(1, 25)]);
}

#[test]
fn a_limit_gets_a_better_open_and_else_its_own_price() {
    let mut v = venue();
    v.give(limit("b", Buy, 1, 310_000));
    v.open_print(309_900, 500);
    assert_eq!(v.fills(), [(1, 309_900)]);
    v.give(limit("s", Sell, 1, 310_000));
    v.open_print(309_900, 500);
    v.bar(309_900, 310_025, 309_800, 309_900);
    assert_eq!(v.fills(), [(1, 310_000)]);
}

#[test]
fn a_touched_limit_fills_only_where_touches_do() {
    for (is_touch_filled, expected) in [(false, vec![]), (true, vec![(1, 310_000)])] {
        let touching = PaperConfig {
            is_touch_filled,
            ..config()
        };
        let mut v = venue_of(touching.clone());
        v.give(limit("b", Buy, 1, 310_000));
        v.open_print(310_100, 500);
        v.bar(310_100, 310_200, 310_000, 310_100);
        assert_eq!(v.fills(), expected);
        let mut v = venue_of(touching);
        v.give(limit("b", Buy, 1, 310_000));
        v.open_print(310_000, 500);
        assert_eq!(v.fills(), expected);
    }
}

#[test]
fn a_stop_fills_at_its_price_worsened_or_at_the_open_after_a_gap() {
    let mut v = venue();
    v.give(stop("s", Sell, 1, 309_000));
    v.open_print(310_000, 500);
    v.bar(310_000, 310_100, 309_025, 309_500);
    assert_eq!(v.fills(), []);
    v.bar_at(T + BAR_NS, [309_500, 309_600, 309_000, 309_100], 500);
    assert_eq!(v.fills(), [(1, 308_975)]);
    v.give(stop("gap", Sell, 1, 309_000));
    v.open_print(308_000, 500);
    assert_eq!(v.fills(), [(1, 307_975)]);
    v.give(stop("at", Buy, 1, 309_000));
    v.open_print(309_000, 500);
    assert_eq!(v.fills(), [(1, 309_025)]);
}

#[test]
fn a_stop_limit_never_fills_beyond_its_limit() {
    let mut v = venue();
    v.give(stop_limit("close", Sell, 309_000, 309_000));
    v.open_print(310_000, 500);
    v.bar(310_000, 310_100, 308_000, 308_500);
    assert_eq!(v.fills(), [(1, 309_000)]);
    v.give(stop_limit("room", Sell, 309_000, 308_000));
    v.open_print(310_000, 500);
    v.bar(310_000, 310_100, 308_900, 309_500);
    assert_eq!(v.fills(), [(1, 308_975)]);
}

#[test]
fn a_stop_limit_that_gapped_rests_at_its_limit() {
    let mut v = venue();
    v.give(stop_limit("g", Sell, 309_000, 308_900));
    v.open_print(308_000, 500);
    v.bar(308_000, 308_900, 307_000, 308_500);
    assert_eq!(v.fills(), []);
    v.bar_at(T + BAR_NS, [308_500, 308_925, 308_000, 308_100], 500);
    assert_eq!(v.fills(), [(1, 308_900)]);
}

#[test]
fn a_stop_limit_with_a_limit_better_than_its_stop_waits_after_the_trigger() {
    let mut v = venue();
    v.give(stop_limit("w", Sell, 309_000, 309_500));
    v.open_print(310_000, 500);
    v.bar(310_000, 310_100, 308_900, 309_000);
    assert_eq!(v.fills(), []);
    v.bar_at(T + BAR_NS, [309_000, 309_525, 308_900, 309_000], 500);
    assert_eq!(v.fills(), [(1, 309_500)]);
}

#[test]
fn an_order_that_came_within_a_bar_does_not_profit_from_its_range() {
    let mut v = venue();
    v.open_print(310_000, 500);
    assert!(v
        .book
        .submit(limit("late", Buy, 1, 310_000), T + 1, &mut v.reports));
    v.bar(310_000, 310_100, 309_000, 310_050);
    assert_eq!(v.fills(), []);
    v.bar_at(T + BAR_NS, [310_050, 310_100, 309_975, 310_000], 500);
    assert_eq!(v.fills(), [(1, 310_000)]);
}

#[test]
fn a_part_of_the_volume_fills_and_print_and_bar_share_it() {
    let mut v = venue_of(PaperConfig {
        participation_ratio_1e8: ONE_1E8 / 10,
        ..config()
    });
    v.give(limit("b", Buy, 10, 310_000));
    v.open_print(309_900, 29); // a tenth, rounded down to the lot: 2
    assert_eq!(v.fills(), [(2, 309_900)]);
    v.bar_at(T, [309_900, 310_000, 309_000, 309_900], 29);
    assert_eq!(v.fills(), []);
    v.open_print_at(T + BAR_NS, 310_100, 55); // no better price; the range has 5 to give
    v.bar_at(T + BAR_NS, [310_100, 310_100, 309_900, 310_000], 55);
    assert_eq!(v.fills(), [(5, 310_000)]);
    v.open_print_at(T + 2 * BAR_NS, 309_000, 9); // less than a lot: nothing
    assert_eq!(v.fills(), []);
    v.open_print_at(T + 3 * BAR_NS, 309_000, 1_000);
    assert_eq!(v.fills(), [(3, 309_000)]);
}

#[test]
fn what_a_market_order_did_not_get_waits_for_the_next_open_print() {
    let mut v = venue_of(PaperConfig {
        participation_ratio_1e8: ONE_1E8 / 10,
        ..config()
    });
    v.give(order("b", Buy, Market, 5));
    v.open_print(310_000, 30);
    v.bar_at(T, [310_000, 310_100, 309_000, 310_000], 30);
    v.open_print_at(T + BAR_NS, 310_200, 30);
    assert_eq!(v.fills(), [(3, 310_025), (2, 310_225)]);
}

#[test]
fn immediate_orders_end_with_the_first_price_that_might_have_filled_them() {
    let tenth = PaperConfig {
        participation_ratio_1e8: ONE_1E8 / 10,
        ..config()
    };
    let mut v = venue_of(tenth);
    let with = |tif, mut asked: NewOrder| {
        asked.tif = tif;
        asked
    };
    v.give(with(Ioc, order("part", Buy, Market, 5)));
    v.open_print(310_000, 30);
    assert_eq!(v.kinds(), [ReportKind::Filled, ReportKind::Cancelled]);
    v.give(with(Fok, order("most", Buy, Market, 5)));
    v.open_print_at(T + BAR_NS, 310_000, 40);
    assert_eq!(v.kinds(), [ReportKind::Cancelled]);
    v.give(with(Fok, order("all", Buy, Market, 4)));
    v.open_print_at(T + 2 * BAR_NS, 310_000, 40);
    assert_eq!(v.kinds(), [ReportKind::Filled]);
    v.give(with(Ioc, limit("worse", Buy, 1, 309_000)));
    v.open_print_at(T + 3 * BAR_NS, 310_000, 40);
    assert_eq!(v.kinds(), [ReportKind::Cancelled]);
    v.give(with(Ioc, stop("armed", Buy, 1, 311_000)));
    v.open_print_at(T + 4 * BAR_NS, 310_000, 40);
    assert_eq!(v.kinds(), []);
}

#[test]
fn a_market_order_takes_the_quote_up_to_the_size_shown() {
    let mut v = venue();
    v.quote(310_000, 310_025, 9, 3);
    v.give(order("b", Buy, Market, 5));
    assert_eq!(v.fills(), [(3, 310_025)]);
    v.give(order("c", Buy, Market, 1)); // the shown size is used up
    assert_eq!(v.fills(), []);
    v.quote(310_000, 310_050, 9, 4);
    assert_eq!(v.fills(), [(2, 310_050), (1, 310_050)]);
    v.give(order("s", Sell, Market, 1));
    assert_eq!(v.fills(), [(1, 310_000)]);
}

#[test]
fn a_limit_takes_a_quote_it_finds_and_makes_for_one_that_comes() {
    let mut v = venue();
    v.quote(310_000, 310_025, 9, 9);
    v.give(limit("take", Buy, 1, 310_100));
    v.give(limit("make", Buy, 1, 309_900));
    v.quote(309_800, 309_850, 9, 9);
    assert_eq!(v.fills(), [(1, 310_025), (1, 309_900)]);
    let liquidity: Vec<_> = v.book.executions_since(0).map(|e| e.liquidity).collect();
    assert_eq!(liquidity, [Liquidity::Taker, Liquidity::Maker]);
}

#[test]
fn a_stop_on_quotes_is_reached_by_the_side_it_would_take() {
    let mut v = venue();
    v.give(stop("s", Sell, 1, 309_000));
    v.quote(309_025, 309_050, 9, 9);
    assert_eq!(v.fills(), []);
    v.quote(308_900, 309_500, 9, 9);
    assert_eq!(v.fills(), [(1, 308_900)]);
}

#[test]
fn a_crossed_or_sizeless_quote_fills_nothing_unless_a_size_is_configured() {
    let mut v = venue();
    v.quote(310_050, 310_025, 9, 9);
    v.give(order("b", Buy, Market, 1));
    v.quote(310_000, 310_025, 0, 0);
    assert_eq!(v.fills(), []);
    let mut v = venue_of(PaperConfig {
        quote_size_absent_1e8: units(2),
        ..config()
    });
    v.quote(310_000, 310_025, 0, 0);
    v.give(order("b", Buy, Market, 3));
    assert_eq!(v.fills(), [(2, 310_025)]);
}

#[test]
fn a_trade_through_a_limit_fills_it_at_the_limit() {
    let mut v = venue_of(PaperConfig {
        participation_ratio_1e8: ONE_1E8 / 2,
        ..config()
    });
    v.give(limit("b", Buy, 5, 310_000));
    v.trade(310_000, 100);
    assert_eq!(v.fills(), []);
    v.trade(309_975, 4);
    assert_eq!(v.fills(), [(2, 310_000)]);
}

#[test]
fn a_market_order_takes_a_trade_only_where_no_quote_is_known() {
    let mut v = venue();
    v.give(order("b", Buy, Market, 1));
    v.trade(310_000, 1);
    assert_eq!(v.fills(), [(1, 310_025)]);
    v.quote(310_000, 310_025, 1, 0);
    v.give(order("c", Buy, Market, 1));
    v.trade(310_000, 1);
    assert_eq!(v.fills(), []);
}

#[test]
fn own_orders_never_match_each_other() {
    let mut v = venue();
    v.give(limit("b", Buy, 1, 310_100));
    v.give(limit("s", Sell, 1, 309_900));
    assert_eq!(v.fills(), []);
    assert_eq!(v.book.open_orders().count(), 2);
}

#[test]
fn a_repeated_client_id_is_refused_without_a_report() {
    let mut v = venue();
    v.give(limit("b", Buy, 1, 310_000));
    assert!(!v
        .book
        .submit(order("b", Sell, Market, 9), T, &mut v.reports));
    assert_eq!(v.kinds(), []);
    v.book.cancel("b", T, &mut v.reports);
    assert!(!v
        .book
        .submit(limit("b", Buy, 1, 310_000), T, &mut v.reports));
    assert_eq!(v.kinds(), [ReportKind::Cancelled]);
}

#[test]
fn what_no_venue_would_take_is_rejected_in_words() {
    let cases = [
        (
            order("0", Buy, Market, 0),
            "quantity must be above 0, was 0",
        ),
        (
            NewOrder {
                qty_1e8: 1,
                ..order("1", Buy, Market, 1)
            },
            "quantity must be a multiple of the lot 100000000, was 1",
        ),
        (order("2", Buy, Limit, 1), "limit price is missing"),
        (order("3", Buy, Stop, 1), "trigger price is missing"),
        (
            limit("4", Buy, 1, 310_010),
            "limit price must be a positive multiple of the tick 25000000, was 310010000000",
        ),
        (
            NewOrder {
                order_type: Market,
                ..limit("5", Buy, 1, 310_000)
            },
            "limit price does not belong on this order type",
        ),
        (
            NewOrder {
                instrument: "NQ".into(),
                ..order("6", Buy, Market, 1)
            },
            "unknown instrument NQ",
        ),
    ];
    let mut v = venue();
    for (asked, expected) in cases {
        let id = asked.client_order_id.clone();
        v.book.submit(asked, T, &mut v.reports);
        let report = v.reports.pop().unwrap();
        assert_eq!(
            (report.kind, &*report.reason),
            (ReportKind::Rejected, expected)
        );
        assert_eq!(v.book.look_up(&id), Some(vec![report]));
    }
}

#[test]
fn a_cancel_ends_a_working_order_and_says_when_it_comes_too_late() {
    let mut v = venue();
    v.give(order("b", Buy, Market, 1));
    v.book.cancel("b", T, &mut v.reports);
    v.book.cancel("b", T, &mut v.reports);
    v.book.cancel("unheard", T, &mut v.reports);
    let words: Vec<_> = v.reports.iter().map(|r| (r.kind, &*r.reason)).collect();
    assert_eq!(
        words,
        [
            (ReportKind::Cancelled, "asked for"),
            (ReportKind::CancelRejected, "the order is CANCELLED"),
            (ReportKind::CancelRejected, "unknown order"),
        ]
    );
    v.open_print(310_000, 500);
    assert_eq!(v.book.executions_since(0).count(), 0);
}

#[test]
fn the_close_ends_day_orders_and_leaves_the_others() {
    let mut v = venue();
    v.give(NewOrder {
        tif: Day,
        ..limit("day", Buy, 1, 300_000)
    });
    v.give(limit("gtc", Buy, 1, 300_000));
    v.book.on_session_close(T, &mut v.reports);
    assert_eq!(v.kinds(), [ReportKind::Expired]);
    let open: Vec<_> = v
        .book
        .open_orders()
        .map(|o| &*o.asked.client_order_id)
        .collect();
    assert_eq!(open, ["gtc"]);
}

#[test]
fn cancel_all_ends_every_working_order() {
    let mut v = venue();
    v.give(limit("a", Buy, 1, 300_000));
    v.give(stop("b", Sell, 1, 300_000));
    v.book.cancel_all(T, &mut v.reports);
    assert_eq!(v.kinds(), [ReportKind::Cancelled, ReportKind::Cancelled]);
    assert_eq!(v.book.open_orders().count(), 0);
}

#[test]
fn fees_are_the_greater_of_the_minimum_and_the_sum_and_paid_once() {
    let mut v = venue_of(PaperConfig {
        fees: Fees {
            per_unit_1e8: px(200),
            ratio_1e8: 0,
            minimum_1e8: px(500),
        },
        participation_ratio_1e8: ONE_1E8,
        slippage_ticks: 0,
        ..config()
    });
    v.give(order("b", Buy, Market, 4));
    v.open_print(310_000, 2); // 2 × 2.00 is below the minimum of 5.00
    v.open_print_at(T + BAR_NS, 310_000, 1); // 6.00 in all: 1.00 more
    v.open_print_at(T + 2 * BAR_NS, 310_000, 1);
    let fees: Vec<_> = v.reports.iter().map(|r| r.fee_1e8).collect();
    assert_eq!(fees, [px(500), px(100), px(200)]);
    // 100,000 - 4 × 3100 × 50 - 8
    assert_eq!(v.book.state().cash_1e8, units(100_000 - 620_000 - 8));
    assert_eq!(v.book.equity_1e8(), Some(units(99_992)));
}

#[test]
fn a_fee_by_value_includes_the_multiplier() {
    let mut v = venue_of(PaperConfig {
        fees: Fees {
            ratio_1e8: 10_000,
            ..Fees::default()
        },
        slippage_ticks: 0,
        ..config()
    });
    v.give(order("s", Sell, Market, 2));
    v.open_print(310_000, 1);
    assert_eq!(v.reports[0].fee_1e8, units(31)); // 310,000 × 0.0001
    let positions: Vec<_> = v.book.positions().map(|(s, q)| (&**s, q)).collect();
    assert_eq!(positions, [("ES", units(-2))]);
}

#[test]
fn the_book_goes_on_from_what_was_written_down() {
    let mut v = venue_of(PaperConfig {
        participation_ratio_1e8: ONE_1E8 / 10,
        ..config()
    });
    v.give(order("b", Buy, Market, 5));
    v.open_print(310_000, 30);
    let written = serde_json::to_string(v.book.state()).unwrap();
    let read: BookState = serde_json::from_str(&written).unwrap();
    let mut again = Venue {
        book: PaperBook::from_state(v.book.config().clone(), read).unwrap(),
        reports: v.reports.clone(),
    };
    assert!(!again
        .book
        .submit(order("b", Buy, Market, 5), T, &mut again.reports));
    for venue in [&mut v, &mut again] {
        venue.open_print_at(T + BAR_NS, 310_000, 30);
        venue.give_after("c");
    }
    assert_eq!(v.reports, again.reports);
    assert_eq!(v.book.state(), again.book.state());
}

impl Venue {
    fn give_after(&mut self, id: &str) {
        let asked = order(id, Sell, Market, 1);
        assert!(self.book.submit(asked, T, &mut self.reports));
    }
}

#[test]
fn changes_written_one_after_the_other_are_the_book() {
    let mut v = venue_of(PaperConfig {
        participation_ratio_1e8: ONE_1E8 / 10,
        ..config()
    });
    let mut state = BookState::new(units(100_000), 1);
    let mut written = Vec::new();
    let mut keep = |v: &mut Venue| written.extend(v.book.take_change());
    v.give(order("b", Buy, Market, 5));
    keep(&mut v);
    v.give(stop("s", Sell, 1, 309_000));
    v.open_print(310_000, 30);
    keep(&mut v);
    v.open_print_at(T + BAR_NS, 308_000, 30);
    v.book.cancel("s", T, &mut v.reports);
    keep(&mut v);
    v.open_print_at(T + 2 * BAR_NS, 308_000, 30);
    keep(&mut v);
    assert_eq!(written.len(), 3);
    for change in written.clone() {
        state.apply(change).unwrap();
    }
    state.markets = v.book.state().markets.clone();
    assert_eq!(&state, v.book.state());
    let mut gap = BookState::new(0, 1);
    assert!(gap.apply(written[1].clone()).is_err());
}

#[test]
fn a_book_of_other_instruments_is_refused() {
    let state = BookState::new(0, 2);
    assert!(PaperBook::from_state(config(), state).is_err());
}

#[test]
fn a_look_up_tells_the_whole_story() {
    let mut v = venue();
    assert_eq!(v.book.look_up("b"), None);
    v.quote(310_000, 310_025, 9, 3);
    v.book.submit(order("b", Buy, Market, 5), T, &mut v.reports);
    v.book.cancel("b", T, &mut v.reports);
    assert_eq!(v.book.look_up("b"), Some(v.reports));
}

#[test]
fn ended_orders_beyond_the_configured_number_are_forgotten() {
    let mut v = venue_of(PaperConfig {
        ended_orders_max: 1,
        ..config()
    });
    for id in ["a", "b", "c"] {
        v.give(order(id, Buy, Market, 1));
        v.open_print(310_000, 1);
        assert!(v.book.take_change().is_some());
    }
    assert_eq!(v.book.look_up("b"), None);
    assert!(v.book.look_up("c").is_some());
    assert_eq!(v.book.executions_since(0).count(), 1);
    assert_eq!(v.book.executions_since(3).count(), 0);
}

#[test]
fn an_amount_that_does_not_fit_cancels_the_order() {
    let mut v = venue();
    v.give(order("b", Buy, Market, 90_000_000_000));
    v.open_print(310_000, 1);
    assert_eq!(v.kinds(), [ReportKind::Cancelled]);
    assert_eq!(v.book.state().cash_1e8, units(100_000));
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused() {
    let refused = |json: &str| PaperConfig::from_json(json.as_bytes()).unwrap_err();
    let base = r#"{"venue":"p","cash_1e8":0,"instruments":[]}"#;
    assert_eq!(
        refused(base),
        "instruments must have at least 1 entry, had 0"
    );
    assert!(refused(r#"{"slipage":1}"#).contains("unknown field `slipage`"));
    let negative = PaperConfig {
        slippage_ticks: -1,
        ..config()
    };
    assert_eq!(
        negative.check().unwrap_err(),
        "slippage_ticks must be at least 0, was -1"
    );
}
