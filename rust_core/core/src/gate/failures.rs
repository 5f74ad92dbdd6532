//! Collects what fails, and the figures of what passes.

use super::ruling::{CheckName, FailedCheck, PassedCheck, Severity, Unit};

/// The checks of one draft, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pub(super) failed: Vec<FailedCheck>,
    /// Those that compare a figure with a limit.
    pub(super) passed: Vec<PassedCheck>,
}

impl Failures {
    pub(super) fn refuse(
        &mut self,
        name: CheckName,
        value: Option<i64>,
        limit: Option<i64>,
        detail: String,
    ) {
        self.failed.push(FailedCheck {
            name,
            severity: Severity::Refusal,
            value,
            limit,
            detail,
        });
    }

    pub(super) fn critical(&mut self, name: CheckName, value: i64, limit: i64, detail: String) {
        self.failed.push(FailedCheck {
            name,
            severity: Severity::Critical,
            value: Some(value),
            limit: Some(limit),
            detail,
        });
    }

    pub(super) fn unknown(&mut self, name: CheckName, what: &str) {
        self.refuse(name, None, None, format!("{what} is unknown"));
    }

    /// Refuses a value above its limit, below zero, or unknown.
    pub(super) fn at_most(
        &mut self,
        (name, unit): (CheckName, Unit),
        what: &str,
        value: Option<i64>,
        limit: i64,
    ) {
        match value {
            None => self.refuse(
                name,
                None,
                Some(limit),
                format!("{what} is unknown, at most {limit} is allowed"),
            ),
            Some(found) if !(0..=limit).contains(&found) => {
                let detail = format!("{what} must be between 0 and {limit}, was {found}");
                self.refuse(name, value, Some(limit), detail);
            }
            Some(value) => self.pass(name, unit, value, limit),
        }
    }

    /// A check that compared a figure with a limit and had nothing against it.
    pub(super) fn pass(&mut self, name: CheckName, unit: Unit, value: i64, limit: i64) {
        self.passed.push(PassedCheck {
            name,
            value,
            limit,
            unit,
        });
    }
}
