//! What the kernel says of the trader, the disk and the clocks.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{pidfd_open, pidfd_send_signal, Pid, PidfdFlags, Signal};
use rustix::time::{clock_gettime, ClockId};

use crate::page::Beat;

/// Fields of `/proc/PID/stat` behind the name, which may hold anything: state, start and resident pages.
const STATE: usize = 0;
const START: usize = 19;
const RESIDENT: usize = 21;
const NS_PER_S: i128 = 1_000_000_000;
const MB: u64 = 1 << 20;

/// A process as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// When it began, in ticks since boot.
    pub start_ticks: u64,
    /// Resident memory.
    pub resident_mb: u64,
}

/// The process of that id; `None` when there is none, or only its exit code is left.
pub fn process(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*fields.get(STATE)?, "Z" | "X") {
        return None;
    }
    let pages: u64 = fields.get(RESIDENT)?.parse().ok()?;
    Some(Process {
        start_ticks: fields.get(START)?.parse().ok()?,
        resident_mb: pages * rustix::param::page_size() as u64 / MB,
    })
}

/// A hold on one very process, however its id is used later.
#[derive(Debug)]
pub struct Held {
    /// Whose beat it is: process id and start.
    pub identity: (u32, u64),
    /// Readable when the process has ended.
    pub pidfd: OwnedFd,
}

impl Held {
    /// Take hold of the process that wrote `beat`; `None` when it is gone.
    pub fn of(beat: &Beat) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(beat.pid).ok()?)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        // Looked at behind the open: what it holds now is what this look saw.
        (process(beat.pid)?.start_ticks == beat.start_ticks).then_some(Self {
            identity: (beat.pid, beat.start_ticks),
            pidfd,
        })
    }

    /// Take hold of a child, which nobody else can reap, so its number is its own.
    pub fn child(pid: u32) -> Option<Self> {
        let pidfd = pidfd_open(
            Pid::from_raw(i32::try_from(pid).ok()?)?,
            PidfdFlags::empty(),
        )
        .ok()?;
        let start_ticks = process(pid).map_or(0, |found| found.start_ticks); // 0: it has ended already
        Some(Self {
            identity: (pid, start_ticks),
            pidfd,
        })
    }

    /// Take hold of a process by its number and start; `None` when it is gone.
    pub fn take(identity: (u32, u64)) -> Option<Self> {
        let held = Self::child(identity.0)?;
        (held.identity == identity).then_some(held)
    }

    /// Readable when the process has ended.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Let others go first.
    pub fn nice(&self, nice: i32) {
        let pid = i32::try_from(self.identity.0).ok().and_then(Pid::from_raw);
        let _ = rustix::process::setpriority_process(pid, nice);
    }

    /// Whether the process still lives.
    pub fn is_alive(&self) -> bool {
        process(self.identity.0).is_some_and(|found| found.start_ticks == self.identity.1)
    }

    /// Send it a signal; one that is gone gets none.
    pub fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.pidfd, signal);
    }
}

/// Room that the data directory's disk has for us, `None` when the kernel does not say.
pub fn disk_free_mb(data_dir: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(data_dir).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize) / MB)
}

/// Nanoseconds UTC, for the log and for people.
pub fn wall_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The wall's clock minus the time since boot: it changes when somebody sets the clock.
pub fn wall_offset_ns() -> i128 {
    let boot = clock_gettime(ClockId::Boottime);
    i128::from(wall_ns()) - (i128::from(boot.tv_sec) * NS_PER_S + i128::from(boot.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Phase;
    use std::process::Command;

    fn beat_of(pid: u32, start_ticks: u64) -> Beat {
        Beat {
            pid,
            start_ticks,
            phase: Phase::Trading,
            sequence: 1,
            mail_age_ns: 0,
            journaled: 0,
            pending: 0,
            orders: 0,
            positions: 0,
        }
    }

    #[test]
    fn a_process_is_known_by_its_start_and_gone_when_only_its_exit_code_is_left() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let found = process(child.id()).unwrap();
        assert!(Held::of(&beat_of(child.id(), found.start_ticks + 1)).is_none());
        let held = Held::of(&beat_of(child.id(), found.start_ticks)).unwrap();
        assert!(held.is_alive());
        held.signal(Signal::KILL);
        let mut fds = [rustix::event::PollFd::new(
            &held.pidfd,
            rustix::event::PollFlags::IN,
        )];
        rustix::event::poll(&mut fds, None).unwrap();
        assert!(!held.is_alive()); // a zombie: nobody has waited for it
        child.wait().unwrap();
    }

    #[test]
    fn this_process_has_memory_and_the_disk_has_room() {
        assert!(process(std::process::id()).unwrap().resident_mb > 0);
        assert!(disk_free_mb(&std::env::temp_dir()).is_some());
        assert!((wall_offset_ns() - wall_offset_ns()).abs() < NS_PER_S);
    }
}
