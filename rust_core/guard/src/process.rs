//! One process of a run: started here or taken up, ended, and, beside the trader, started again (WD-10).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::crew::Plan;
use crate::host::Held;
use crate::reports::Reports;

/// The trader's wish to be started again.
pub const RESTART: i32 = 75;
/// So many in a row, or within a minute, and a process is given up.
pub const RESTARTS_MAX: usize = 5;
const SUMMARY: &str = "run-summary.json";
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// A part that lived for so long has not failed.
const LIVED_LONG: Duration = Duration::from_secs(60);
/// Above this an output file is put aside when its process starts, and cut while it runs.
pub const OUTPUT_MAX: u64 = 8 << 20;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Code(i32),
    /// By a signal; 0 where nobody knows which.
    Signal(i32),
}

impl End {
    /// In words.
    pub fn text(self) -> String {
        match self {
            Self::Code(RESTART) => "asked to be restarted".to_owned(),
            Self::Code(code) => format!("ended with exit code {code}"),
            Self::Signal(0) => "was killed".to_owned(),
            Self::Signal(number) => format!("was killed by {}", signal_name(number)),
        }
    }
}

fn signal_name(number: i32) -> String {
    let known = [
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (3, "SIGQUIT"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (15, "SIGTERM"),
    ];
    let found = known.iter().find(|(at, _)| *at == number);
    found.map_or(format!("signal {number}"), |(_, name)| (*name).to_owned())
}

/// One process, started here or by the guard before this one.
#[derive(Debug)]
pub struct Running {
    /// A hold on it.
    pub held: Held,
    child: Option<Child>,
    since: Instant,
}

impl Running {
    /// A child that was just started.
    ///
    /// # Errors
    /// The kernel gives no hold on it; it was ended.
    pub fn started(mut child: Child, now: Instant) -> Result<Self, String> {
        let Some(held) = Held::child(child.id()) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err("the kernel gave no hold on it".to_owned());
        };
        Ok(Self {
            held,
            child: Some(child),
            since: now,
        })
    }

    /// One that another guard started; `None` when it is gone.
    pub fn adopted(identity: (u32, u64), now: Instant) -> Option<Self> {
        let held = Held::take(identity)?;
        Some(Self {
            held,
            child: None,
            since: now,
        })
    }

    /// How it ended, once it has; of one that another guard started only the trader's files tell.
    pub fn end(&mut self, folder: &Path) -> Option<End> {
        match self.child.as_mut() {
            Some(child) => {
                let status = child.try_wait().ok().flatten()?;
                Some(match status.code() {
                    Some(code) => End::Code(code),
                    None => End::Signal(status.signal().unwrap_or(0)),
                })
            }
            None if self.held.is_alive() => None,
            None if folder.join(SUMMARY).exists() => Some(End::Code(0)),
            None => Some(End::Signal(0)),
        }
    }
}

/// Archivist or console: trading does not depend on it, so it may fail and is started again.
#[derive(Debug)]
pub struct Part {
    name: &'static str,
    nice: i32,
    command: Option<Vec<String>>,
    /// The process, while there is one.
    pub running: Option<Running>,
    failures: u32,
    /// When it is to be started.
    pub start_at: Option<Instant>,
}

impl Part {
    /// To be started at once, if there is a command.
    pub fn new(name: &'static str, nice: i32, command: Option<Vec<String>>, now: Instant) -> Self {
        let start_at = command.is_some().then_some(now);
        Self {
            name,
            nice,
            command,
            running: None,
            failures: 0,
            start_at,
        }
    }

    /// Start what is due; see what has ended.
    pub fn turn(&mut self, plan: &Plan, reports: &Reports, now: Instant) {
        if let Some(end) = self
            .running
            .as_mut()
            .and_then(|running| running.end(&plan.data_dir))
        {
            self.ended(&end.text(), reports, now);
        }
        if self.running.is_none() && self.start_at.is_some_and(|due| due <= now) {
            self.start_at = None;
            if let Err(problem) = self.start(plan, reports, now) {
                self.ended(&format!("did not start: {problem}"), reports, now);
            }
        }
    }

    fn ended(&mut self, how: &str, reports: &Reports, now: Instant) {
        let name = self.name;
        let lived_long = self
            .running
            .take()
            .is_some_and(|running| now.duration_since(running.since) > LIVED_LONG);
        self.failures = if lived_long { 1 } else { self.failures + 1 };
        if self.failures as usize > RESTARTS_MAX {
            reports.line(&format!(
                "the {name} failed {} times and is given up; see {name}-output.txt",
                self.failures
            ));
            return;
        }
        let wait = backoff(self.failures as usize);
        reports.line(&format!(
            "the {name} {how}; started again in {} s",
            wait.as_secs_f64()
        ));
        self.start_at = Some(now + wait);
    }

    fn start(&mut self, plan: &Plan, reports: &Reports, now: Instant) -> Result<(), String> {
        let Some(arguments) = &self.command else {
            return Ok(());
        };
        let output = output(&plan.data_dir, self.name)?;
        let said = reports.descriptor().map_or(Stdio::null(), Stdio::from);
        let child = Command::new(&plan.python)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(said)
            .stderr(output)
            .process_group(0)
            .spawn()
            .map_err(|error| error.to_string())?;
        let running = Running::started(child, now)?;
        running.held.nice(self.nice);
        self.running = Some(running);
        Ok(())
    }

    /// Let it finish; whether it has.
    pub fn end(&mut self, folder: &Path, signal: Signal) -> bool {
        self.start_at = None;
        let Some(running) = self.running.as_mut() else {
            return true;
        };
        if running.end(folder).is_some() {
            self.running = None;
            return true;
        }
        running.held.signal(signal);
        false
    }
}

/// How long to wait before the next start.
pub fn backoff(times: usize) -> Duration {
    let doubled = u32::try_from(times.saturating_sub(1)).unwrap_or(16).min(16);
    (BACKOFF_FIRST * 2_u32.pow(doubled)).min(BACKOFF_MAX)
}

/// The file that takes what a process prints; a long one is put aside first, so that no more than two are kept.
///
/// # Errors
/// It cannot be opened.
pub fn output(folder: &Path, name: &str) -> Result<File, String> {
    let path = folder.join(format!("{name}-output.txt"));
    if fs::metadata(&path).is_ok_and(|found| found.len() > OUTPUT_MAX) {
        let _ = fs::rename(&path, path.with_extension("old.txt"));
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Cut what a process that goes on has printed, once it is above `most`: the newest part of it is kept beside.
///
/// Every writer appends, so the next line stands at the beginning. What is printed between the copy and the cut is lost;
/// where there is no room for the copy all of it is: a disk that prints have filled stops more than their text is worth.
/// Returns whether it was cut.
pub fn cut_output(folder: &Path, name: &str, most: u64) -> bool {
    let path = folder.join(format!("{name}-output.txt"));
    let found = OpenOptions::new().read(true).write(true).open(&path);
    let Ok(mut file) = found else { return false };
    let length = file.metadata().map_or(0, |found| found.len());
    if length <= most {
        return false;
    }
    let old = path.with_extension("old.txt");
    if copied(&mut file, &old, length - most, most).is_err() {
        let _ = fs::remove_file(&old);
    }
    file.set_len(0).is_ok()
}

/// From `from` on, no more than twice `most`: a process may print faster than this copies.
fn copied(file: &mut File, to: &Path, from: u64, most: u64) -> io::Result<u64> {
    let mut copy = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(to)?;
    file.seek(SeekFrom::Start(from))?;
    io::copy(&mut file.take(2 * most), &mut copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;
    use std::io::Write;

    #[test]
    fn what_a_process_prints_is_cut_while_it_runs_and_its_newest_part_is_kept() {
        let folder = Folder::new("output");
        let mut file = output(folder.path(), "trader").unwrap();
        let path = folder.path().join("trader-output.txt");
        file.write_all(b"123456").unwrap();
        assert!(!cut_output(folder.path(), "trader", 6));
        file.write_all(b"789\n").unwrap();
        assert!(cut_output(folder.path(), "trader", 6));
        file.write_all(b"then\n").unwrap(); // the same open file, as a process has it
        assert_eq!(fs::read_to_string(&path).unwrap(), "then\n");
        let old = fs::read_to_string(path.with_extension("old.txt")).unwrap();
        assert_eq!(old, "56789\n");
        assert!(!cut_output(folder.path(), "nobody", 6));
    }

    #[test]
    fn where_there_is_no_room_for_a_copy_it_is_cut_all_the_same() {
        let folder = Folder::new("output-full");
        let mut file = output(folder.path(), "trader").unwrap();
        file.write_all(b"1234567").unwrap();
        let path = folder.path().join("trader-output.txt");
        fs::create_dir(path.with_extension("old.txt")).unwrap(); // cannot be written
        assert!(cut_output(folder.path(), "trader", 6));
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }
}
