//! The pre-trade risk gate and its verdicts (RK-1).
//!
//! [`check`] is asked before an intent is journaled; [`ReleaseGate`] is compared when its bytes are handed over.

mod draft;
mod failures;
mod limits;
mod release;
mod rules;
mod ruling;
mod shape;
mod state;
mod submission;

pub use draft::{BuyingPower, GateContext, MarkPrice, OrderDraft, ProtectiveStop, SessionTimes};
pub use release::{Attempt, Refusal, ReleaseGate};
pub use rules::{GateRules, InstrumentRules};
pub use ruling::{CheckName, FailedCheck, Figures, PassedCheck, Ruling, Severity, Unit};
pub use submission::{BindError, OrderRequest, RedeemError, Submission, Verdict};

use crate::message::Purpose;
use failures::Failures;

/// Rules on one draft: every check that fails, or a verdict (RK-1).
///
/// What is missing refuses, and so do no rules at all. An exit is spared the checks of risk, never those of shape.
pub fn check(draft: &OrderDraft<'_>, context: &GateContext<'_>) -> Ruling {
    check_all(draft, context).0
}

/// As [`check`], with the figures of the checks that passed.
pub fn check_all(draft: &OrderDraft<'_>, context: &GateContext<'_>) -> (Ruling, Vec<PassedCheck>) {
    let mut failures = Failures::default();
    shape::check_fields(draft, &mut failures);
    let instrument = shape::known_instrument(context, &mut failures);
    if let Some(instrument) = instrument {
        shape::check_fit(draft, instrument, context, &mut failures);
    }
    if context.rules.is_none() {
        failures.unknown(CheckName::RulesPresent, "the account's set of rules");
    }
    let figures = match draft.purpose {
        Purpose::Exit | Purpose::Protect => check_exit(draft, context, &mut failures),
        Purpose::Entry => check_entry(draft, context, instrument, &mut failures),
    };
    let ruling = if failures.failed.is_empty() {
        Ruling::Approved(Verdict::new(draft, figures))
    } else {
        Ruling::Refused(failures.failed)
    };
    (ruling, failures.passed)
}

/// About as many figures as an entry is compared with, so that their list grows once.
const FIGURES: usize = 16;

fn check_exit(
    draft: &OrderDraft<'_>,
    context: &GateContext<'_>,
    failures: &mut Failures,
) -> Figures {
    shape::check_reduces(draft, context, failures);
    if let Some(rules) = context.rules {
        state::check_exit(draft, rules, context, failures);
    }
    Figures::default()
}

fn check_entry(
    draft: &OrderDraft<'_>,
    context: &GateContext<'_>,
    instrument: Option<&InstrumentRules>,
    failures: &mut Failures,
) -> Figures {
    failures.passed.reserve_exact(FIGURES);
    state::check_entry(draft, context, failures);
    let Some(rules) = context.rules else {
        return Figures::default();
    };
    state::check_allowed(draft, rules, failures);
    instrument.map_or_else(Figures::default, |instrument| {
        limits::check_entry(draft, rules, instrument, context, failures)
    })
}

#[cfg(test)]
mod tests;
