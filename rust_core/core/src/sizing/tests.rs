//! Sizes at their edges, and what holds for every size.

use super::*;
use crate::message::{OrderType, Side};

const CENT_1E8: i64 = ONE_1E8 / 100;
const SHARE_LOT_1E8: i64 = ONE_1E8 / 1000;

/// $1.50 at risk on a share of $10 with a stop of 10 %.
fn micro() -> SizingInput {
    SizingInput {
        side: Side::Buy,
        entry: EntryPrices {
            loss_1e8: 10 * ONE_1E8,
            notional_1e8: 10 * ONE_1E8,
        },
        stop: StopDistance::Ratio1e8(ONE_1E8 / 10),
        risk_1e8: 3 * ONE_1E8 / 2,
        multiplier_1e8: ONE_1E8,
        max_notional_1e8: 1000 * ONE_1E8,
        lot_1e8: SHARE_LOT_1E8,
        min_qty_1e8: SHARE_LOT_1E8,
        explicit_qty_1e8: None,
        throttle: Throttle::FULL,
    }
}

fn names(sizing: &Sizing) -> Vec<StepName> {
    sizing.steps.iter().map(|step| step.name).collect()
}

#[test]
fn risk_over_the_loss_of_one_unit_is_the_size() {
    // RK-2: 1.50 / (10 × 0.10 × 1) = 1.5
    let sizing = size(&micro());
    assert_eq!(sizing.qty_1e8, 3 * ONE_1E8 / 2);
    assert_eq!(names(&sizing), [StepName::Risk]);
}

#[test]
fn a_stop_price_counts_by_its_distance_and_the_multiplier() {
    // RK-2: $500 / ((3100 − 3098) × 50) = 5 contracts
    let future = SizingInput {
        entry: EntryPrices {
            loss_1e8: 3100 * ONE_1E8,
            notional_1e8: 3100 * ONE_1E8,
        },
        stop: StopDistance::Price1e8(3098 * ONE_1E8),
        risk_1e8: 500 * ONE_1E8,
        multiplier_1e8: 50 * ONE_1E8,
        max_notional_1e8: 1_000_000 * ONE_1E8,
        lot_1e8: ONE_1E8,
        min_qty_1e8: ONE_1E8,
        ..micro()
    };
    assert_eq!(size(&future).qty_1e8, 5 * ONE_1E8);
    let short = SizingInput {
        side: Side::Sell,
        stop: StopDistance::Price1e8(3102 * ONE_1E8),
        ..future
    };
    assert_eq!(size(&short).qty_1e8, 5 * ONE_1E8);
}

#[test]
fn a_size_is_rounded_down_to_the_lot() {
    // 1.50 / (9.99 × 0.10) = 1.5015…
    let entry = EntryPrices {
        loss_1e8: 999 * CENT_1E8,
        notional_1e8: 999 * CENT_1E8,
    };
    let sizing = size(&SizingInput { entry, ..micro() });
    assert_eq!(sizing.qty_1e8, 150_100_000);
    assert_eq!(names(&sizing), [StepName::Risk, StepName::Lot]);
}

#[test]
fn every_cap_lowers_and_none_raises() {
    // EX-12: $5 of a $10 share is half a share; a signal's own quantity is an upper bound
    let capped = size(&SizingInput {
        max_notional_1e8: 5 * ONE_1E8,
        ..micro()
    });
    assert_eq!(capped.qty_1e8, ONE_1E8 / 2);
    let asked_less = size(&SizingInput {
        explicit_qty_1e8: Some(ONE_1E8),
        ..micro()
    });
    assert_eq!(asked_less.qty_1e8, ONE_1E8);
    let asked_more = size(&SizingInput {
        explicit_qty_1e8: Some(9 * ONE_1E8),
        ..micro()
    });
    assert_eq!(asked_more.qty_1e8, 3 * ONE_1E8 / 2);
}

#[test]
fn a_throttle_halves_or_quarters_and_says_so() {
    // RK-8
    for (ratio_1e8, cause, name, qty_1e8) in [
        (
            ONE_1E8 / 2,
            ThrottleCause::DailyLoss,
            StepName::DailyThrottle,
            75_000_000,
        ),
        (
            ONE_1E8 / 4,
            ThrottleCause::WeeklyLoss,
            StepName::WeeklyThrottle,
            37_500_000,
        ),
    ] {
        let sizing = size(&SizingInput {
            throttle: Throttle { ratio_1e8, cause },
            ..micro()
        });
        assert_eq!(sizing.qty_1e8, qty_1e8);
        assert_eq!(
            sizing.steps.last().map(|step| (step.name, step.before_1e8)),
            Some((name, 150_000_000))
        );
    }
}

#[test]
fn below_the_smallest_quantity_there_is_no_order() {
    let at_least = |min_qty_1e8| {
        size(&SizingInput {
            min_qty_1e8,
            ..micro()
        })
    };
    assert_eq!(
        at_least(150_000_000).qty_1e8,
        150_000_000,
        "exactly the smallest"
    );
    let below = at_least(150_000_001);
    assert_eq!(
        (below.qty_1e8, names(&below)),
        (0, vec![StepName::Risk, StepName::MinQty])
    );
}

type Breakage = fn(&mut SizingInput);

#[rustfmt::skip]
const BROKEN: &[(Breakage, StepName)] = &[
    (|i| i.entry.loss_1e8 = 0, StepName::BadInstrument),
    (|i| i.entry.loss_1e8 = -ONE_1E8, StepName::BadInstrument),
    (|i| i.entry.notional_1e8 = 0, StepName::BadInstrument),
    (|i| i.multiplier_1e8 = 0, StepName::BadInstrument),
    (|i| i.lot_1e8 = 0, StepName::BadInstrument),
    (|i| i.risk_1e8 = 0, StepName::BadLimit),
    (|i| i.risk_1e8 = -1, StepName::BadLimit),
    (|i| i.max_notional_1e8 = 0, StepName::BadLimit),
    (|i| i.throttle.ratio_1e8 = -1, StepName::BadLimit),
    (|i| i.throttle.ratio_1e8 = ONE_1E8 + 1, StepName::BadLimit),
    (|i| i.stop = StopDistance::Ratio1e8(0), StepName::BadStop),
    (|i| i.stop = StopDistance::Ratio1e8(-1), StepName::BadStop),
    (|i| i.stop = StopDistance::Ratio1e8(ONE_1E8 + 1), StepName::BadStop),
    (|i| i.stop = StopDistance::Price1e8(0), StepName::BadStop),
    (|i| i.stop = StopDistance::Price1e8(10 * ONE_1E8), StepName::BadStop),
    (|i| i.stop = StopDistance::Price1e8(11 * ONE_1E8), StepName::BadStop),
    (|i| { i.side = Side::Sell; i.stop = StopDistance::Price1e8(9 * ONE_1E8); }, StepName::BadStop),
    (|i| { i.side = Side::Sell; i.stop = StopDistance::DeclaredNone; }, StepName::BadStop),
];

#[test]
fn what_cannot_be_computed_is_no_order_and_has_a_name() {
    // RK-7
    for (break_it, name) in BROKEN {
        let mut input = micro();
        break_it(&mut input);
        let sizing = size(&input);
        assert_eq!(
            (sizing.qty_1e8, names(&sizing)),
            (0, vec![*name]),
            "{input:?}"
        );
    }
}

#[test]
fn a_quantity_of_nothing_stays_nothing() {
    for explicit_qty_1e8 in [Some(0), Some(-ONE_1E8), Some(i64::MIN)] {
        assert_eq!(
            size(&SizingInput {
                explicit_qty_1e8,
                ..micro()
            })
            .qty_1e8,
            0
        );
    }
}

#[test]
fn a_long_position_without_a_stop_can_lose_all_of_its_price() {
    let sizing = size(&SizingInput {
        stop: StopDistance::DeclaredNone,
        ..micro()
    });
    assert_eq!(sizing.qty_1e8, 15_000_000, "1.50 / 10");
}

#[test]
fn an_entry_is_judged_at_the_worst_price_it_can_get() {
    let prices = |side, order_type, limit, trigger, mark| {
        entry_prices(side, order_type, limit, trigger, mark)
            .map(|prices| (prices.loss_1e8, prices.notional_1e8))
    };
    let (buy, sell) = (Side::Buy, Side::Sell);
    assert_eq!(
        prices(buy, OrderType::Market, None, None, Some(10)),
        Some((10, 10))
    );
    assert_eq!(
        prices(buy, OrderType::Limit, Some(9), None, Some(10)),
        Some((9, 9))
    );
    assert_eq!(
        prices(sell, OrderType::Limit, Some(9), None, Some(10)),
        Some((9, 10))
    );
    assert_eq!(
        prices(buy, OrderType::Stop, None, Some(11), Some(10)),
        Some((11, 11))
    );
    assert_eq!(
        prices(buy, OrderType::Stop, None, Some(9), Some(10)),
        Some((10, 10)),
        "it is triggered already"
    );
    assert_eq!(
        prices(sell, OrderType::Stop, None, Some(9), Some(10)),
        Some((9, 10))
    );
    assert_eq!(
        prices(buy, OrderType::StopLimit, Some(12), Some(11), Some(10)),
        Some((12, 12))
    );
    assert_eq!(prices(buy, OrderType::Market, None, None, None), None);
    assert_eq!(prices(buy, OrderType::Limit, None, None, Some(10)), None);
    assert_eq!(prices(sell, OrderType::Limit, Some(9), None, None), None);
    assert_eq!(prices(buy, OrderType::Stop, None, None, Some(10)), None);
    assert_eq!(prices(buy, OrderType::Market, None, None, Some(0)), None);
}

#[test]
fn a_loss_is_rounded_up_and_never_wraps() {
    assert_eq!(
        money_up_1e8(1, 1, ONE_1E8),
        1,
        "a hundred-millionth of that is still counted"
    );
    assert_eq!(
        money_up_1e8(2 * ONE_1E8, 3 * ONE_1E8, 50 * ONE_1E8),
        300 * ONE_1E8
    );
    assert_eq!(money_up_1e8(i64::MAX, i64::MAX, i64::MAX), i64::MAX);
}

/// A small generator, so that a failing case has a seed.
struct Draws(u64);

impl Draws {
    fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + i64::try_from(self.0 % (high - low + 1).unsigned_abs()).unwrap()
    }

    fn one_of(&mut self, choices: &[i64]) -> i64 {
        let last = i64::try_from(choices.len()).unwrap() - 1;
        choices[usize::try_from(self.between(0, last)).unwrap()]
    }

    fn input(&mut self) -> SizingInput {
        let price_1e8 = self.between(1, 5000) * self.between(1, 100) * CENT_1E8;
        let side = if self.between(0, 1) == 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        let stop = match self.between(0, 2) {
            0 => StopDistance::Ratio1e8(self.between(1, ONE_1E8)),
            1 => StopDistance::Price1e8(price_1e8 - side.sign() * self.between(1, price_1e8 - 1)),
            _ => StopDistance::DeclaredNone,
        };
        let lot_1e8 = self.one_of(&[ONE_1E8, SHARE_LOT_1E8, 1, 100 * ONE_1E8]);
        let explicit = self.between(1, 100_000) * SHARE_LOT_1E8;
        SizingInput {
            side,
            entry: EntryPrices {
                loss_1e8: price_1e8,
                notional_1e8: price_1e8
                    + self.between(0, price_1e8) * i64::from(side == Side::Sell),
            },
            stop,
            risk_1e8: self.between(1, 100_000) * CENT_1E8,
            multiplier_1e8: self.one_of(&[ONE_1E8, 50 * ONE_1E8, ONE_1E8 / 10]),
            max_notional_1e8: self.between(1, 1_000_000) * ONE_1E8,
            lot_1e8,
            min_qty_1e8: lot_1e8,
            explicit_qty_1e8: (self.between(0, 1) == 0).then_some(explicit),
            throttle: Throttle {
                ratio_1e8: ONE_1E8 / self.one_of(&[1, 2, 4]),
                cause: ThrottleCause::DailyLoss,
            },
        }
    }
}

/// qty × points × multiplier ≤ money, in exact arithmetic.
fn is_within(money_1e8: i64, qty_1e8: i64, points_1e8: i64, multiplier_1e8: i64) -> bool {
    let moved = i128::from(qty_1e8) * i128::from(points_1e8) * i128::from(multiplier_1e8);
    moved <= i128::from(money_1e8) * i128::from(ONE_1E8) * i128::from(ONE_1E8)
}

#[test]
fn whatever_is_asked_the_loss_the_notional_and_the_lot_hold() {
    // RK-2, RK-3
    let mut sized = 0;
    for seed in 1..=20_000_u64 {
        let input = Draws(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).input();
        let qty_1e8 = size(&input).qty_1e8;
        if qty_1e8 == 0 {
            continue;
        }
        sized += 1;
        let distance_1e8 = stop_distance_1e8(input.side, input.entry.loss_1e8, input.stop).unwrap();
        let multiplier_1e8 = input.multiplier_1e8;
        assert!(
            is_within(input.risk_1e8, qty_1e8, distance_1e8, multiplier_1e8),
            "seed {seed}: loss, {input:?}"
        );
        let notional_1e8 = input.entry.notional_1e8;
        assert!(
            is_within(
                input.max_notional_1e8,
                qty_1e8,
                notional_1e8,
                multiplier_1e8
            ),
            "seed {seed}: notional"
        );
        assert_eq!(qty_1e8 % input.lot_1e8, 0, "seed {seed}: lot");
        assert!(
            qty_1e8 <= input.explicit_qty_1e8.unwrap_or(i64::MAX),
            "seed {seed}: explicit"
        );
        assert!(
            money_up_1e8(qty_1e8, distance_1e8, multiplier_1e8) <= input.risk_1e8,
            "seed {seed}: the gate agrees"
        );
    }
    assert!(sized > 5_000, "only {sized} cases made an order");
}

#[test]
fn more_risk_never_makes_less_and_less_size_never_makes_more() {
    // RK-2, RK-8
    for seed in 1..=5_000_u64 {
        let input = Draws(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).input();
        let more = SizingInput {
            risk_1e8: input.risk_1e8 * 2,
            ..input
        };
        assert!(size(&more).qty_1e8 >= size(&input).qty_1e8, "seed {seed}");
        let full = SizingInput {
            throttle: Throttle::FULL,
            ..input
        };
        assert!(size(&full).qty_1e8 >= size(&input).qty_1e8, "seed {seed}");
    }
}

#[test]
fn steps_chain_from_nothing_to_the_size() {
    for seed in 1..=2_000_u64 {
        let sizing = size(&Draws(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).input());
        let mut last_1e8 = 0;
        for step in &sizing.steps {
            assert_eq!(step.before_1e8, last_1e8, "seed {seed}");
            last_1e8 = step.after_1e8;
        }
        assert_eq!(last_1e8, sizing.qty_1e8, "seed {seed}");
    }
}
