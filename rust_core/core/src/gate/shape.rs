//! Checks of shape: what no venue should ever be asked, entry or exit (EX-10).

use super::draft::{GateContext, OrderDraft};
use super::failures::Failures;
use super::rules::InstrumentRules;
use super::ruling::CheckName;
use crate::message::{OrderType, Purpose, TimeInForce};

/// What can be said without knowing the instrument.
pub(super) fn check_fields(draft: &OrderDraft<'_>, failures: &mut Failures) {
    let texts = [
        ("client order id", draft.client_order_id),
        ("strategy", draft.strategy),
        ("instrument", draft.instrument),
    ];
    for (what, text) in texts {
        if text.is_empty() {
            failures.refuse(
                CheckName::RequiredFields,
                None,
                None,
                format!("the {what} is empty"),
            );
        }
    }
    let kind = draft.order_type.as_str();
    if draft.order_type.needs_limit_price() && draft.limit_1e8.is_none() {
        failures.refuse(
            CheckName::RequiredFields,
            None,
            None,
            format!("a {kind} order needs a limit price"),
        );
    }
    if draft.order_type.needs_trigger_price() && draft.trigger_1e8.is_none() {
        failures.refuse(
            CheckName::RequiredFields,
            None,
            None,
            format!("a {kind} order needs a trigger price"),
        );
    }
    if draft.tif == TimeInForce::Gtx && draft.order_type != OrderType::Limit {
        failures.refuse(
            CheckName::RequiredFields,
            None,
            None,
            format!("a post-only order (GTX) must be LIMIT, was {kind}"),
        );
    }
    if draft.qty_1e8 <= 0 {
        let detail = format!("qty must be above zero, was {} at 1e-8", draft.qty_1e8);
        failures.critical(CheckName::QtyPositive, draft.qty_1e8, 1, detail);
    }
    for (what, price_1e8) in prices(draft) {
        if price_1e8 <= 0 {
            let detail = format!("the {what} price must be above zero, was {price_1e8} at 1e-8");
            failures.refuse(CheckName::PriceBand, Some(price_1e8), Some(1), detail);
        }
    }
}

/// The instrument's facts, when they are known and can be meant.
pub(super) fn known_instrument<'a>(
    context: &GateContext<'a>,
    failures: &mut Failures,
) -> Option<&'a InstrumentRules> {
    let Some(instrument) = context.instrument else {
        failures.unknown(CheckName::InstrumentKnown, "the instrument");
        return None;
    };
    let facts = [
        ("tick", instrument.tick_1e8),
        ("lot", instrument.lot_1e8),
        ("multiplier", instrument.multiplier_1e8),
        ("margin ratio", instrument.margin_ratio_1e8),
    ];
    let mut is_sane = true;
    for (what, value) in facts {
        if value <= 0 {
            let detail = format!("the instrument's {what} must be above zero, was {value} at 1e-8");
            failures.refuse(CheckName::InstrumentKnown, Some(value), Some(1), detail);
            is_sane = false;
        }
    }
    is_sane.then_some(instrument)
}

/// Lot, smallest size, tick and band.
pub(super) fn check_fit(
    draft: &OrderDraft<'_>,
    instrument: &InstrumentRules,
    context: &GateContext<'_>,
    failures: &mut Failures,
) {
    // what partial fills left over must be closable, whatever its size
    let closes_all = draft.purpose != Purpose::Entry
        && context.reducible_qty_1e8.map(i64::unsigned_abs) == Some(draft.qty_1e8.unsigned_abs());
    if !closes_all {
        let (qty_1e8, lot_1e8, min_1e8) =
            (draft.qty_1e8, instrument.lot_1e8, instrument.min_qty_1e8);
        if qty_1e8 % lot_1e8 != 0 {
            let detail =
                format!("qty must be a multiple of the lot {lot_1e8}, was {qty_1e8} at 1e-8");
            failures.refuse(CheckName::LotSize, Some(qty_1e8), Some(lot_1e8), detail);
        }
        if qty_1e8 < min_1e8 {
            let detail = format!("qty must be at least {min_1e8}, was {qty_1e8} at 1e-8");
            failures.refuse(CheckName::MinSize, Some(qty_1e8), Some(min_1e8), detail);
        }
    }
    for (what, price_1e8) in prices(draft) {
        check_price(what, price_1e8, instrument, failures);
    }
}

/// An exit is opposite to what is held and no larger than what no other exit covers.
pub(super) fn check_reduces(
    draft: &OrderDraft<'_>,
    context: &GateContext<'_>,
    failures: &mut Failures,
) {
    let Some(held_1e8) = context.reducible_qty_1e8 else {
        failures.unknown(CheckName::ReducesPosition, "the position to reduce");
        return;
    };
    let is_opposite = held_1e8.signum() == -draft.side.sign();
    let may_take_1e8 = if is_opposite {
        held_1e8.saturating_abs()
    } else {
        0
    };
    if draft.qty_1e8 > may_take_1e8 {
        let detail = format!(
            "a {} exit may take {may_take_1e8} of the position {held_1e8}, was {} at 1e-8",
            draft.side.as_str(),
            draft.qty_1e8
        );
        failures.refuse(
            CheckName::ReducesPosition,
            Some(draft.qty_1e8),
            Some(may_take_1e8),
            detail,
        );
    }
}

fn check_price(what: &str, price_1e8: i64, instrument: &InstrumentRules, failures: &mut Failures) {
    let tick_1e8 = instrument.tick_1e8;
    if price_1e8 % tick_1e8 != 0 {
        let detail = format!(
            "the {what} price must be a multiple of the tick {tick_1e8}, was {price_1e8} at 1e-8"
        );
        failures.refuse(
            CheckName::PriceTick,
            Some(price_1e8),
            Some(tick_1e8),
            detail,
        );
    }
    let band = [
        (
            instrument.price_min_1e8,
            "at least",
            price_1e8 < instrument.price_min_1e8.unwrap_or(i64::MIN),
        ),
        (
            instrument.price_max_1e8,
            "at most",
            price_1e8 > instrument.price_max_1e8.unwrap_or(i64::MAX),
        ),
    ];
    for (limit, how, is_outside) in band {
        if let (Some(limit_1e8), true) = (limit, is_outside) {
            let detail =
                format!("the {what} price must be {how} {limit_1e8}, was {price_1e8} at 1e-8");
            failures.refuse(CheckName::PriceBand, Some(price_1e8), limit, detail);
        }
    }
}

/// The order's own prices, by name.
pub(super) fn prices(draft: &OrderDraft<'_>) -> impl Iterator<Item = (&'static str, i64)> {
    let limit = draft.limit_1e8.map(|price_1e8| ("limit", price_1e8));
    let trigger = draft.trigger_1e8.map(|price_1e8| ("trigger", price_1e8));
    limit.into_iter().chain(trigger)
}
