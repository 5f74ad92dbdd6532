//! The one exit decision (PX-2).
//!
//! Every reason to leave a position is weighed here and nowhere else, in this order, the first that holds
//! wins: kill, time to be flat (the account's, then the strategy's), what was wanted before and did not
//! succeed, stop, trailing stop, second target, first target, target, time, the strategy's advice.
//! Stop and target never act on their own.

use crate::message::{ExitPlan, ExitReason, Level, Mark, Name, Side, Stop};
use crate::money::{mul, ONE_1E8};
use crate::positions::Position;

/// What is known besides the position.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Now.
    pub now_ns: i64,
    /// A kill closes positions.
    pub is_killed: bool,
    /// A kill leaves positions to their stops, and to nothing else (KC-1, PX-8).
    pub is_left: bool,
    /// The account's time to be flat has come (KC-8).
    pub is_flattening: bool,
    /// A new price, if that is the occasion; levels are compared with nothing else.
    pub mark: Option<&'a Mark>,
    /// A strategy's advice, if that is the occasion.
    pub advice: Option<&'a Advice>,
    /// Runner's stop after the first target, in R (PX-4).
    pub runner_stop_r_1e8: i64,
    /// Quantity step.
    pub lot_1e8: i64,
}

/// A strategy (or a person) wants out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Under which reason.
    pub reason: ExitReason,
    /// In its words.
    pub text: Name,
    /// The price it saw; zero if none.
    pub reference_1e8: i64,
}

/// How much is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portion {
    /// Everything.
    All,
    /// This quantity (first target).
    Part(i64),
}

/// An exit that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Why.
    pub reason: ExitReason,
    /// The price that triggered it; zero if none is known.
    pub price_1e8: i64,
    /// The level it was compared with; zero where no level was.
    pub threshold_1e8: i64,
    /// How much.
    pub portion: Portion,
    /// In words.
    pub text: Name,
}

/// The price levels of a position, as they stand; `None` where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Fixed stop, or the runner's after the first target: whichever is nearer.
    pub stop_1e8: Option<i64>,
    /// Trailing stop.
    pub trailing_1e8: Option<i64>,
    /// First target, until it was reached.
    pub target_1_1e8: Option<i64>,
    /// Second target.
    pub target_2_1e8: Option<i64>,
    /// Fixed target.
    pub target_1e8: Option<i64>,
    /// Trailing target, once it is armed.
    pub target_trailing_1e8: Option<i64>,
}

impl Levels {
    /// The stop that would be reached first.
    pub fn stop_in_force_1e8(&self, side: Side) -> Option<i64> {
        match (self.stop_1e8, self.trailing_1e8) {
            (Some(a), Some(b)) => Some(View::of(side).nearer(a, b)),
            (a, b) => a.or(b),
        }
    }
}

/// Compares prices as the holder of a position sees them: higher is better.
#[derive(Clone, Copy)]
struct View {
    sign: i64,
}

impl View {
    const fn of(side: Side) -> Self {
        Self { sign: side.sign() }
    }

    /// `price` is at `level` or worse.
    const fn at_or_worse(self, price_1e8: i64, level_1e8: i64) -> bool {
        price_1e8 * self.sign <= level_1e8 * self.sign
    }

    /// `price` is at `level` or better.
    const fn at_or_better(self, price_1e8: i64, level_1e8: i64) -> bool {
        price_1e8 * self.sign >= level_1e8 * self.sign
    }

    /// `base` moved by a ratio to the better (above zero) or the worse (below zero).
    fn moved(self, base_1e8: i64, ratio_1e8: i64) -> Option<i64> {
        mul(
            base_1e8,
            ONE_1E8.checked_add(ratio_1e8.checked_mul(self.sign)?)?,
        )
    }

    const fn nearer(self, a_1e8: i64, b_1e8: i64) -> i64 {
        if self.at_or_better(a_1e8, b_1e8) {
            a_1e8
        } else {
            b_1e8
        }
    }
}

/// The side that closes a position now.
pub fn exit_side(position: &Position) -> Side {
    if position.qty_1e8 > 0 {
        Side::Sell
    } else {
        Side::Buy
    }
}

/// The price at which a position could be left, by a mark.
pub const fn leaving_price_1e8(position: &Position, mark: &Mark) -> i64 {
    if position.qty_1e8 > 0 {
        mark.bid_1e8
    } else {
        mark.ask_1e8
    }
}

/// The stop as planned, at an average entry price; `None` when it was waived.
pub fn planned_stop_1e8(plan: &ExitPlan, side: Side, entry_1e8: i64) -> Option<i64> {
    match &plan.stop {
        Stop::None { .. } | Stop::At { level: Level::R(_) } => None,
        Stop::At {
            level: Level::Price(price_1e8),
        } => Some(*price_1e8),
        Stop::At {
            level: Level::Ratio(ratio_1e8),
        } => View::of(side).moved(entry_1e8, ratio_1e8.checked_neg()?),
    }
}

/// Money at risk per unit between an average entry and the planned stop; `None` without a stop.
pub fn risk_per_unit_1e8(plan: &ExitPlan, side: Side, entry_1e8: i64) -> Option<i64> {
    let stop_1e8 = planned_stop_1e8(plan, side, entry_1e8)?;
    let risk_1e8 = (entry_1e8 - stop_1e8) * side.sign();
    (risk_1e8 > 0).then_some(risk_1e8)
}

fn level_1e8(level: Level, position: &Position) -> Option<i64> {
    let entry_1e8 = position.average_entry_1e8;
    match level {
        Level::Price(price_1e8) => Some(price_1e8),
        Level::Ratio(ratio_1e8) => View::of(position.side).moved(entry_1e8, ratio_1e8),
        Level::R(r_1e8) => at_r_1e8(position, r_1e8),
    }
}

fn at_r_1e8(position: &Position, r_1e8: i64) -> Option<i64> {
    let risk_1e8 = risk_per_unit_1e8(&position.plan, position.side, position.average_entry_1e8)?;
    position
        .average_entry_1e8
        .checked_add(mul(risk_1e8, r_1e8)? * position.side.sign())
}

/// Where the levels of a position stand.
pub fn levels(position: &Position, runner_stop_r_1e8: i64) -> Levels {
    let plan = &position.plan;
    let view = View::of(position.side);
    let entry_1e8 = position.average_entry_1e8;
    let was_reached = position.target_1_ns != 0;
    let planned = planned_stop_1e8(plan, position.side, entry_1e8);
    let fixed = match (position.stop_override_1e8, planned) {
        (0, planned) => planned,
        (set, None) => Some(set),
        // A moved stop never risks more than the one that the size was made for (RK-3).
        (set, Some(planned)) => Some(view.nearer(set, planned)),
    };
    let runner = if was_reached {
        at_r_1e8(position, runner_stop_r_1e8)
    } else {
        None
    };
    let stop_1e8 = match (fixed, runner) {
        (Some(a), Some(b)) => Some(view.nearer(a, b)),
        (a, b) => a.or(b),
    };
    let best_1e8 = best_of(position);
    let trail = |ratio_1e8: i64| view.moved(best_1e8, -ratio_1e8);
    let target_1e8 = match position.target_override_1e8 {
        0 => plan.target.and_then(|level| level_1e8(level, position)),
        set => Some(set),
    };
    let is_armed = match target_1e8 {
        Some(level_1e8) => view.at_or_better(best_1e8, level_1e8),
        None => best_1e8 != entry_1e8,
    };
    let trails = plan.target_trailing_ratio_1e8.is_some();
    Levels {
        stop_1e8,
        trailing_1e8: plan.trailing_ratio_1e8.and_then(trail),
        target_1_1e8: plan
            .target_1
            .filter(|_| !was_reached)
            .and_then(|part| level_1e8(part.level, position)),
        target_2_1e8: plan.target_2.and_then(|level| level_1e8(level, position)),
        target_1e8: if trails { None } else { target_1e8 },
        target_trailing_1e8: plan
            .target_trailing_ratio_1e8
            .filter(|_| is_armed)
            .and_then(trail),
    }
}

/// The best price so far, never worse than the average entry.
fn best_of(position: &Position) -> i64 {
    match position.best_1e8 {
        0 => position.average_entry_1e8,
        best_1e8 => View::of(position.side).nearer(best_1e8, position.average_entry_1e8),
    }
}

/// The new best price when a mark brings one and a trailing rule needs it.
pub fn new_best_1e8(position: &Position, mark: &Mark) -> Option<i64> {
    let plan = &position.plan;
    if plan.trailing_ratio_1e8.is_none() && plan.target_trailing_ratio_1e8.is_none() {
        return None;
    }
    let price_1e8 = leaving_price_1e8(position, mark);
    let best_1e8 = best_of(position);
    let is_better = View::of(position.side).at_or_better(price_1e8, best_1e8);
    (is_better && price_1e8 != position.best_1e8).then_some(price_1e8)
}

/// Whether, and why, a position is to be left now. The caller asks only while no exit is under way.
pub fn decide(position: &Position, now: &Circumstances<'_>) -> Option<Trigger> {
    let price_1e8 = now.mark.map_or(0, |mark| leaving_price_1e8(position, mark));
    let all = |reason, threshold_1e8, text: &str| {
        Some(Trigger {
            reason,
            price_1e8,
            threshold_1e8,
            portion: Portion::All,
            text: Name::from(text),
        })
    };
    if now.is_killed {
        return all(ExitReason::KillSwitch, 0, "killed");
    }
    if now.is_left {
        let begun = position.exit_wanted.and_then(|reason| {
            all(
                reason,
                position.exit_threshold_1e8,
                "what an earlier exit left open",
            )
        });
        return begun
            .or_else(|| now.mark.and_then(|_| by_price(position, price_1e8, now)))
            .filter(|trigger| trigger.reason.is_protective());
    }
    if now.is_flattening {
        return all(ExitReason::AutoFlatten, 0, "the account's time to be flat");
    }
    if position
        .plan
        .force_flat_ns
        .is_some_and(|at_ns| now.now_ns >= at_ns)
    {
        return all(ExitReason::ForceFlat, 0, "the strategy's time to be flat");
    }
    if let Some(reason) = position.exit_wanted {
        return all(
            reason,
            position.exit_threshold_1e8,
            "what an earlier exit left open",
        );
    }
    now.mark
        .and_then(|_| by_price(position, price_1e8, now))
        .or_else(|| {
            is_late(position, now.now_ns).then(|| all(ExitReason::Time, 0, "held long enough"))?
        })
        .or_else(|| now.advice.map(by_advice))
}

fn by_advice(advice: &Advice) -> Trigger {
    Trigger {
        reason: advice.reason,
        price_1e8: advice.reference_1e8,
        threshold_1e8: 0,
        portion: Portion::All,
        text: advice.text.clone(),
    }
}

fn is_late(position: &Position, now_ns: i64) -> bool {
    let plan = &position.plan;
    let held = plan
        .holding_max_ns
        .is_some_and(|most_ns| now_ns - position.entry_ns >= most_ns);
    let waited = position.target_1_ns != 0
        && plan
            .target_2_wait_ns
            .is_some_and(|most_ns| now_ns - position.target_1_ns >= most_ns);
    held || waited
}

fn by_price(position: &Position, price_1e8: i64, now: &Circumstances<'_>) -> Option<Trigger> {
    let view = View::of(position.side);
    let levels = levels(position, now.runner_stop_r_1e8);
    let worse = |level: Option<i64>| level.filter(|at| view.at_or_worse(price_1e8, *at));
    let better = |level: Option<i64>| level.filter(|at| view.at_or_better(price_1e8, *at));
    let make = |reason, threshold_1e8, portion, text: &str| Trigger {
        reason,
        price_1e8,
        threshold_1e8,
        portion,
        text: Name::from(text),
    };
    if let Some(at) = worse(levels.stop_1e8) {
        return Some(make(ExitReason::StopLoss, at, Portion::All, "stop reached"));
    }
    if let Some(at) = worse(levels.trailing_1e8) {
        return Some(make(
            ExitReason::Trailing,
            at,
            Portion::All,
            "trailing stop reached",
        ));
    }
    if let Some(at) = better(levels.target_2_1e8) {
        return Some(make(
            ExitReason::Target2,
            at,
            Portion::All,
            "second target reached",
        ));
    }
    if let Some(at) = better(levels.target_1_1e8) {
        let portion = first_portion(position, now.lot_1e8);
        return Some(make(
            ExitReason::Target1,
            at,
            portion,
            "first target reached",
        ));
    }
    if let Some(at) = better(levels.target_1e8) {
        return Some(make(
            ExitReason::TakeProfit,
            at,
            Portion::All,
            "target reached",
        ));
    }
    let gave_back = worse(levels.target_trailing_1e8)
        .filter(|_| view.at_or_better(price_1e8, position.average_entry_1e8));
    gave_back.map(|at| {
        make(
            ExitReason::TakeProfit,
            at,
            Portion::All,
            "trailing target reached",
        )
    })
}

/// The first target's part of what was really filled (EX-7), down to the lot, at least one.
fn first_portion(position: &Position, lot_1e8: i64) -> Portion {
    let open_1e8 = position.qty_1e8.abs();
    let ratio_1e8 = position
        .plan
        .target_1
        .map_or(ONE_1E8, |part| part.portion_ratio_1e8);
    let exact_1e8 = mul(position.entered().qty_1e8, ratio_1e8).unwrap_or(open_1e8);
    let part_1e8 = crate::money::floor_to(exact_1e8, lot_1e8).max(lot_1e8);
    if part_1e8 >= open_1e8 {
        Portion::All
    } else {
        Portion::Part(part_1e8)
    }
}
