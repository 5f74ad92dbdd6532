//! The guard at work: one loop that looks, acts, answers and tells.

mod run;

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::fs::{flock, FlockOperation};
use rustix::process::Signal;
use serde_json::{json, Value};

use crate::alert::{tell, Alerts};
use crate::closing::Closer;
use crate::config::{credentials, Config};
use crate::control::{Asked, Control, Level};
use crate::crew::Crew;
use crate::fence::{Fence, Hold};
use crate::host::{self, Held};
use crate::log::{Log, ROOM};
use crate::notify::Notify;
use crate::page::{self, Phase};
use crate::response::{Cause, Means, Note, Response};
use crate::venue::{connect, Venue};
use crate::watch::{Finding, Sample, Watch};

/// Held by the one guard of a data directory.
pub const LOCK: &str = "guard.lock";
/// The log of a kill for which no guard could be reached.
pub const DIRECT_LOG: &str = "guard-kill.log";
/// Longest pause between two looks at what is due.
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// What `lifts_per_hour_max` counts within.
const HOUR: Duration = Duration::from_secs(3600);

/// Everything that one guard holds.
pub struct Guard {
    config: Config,
    fence: Fence,
    log: Log,
    alerts: Alerts,
    watch: Watch,
    venue: Option<Box<dyn Venue>>,
    crew: Option<Crew>,
    has_yielded: bool,
    trader: Option<Held>,
    response: Option<Response>,
    waiting: Vec<u64>,
    next_look: Instant,
    lifted: VecDeque<Instant>,
    _lock: Option<File>,
}

impl Guard {
    /// The one guard of its data directory.
    ///
    /// # Errors
    /// Another guard is alive, the keys cannot be used, or a file cannot be opened; nothing was started.
    pub fn open(config: Config) -> Result<Self, String> {
        let lock = only_guard(&config.data_dir)?;
        Self::with(config, Some(lock), crate::log::NAME)
    }

    /// Hands for one kill, for when no guard can be reached: whoever holds the lock may be frozen.
    ///
    /// # Errors
    /// The keys cannot be used, or a file cannot be opened.
    pub fn direct(config: Config) -> Result<Self, String> {
        let lock = only_guard(&config.data_dir).ok();
        Self::with(config, lock, DIRECT_LOG)
    }

    fn with(config: Config, lock: Option<File>, log_name: &str) -> Result<Self, String> {
        let venue = match &config.venue {
            Some(venue) => Some(connect(venue, credentials(venue)?)),
            None => None,
        };
        let place = config.data_dir.display().to_string();
        let fence = Fence::open(&config.data_dir)
            .map_err(|error| format!("the fence in {place}: {error}"))?;
        let (log, moved) = Log::open(&config.data_dir, log_name, ROOM, host::wall_ns())
            .map_err(|error| format!("the guard's log in {place}: {error}"))?;
        let now = Instant::now();
        let mut guard = Self {
            fence,
            log,
            alerts: Alerts::new(config.alert.as_ref(), now),
            watch: Watch::new(&config.limits),
            venue,
            crew: None,
            has_yielded: false,
            trader: None,
            response: None,
            waiting: Vec::new(),
            next_look: now,
            lifted: VecDeque::new(),
            _lock: lock,
            config,
        };
        if let Some(aside) = moved {
            let text = format!(
                "the guard's log was changed by somebody: moved to {}",
                aside.display()
            );
            guard.note("LogBroken", &text, Value::Null, true);
        }
        Ok(guard)
    }

    /// Watch until `stop` can be read, which is a signal's word.
    pub fn run(mut self, mut control: Control, notify: &Notify, stop: &UnixStream) {
        self.note(
            "Started",
            "the guard watches",
            json!({"pid": std::process::id()}),
            false,
        );
        self.take_up_hold();
        notify.tell("READY=1");
        while !self.has_yielded && !self.wait(&control, stop).is_told {
            self.turn(Some(&mut control));
            let _ = self.fence.beat(); // a trader that does not see it shuts its gate by policy
            notify.tell("WATCHDOG=1");
        }
        notify.tell("STOPPING=1");
        self.note(
            "Stopped",
            "the guard was asked to stop; nobody watches now",
            Value::Null,
            false,
        );
        control.close();
    }

    /// Carry out one kill here; its counts, or the newest ones and the reason when `limit` has passed.
    pub fn kill_once(mut self, level: Level, reason: &str, by: &str, limit: Duration) -> Value {
        let until = Instant::now() + limit;
        self.look(Instant::now());
        if let Some(answer) = self.kill(level, reason, by) {
            return answer;
        }
        loop {
            self.turn(None);
            if let Some(outcome) = self
                .response
                .as_ref()
                .and_then(|response| response.outcome.clone())
            {
                return done(&outcome);
            }
            let now = Instant::now();
            if now >= until {
                return json!({"type": "failed", "why": format!("not done within {} s", limit.as_secs())});
            }
            std::thread::sleep(self.due(now).duration_since(now).min(until - now));
        }
    }

    /// A hold that an earlier guard left goes on: its sweep may not have ended.
    fn take_up_hold(&mut self) {
        if self.fence.held().ok() != Some(Hold::Free) {
            let text = "trading is held since before this guard began".to_owned();
            self.respond(Cause {
                kind: "HELD",
                text,
                level: None,
            });
        }
    }

    // --- the loop --------------------------------------------------------------------------------

    /// Sleep until something is due or somebody has something to say.
    fn wait(&self, control: &Control, stop: &UnixStream) -> Woken {
        let now = Instant::now();
        let pause = self.due(now).duration_since(now);
        let pause = Timespec {
            tv_sec: i64::try_from(pause.as_secs()).unwrap_or(1),
            tv_nsec: pause.subsec_nanos().into(),
        };
        let trader = self.trader.as_ref().filter(|_| self.response.is_none());
        let mut fds: Vec<PollFd<'_>> = std::iter::once(stop.as_fd())
            .chain(trader.map(|trader| trader.pidfd.as_fd()))
            .chain(self.crew.iter().flat_map(Crew::fds))
            .chain(control.fds())
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        let reader = self.crew.as_ref().and_then(|crew| crew.reports().fd());
        fds.extend(reader.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::empty())));
        let _ = poll(&mut fds, Some(&pause)); // interrupted or not, what is due is looked at
        let has_word = |fd: Option<&PollFd<'_>>| fd.is_some_and(|fd| !fd.revents().is_empty());
        Woken {
            is_told: has_word(fds.first()),
            is_alone: reader.is_some() && has_word(fds.last()),
        }
    }

    fn due(&self, now: Instant) -> Instant {
        let response = self.response.as_ref().map(Response::due);
        let crew = self.crew.as_ref().and_then(|crew| crew.due(now));
        let soonest = [Some(self.next_look), response, self.alerts.due(), crew]
            .into_iter()
            .flatten()
            .min();
        soonest.unwrap_or(now).clamp(now, now + PAUSE_MAX)
    }

    /// Everything that is due now.
    fn turn(&mut self, mut control: Option<&mut Control>) {
        let now = Instant::now();
        let was_stopped = self.response.as_ref().is_some_and(Response::has_asked);
        let ended = self.crew.as_mut().and_then(Crew::reap);
        let is_gone = self.response.is_none()
            && self
                .trader
                .as_ref()
                .is_some_and(|trader| !trader.is_alive());
        if now >= self.next_look || is_gone || ended.is_some() {
            self.look(now);
            if control.as_mut().is_some_and(|control| control.keep()) {
                self.note(
                    "SocketDeleted",
                    "the control socket was deleted and made again",
                    Value::Null,
                    true,
                );
            }
        }
        if let Some(control) = control.as_deref_mut() {
            for (client, asked) in control.asked() {
                self.asked(control, client, &asked);
            }
        }
        if let (Some(end), Some(crew)) = (ended, self.crew.as_mut()) {
            crew.ended(end, was_stopped, now);
        }
        self.act(Instant::now());
        if let Some(control) = control {
            self.answer_those_who_wait(control);
        }
        self.lift();
        self.turn_crew(Instant::now());
        // The venue comes first: a message may wait until the next thing is due there.
        let now = Instant::now();
        let is_idle = self
            .response
            .as_ref()
            .is_none_or(|response| response.due() > now);
        if is_idle && self.alerts.due().is_some_and(|due| due <= now) {
            if let Some(problem) = self.alerts.send_one(now) {
                tell(&problem);
            }
        }
    }

    fn look(&mut self, now: Instant) {
        self.next_look = now + self.watch.period();
        let trader = self.crew.as_ref().and_then(Crew::trader_pid);
        let beat = page::read(&self.config.data_dir)
            .ok()
            .flatten()
            .filter(|beat| trader.is_none_or(|pid| pid == beat.pid)) // of its own run's trader
            .or(self.watch.known().copied());
        self.hold(beat.as_ref());
        let verdict = self.watch.look(&Sample {
            now,
            beat,
            process: beat.and_then(|beat| host::process(beat.pid)),
            disk_free_mb: host::disk_free_mb(&self.config.data_dir),
            wall_offset_ns: host::wall_offset_ns(),
        });
        for Finding { kind, text } in verdict.warnings {
            let is_alert = kind != "LATE";
            self.note("Warned", &text, json!({"kind": kind}), is_alert);
            if is_alert {
                self.pause();
            }
        }
        // One that died has nothing left to fence: without a venue there is nothing to do but to start it again.
        let is_fault = |found: &Finding| {
            self.response.is_none() && !(self.is_bare() && found.kind == "PROCESS")
        };
        if let Some(Finding { kind, text }) = verdict.fault.filter(is_fault) {
            self.respond(Cause {
                kind,
                text,
                level: None,
            });
        }
    }

    /// Keep a hold on the process that the page names, also after it ended: then its end is seen at once.
    fn hold(&mut self, beat: Option<&page::Beat>) {
        let Some(beat) = beat else { return };
        let is_known = self
            .trader
            .as_ref()
            .is_some_and(|held| held.identity == (beat.pid, beat.start_ticks));
        if !is_known {
            self.trader = Held::of(beat);
        }
        if beat.phase == Phase::Ended {
            self.trader = self.trader.take().filter(Held::is_alive);
        }
    }

    fn act(&mut self, now: Instant) {
        let Some(response) = self.response.as_mut() else {
            return;
        };
        let mut means = Means {
            fence: &self.fence,
            trader: self.trader.as_ref(),
            venue: self.venue.as_deref_mut(),
            closer: self
                .crew
                .as_mut()
                .map(|crew| crew as &mut (dyn Closer + 'static)),
            escalation: &self.config.escalation,
        };
        for Note {
            kind,
            text,
            payload,
            is_alert,
        } in response.advance(&mut means, now)
        {
            self.note(kind, &text, payload, is_alert);
        }
    }

    fn respond(&mut self, cause: Cause) {
        let now = Instant::now();
        while self
            .lifted
            .front()
            .is_some_and(|at| now.duration_since(*at) >= HOUR)
        {
            self.lifted.pop_front();
        }
        let is_fault = cause.level.is_none() && cause.kind != "HELD";
        let is_lift_left = self.lifted.len() < self.config.escalation.lifts_per_hour_max as usize;
        let hold = if is_fault && is_lift_left {
            Hold::Passing
        } else {
            Hold::Person
        };
        let escalation = &self.config.escalation;
        let mut response = Response::new(
            cause,
            hold,
            self.config
                .venue
                .as_ref()
                .map_or("", |venue| venue.tag.as_str()),
            escalation,
            now,
        );
        response.close_by(self.config.closing.as_ref(), escalation);
        self.response = Some(response);
        self.act(now);
    }

    /// A fault that is over: whoever started the trader may start it again, so many times an hour.
    fn lift(&mut self) {
        let is_over = self
            .response
            .as_ref()
            .is_some_and(|response| response.hold == Hold::Passing && response.is_clear());
        if !is_over || self.trader.as_ref().is_some_and(Held::is_alive) {
            return;
        }
        if self.free().is_ok() {
            self.lifted.push_back(Instant::now());
            let left = self.config.escalation.lifts_per_hour_max as usize - self.lifted.len();
            let text = format!("the hold is lifted, {left} more this hour; a trader may start");
            self.note("Lifted", &text, json!({"left": left}), true);
        }
    }

    /// No response, no hold, and the old process's page closed; no trader has a page while one is held.
    fn free(&mut self) -> std::io::Result<()> {
        match page::close(&self.config.data_dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => self.fence.hold(Hold::Free)?,
        }
        (self.response, self.trader) = (None, None);
        self.watch = Watch::new(&self.config.limits);
        Ok(())
    }

    /// The trader's own signal for no new entries (KC-1).
    fn pause(&self) -> bool {
        let trader = self.trader.as_ref().filter(|trader| trader.is_alive());
        trader
            .inspect(|trader| trader.signal(Signal::USR1))
            .is_some()
    }

    fn note(&mut self, kind: &str, text: &str, payload: Value, is_alert: bool) {
        let mut whole = json!({"text": text});
        if let (Value::Object(whole), Value::Object(payload)) = (&mut whole, payload) {
            whole.extend(payload);
        }
        if let Err(error) = self.log.append(host::wall_ns(), kind, &whole) {
            tell(&format!("the log could not be written: {error}"));
        }
        if is_alert {
            if let Some(crew) = &self.crew {
                crew.reports().line(&format!("guard: {text}"));
            }
            self.alerts.say(text);
        } else {
            tell(text);
        }
    }

    // --- requests --------------------------------------------------------------------------------

    fn asked(&mut self, control: &mut Control, client: u64, asked: &Asked) {
        let answer = match asked {
            Asked::Status => Some(self.status()),
            Asked::Release { reason, by } => Some(self.release(reason, by)),
            Asked::Yield { by } => Some(self.make_room(by)),
            Asked::Kill { level, reason, by } => self.kill(*level, reason, by),
        };
        if let Some(answer) = answer {
            control.answer(client, &answer);
        } else {
            control.answer(client, &json!({"type": "accepted"}));
            self.waiting.push(client);
        }
    }

    fn answer_those_who_wait(&mut self, control: &mut Control) {
        let Some(outcome) = self
            .response
            .as_ref()
            .and_then(|response| response.outcome.as_ref())
        else {
            return;
        };
        for client in self.waiting.drain(..) {
            control.answer(client, &done(outcome));
        }
    }

    /// Carry out a kill: the answer, or `None` while it is under way.
    fn kill(&mut self, level: Level, reason: &str, by: &str) -> Option<Value> {
        let text = format!("{level:?} by {by}: {reason}");
        let id = format!("guard-{}", host::wall_ns());
        self.note(
            "Kill",
            &text,
            json!({"id": id, "level": level, "reason": reason, "by": by}),
            true,
        );
        if level == Level::Pause {
            let is_told = self.pause();
            return Some(json!({"type": "done", "is_trader_told": is_told}));
        }
        self.respond(Cause {
            kind: "KILL",
            text,
            level: Some(level),
        });
        None
    }

    /// Let a trader start again, once nothing is under way and the old one is gone.
    fn release(&mut self, reason: &str, by: &str) -> Value {
        let refused = |why: String| json!({"type": "refused", "why": why});
        if let Some(trader) = self.trader.as_ref().filter(|trader| trader.is_alive()) {
            return refused(format!(
                "the trader, process {}, still lives: end it first",
                trader.identity.0
            ));
        }
        if self
            .response
            .as_ref()
            .is_some_and(|response| !response.is_clear())
        {
            return refused("the venue has not shown yet that no order of ours works".to_owned());
        }
        if let Err(error) = self.free() {
            return refused(format!("the hold could not be lifted: {error}"));
        }
        self.note(
            "Released",
            &format!("released by {by}: {reason}"),
            json!({"reason": reason, "by": by}),
            true,
        );
        json!({"type": "done"})
    }

    fn status(&self) -> Value {
        let known = self.watch.known();
        let alive = self.trader.as_ref().is_some_and(Held::is_alive);
        json!({
            "type": "status",
            "trader": known.map(|beat| json!({
                "pid": beat.pid, "is_alive": alive, "phase": format!("{:?}", beat.phase).to_uppercase(),
                "sequence": beat.sequence, "orders": beat.orders, "positions": beat.positions,
            })),
            "processes": self.crew.as_ref().map(Crew::pids),
            "fence": self.fence.read().ok(),
            "is_held": self.fence.held().ok().map(|hold| hold != Hold::Free),
            "response": self.response.as_ref().map(|response| json!({
                "cause": response.cause.kind, "text": response.cause.text, "outcome": response.outcome,
            })),
        })
    }
}

/// What woke the guard.
struct Woken {
    /// A signal asks it to stop.
    is_told: bool,
    /// Whoever started the run and showed it has gone.
    is_alone: bool,
}

/// What a client that asked for a kill is told; one without a venue is never through.
fn done(outcome: &Value) -> Value {
    let mut answer = outcome.clone();
    answer["type"] = json!(if outcome["why"].is_null() {
        "done"
    } else {
        "failed"
    });
    answer
}

fn only_guard(data_dir: &Path) -> Result<File, String> {
    let path = data_dir.join(LOCK);
    let shown = path.display();
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| format!("{shown} cannot be opened: {error}"))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| format!("another guard is alive: it holds {shown}; stop that one first"))?;
    let pid = std::process::id();
    let start_ticks = host::process(pid).map_or(0, |found| found.start_ticks);
    let whose = format!("{pid} {start_ticks}\n");
    let noted = file
        .set_len(0)
        .and_then(|()| (&file).write_all(whose.as_bytes()));
    noted.map_err(|error| format!("{shown} cannot be written: {error}"))?;
    Ok(file)
}
