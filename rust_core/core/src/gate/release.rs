//! The last comparison before bytes leave: kill level, controls, fence, breaker, halt, deadline (KC-3, ST-5).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::message::KillLevel;

/// The instant of hand-over of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Whether the order may enlarge a position.
    pub adds_risk: bool,
    /// Now.
    pub now_ns: i64,
    /// After this instant an entry does not leave.
    pub deadline_ns: i64,
    /// The fence in shared memory, read just now; `None` uses the gate's own copy.
    pub fence_word: Option<u64>,
}

/// Why nothing leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Refusal {
    /// No fence was given to the gate, so nobody knows who may trade.
    FenceUnknown,
    /// Another holder raised the fence.
    Fenced,
    /// The kill level is PAUSE.
    KillPause,
    /// The kill level is FLATTEN.
    KillFlatten,
    /// The kill level is EMERGENCY.
    KillEmergency,
    /// Entries are paused by a control.
    Paused,
    /// An invariant halted this scope.
    Halted,
    /// A breaker of the broker is open.
    BreakerOpen,
    /// The deadline has passed.
    PastDeadline,
}

impl Refusal {
    /// The word of the journal and the exceptions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FenceUnknown => "FENCE_UNKNOWN",
            Self::Fenced => "FENCED",
            Self::KillPause => "KILL_PAUSE",
            Self::KillFlatten => "KILL_FLATTEN",
            Self::KillEmergency => "KILL_EMERGENCY",
            Self::Paused => "PAUSED",
            Self::Halted => "HALTED",
            Self::BreakerOpen => "BREAKER_OPEN",
            Self::PastDeadline => "PAST_DEADLINE",
        }
    }
}

/// Names that are set, with a count that is read without a lock.
#[derive(Debug, Default)]
struct Names {
    set: Mutex<BTreeSet<String>>,
    count: AtomicUsize,
}

impl Names {
    fn put(&self, name: &str, is_set: bool) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        if is_set {
            set.insert(name.to_owned());
        } else {
            set.remove(name);
        }
        self.count.store(set.len(), Ordering::SeqCst);
    }

    fn any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }
}

/// A shared latch that every hand-over compares. It is raised synchronously, the instant a kill arrives.
///
/// A gate made with [`ReleaseGate::child`] is shut whenever its parent is: one root for the system with the fence
/// and the kill, one child per account with its own breakers and halts. A fresh root lets nothing out until it is
/// given a fence.
#[derive(Debug, Default)]
pub struct ReleaseGate {
    parent: Option<Arc<ReleaseGate>>,
    kill_level: AtomicU8,
    is_paused: AtomicBool,
    emergency_exits_barred: AtomicBool,
    halts: Names,
    breakers: Names,
    has_fence: AtomicBool,
    fence_expected: AtomicU64,
    fence_actual: AtomicU64,
}

impl ReleaseGate {
    /// A root gate: shut until [`ReleaseGate::set_fence`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A gate of its own under this one.
    #[must_use]
    pub fn child(self: &Arc<Self>) -> Self {
        Self {
            parent: Some(Arc::clone(self)),
            ..Self::default()
        }
    }

    /// Sets the kill level, up or down; lowering it is a person's act (KC-1).
    pub fn set_kill_level(&self, level: KillLevel) {
        self.kill_level.store(level as u8, Ordering::SeqCst);
    }

    /// Raises the kill level; a lower one changes nothing.
    pub fn raise_kill_level(&self, level: KillLevel) {
        self.kill_level.fetch_max(level as u8, Ordering::SeqCst);
    }

    /// The level here or above, whichever is higher.
    pub fn kill_level(&self) -> KillLevel {
        let raw = self.kill_level.load(Ordering::SeqCst);
        // a number that is no level counts as the highest
        let own = KillLevel::ALL
            .get(usize::from(raw))
            .copied()
            .unwrap_or(KillLevel::Emergency);
        self.parent
            .as_ref()
            .map_or(own, |parent| own.max(parent.kill_level()))
    }

    /// Pauses entries, or lets them go on.
    pub fn set_paused(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::SeqCst);
    }

    /// Halts a scope by name, or clears that halt (EX-9).
    pub fn set_halted(&self, scope: &str, is_halted: bool) {
        self.halts.put(scope, is_halted);
    }

    /// Opens or closes a broker's breaker by name (WD-3).
    pub fn set_breaker(&self, name: &str, is_open: bool) {
        self.breakers.put(name, is_open);
    }

    /// Whether exits leave under EMERGENCY; they do unless this says no (KC-1: positions may be left with stops).
    pub fn set_emergency_exits(&self, are_allowed: bool) {
        self.emergency_exits_barred
            .store(!are_allowed, Ordering::SeqCst);
    }

    /// The fence that we hold and the one that stands; unequal means that another trader has taken over (ST-5).
    pub fn set_fence(&self, expected: u64, actual: u64) {
        self.fence_expected.store(expected, Ordering::SeqCst);
        self.fence_actual.store(actual, Ordering::SeqCst);
        self.has_fence.store(true, Ordering::SeqCst);
    }

    /// Whether an order may leave at this instant.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies. Exits pass pause, flatten, breaker, halt and deadline; nothing passes a fence.
    pub fn admits(&self, attempt: &Attempt) -> Result<(), Refusal> {
        self.admits_cancel(attempt.fence_word)?;
        let level = self.kill_level();
        if attempt.adds_risk {
            self.admits_entry(level, attempt)
        } else if level == KillLevel::Emergency && self.emergency_exits_are_barred() {
            Err(Refusal::KillEmergency)
        } else {
            Ok(())
        }
    }

    /// Whether a cancel may leave: always, unless another holder has the fence.
    ///
    /// # Errors
    /// [`Refusal::FenceUnknown`] or [`Refusal::Fenced`].
    pub fn admits_cancel(&self, fence_word: Option<u64>) -> Result<(), Refusal> {
        if let Some(parent) = &self.parent {
            return parent.admits_cancel(fence_word);
        }
        if !self.has_fence.load(Ordering::SeqCst) {
            return Err(Refusal::FenceUnknown);
        }
        let expected = self.fence_expected.load(Ordering::SeqCst);
        let own_copy = self.fence_actual.load(Ordering::SeqCst);
        if own_copy != expected || fence_word.is_some_and(|word| word != expected) {
            return Err(Refusal::Fenced);
        }
        Ok(())
    }

    fn admits_entry(&self, level: KillLevel, attempt: &Attempt) -> Result<(), Refusal> {
        match level {
            KillLevel::None => {}
            KillLevel::Pause => return Err(Refusal::KillPause),
            KillLevel::Flatten => return Err(Refusal::KillFlatten),
            KillLevel::Emergency => return Err(Refusal::KillEmergency),
        }
        self.admits_entry_here()?;
        if attempt.now_ns > attempt.deadline_ns {
            return Err(Refusal::PastDeadline);
        }
        Ok(())
    }

    fn admits_entry_here(&self) -> Result<(), Refusal> {
        if self.is_paused.load(Ordering::SeqCst) {
            return Err(Refusal::Paused);
        }
        if self.halts.any() {
            return Err(Refusal::Halted);
        }
        if self.breakers.any() {
            return Err(Refusal::BreakerOpen);
        }
        self.parent
            .as_ref()
            .map_or(Ok(()), |parent| parent.admits_entry_here())
    }

    fn emergency_exits_are_barred(&self) -> bool {
        self.emergency_exits_barred.load(Ordering::SeqCst)
            || self
                .parent
                .as_ref()
                .is_some_and(|parent| parent.emergency_exits_are_barred())
    }
}
