//! The guard of a whole run: it starts the processes, watches them, and ends with the run's exit code.

use std::fs::File;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{json, Value};

use super::{only_guard, Guard, LOCK};
use crate::alert::tell;
use crate::config::{load, Config};
use crate::control::{ask, Asked, Control};
use crate::crew::{Crew, Plan};
use crate::fence::Hold;
use crate::host::Held;
use crate::notify::Notify;
use crate::page::{self, Phase};
use crate::reports::Reports;

/// How long a guard that is to make room may take; then it is killed, as it may be frozen.
const ROOM_WAIT: Duration = Duration::from_secs(2);
/// The longest that the end of a run waits for a venue that does not show that nothing of ours works.
const CLEAR_WAIT: Duration = Duration::from_secs(30);
const REFUSED: u8 = 3;
const USAGE: u8 = 2;

/// Why a run was not begun: its exit code, and what a person reads.
pub type NotBegun = (u8, String);

impl Guard {
    /// The guard of a run; with `take_over` in place of another that watches its data directory.
    ///
    /// # Errors
    /// Another guard is alive (3), or the set-up cannot be used (2); nothing was started.
    pub fn of_run(plan: &Plan) -> Result<(Self, Control), NotBegun> {
        let usage = |problem: String| (USAGE, problem);
        let config = match &plan.guard {
            Some(path) => load(path).map_err(usage)?,
            None => Config::bare(plan.data_dir.clone()),
        };
        if same(&config.data_dir) != same(&plan.data_dir) {
            return Err(usage(format!(
                "the guard's data_dir must be the run's, {}; was {}",
                plan.data_dir.display(),
                config.data_dir.display()
            )));
        }
        let lock = match only_guard(&config.data_dir) {
            Ok(lock) => lock,
            Err(_) if plan.takes_over() => made_room(&config).map_err(|why| (REFUSED, why))?,
            Err(why) => return Err((REFUSED, format!("{why}{}", who_trades(&config)))),
        };
        let socket = config.socket_path();
        let mut guard = Self::with(config, Some(lock), crate::log::NAME).map_err(usage)?;
        guard.try_venue().map_err(usage)?;
        let control = Control::open(&socket).map_err(usage)?;
        Ok((guard, control))
    }

    /// Whether orders could be taken off, asked before anything is started; a guard that has work to do goes on anyway.
    ///
    /// # Errors
    /// The venue gives no list of orders that can be believed.
    pub fn try_venue(&mut self) -> Result<(), String> {
        let beat = page::read(&self.config.data_dir).ok().flatten();
        let is_needed = beat.is_some_and(|beat| beat.phase != Phase::Ended)
            || self.fence.held().ok() != Some(Hold::Free);
        match self.venue.as_mut() {
            Some(venue) if !is_needed => venue.open_orders().map(|_| ()).map_err(|why| {
                format!("the guard's venue cannot be used: {why}; nothing was started")
            }),
            _ => Ok(()),
        }
    }

    /// Start what the plan says, and watch until the run is over or another guard takes it up; its exit code.
    pub fn keep(
        mut self,
        plan: Plan,
        reports: Reports,
        mut control: Control,
        notify: &Notify,
        stop: &UnixStream,
    ) -> u8 {
        let now = Instant::now();
        if !self.is_bare() {
            let pid = json!({"pid": std::process::id()});
            self.note("Started", "the guard watches", pid, false);
        }
        self.take_up_hold();
        let crew = Crew::new(plan, reports, now);
        if crew.trader_pid().is_none() && !self.is_bare() {
            self.look(now); // one that died with the guard before this one: its orders come off first
        }
        self.crew = Some(crew);
        notify.tell("READY=1");
        let code = loop {
            self.turn(Some(&mut control));
            let _ = self.fence.beat();
            notify.tell("WATCHDOG=1");
            if let Some(code) = self.is_over() {
                break code;
            }
            let woken = self.wait(&control, stop);
            if woken.is_told {
                let _ = (&*stop).read(&mut [0; 64]);
                notify.tell("STOPPING=1");
            }
            self.stop_if(woken.is_told, woken.is_alone);
        };
        if !self.is_bare() {
            let text = "the run is over; nobody watches now";
            self.note("Stopped", text, json!({"exit_code": code}), false);
        }
        control.close();
        code
    }

    fn stop_if(&mut self, is_told: bool, is_alone: bool) {
        let Some(crew) = self.crew.as_mut() else {
            return;
        };
        if is_alone {
            crew.reports_lost();
        }
        if is_alone && crew.is_under_way() {
            tell("whoever started the run has gone: it is stopped");
        }
        if is_told || is_alone {
            crew.stop(Instant::now());
        }
    }

    /// What the processes need: their ends were noted before the look, which may have begun a response.
    pub(super) fn turn_crew(&mut self, now: Instant) {
        let Some(crew) = self.crew.as_mut() else {
            return;
        };
        let hold = self.response.as_ref().map(|response| response.hold);
        // A trader that is started while a person holds trading says so itself, and ends.
        let is_first = crew.trader_pid().is_none();
        let may_start = hold.is_none() || (is_first && hold == Some(Hold::Person));
        let beat = page::read(&self.config.data_dir).ok().flatten();
        let hears = beat.is_some_and(|beat| Some(beat.pid) == crew.trader_pid());
        let before = crew.pids();
        crew.turn(now, may_start, hold == Some(Hold::Person), hears);
        if crew.pids() != before {
            crew.note();
        }
    }

    fn is_over(&self) -> Option<u8> {
        let crew = self.crew.as_ref()?;
        let code = crew.code()?;
        let is_clear = self
            .response
            .as_ref()
            .is_none_or(|response| response.outcome.is_some());
        if !is_clear && !crew.has_ended_for(CLEAR_WAIT) {
            return None;
        }
        if !self.has_yielded {
            crew.forget();
        }
        Some(code)
    }

    /// Leave the run to the guard that asks for it.
    pub(super) fn make_room(&mut self, by: &str) -> Value {
        let text = format!("{by} takes over; this guard watches no more");
        self.note("Yielded", &text, Value::Null, true);
        self.has_yielded = true;
        if let Some(crew) = self.crew.as_mut() {
            crew.hand_over(Instant::now());
        }
        json!({"type": "done"})
    }

    /// Without a configuration of its own: no venue, and only what a person has to know is logged.
    pub(super) fn is_bare(&self) -> bool {
        self.venue.is_none()
    }
}

fn same(path: &std::path::Path) -> std::path::PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The lock, once the guard that has it has made room, or was killed because it does not answer.
fn made_room(config: &Config) -> Result<File, String> {
    let by = format!("process {}", std::process::id());
    let _ = ask(&config.socket_path(), &Asked::Yield { by }, ROOM_WAIT);
    let until = Instant::now() + ROOM_WAIT;
    let mut is_killed = false;
    loop {
        match only_guard(&config.data_dir) {
            Ok(lock) => return Ok(lock),
            Err(why) if is_killed && Instant::now() >= until + ROOM_WAIT => return Err(why),
            Err(_) if !is_killed && Instant::now() >= until => {
                is_killed = true;
                if let Some(held) = lock_holder(config).and_then(Held::take) {
                    held.signal(Signal::KILL);
                }
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn lock_holder(config: &Config) -> Option<(u32, u64)> {
    let text = std::fs::read_to_string(config.data_dir.join(LOCK)).ok()?;
    let (pid, start) = text.trim().split_once(' ')?;
    Some((pid.parse().ok()?, start.parse().ok()?))
}

fn who_trades(config: &Config) -> String {
    let beat = page::read(&config.data_dir).ok().flatten();
    beat.map_or(String::new(), |beat| {
        format!("; its trader is process {}", beat.pid)
    })
}
