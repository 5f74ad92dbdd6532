//! Quotes and trades.

use super::*;

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
