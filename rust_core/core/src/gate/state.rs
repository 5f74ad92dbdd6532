//! Checks of the state of things: what stops entries whatever their size.

use super::draft::{GateContext, OrderDraft};
use super::failures::Failures;
use super::rules::GateRules;
use super::ruling::CheckName;
use crate::message::{KillLevel, Purpose};

/// Kill, pause, halt, session, deadline, open questions, protections and policies: none of them may object.
pub(super) fn check_entry(
    draft: &OrderDraft<'_>,
    context: &GateContext<'_>,
    failures: &mut Failures,
) {
    check_switches(context, failures);
    check_time(draft, context, failures);
    match context.has_unknown_order {
        None => failures.unknown(CheckName::UnknownOrder, "whether an order is UNKNOWN"),
        Some(true) => {
            let detail = format!(
                "an order of {} is UNKNOWN until the broker says",
                draft.instrument
            );
            failures.refuse(CheckName::UnknownOrder, Some(1), Some(0), detail);
        }
        Some(false) => {}
    }
    match context.protections {
        None => failures.unknown(CheckName::Protections, "the state of the protections"),
        Some(active) => {
            for one in active {
                failures.refuse(
                    CheckName::Protections,
                    one.value,
                    one.limit,
                    one.to_string(),
                );
            }
        }
    }
    match context.vetoes {
        None => failures.unknown(CheckName::PolicyVeto, "the answer of the policies"),
        Some(vetoes) => {
            for veto in vetoes {
                let detail = format!("policy {} refuses: {}", veto.policy, veto.reason);
                failures.refuse(CheckName::PolicyVeto, None, None, detail);
            }
        }
    }
}

/// An exit passes every switch but an EMERGENCY that leaves positions with their stops: only those pass it.
pub(super) fn check_exit(
    draft: &OrderDraft<'_>,
    rules: &GateRules,
    context: &GateContext<'_>,
    failures: &mut Failures,
) {
    let leaves = context.kill_level == KillLevel::Emergency && !rules.emergency_closes_positions;
    if leaves && !draft.is_protective && draft.purpose != Purpose::Protect {
        let detail = "positions are left with their stops under EMERGENCY".to_owned();
        failures.refuse(
            CheckName::KillLevel,
            Some(KillLevel::Emergency as i64),
            None,
            detail,
        );
    }
}

/// Who may enter at all.
pub(super) fn check_allowed(draft: &OrderDraft<'_>, rules: &GateRules, failures: &mut Failures) {
    let lists = [
        (
            CheckName::InstrumentAllowed,
            "instrument",
            draft.instrument,
            &rules.allowed_instruments,
        ),
        (
            CheckName::StrategyAllowed,
            "strategy",
            draft.strategy,
            &rules.allowed_strategies,
        ),
    ];
    for (name, what, text, allowed) in lists {
        if allowed.as_ref().is_some_and(|list| !list.contains(text)) {
            failures.refuse(
                name,
                None,
                None,
                format!("{what} {text} is not in the allowed list"),
            );
        }
    }
}

fn check_switches(context: &GateContext<'_>, failures: &mut Failures) {
    if context.kill_level != KillLevel::None {
        let detail = format!("the kill level is {}", context.kill_level.as_str());
        failures.refuse(
            CheckName::KillLevel,
            Some(context.kill_level as i64),
            Some(0),
            detail,
        );
    }
    if context.is_paused {
        failures.refuse(
            CheckName::Paused,
            Some(1),
            Some(0),
            "entries are paused".to_owned(),
        );
    }
    if let Some(reason) = context.halted {
        failures.refuse(
            CheckName::Halted,
            Some(1),
            Some(0),
            format!("halted: {reason}"),
        );
    }
}

fn check_time(draft: &OrderDraft<'_>, context: &GateContext<'_>, failures: &mut Failures) {
    let now_ns = context.now_ns;
    match context.session {
        None => failures.refuse(
            CheckName::SessionOpen,
            Some(now_ns),
            None,
            "no session is open".to_owned(),
        ),
        Some(session) if !(session.open_ns..session.close_ns).contains(&now_ns) => {
            let detail = format!(
                "the session runs from {} to {}, now is {now_ns} ns",
                session.open_ns, session.close_ns
            );
            failures.refuse(
                CheckName::SessionOpen,
                Some(now_ns),
                Some(session.close_ns),
                detail,
            );
        }
        Some(_) => {}
    }
    if now_ns > draft.deadline_ns {
        let detail = format!("the deadline was {}, now is {now_ns} ns", draft.deadline_ns);
        failures.refuse(
            CheckName::Deadline,
            Some(now_ns),
            Some(draft.deadline_ns),
            detail,
        );
    }
}
