//! The processes of one run: trader, archivist and console; started, started again, ended (WD-1, WD-7, WD-10).
//!
//! They are no part of this process: they outlive it, and the guard after it takes them up by what `guard-crew.json`
//! says, each by process id and start. The trader's exit codes 0 to 3 end the run. Killed by a signal, or ended with
//! 75, it is started again with `recover`, ever later, so many times a minute.

use std::collections::VecDeque;
use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::closing::Closer;
use crate::process::{backoff, cut_output, output, End, Part, Running, OUTPUT_MAX, RESTARTS_MAX};
use crate::reports::Reports;

/// What a later guard takes the processes up by.
pub const CREW: &str = "guard-crew.json";
/// Exit codes that end a run: done, failed, usage, refused.
const FINAL: std::ops::RangeInclusive<i32> = 0..=3;
const FAILED: u8 = 1;
const REFUSED: u8 = 3;
const RESTARTS_WITHIN: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Whose output is kept short while it runs: each process of a run, and the guard itself.
const OUTPUTS: [&str; 5] = ["trader", "archivist", "console", "closing", "guard"];
const OUTPUTS_LOOK: Duration = Duration::from_secs(5);
/// How often it is looked whether a trader that is being loaded can hear a signal.
const READY_LOOK: Duration = Duration::from_millis(20);

/// What `holdfast run` asks for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Where the run's record stands.
    pub data_dir: PathBuf,
    /// The interpreter.
    pub python: PathBuf,
    /// The trader's module.
    pub trader: String,
    /// The trader's options, as it reads them.
    pub options: Map<String, Value>,
    /// The archivist's arguments, if there is to be one.
    pub archivist: Option<Vec<String>>,
    /// The console's arguments, if there is to be one.
    pub console: Option<Vec<String>>,
    /// The guard's own configuration; without one it watches by the limits of the spec, and no venue.
    pub guard: Option<PathBuf>,
}

impl Plan {
    fn asks(&self, name: &str) -> bool {
        self.options.get(name) == Some(&Value::Bool(true))
    }

    /// Whether another instance is to be fenced first.
    pub fn takes_over(&self) -> bool {
        self.asks("take_over")
    }

    /// What tells one run's options from another's.
    fn identity(&self) -> Map<String, Value> {
        let mut options = self.options.clone();
        for name in ["recover", "take_over", "restarts", "progress_fd"] {
            options.remove(name);
        }
        options
    }
}

/// What a later guard reads.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Noted {
    options: Map<String, Value>,
    trader: Option<(u32, u64)>,
    archivist: Option<(u32, u64)>,
    console: Option<(u32, u64)>,
    restarts: u64,
}

/// Everything that runs beside the guard.
#[derive(Debug)]
pub struct Crew {
    plan: Plan,
    reports: Reports,
    trader: Option<Running>,
    trader_id: Option<(u32, u64)>,
    closer: Option<Running>,
    parts: [Part; 2],
    restarts: u64,
    restarted: VecDeque<Instant>,
    start_at: Option<Instant>,
    stop_at: Option<Instant>,
    is_told: bool,
    is_killed: bool,
    over: Option<u8>,
    ending_at: Option<Instant>,
    outputs_at: Instant,
}

impl Crew {
    /// Nothing is started yet; what an earlier guard started for the same run, and still lives, is taken up.
    /// Archivist and console of one whose trader is dead are ended, then started anew.
    pub fn new(plan: Plan, reports: Reports, now: Instant) -> Self {
        let parts = [
            Part::new("archivist", 10, plan.archivist.clone(), now),
            Part::new("console", 5, plan.console.clone(), now),
        ];
        let restarts = plan
            .options
            .get("restarts")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        let mut crew = Self {
            trader: None,
            trader_id: None,
            closer: None,
            parts,
            restarts,
            restarted: VecDeque::new(),
            start_at: Some(now),
            stop_at: None,
            is_told: false,
            is_killed: false,
            over: None,
            ending_at: None,
            outputs_at: now,
            reports,
            plan,
        };
        crew.take_up(now);
        crew
    }

    fn take_up(&mut self, now: Instant) {
        let text = fs::read_to_string(self.plan.data_dir.join(CREW)).unwrap_or_default();
        let Ok(noted) = serde_json::from_str::<Noted>(&text) else {
            return;
        };
        let is_same = noted.options == self.plan.identity() && !self.plan.takes_over();
        let trader = noted.trader.and_then(|id| Running::adopted(id, now));
        if trader.is_some() && !is_same && !self.plan.takes_over() {
            return; // another run, which goes on: its lease refuses this one
        }
        for (part, id) in self.parts.iter_mut().zip([noted.archivist, noted.console]) {
            part.running = id.and_then(|id| Running::adopted(id, now));
            part.start_at = part.start_at.filter(|_| part.running.is_none());
        }
        let Some(trader) = trader.filter(|_| is_same) else {
            // Left over by a run that nobody ended: there is never a second one beside them.
            for running in self.parts.iter().filter_map(|part| part.running.as_ref()) {
                running.held.signal(Signal::TERM);
            }
            return;
        };
        let pid = trader.held.identity.0;
        self.reports.line(&format!(
            "the trader, process {pid}, goes on and is watched again"
        ));
        (self.trader_id, self.start_at) = (noted.trader, None);
        (self.trader, self.restarts) = (Some(trader), noted.restarts);
    }

    /// The trader's process, also after it has ended.
    pub fn trader_pid(&self) -> Option<u32> {
        self.trader_id.map(|(pid, _)| pid)
    }

    /// Who runs now.
    pub fn pids(&self) -> [Option<u32>; 3] {
        let parts = self.parts.iter().map(|part| part.running.as_ref());
        let mut all = std::iter::once(self.trader.as_ref()).chain(parts);
        std::array::from_fn(|_| all.next().flatten().map(|running| running.held.identity.0))
    }

    /// Where people are told.
    pub fn reports(&self) -> &Reports {
        &self.reports
    }

    /// Nobody reads there any more.
    pub fn reports_lost(&mut self) {
        self.reports.lost();
    }

    /// What becomes readable when a process ends.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let parts = self.parts.iter().filter_map(|part| part.running.as_ref());
        self.trader
            .iter()
            .chain(self.closer.iter())
            .chain(parts)
            .map(|running| running.held.fd())
    }

    /// When something is due without anybody saying so.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let waits = self.stop_at.is_some() || self.ending_at.is_some();
        let stop = waits.then_some(now + READY_LOOK);
        let parts = self.parts.iter().filter_map(|part| part.start_at);
        parts.chain(stop).chain(self.start_at).min()
    }

    /// The trader's end, told once.
    pub fn reap(&mut self) -> Option<End> {
        let end = self.trader.as_mut()?.end(&self.plan.data_dir)?;
        self.trader = None;
        Some(end)
    }

    /// What follows from the trader's end. One that the guard stopped is started again once that is over.
    pub fn ended(&mut self, end: End, was_stopped_by_guard: bool, now: Instant) {
        let text = format!("the trader {}", end.text());
        if let End::Code(code) = end {
            if FINAL.contains(&code) && !(was_stopped_by_guard && self.stop_at.is_none()) {
                self.over(u8::try_from(code).unwrap_or(FAILED), "", now);
                return;
            }
        }
        if self.stop_at.is_some() {
            self.over(FAILED, &format!("{text} while it was stopping"), now);
            return;
        }
        let within = |at: &Instant| now.duration_since(*at) > RESTARTS_WITHIN;
        while self.restarted.front().is_some_and(within) {
            self.restarted.pop_front();
        }
        if self.restarted.len() >= RESTARTS_MAX {
            let text = format!(
                "{text}, {} times within {} s; it is not started again. The record stands: see {}, then \
                 `holdfast run --recover`",
                RESTARTS_MAX + 1,
                RESTARTS_WITHIN.as_secs(),
                self.plan.data_dir.join("trader-output.txt").display()
            );
            self.over(FAILED, &text, now);
            return;
        }
        self.restarted.push_back(now);
        let wait = backoff(self.restarted.len());
        self.start_at = Some(now + wait);
        self.restarts += 1;
        self.options_of_restart();
        let then = if was_stopped_by_guard {
            "started again once trading is held no more".to_owned()
        } else {
            format!("restarting in {} s", wait.as_secs_f64())
        };
        self.reports.line(&format!("{text}; {then}"));
    }

    fn options_of_restart(&mut self) {
        let restarts = Value::from(self.restarts);
        let options = &mut self.plan.options;
        options.insert("recover".to_owned(), Value::Bool(true));
        options.insert("take_over".to_owned(), Value::Bool(false));
        options.insert("restarts".to_owned(), restarts);
    }

    /// Stop the run: entries stop, what is in flight is resolved.
    pub fn stop(&mut self, now: Instant) {
        if self.stop_at.is_none() {
            self.signal_closing(Signal::TERM);
        }
        self.stop_at.get_or_insert(now);
    }

    /// What is due. A trader is started only while nothing is held; `hears` says that it can take a signal.
    pub fn turn(&mut self, now: Instant, may_start: bool, is_held: bool, hears: bool) {
        self.cut_outputs(now);
        if self.over.is_some() {
            self.end_parts(now);
            return;
        }
        let plan = &self.plan;
        for part in &mut self.parts {
            part.turn(plan, &self.reports, now);
        }
        if self.trader.is_none() && self.stop_at.is_some() {
            let text = "stopped before the trader was restarted; `holdfast run --recover` goes on";
            let held =
                "stopped while trading is held: guard.log says why. Look at the venue, then \
                        `holdfast-guard release --reason ...`";
            if is_held {
                self.over(REFUSED, held, now);
            } else {
                self.over(FAILED, text, now);
            }
        } else if self.trader.is_none() && may_start && self.start_at.is_some_and(|due| due <= now)
        {
            self.start_at = None;
            match self.start(now) {
                Ok(()) => self.note(),
                Err(problem) => {
                    let text = format!("the trader could not be started: {problem}");
                    self.over(FAILED, &text, now);
                }
            }
        }
        self.tell_to_stop(now, hears);
    }

    fn cut_outputs(&mut self, now: Instant) {
        if self.outputs_at > now {
            return;
        }
        self.outputs_at = now + OUTPUTS_LOOK;
        for name in OUTPUTS {
            if cut_output(&self.plan.data_dir, name, OUTPUT_MAX) {
                let text = format!(
                    "{name}-output.txt was full: its newest part stands in {name}-output.old.txt"
                );
                self.reports.line(&text);
            }
        }
    }

    fn tell_to_stop(&mut self, now: Instant, hears: bool) {
        let (Some(since), Some(trader)) = (self.stop_at, self.trader.as_ref()) else {
            return;
        };
        // A signal before the trader can act on it would end it in the middle of being loaded.
        if !self.is_told && hears {
            self.is_told = true;
            trader.held.signal(Signal::TERM);
        }
        if !self.is_killed && now.duration_since(since) >= STOP_LIMIT {
            self.is_killed = true;
            let limit_s = STOP_LIMIT.as_secs();
            let text = format!("the trader has not ended within {limit_s} s; it is killed");
            self.reports.line(&text);
            trader.held.signal(Signal::KILL);
        }
    }

    fn start(&mut self, now: Instant) -> Result<(), String> {
        // The report pipe takes the place of an input that nobody types: the one descriptor below 3 that is free.
        let report = self.reports.descriptor();
        let progress_fd = if report.is_some() { 0 } else { -1 };
        let options = &mut self.plan.options;
        options.insert("progress_fd".to_owned(), Value::from(progress_fd));
        let options = options.clone();
        let input = report.map_or(Stdio::null(), Stdio::from);
        let running = self.spawn("trader", options, input, now)?;
        self.trader_id = Some(running.held.identity);
        self.trader = Some(running);
        Ok(())
    }

    /// A process of the trader's program, whose output goes to the file of that name.
    fn spawn(
        &self,
        name: &str,
        options: Map<String, Value>,
        input: Stdio,
        now: Instant,
    ) -> Result<Running, String> {
        let output = output(&self.plan.data_dir, name)?;
        let again = output.try_clone().map_err(|error| error.to_string())?;
        let child = Command::new(&self.plan.python)
            .args(["-m", &self.plan.trader])
            .arg(Value::Object(options).to_string())
            .stdin(input)
            .stdout(output)
            .stderr(again)
            .process_group(0)
            .spawn()
            .map_err(|error| error.to_string())?;
        Running::started(child, now)
    }

    fn over(&mut self, code: u8, text: &str, now: Instant) {
        self.over = Some(code);
        self.ending_at = Some(now);
        self.reports.ended(text);
    }

    fn end_parts(&mut self, now: Instant) {
        let since = self.ending_at.unwrap_or(now);
        let signal = if now.duration_since(since) >= STOP_LIMIT {
            Signal::KILL
        } else {
            Signal::TERM
        };
        let folder = &self.plan.data_dir;
        for part in &mut self.parts {
            part.end(folder, signal);
        }
    }

    /// The run's exit code, once all of it has ended.
    pub fn code(&self) -> Option<u8> {
        let all = self.parts.iter().all(|part| part.running.is_none()) && self.closer.is_none();
        self.over.filter(|_| all)
    }

    /// Whether the trader has not ended for good.
    pub fn is_under_way(&self) -> bool {
        self.over.is_none()
    }

    /// Whether the run has been over for so long.
    pub fn has_ended_for(&self, span: Duration) -> bool {
        self.ending_at.is_some_and(|at| at.elapsed() >= span)
    }

    /// Another guard takes this run's place: leave the trader to it, end the others.
    pub fn hand_over(&mut self, now: Instant) {
        self.trader = None;
        self.over(REFUSED, "another instance has taken over", now);
    }

    /// What a later guard takes these processes up by; a note that fails costs a restart of them, no more.
    pub fn note(&self) {
        let id = |running: &Option<Running>| running.as_ref().map(|running| running.held.identity);
        let noted = Noted {
            options: self.plan.identity(),
            trader: id(&self.trader),
            archivist: id(&self.parts[0].running),
            console: id(&self.parts[1].running),
            restarts: self.restarts,
        };
        let path = self.plan.data_dir.join(CREW);
        let aside = path.with_extension("tmp");
        if let Ok(text) = serde_json::to_string(&noted) {
            let _ = fs::write(&aside, text).and_then(|()| fs::rename(&aside, &path));
        }
    }

    /// The run is over: nothing is there to take up.
    pub fn forget(&self) {
        let _ = fs::remove_file(self.plan.data_dir.join(CREW));
    }
}

impl Closer for Crew {
    fn start_closing(&mut self, now: Instant) -> Result<u32, String> {
        if self.stop_at.is_some() {
            return Err("the run is being stopped".to_owned());
        }
        if self.trader.is_some() {
            return Err("the trader has not ended".to_owned());
        }
        let mut options = self.plan.options.clone();
        let own = [
            ("closing", Value::Bool(true)),
            ("recover", Value::Bool(true)),
            ("take_over", Value::Bool(false)),
            ("restarts", Value::from(0)),
            ("progress_fd", Value::from(-1)),
        ];
        options.extend(own.map(|(name, value)| (name.to_owned(), value)));
        let running = self.spawn("closing", options, Stdio::null(), now)?;
        let pid = running.held.identity.0;
        self.closer = Some(running);
        Ok(pid)
    }

    fn closing_end(&mut self) -> Option<End> {
        let end = self.closer.as_mut()?.end(&self.plan.data_dir)?;
        self.closer = None;
        Some(end)
    }

    fn signal_closing(&self, signal: Signal) {
        if let Some(closer) = &self.closer {
            closer.held.signal(signal);
        }
    }
}
