//! Protections at their edges, on time that is passed in.

mod announcements;
mod losses;
mod trades;
mod windows;

use super::*;
use crate::money::ONE_1E8;

pub(super) const DOLLAR: i64 = ONE_1E8;
pub(super) const MINUTE_NS: i64 = 60_000_000_000;
pub(super) const HOUR_NS: i64 = 60 * MINUTE_NS;
pub(super) const DAY_NS: i64 = 24 * HOUR_NS;
/// Thursday 2020-01-02, 14:30 UTC.
pub(super) const OPEN_NS: i64 = 1_577_975_400_000_000_000;
const CLOSE_NS: i64 = OPEN_NS + 390 * MINUTE_NS;
pub(super) const EQUITY: i64 = 1000 * DOLLAR;

pub(super) fn xyz() -> Name {
    Name::from("XYZ")
}

/// Everything at its default, in an open session with a known equity.
pub(super) fn armed() -> Protections {
    with(|_| ())
}

pub(super) fn with(change: impl FnOnce(&mut ProtectionsConfig)) -> Protections {
    let mut config = ProtectionsConfig::default();
    change(&mut config);
    assert_eq!(config.validate(), Ok(()));
    let mut protections = Protections::new(config);
    protections.on_session_opened(20_200_102, OPEN_NS, CLOSE_NS, Some(EQUITY));
    protections
}

/// The `day`th later date opens with this equity.
pub(super) fn open(protections: &mut Protections, date: i64, equity_1e8: Option<i64>) {
    let shift_ns = (date - 20_200_102) * DAY_NS;
    protections.on_session_opened(date, OPEN_NS + shift_ns, CLOSE_NS + shift_ns, equity_1e8);
}

pub(super) fn trade(exit_ns: i64, net_1e8: i64, stop_out: bool) -> ClosedTrade {
    ClosedTrade {
        exit_ns,
        net_1e8,
        stop_out,
    }
}

pub(super) fn names(protections: &Protections, now_ns: i64) -> Vec<ProtectionName> {
    let active = protections.active(&xyz(), now_ns);
    active.into_iter().map(|one| one.name).collect()
}

pub(super) fn row(protections: &Protections, name: ProtectionName, now_ns: i64) -> ProtectionRow {
    let mut rows = protections.rows(now_ns).into_iter();
    rows.find(|row| row.name == name).unwrap()
}
