//! Collects what fails.

use super::ruling::{CheckName, FailedCheck, Severity};

/// The failed checks of one draft, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Failures(pub(super) Vec<FailedCheck>);

impl Failures {
    pub(super) fn refuse(
        &mut self,
        name: CheckName,
        value: Option<i64>,
        limit: Option<i64>,
        detail: String,
    ) {
        self.0.push(FailedCheck {
            name,
            severity: Severity::Refusal,
            value,
            limit,
            detail,
        });
    }

    pub(super) fn critical(&mut self, name: CheckName, value: i64, limit: i64, detail: String) {
        self.0.push(FailedCheck {
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
    pub(super) fn at_most(&mut self, name: CheckName, what: &str, value: Option<i64>, limit: i64) {
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
            Some(_) => {}
        }
    }
}
