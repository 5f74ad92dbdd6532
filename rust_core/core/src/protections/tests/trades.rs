//! What closed trades trip: stop-outs in a row, a stop-out, a drawdown.

use super::*;
use crate::protections::ProtectionName as N;

/// Guard alone: the pause after each stop-out would hide it.
fn guard_alone() -> Protections {
    with(|config| {
        config.cooldown_period.enabled = false;
        config.max_drawdown.enabled = false;
    })
}

/// Drawdown alone.
fn drawdown_alone() -> Protections {
    with(|config| {
        config.cooldown_period.enabled = false;
        config.stoploss_guard.enabled = false;
    })
}

#[test]
fn three_stop_outs_in_a_row_stop_entries_for_half_an_hour() {
    // RK-6
    let mut protections = guard_alone();
    for count in 1..=3_i64 {
        assert_eq!(names(&protections, OPEN_NS + count), [], "{count} before");
        protections.on_trade_closed(&trade(OPEN_NS + count, -DOLLAR, true));
    }
    let until_ns = OPEN_NS + 3 + 30 * MINUTE_NS;
    assert_eq!(names(&protections, OPEN_NS + 3), [N::StoplossGuard]);
    assert_eq!(names(&protections, until_ns - 1), [N::StoplossGuard]);
    assert_eq!(names(&protections, until_ns), []);
    assert_eq!(
        protections.active(&xyz(), OPEN_NS + 3)[0].until_ns,
        Some(until_ns)
    );
}

#[test]
fn any_other_end_of_a_trade_breaks_the_row() {
    // RK-6
    let mut protections = guard_alone();
    for (nth, stop_out) in [true, true, false, true, true].into_iter().enumerate() {
        let exit_ns = OPEN_NS + i64::try_from(nth).unwrap();
        protections.on_trade_closed(&trade(exit_ns, -DOLLAR, stop_out));
        assert_eq!(names(&protections, exit_ns), [], "trade {nth}");
    }
    assert_eq!(row(&protections, N::StoplossGuard, OPEN_NS).value, Some(2));
}

#[test]
fn a_fourth_stop_out_in_a_row_stops_entries_again() {
    let mut protections = guard_alone();
    for nth in 0..4 {
        protections.on_trade_closed(&trade(OPEN_NS + nth * HOUR_NS, -DOLLAR, true));
    }
    assert_eq!(
        names(&protections, OPEN_NS + 3 * HOUR_NS),
        [N::StoplossGuard]
    );
}

#[test]
fn one_stop_out_stops_entries_for_an_hour() {
    // RK-6
    let mut protections = with(|config| config.max_drawdown.enabled = false);
    protections.on_trade_closed(&trade(OPEN_NS, DOLLAR, false));
    assert_eq!(names(&protections, OPEN_NS), [], "no stop-out");
    protections.on_trade_closed(&trade(OPEN_NS, -DOLLAR, true));
    assert_eq!(
        names(&protections, OPEN_NS + HOUR_NS - 1),
        [N::CooldownPeriod]
    );
    assert_eq!(names(&protections, OPEN_NS + HOUR_NS), []);
}

#[test]
fn a_stop_out_that_is_told_late_shortens_nothing() {
    let mut protections = armed();
    protections.on_trade_closed(&trade(OPEN_NS + MINUTE_NS, -DOLLAR, true));
    protections.on_trade_closed(&trade(OPEN_NS, -DOLLAR, true));
    let cooldown = row(&protections, N::CooldownPeriod, OPEN_NS + MINUTE_NS);
    assert_eq!(cooldown.until_ns, Some(OPEN_NS + MINUTE_NS + HOUR_NS));
}

#[test]
fn no_trades_pass() {
    // RK-6
    let drawdown = row(&armed(), N::MaxDrawdown, OPEN_NS);
    assert_eq!(
        (drawdown.status, drawdown.value),
        (ProtectionStatus::Armed, Some(0))
    );
}

#[test]
fn a_drawdown_counts_from_the_peak_of_the_cumulative_profit() {
    // RK-6: (peak − current) / peak, tripped at 15 % for 24 h
    for (loss_1e8, expected) in [
        (15 * DOLLAR - 1, vec![]),
        (15 * DOLLAR, vec![N::MaxDrawdown]),
    ] {
        let mut protections = drawdown_alone();
        protections.on_trade_closed(&trade(OPEN_NS, 40 * DOLLAR, false));
        protections.on_trade_closed(&trade(OPEN_NS + 1, 60 * DOLLAR, false));
        protections.on_trade_closed(&trade(OPEN_NS + 2, -loss_1e8, false));
        assert_eq!(
            names(&protections, OPEN_NS + 2),
            expected,
            "loss {loss_1e8}"
        );
        assert_eq!(names(&protections, OPEN_NS + 2 + DAY_NS - 1), expected);
        assert_eq!(names(&protections, OPEN_NS + 2 + DAY_NS), []);
    }
}

#[test]
fn without_a_profit_a_drawdown_counts_from_the_capital() {
    // RK-6: the peak is not positive; 15 % of 1000
    for (loss_1e8, expected) in [
        (150 * DOLLAR - 1, vec![]),
        (150 * DOLLAR, vec![N::MaxDrawdown]),
    ] {
        let mut protections = drawdown_alone();
        protections.on_trade_closed(&trade(OPEN_NS, -loss_1e8, false));
        assert_eq!(names(&protections, OPEN_NS), expected, "loss {loss_1e8}");
    }
}

#[test]
fn a_peak_too_small_to_measure_by_leaves_the_capital_as_the_base() {
    // RK-6, docs/decisions: one loss after a profit of a few dollars is no drawdown of the account
    for (peak_min_1e8, profit_1e8, expected) in [
        (0, 1, vec![N::MaxDrawdown]),
        (20 * DOLLAR, 20 * DOLLAR, vec![]),
        (20 * DOLLAR, 20 * DOLLAR + 1, vec![N::MaxDrawdown]),
    ] {
        let mut protections = with(|config| {
            config.cooldown_period.enabled = false;
            config.stoploss_guard.enabled = false;
            config.max_drawdown.peak_min_1e8 = peak_min_1e8;
        });
        protections.on_trade_closed(&trade(OPEN_NS, profit_1e8, false));
        protections.on_trade_closed(&trade(OPEN_NS + 1, -10 * DOLLAR, false));
        assert_eq!(names(&protections, OPEN_NS + 1), expected, "{profit_1e8}");
    }
    let mut config = ProtectionsConfig::default();
    config.max_drawdown.peak_min_1e8 = -1;
    assert!(config.validate().unwrap_err()[0].contains("peak_min_1e8"));
}

#[test]
fn a_configured_capital_goes_before_the_first_equity() {
    let mut protections = with(|config| {
        config.cooldown_period.enabled = false;
        config.max_drawdown.capital_base_1e8 = Some(100 * DOLLAR);
    });
    protections.on_trade_closed(&trade(OPEN_NS, -15 * DOLLAR, false));
    assert_eq!(names(&protections, OPEN_NS), [N::MaxDrawdown]);
}

#[test]
fn a_loss_counts_from_the_capital_that_was_known_after_the_open() {
    // RK-6: a broker's answer may come after the session's open
    let mut protections = Protections::new(ProtectionsConfig::default());
    open(&mut protections, 20_200_102, None);
    protections.on_equity(Some(EQUITY));
    protections.on_balance(EQUITY);
    protections.on_balance(1);
    protections.on_trade_closed(&trade(OPEN_NS, -1, false));
    assert_eq!(names(&protections, OPEN_NS), []);
}

#[test]
fn a_loss_over_an_unknown_capital_refuses() {
    // RK-7
    let mut protections = Protections::new(ProtectionsConfig::default());
    open(&mut protections, 20_200_102, None);
    protections.on_equity(Some(EQUITY));
    assert_eq!(names(&protections, OPEN_NS), []);
    protections.on_trade_closed(&trade(OPEN_NS, -1, false));
    let active = protections.active(&xyz(), OPEN_NS);
    assert_eq!(
        (active[0].name, active[0].is_unknown, active[0].value),
        (N::MaxDrawdown, true, None)
    );
    assert_eq!(active[0].to_string(), "MAX_DRAWDOWN cannot be computed");
    protections.on_trade_closed(&trade(OPEN_NS + 1, 2, false));
    assert_eq!(
        names(&protections, OPEN_NS + 1),
        [],
        "a profit can be computed"
    );
}

#[test]
fn a_trade_leaves_the_window_after_seven_days() {
    // RK-6
    for (gap_ns, expected) in [(7 * DAY_NS - 1, vec![N::MaxDrawdown]), (7 * DAY_NS, vec![])] {
        let mut protections = drawdown_alone();
        protections.on_trade_closed(&trade(OPEN_NS, -149 * DOLLAR, false));
        let last_ns = OPEN_NS + gap_ns;
        protections.on_trade_closed(&trade(last_ns, -DOLLAR, false));
        assert_eq!(names(&protections, last_ns), expected, "gap {gap_ns}");
    }
}

/// The formula of RK-6 written out over all trades of the window.
fn plain_drawdown(nets_1e8: &[i64], base_1e8: i64) -> i64 {
    let (mut current, mut peak) = (0_i128, 0_i128);
    for net_1e8 in nets_1e8 {
        current += i128::from(*net_1e8);
        peak = peak.max(current);
    }
    let over = if peak > 0 { peak } else { i128::from(base_1e8) };
    i64::try_from((peak - current) * i128::from(ONE_1E8) / over).unwrap()
}

#[test]
fn many_trades_take_little_memory_and_give_the_same_drawdown() {
    // RK-6
    let mut protections = drawdown_alone();
    let mut nets_1e8 = Vec::new();
    for nth in 0..5_000_i64 {
        let made_1e8 = (nth * 7_919 % 4_001 - 1_950) * DOLLAR / 1000;
        nets_1e8.push(made_1e8);
        protections.on_trade_closed(&trade(OPEN_NS + nth, made_1e8, false));
        let value = row(&protections, N::MaxDrawdown, OPEN_NS).value;
        assert_eq!(
            value,
            Some(plain_drawdown(&nets_1e8, EQUITY)),
            "trade {nth}"
        );
    }
    let size = serde_json::to_vec(protections.state()).unwrap().len();
    assert!(size < 64_000, "{size} bytes for 5,000 trades");
}
