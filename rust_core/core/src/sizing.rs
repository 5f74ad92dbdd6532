//! How much to buy (RK-2, RK-3, RK-8).
//!
//! All amounts are integers at 1e-8. A quantity is rounded down and a loss is rounded up, so that what is
//! lost at the stop never exceeds the risk asked for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::{OrderType, Side};
use crate::money::{text, ONE_1E8};

const ONE: i128 = ONE_1E8 as i128;

/// Where the protective stop stands, as sizing needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopDistance {
    /// A share of the entry price, above 0 and up to 1 (1e8 is 100 %).
    Ratio1e8(i64),
    /// A price. Give this one when the stop is placed on a tick: sizing then sees the distance that is traded.
    Price1e8(i64),
    /// Declared `none` by name: a long position can lose all of its price, a short one is not sized.
    DeclaredNone,
}

/// The prices at which an entry is judged: the worst it can do to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPrices {
    /// Fill price that loses most at the stop.
    pub loss_1e8: i64,
    /// Fill price with the largest notional.
    pub notional_1e8: i64,
}

/// The prices at which an entry is judged; the mark stands in where an order has no price of its own.
///
/// A limit bounds a loss from both sides. A stop order fills at its trigger or worse, and at least at the mark. What is
/// sold may fetch more than its limit, so its notional counts at the mark when that is higher. None when a price that
/// is needed is missing or not above zero.
pub fn entry_prices(
    side: Side,
    order_type: OrderType,
    limit_1e8: Option<i64>,
    trigger_1e8: Option<i64>,
    mark_1e8: Option<i64>,
) -> Option<EntryPrices> {
    let loss_1e8 = match (order_type, side) {
        (OrderType::Limit | OrderType::StopLimit, _) => limit_1e8?,
        (OrderType::Market, _) => mark_1e8?,
        (OrderType::Stop, Side::Buy) => trigger_1e8?.max(mark_1e8?),
        (OrderType::Stop, Side::Sell) => trigger_1e8?.min(mark_1e8?),
    };
    let notional_1e8 = match side {
        Side::Buy => loss_1e8,
        Side::Sell => loss_1e8.max(mark_1e8?),
    };
    (loss_1e8 > 0).then_some(EntryPrices {
        loss_1e8,
        notional_1e8,
    })
}

/// What a size is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizingInput {
    /// Direction of the entry.
    pub side: Side,
    /// Prices of the entry, from [`entry_prices`].
    pub entry: EntryPrices,
    /// Protective stop.
    pub stop: StopDistance,
    /// Money that may be lost at the stop (RK-3).
    pub risk_1e8: i64,
    /// Money per point and unit: 1 for a share, 50 for ES.
    pub multiplier_1e8: i64,
    /// Largest price × quantity × multiplier of the position.
    pub max_notional_1e8: i64,
    /// Quantity step (0.001 for fractional shares).
    pub lot_1e8: i64,
    /// Smallest quantity the venue takes.
    pub min_qty_1e8: i64,
    /// The signal's own quantity, an upper bound.
    pub explicit_qty_1e8: Option<i64>,
    /// Size throttle of RK-8.
    pub throttle: Throttle,
}

/// Why sizes are reduced (RK-8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ThrottleCause {
    /// They are not.
    #[default]
    None,
    /// Half of the daily limit is lost.
    DailyLoss,
    /// Six tenths of the weekly limit are lost.
    WeeklyLoss,
}

/// The share of the full size that may be traded (RK-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// 1e8 is the full size.
    pub ratio_1e8: i64,
    /// What reduced it.
    pub cause: ThrottleCause,
}

impl Throttle {
    /// No reduction.
    pub const FULL: Self = Self {
        ratio_1e8: ONE_1E8,
        cause: ThrottleCause::None,
    };
}

impl Default for Throttle {
    fn default() -> Self {
        Self::FULL
    }
}

crate::message::named_enum! {
    /// A step of the calculation.
    StepName {
        /// Risk over the loss of one unit at its stop.
        Risk = "RISK",
        /// The signal's own quantity.
        ExplicitQty = "EXPLICIT_QTY",
        /// The notional cap.
        MaxNotional = "MAX_NOTIONAL",
        /// Half size (RK-8).
        DailyThrottle = "DAILY_THROTTLE",
        /// Quarter size (RK-8).
        WeeklyThrottle = "WEEKLY_THROTTLE",
        /// Rounded down to the lot.
        Lot = "LOT",
        /// Below the venue's smallest quantity.
        MinQty = "MIN_QTY",
        /// Price, multiplier or lot is not above zero.
        BadInstrument = "BAD_INSTRUMENT",
        /// The stop is not above zero, or on the wrong side of the price.
        BadStop = "BAD_STOP",
        /// Risk or notional cap is not above zero, or a ratio is out of range.
        BadLimit = "BAD_LIMIT",
    }
}

/// One recorded step: the quantity before and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizingStep {
    /// Which step.
    pub name: StepName,
    /// Quantity before.
    pub before_1e8: i64,
    /// Quantity after.
    pub after_1e8: i64,
}

impl fmt::Display for SizingStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (text(self.before_1e8), text(self.after_1e8));
        write!(f, "{} {before} -> {after}", self.name.as_str())
    }
}

/// A size and how it came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizing {
    /// Quantity, on the lot; 0 means no order, and the last step names the reason.
    pub qty_1e8: i64,
    /// Steps that changed the quantity, in order; the first is the risk quantity.
    pub steps: Vec<SizingStep>,
}

impl Sizing {
    fn refused(name: StepName) -> Self {
        Self {
            qty_1e8: 0,
            steps: vec![SizingStep {
                name,
                before_1e8: 0,
                after_1e8: 0,
            }],
        }
    }

    fn lower_to(&mut self, name: StepName, qty_1e8: i64) {
        let after_1e8 = qty_1e8.clamp(0, self.qty_1e8);
        if after_1e8 < self.qty_1e8 {
            self.steps.push(SizingStep {
                name,
                before_1e8: self.qty_1e8,
                after_1e8,
            });
            self.qty_1e8 = after_1e8;
        }
    }
}

/// The quantity to order: risk over the loss of one unit, then every cap, the throttle, and the lot (RK-2, RK-8).
///
/// What cannot be computed gives quantity 0 and a step that names it; nothing here grows a quantity.
pub fn size(input: &SizingInput) -> Sizing {
    let EntryPrices {
        loss_1e8,
        notional_1e8,
    } = input.entry;
    if loss_1e8 <= 0 || notional_1e8 <= 0 || input.multiplier_1e8 <= 0 || input.lot_1e8 <= 0 {
        return Sizing::refused(StepName::BadInstrument);
    }
    let throttle_is_sane = (0..=ONE_1E8).contains(&input.throttle.ratio_1e8);
    if input.risk_1e8 <= 0 || input.max_notional_1e8 <= 0 || !throttle_is_sane {
        return Sizing::refused(StepName::BadLimit);
    }
    let Some(distance_1e8) = stop_distance_1e8(input.side, loss_1e8, input.stop) else {
        return Sizing::refused(StepName::BadStop);
    };
    let by_risk_1e8 = units(input.risk_1e8, distance_1e8, input.multiplier_1e8);
    let mut sizing = Sizing {
        qty_1e8: by_risk_1e8,
        steps: vec![SizingStep {
            name: StepName::Risk,
            before_1e8: 0,
            after_1e8: by_risk_1e8,
        }],
    };
    if let Some(explicit_1e8) = input.explicit_qty_1e8 {
        sizing.lower_to(StepName::ExplicitQty, explicit_1e8);
    }
    let by_notional_1e8 = units(input.max_notional_1e8, notional_1e8, input.multiplier_1e8);
    sizing.lower_to(StepName::MaxNotional, by_notional_1e8);
    let throttled = i128::from(sizing.qty_1e8) * i128::from(input.throttle.ratio_1e8) / ONE;
    let name = match input.throttle.cause {
        ThrottleCause::WeeklyLoss => StepName::WeeklyThrottle,
        ThrottleCause::DailyLoss | ThrottleCause::None => StepName::DailyThrottle,
    };
    sizing.lower_to(name, saturate(throttled));
    sizing.lower_to(
        StepName::Lot,
        sizing.qty_1e8 - sizing.qty_1e8 % input.lot_1e8,
    );
    if sizing.qty_1e8 < input.min_qty_1e8 {
        sizing.lower_to(StepName::MinQty, 0);
    }
    sizing
}

/// Points between entry and stop, rounded up; None when the stop is not above zero or on the wrong side.
pub fn stop_distance_1e8(side: Side, price_1e8: i64, stop: StopDistance) -> Option<i64> {
    let distance_1e8 = match stop {
        StopDistance::Ratio1e8(ratio_1e8) if (1..=ONE_1E8).contains(&ratio_1e8) => {
            saturate((i128::from(price_1e8) * i128::from(ratio_1e8) + ONE - 1) / ONE)
        }
        StopDistance::Price1e8(stop_1e8) if stop_1e8 > 0 => {
            price_1e8.checked_sub(stop_1e8)?.checked_mul(side.sign())?
        }
        StopDistance::Ratio1e8(_) | StopDistance::Price1e8(_) => return None,
        StopDistance::DeclaredNone => match side {
            Side::Buy => price_1e8,
            Side::Sell => return None,
        },
    };
    (distance_1e8 > 0).then_some(distance_1e8)
}

/// Money that `qty` units move when the price moves by `points`, rounded up (a loss is never understated).
pub fn money_up_1e8(qty_1e8: i64, points_1e8: i64, multiplier_1e8: i64) -> i64 {
    let scale = ONE * ONE;
    let Some(product) =
        (i128::from(qty_1e8) * i128::from(points_1e8)).checked_mul(i128::from(multiplier_1e8))
    else {
        return i64::MAX;
    };
    saturate((product + scale - 1).div_euclid(scale))
}

/// Units whose movement by `points` is worth `money`, rounded down.
fn units(money_1e8: i64, points_1e8: i64, multiplier_1e8: i64) -> i64 {
    saturate(
        i128::from(money_1e8) * ONE * ONE / (i128::from(points_1e8) * i128::from(multiplier_1e8)),
    )
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value > 0 { i64::MAX } else { i64::MIN })
}

#[cfg(test)]
mod tests;
