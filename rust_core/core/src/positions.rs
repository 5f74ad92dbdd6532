//! Positions from fills in any order.
//!
//! A position is two sums, bought and sold; everything else follows from them. So fills may come in any
//! order and the result is the same, and a reversal takes its part out again (EX-5, EX-7).

use crate::message::{ExitPlan, ExitReason, Name, Side, Stop};
use crate::money::{div_round, narrow, wide, ONE_1E8};
use crate::orders::is_zero;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

crate::message::named_enum! {
    /// Where a position stands in its life (PX-1).
    Phase {
        /// Its entry order still works.
        Entry = "ENTRY",
        /// It is open and watched.
        Monitoring = "MONITORING",
        /// An exit is under way; nothing else may decide for it.
        ExitPending = "EXIT_PENDING",
        /// It is flat.
        Closed = "CLOSED",
    }
}

/// A sum of fills on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Quantity.
    pub qty_1e8: i64,
    /// Sum of price × quantity, exact, at 1e-16.
    #[serde(with = "wide")]
    pub value_1e16: i128,
}

impl Sum {
    /// Average price; `None` for nothing.
    pub fn average_1e8(&self) -> Option<i64> {
        narrow(div_round(self.value_1e16, i128::from(self.qty_1e8))?)
    }

    /// With one more fill, or one less when `qty` is negative; `None` if it does not fit.
    pub fn with(self, qty_1e8: i64, price_1e8: i64) -> Option<Self> {
        Some(Self {
            qty_1e8: self.qty_1e8.checked_add(qty_1e8)?,
            value_1e16: self
                .value_1e16
                .checked_add(i128::from(qty_1e8) * i128::from(price_1e8))?,
        })
    }
}

/// Profit and loss of what was both bought and sold, by average cost, without fees.
///
/// Exact once the two quantities are equal; before that, one rounding half away from zero.
pub fn realised_1e8(bought: Sum, sold: Sum, multiplier_1e8: i64) -> Option<i64> {
    let matched = i128::from(bought.qty_1e8.min(sold.qty_1e8));
    if matched == 0 {
        return Some(0);
    }
    let scale = i128::from(ONE_1E8);
    let exact_1e16 = if bought.qty_1e8 == sold.qty_1e8 {
        sold.value_1e16.checked_sub(bought.value_1e16)?
    } else {
        let part = |sum: Sum| -> Option<i128> {
            if i128::from(sum.qty_1e8) == matched {
                return Some(sum.value_1e16);
            }
            div_round(
                sum.value_1e16.checked_mul(matched)?,
                i128::from(sum.qty_1e8),
            )
        };
        part(sold)?.checked_sub(part(bought)?)?
    };
    let multiplier = i128::from(multiplier_1e8);
    narrow(div_round(
        exact_1e16.checked_mul(multiplier)?,
        scale * scale,
    )?)
}

/// The plan of a position that nobody asked for: what a late fill or a reversal left over.
pub fn left_over() -> Arc<ExitPlan> {
    Arc::new(ExitPlan {
        stop: Stop::None {
            waiver: Name::from("left over"),
        },
        trailing_ratio_1e8: None,
        target: None,
        target_trailing_ratio_1e8: None,
        target_1: None,
        target_2: None,
        target_2_wait_ns: None,
        holding_max_ns: None,
        force_flat_ns: None,
    })
}

/// One position of one strategy in one instrument, from its first fill to flat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// `strategy/instrument/session_date/setup_instance`; also the trade's id.
    pub position_id: Name,
    /// Whose.
    pub strategy: Name,
    /// In what.
    pub instrument: Name,
    /// yyyymmdd of its entry.
    pub session_date: i64,
    /// The setup instance that opened it.
    pub setup_instance: Name,
    /// The order that opened it.
    pub entry_order_id: Name,
    /// Where it stands.
    pub phase: Phase,
    /// Side of its entry.
    pub side: Side,
    /// Open quantity; below zero is short.
    pub qty_1e8: i64,
    /// Part of the entry's quantity that is not yet final at the venue (EX-7).
    pub unconfirmed_1e8: i64,
    /// Everything bought.
    pub bought: Sum,
    /// Everything sold.
    pub sold: Sum,
    /// What reconciliation added to the quantity, on the venue's word and without a fill (ST-3).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub adopted_1e8: i64,
    /// Cost of what was adopted, known when the position is flat: cash that no trade explains.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub written_off_1e8: i64,
    /// Average price of the entry side.
    pub average_entry_1e8: i64,
    /// Realised so far, without fees.
    pub realised_1e8: i64,
    /// Fees so far.
    pub fees_1e8: i64,
    /// How it ends: the plan of the order that opened it, which holds it in the journal.
    #[serde(skip, default = "left_over")]
    pub plan: Arc<ExitPlan>,
    /// A stop price that the strategy set since; zero for none.
    pub stop_override_1e8: i64,
    /// A target price that the strategy set since; zero for none.
    pub target_override_1e8: i64,
    /// Best price since the first fill, from marks (trailing rules); zero before the first mark.
    pub best_1e8: i64,
    /// When the first target was reached; zero before.
    pub target_1_ns: i64,
    /// Reason of the exit under way, or of the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_reason: Option<ExitReason>,
    /// All of it is to be closed, whatever becomes of the exit under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_wanted: Option<ExitReason>,
    /// The exit order under way, empty if none.
    pub exit_order_id: Name,
    /// How many exits were tried.
    pub exit_attempt: i64,
    /// How many of them failed one after the other.
    pub exit_failures: i64,
    /// A failed exit is not tried again before this.
    pub exit_retry_ns: i64,
    /// Price that the last exit was decided on.
    pub exit_intended_1e8: i64,
    /// Level that triggered the last exit; zero if none.
    pub exit_threshold_1e8: i64,
    /// The reference price its entry was decided on.
    pub entry_intended_1e8: i64,
    /// Venue time of its first entry fill.
    pub entry_ns: i64,
    /// Venue time of its last exit fill; zero before.
    pub exit_ns: i64,
    /// Why it last changed.
    pub cause: Name,
}

impl Position {
    /// Sum of the fills on its entry side.
    pub fn entered(&self) -> Sum {
        match self.side {
            Side::Buy => self.bought,
            Side::Sell => self.sold,
        }
    }

    /// Sum of the fills on its exit side.
    pub fn exited(&self) -> Sum {
        match self.side {
            Side::Buy => self.sold,
            Side::Sell => self.bought,
        }
    }

    /// Average price of what is open: that of the entry side, or of the exit side where a reversal or an overfill
    /// left the other side of the position.
    pub fn basis_1e8(&self) -> i64 {
        if self.qty_1e8.signum() == self.side.sign() {
            return self.average_entry_1e8;
        }
        self.exited().average_1e8().unwrap_or(0)
    }

    /// Cash that its fills moved and that it did not realise: what is still open has cost that much.
    pub fn unrealised_cash_1e8(&self, multiplier_1e8: i64) -> Option<i64> {
        let moved_1e16 = self.sold.value_1e16.checked_sub(self.bought.value_1e16)?;
        let scale = i128::from(ONE_1E8) * i128::from(ONE_1E8);
        let moved = moved_1e16.checked_mul(i128::from(multiplier_1e8))?;
        narrow(div_round(moved, scale)?)?.checked_sub(self.realised_1e8)
    }

    /// Nothing is open.
    pub fn is_flat(&self) -> bool {
        self.qty_1e8 == 0
    }
}
