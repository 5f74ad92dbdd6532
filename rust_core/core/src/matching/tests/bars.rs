//! Open prints, ranges and volume.

use super::*;

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
