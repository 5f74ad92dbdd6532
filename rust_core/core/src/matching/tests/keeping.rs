//! What the venue keeps, refuses and charges.

use super::*;

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
