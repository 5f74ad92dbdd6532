//! Checks of size and price: what an entry would put at risk, against every limit (EX-10, EX-12, EX-13, RK-3, PF-3).

use super::draft::{BuyingPower, GateContext, MarkPrice, OrderDraft, ProtectiveStop};
use super::failures::Failures;
use super::rules::{GateRules, InstrumentRules};
use super::ruling::{CheckName, Figures, Unit};
use super::shape::prices;
use crate::money::ONE_1E8;
use crate::sizing::{entry_prices, money_up_1e8, stop_distance_1e8, EntryPrices, StopDistance};
use crate::words::Side;

const ONE: i128 = ONE_1E8 as i128;

/// Every limit of an entry; what cannot be computed fails by its name.
pub(super) fn check_entry(
    draft: &OrderDraft<'_>,
    rules: &GateRules,
    instrument: &InstrumentRules,
    context: &GateContext<'_>,
    failures: &mut Failures,
) -> Figures {
    check_counts(rules, context, failures);
    if draft.side == Side::Sell && !rules.allow_short {
        let detail = "an entry that sells what is not held is not allowed".to_owned();
        failures.refuse(CheckName::ShortAllowed, None, None, detail);
    }
    if let Some(target_1e8) = draft.take_profit_1e8.filter(|price_1e8| *price_1e8 <= 0) {
        let detail = format!("take profit must be above zero, was {target_1e8} at 1e-8");
        failures.refuse(CheckName::TakeProfit, Some(target_1e8), Some(1), detail);
    }
    let mark = known_mark(rules, context, failures);
    if let Some(mark_1e8) = mark {
        check_collar(draft, mark_1e8, rules.collar_ratio_1e8, failures);
    }
    let entry = entry_prices(
        draft.side,
        draft.order_type,
        draft.limit_1e8,
        draft.trigger_1e8,
        mark,
    );
    let trade_loss_1e8 = check_trade_loss(draft, entry, rules, instrument, failures);
    let notional_1e8 = entry.map(|entry| {
        money_up_1e8(
            draft.qty_1e8.max(0),
            entry.notional_1e8,
            instrument.multiplier_1e8,
        )
    });
    check_buying_power(notional_1e8, rules, instrument, context, failures);
    let position_1e8 = after(context.position_notional_1e8, notional_1e8);
    let limit_1e8 = rules.max_position_notional_1e8;
    failures.at_most(
        (CheckName::PositionNotional, Unit::Money),
        "the position's notional",
        position_1e8,
        limit_1e8,
    );
    check_exposures(
        Figures {
            notional_1e8: notional_1e8.unwrap_or(i64::MAX),
            trade_loss_1e8,
            instrument_exposure_1e8: after(context.instrument_exposure_1e8, notional_1e8)
                .unwrap_or(-1),
            portfolio_exposure_1e8: after(context.portfolio_exposure_1e8, notional_1e8)
                .unwrap_or(-1),
        },
        rules,
        context,
        failures,
    )
}

fn check_counts(rules: &GateRules, context: &GateContext<'_>, failures: &mut Failures) {
    let counts = [
        (
            CheckName::EntriesPerWindow,
            "entries of this window",
            context.entries_in_window,
            rules.max_entries_per_window,
        ),
        (
            CheckName::OpenPositionsPerSymbol,
            "positions in this symbol",
            context.open_positions_of_symbol,
            rules.max_open_positions_per_symbol,
        ),
        (
            CheckName::OpenPositions,
            "positions overall",
            context.open_positions,
            rules.max_open_positions,
        ),
    ];
    for (name, what, count, limit) in counts {
        let with_this = count.map(|count| i64::from(count) + 1);
        failures.at_most((name, Unit::Count), what, with_this, i64::from(limit));
    }
}

fn known_mark(
    rules: &GateRules,
    context: &GateContext<'_>,
    failures: &mut Failures,
) -> Option<i64> {
    let Some(MarkPrice { price_1e8, at_ns }) = context.mark else {
        failures.unknown(CheckName::MarkFresh, "the price of the instrument");
        return None;
    };
    if price_1e8 <= 0 {
        let detail = format!("the mark must be above zero, was {price_1e8} at 1e-8");
        failures.refuse(CheckName::MarkFresh, Some(price_1e8), Some(1), detail);
        return None;
    }
    // an age below zero is a stamp from the future: a clock is wrong, so the age is not known
    let age_ns = context.now_ns.saturating_sub(at_ns);
    failures.at_most(
        (CheckName::MarkFresh, Unit::Ns),
        "the age of the mark in ns",
        Some(age_ns),
        rules.max_mark_age_ns,
    );
    Some(price_1e8)
}

fn check_collar(
    draft: &OrderDraft<'_>,
    mark_1e8: i64,
    collar_ratio_1e8: i64,
    failures: &mut Failures,
) {
    for (what, price_1e8) in prices(draft) {
        let distance = (i128::from(price_1e8) - i128::from(mark_1e8)).abs() * ONE;
        let ratio_1e8 = i64::try_from(distance / i128::from(mark_1e8)).unwrap_or(i64::MAX);
        if distance > i128::from(collar_ratio_1e8) * i128::from(mark_1e8) {
            let detail =
                format!("the {what} price {price_1e8} is too far from the mark {mark_1e8} at 1e-8");
            failures.refuse(
                CheckName::Collar,
                Some(ratio_1e8),
                Some(collar_ratio_1e8),
                detail,
            );
        } else {
            failures.pass(CheckName::Collar, Unit::Ratio, ratio_1e8, collar_ratio_1e8);
        }
    }
}

/// RK-3: the loss at the stop, rounded up; a long position without a stop can lose all of its price.
fn check_trade_loss(
    draft: &OrderDraft<'_>,
    entry: Option<EntryPrices>,
    rules: &GateRules,
    instrument: &InstrumentRules,
    failures: &mut Failures,
) -> i64 {
    let limit_1e8 = rules.max_trade_loss_1e8;
    let stop = match draft.protective_stop {
        ProtectiveStop::Missing => {
            let detail = "a protective stop must be given, or declared none by name".to_owned();
            failures.refuse(CheckName::ProtectiveStop, None, None, detail);
            return i64::MAX;
        }
        ProtectiveStop::DeclaredNone { assumed_ratio_1e8 } => {
            assumed_ratio_1e8.map_or(StopDistance::DeclaredNone, StopDistance::Ratio1e8)
        }
        ProtectiveStop::Price1e8(price_1e8) => StopDistance::Price1e8(price_1e8),
        ProtectiveStop::Ratio1e8(ratio_1e8) => StopDistance::Ratio1e8(ratio_1e8),
    };
    let Some(entry) = entry else {
        failures.at_most(
            (CheckName::TradeLoss, Unit::Money),
            "the loss at the stop",
            None,
            limit_1e8,
        );
        return i64::MAX;
    };
    let Some(distance_1e8) = stop_distance_1e8(draft.side, entry.loss_1e8, stop) else {
        let detail = format!(
            "{stop:?} must be above zero and on the losing side of {} at 1e-8",
            entry.loss_1e8
        );
        failures.refuse(
            CheckName::ProtectiveStop,
            None,
            Some(entry.loss_1e8),
            detail,
        );
        return i64::MAX;
    };
    let loss_1e8 = money_up_1e8(
        draft.qty_1e8.max(0),
        distance_1e8,
        instrument.multiplier_1e8,
    );
    failures.at_most(
        (CheckName::TradeLoss, Unit::Money),
        "the loss at the stop",
        Some(loss_1e8),
        limit_1e8,
    );
    loss_1e8
}

/// EX-13: the broker's own figure, fresh, less what our live entries may still take of it.
fn check_buying_power(
    notional_1e8: Option<i64>,
    rules: &GateRules,
    instrument: &InstrumentRules,
    context: &GateContext<'_>,
    failures: &mut Failures,
) {
    let Some(BuyingPower {
        amount_1e8,
        reserved_1e8,
        at_ns,
    }) = context.buying_power
    else {
        failures.unknown(CheckName::BuyingPower, "the broker's buying power");
        return;
    };
    let age_ns = context.now_ns.saturating_sub(at_ns);
    let max_age_ns = rules.max_balance_age_ns;
    failures.at_most(
        (CheckName::BuyingPower, Unit::Ns),
        "the age of the balance in ns",
        Some(age_ns),
        max_age_ns,
    );
    let needed_1e8 =
        notional_1e8.map(|notional_1e8| share_up_1e8(notional_1e8, instrument.margin_ratio_1e8));
    let free_1e8 = amount_1e8.saturating_sub(reserved_1e8.max(0)).max(0);
    failures.at_most(
        (CheckName::BuyingPower, Unit::Money),
        "the buying power needed",
        needed_1e8,
        free_1e8,
    );
}

fn check_exposures(
    figures: Figures,
    rules: &GateRules,
    context: &GateContext<'_>,
    failures: &mut Failures,
) -> Figures {
    let equity_1e8 = context.equity_1e8.filter(|equity_1e8| *equity_1e8 > 0);
    if equity_1e8.is_none() {
        let detail = "the account value must be known and above zero".to_owned();
        failures.refuse(CheckName::EquityKnown, context.equity_1e8, Some(1), detail);
    }
    let exposures = [
        (
            CheckName::InstrumentExposure,
            "the instrument's exposure",
            figures.instrument_exposure_1e8,
            rules.max_instrument_exposure_ratio_1e8,
        ),
        (
            CheckName::PortfolioExposure,
            "the account's exposure",
            figures.portfolio_exposure_1e8,
            rules.max_portfolio_exposure_ratio_1e8,
        ),
    ];
    for (name, what, exposure_1e8, ratio_1e8) in exposures {
        let known = Some(exposure_1e8).filter(|exposure_1e8| *exposure_1e8 >= 0);
        let limit_1e8 = equity_1e8.map_or(0, |equity_1e8| share_down_1e8(equity_1e8, ratio_1e8));
        failures.at_most((name, Unit::Money), what, known, limit_1e8);
    }
    figures
}

/// What stands after the order; unknown when either part is, or when what stands now cannot be.
fn after(now_1e8: Option<i64>, notional_1e8: Option<i64>) -> Option<i64> {
    now_1e8
        .filter(|now_1e8| *now_1e8 >= 0)?
        .checked_add(notional_1e8?)
}

fn share_down_1e8(amount_1e8: i64, ratio_1e8: i64) -> i64 {
    i64::try_from(i128::from(amount_1e8) * i128::from(ratio_1e8) / ONE).unwrap_or(i64::MAX)
}

fn share_up_1e8(amount_1e8: i64, ratio_1e8: i64) -> i64 {
    i64::try_from((i128::from(amount_1e8) * i128::from(ratio_1e8) + ONE - 1) / ONE)
        .unwrap_or(i64::MAX)
}
