//! VWAP micro mean reversion (SG-3).
//!
//! **Exact by integers.** With prices and volumes at 1e-8, over the complete bars of the session so far:
//! `W = Σ (high + low + close) × volume`, `V = Σ volume`, both sums in `i128`, nothing divided. The
//! average is `W / (3 V)`, and it is compared without being computed:
//!
//! - entry (long): `close < vwap × (1 - d)`  ⇔  `close × 3V × 10^8 < W × (10^8 - d)`
//! - entry (short, only if both sides are traded): `close × 3V × 10^8 > W × (10^8 + d)`
//! - mean reversion of a long: `close ≥ vwap`  ⇔  `close × 3V ≥ W`; of a short: `close × 3V ≤ W`
//!
//! with `d` = `entry_deviation_ratio_1e8`. There is no rounding anywhere, so an oracle that uses whole
//! numbers or fractions decides the same on every bar. (The factor and 10^8 are divided by their greatest
//! common divisor first, which changes no comparison.) A product beyond 128 bits is no VWAP.
//!
//! **Time.** A bar counts by its END. An entry is allowed when
//! `open + window_start_minutes ≤ end ≤ open + window_end_minutes`, both ends included. The bar must lie
//! inside the session; the first `bars_min - 1` bars of a session give `WARMUP`.
//!
//! **Exits.** Mean reversion is advice. The stop (`stop_ratio_1e8` from the average fill, on a bar's close)
//! and the force flat at `min(open + flat_after_open_minutes, close - flat_before_close_minutes)` stand in
//! the entry's exit plan and belong to the account core.
//!
//! The order of the checks is: an open position first (advice, else `IN_POSITION`), then `DISABLED`,
//! `DAILY_LIMIT`, `WARMUP`, `NO_VWAP`, `OUTSIDE_WINDOW`, `MAX_TRADES`, `ORDER_WORKING`, the price.

mod parameters;

pub use parameters::{Parameter, VwapParameters, PARAMETERS};

use super::{Bar, Entry, Leave, NoTradeReason, RuleContext, RuleDecision, RuleFault};
use crate::message::{ExitReason, Side};
use crate::money::{div_round, narrow, text, ONE_1E8};

const MINUTE_NS: i64 = 60_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// The sums of a session and the parameters: one instrument's rule.
#[derive(Clone, Debug)]
pub struct VwapReversion {
    parameters: VwapParameters,
    long: Factor,
    short: Factor,
    open_ns: i64,
    last_end_ns: i64,
    bars: i64,
    sums: Option<Sums>,
}

/// Sums over the session; `None` in their place once they did not fit 128 bits.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    weighted: i128,
    volume_3: i128,
}

/// A ratio in lowest terms.
#[derive(Clone, Copy, Debug)]
struct Factor {
    numerator: i128,
    denominator: i128,
}

impl Factor {
    fn new(ratio_1e8: i64) -> Self {
        let (mut a, mut b) = (ratio_1e8, ONE_1E8);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let divisor = a.max(1);
        Self {
            numerator: i128::from(ratio_1e8 / divisor),
            denominator: i128::from(ONE_1E8 / divisor),
        }
    }
}

impl VwapReversion {
    /// A rule that has seen nothing.
    ///
    /// # Errors
    /// Text naming the parameter, its range and what it was.
    pub fn new(parameters: VwapParameters) -> Result<Self, String> {
        parameters.check()?;
        Ok(Self {
            long: Factor::new(ONE_1E8 - parameters.entry_deviation_ratio_1e8),
            short: Factor::new(ONE_1E8 + parameters.entry_deviation_ratio_1e8),
            parameters,
            open_ns: i64::MIN,
            last_end_ns: i64::MIN,
            bars: 0,
            sums: None,
        })
    }

    /// The parameters as given.
    pub fn parameters(&self) -> &VwapParameters {
        &self.parameters
    }

    /// Complete bars of this session so far.
    pub fn bars(&self) -> i64 {
        self.bars
    }

    /// The average so far, rounded half away from zero: for people, it decides nothing.
    pub fn vwap_1e8(&self) -> Option<i64> {
        let sums = self.sums?;
        narrow(div_round(sums.weighted, sums.volume_3)?)
    }

    /// Takes the next complete bar and says what follows.
    ///
    /// A new `open_ns` in the context begins a session. A bar outside the session counts for nothing.
    ///
    /// # Errors
    /// [`RuleFault`] when the bar lies in the future, before its predecessor, or cannot be true; it is
    /// not counted then.
    pub fn on_bar(&mut self, bar: &Bar, ctx: &RuleContext) -> Result<RuleDecision, RuleFault> {
        self.check(bar, ctx)?;
        self.last_end_ns = bar.end_ns;
        if ctx.open_ns != self.open_ns {
            self.begin(ctx.open_ns);
        }
        let inside = bar.start_ns >= ctx.open_ns && bar.end_ns <= ctx.close_ns;
        if inside {
            self.count(bar);
        }
        if let Some(side) = ctx.position {
            return Ok(self.in_position(side, bar, ctx));
        }
        let reason = match self.refusal(inside, bar, ctx) {
            Some(reason) => reason,
            None => match self.entry_side(bar) {
                Ok(side) => return Ok(RuleDecision::Enter(Box::new(self.entry(side, bar, ctx)))),
                Err(reason) => reason,
            },
        };
        Ok(RuleDecision::NoTrade(reason))
    }

    fn check(&self, bar: &Bar, ctx: &RuleContext) -> Result<(), RuleFault> {
        if bar.end_ns > ctx.now_ns {
            return Err(RuleFault::LookAhead {
                end_ns: bar.end_ns,
                now_ns: ctx.now_ns,
            });
        }
        if bar.start_ns < self.last_end_ns {
            return Err(RuleFault::OutOfOrder {
                start_ns: bar.start_ns,
                last_end_ns: self.last_end_ns,
            });
        }
        if !bar.is_possible() {
            return Err(RuleFault::Impossible { end_ns: bar.end_ns });
        }
        Ok(())
    }

    fn begin(&mut self, open_ns: i64) {
        self.open_ns = open_ns;
        self.bars = 0;
        self.sums = Some(Sums::default());
    }

    fn count(&mut self, bar: &Bar) {
        let typical_3 =
            i128::from(bar.high_1e8) + i128::from(bar.low_1e8) + i128::from(bar.close_1e8);
        let volume = i128::from(bar.volume_1e8);
        self.bars += 1;
        self.sums = self.sums.and_then(|sums| {
            Some(Sums {
                weighted: sums.weighted.checked_add(typical_3.checked_mul(volume)?)?,
                volume_3: sums.volume_3 + volume * 3,
            })
        });
    }

    fn in_position(&self, side: Side, bar: &Bar, ctx: &RuleContext) -> RuleDecision {
        if ctx.is_exit_pending || !self.has_reverted(side, bar) {
            return RuleDecision::NoTrade(NoTradeReason::InPosition);
        }
        RuleDecision::Exit(Leave {
            reason: ExitReason::TakeProfit,
            reference_1e8: bar.close_1e8,
            vwap_1e8: self.vwap_1e8().unwrap_or(0),
            text: "mean reversion",
        })
    }

    fn has_reverted(&self, side: Side, bar: &Bar) -> bool {
        let Some((close, vwap)) = self.sides_of(bar, Factor::new(ONE_1E8)) else {
            return false;
        };
        match side {
            Side::Buy => close >= vwap,
            Side::Sell => close <= vwap,
        }
    }

    /// `close` and `vwap × factor`, both times the same positive number; `None` without a VWAP.
    fn sides_of(&self, bar: &Bar, factor: Factor) -> Option<(i128, i128)> {
        let sums = self.sums.filter(|sums| sums.volume_3 > 0)?;
        let close = i128::from(bar.close_1e8)
            .checked_mul(sums.volume_3)?
            .checked_mul(factor.denominator)?;
        Some((close, sums.weighted.checked_mul(factor.numerator)?))
    }

    fn refusal(&self, inside: bool, bar: &Bar, ctx: &RuleContext) -> Option<NoTradeReason> {
        let p = &self.parameters;
        let since_open_ns = bar.end_ns - ctx.open_ns;
        let window = p.window_start_minutes * MINUTE_NS..=p.window_end_minutes * MINUTE_NS;
        if !ctx.is_trading_allowed {
            Some(NoTradeReason::Disabled)
        } else if ctx.session_net_1e8 <= -p.session_loss_max_1e8 {
            Some(NoTradeReason::DailyLimit)
        } else if self.bars < p.bars_min {
            Some(NoTradeReason::Warmup)
        } else if self.sums.is_none_or(|sums| sums.volume_3 == 0) {
            Some(NoTradeReason::NoVwap)
        } else if !inside || !window.contains(&since_open_ns) {
            Some(NoTradeReason::OutsideWindow)
        } else if ctx.entries >= p.entries_max {
            Some(NoTradeReason::MaxTrades)
        } else if ctx.is_entry_pending {
            Some(NoTradeReason::OrderWorking)
        } else {
            None
        }
    }

    fn entry_side(&self, bar: &Bar) -> Result<Side, NoTradeReason> {
        let (close, low) = self.sides_of(bar, self.long).ok_or(NoTradeReason::NoVwap)?;
        if close < low {
            return Ok(Side::Buy);
        }
        if self.parameters.is_short_allowed {
            let (close, high) = self
                .sides_of(bar, self.short)
                .ok_or(NoTradeReason::NoVwap)?;
            if close > high {
                return Ok(Side::Sell);
            }
        }
        Err(NoTradeReason::PriceAboveThreshold)
    }

    fn entry(&self, side: Side, bar: &Bar, ctx: &RuleContext) -> Entry {
        let p = &self.parameters;
        let vwap_1e8 = self.vwap_1e8().unwrap_or(0);
        let word = match side {
            Side::Buy => "below",
            Side::Sell => "above",
        };
        Entry {
            side,
            setup_instance: setup_instance(bar.end_ns - ctx.open_ns),
            stop_ratio_1e8: p.stop_ratio_1e8,
            force_flat_ns: (ctx.open_ns + p.flat_after_open_minutes * MINUTE_NS)
                .min(ctx.close_ns - p.flat_before_close_minutes * MINUTE_NS),
            reference_1e8: bar.close_1e8,
            reference_ns: bar.end_ns,
            vwap_1e8,
            reason: format!(
                "close {} is more than {} {word} vwap {}",
                text(bar.close_1e8),
                text(p.entry_deviation_ratio_1e8),
                text(vwap_1e8)
            ),
        }
    }
}

/// `m0030` for the bar that ends half an hour into the session; seconds follow where there are any.
fn setup_instance(since_open_ns: i64) -> String {
    let minutes = since_open_ns / MINUTE_NS;
    let seconds = since_open_ns % MINUTE_NS / SECOND_NS;
    if seconds == 0 {
        format!("m{minutes:04}")
    } else {
        format!("m{minutes:04}s{seconds:02}")
    }
}

#[cfg(test)]
mod tests;
