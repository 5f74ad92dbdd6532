//! What is under way because of a fault or a kill: fence, ask, kill, take the orders off, and stay (WD-6).

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{json, Value};

use crate::closing::{Closer, Closing, Outcome};
use crate::config::{seconds, ClosingConfig, Escalation};
use crate::control::Level;
use crate::fence::{Fence, Hold};
use crate::host::Held;
use crate::sweep::Sweep;
use crate::venue::Venue;

/// How often a problem that lasts is told of again.
const ALARM_AGAIN: Duration = Duration::from_secs(60);

/// Why the guard acts.
#[derive(Clone, Debug)]
pub struct Cause {
    /// One word: a fault's kind, `KILL`, or `HELD` for what an earlier guard began.
    pub kind: &'static str,
    /// In words.
    pub text: String,
    /// A person's kill has one.
    pub level: Option<Level>,
}

/// Something to log, and to alert where it matters to a person.
#[derive(Debug)]
pub struct Note {
    /// For the log.
    pub kind: &'static str,
    /// What happened.
    pub text: String,
    /// Figures.
    pub payload: Value,
    /// Whether a person is told.
    pub is_alert: bool,
}

/// One response from its cause to its release.
pub struct Response {
    /// Why.
    pub cause: Cause,
    /// How trading is held meanwhile.
    pub hold: Hold,
    began: Instant,
    is_fenced: bool,
    is_asked: bool,
    kill_due: Option<Instant>,
    alarmed: Option<(String, Instant)>,
    sweep: Sweep,
    tag: String,
    closing: Option<Closing>,
    why_open: Option<String>,
    /// What a client that asked for a kill is answered, once the venue showed that nothing of ours works.
    pub outcome: Option<Value>,
}

/// What a response works with.
pub struct Means<'a> {
    /// Raised first.
    pub fence: &'a Fence,
    /// The trader, while it is known to live.
    pub trader: Option<&'a Held>,
    /// Where orders are taken off.
    pub venue: Option<&'a mut (dyn Venue + 'static)>,
    /// Who starts a closing process; `None` where nobody can.
    pub closer: Option<&'a mut (dyn Closer + 'static)>,
    /// How fast, and what is allowed.
    pub escalation: &'a Escalation,
}

impl Response {
    /// Nothing was done yet.
    pub fn new(cause: Cause, hold: Hold, tag: &str, escalation: &Escalation, now: Instant) -> Self {
        Self {
            cause,
            hold,
            began: now,
            is_fenced: false,
            is_asked: false,
            kill_due: None,
            alarmed: None,
            sweep: Sweep::new(tag, seconds(escalation.read_gap_s), now),
            tag: tag.to_owned(),
            closing: None,
            why_open: None,
            outcome: None,
        }
    }

    /// Close positions by this policy: only while trading is held for a person, as a trader that may start again looks
    /// after its own, and not in an EMERGENCY, in which everything halts (KC-1).
    pub fn close_by(&mut self, policy: Option<&ClosingConfig>, escalation: &Escalation) {
        let is_wanted = self.hold == Hold::Person && self.cause.level != Some(Level::Emergency);
        let stop_wait = escalation
            .may_kill
            .then_some(seconds(escalation.stop_wait_s));
        self.closing = policy
            .filter(|_| is_wanted)
            .map(|policy| Closing::new(policy, stop_wait));
    }

    /// When `advance` has something to do again.
    pub fn due(&self) -> Instant {
        if let Some(due) = self.closing.as_ref().and_then(Closing::due) {
            return due;
        }
        let sweep = self.sweep.due();
        self.kill_due.map_or(sweep, |kill| kill.min(sweep))
    }

    /// Whether the trader was asked to stop, so that its end is this response's doing.
    pub fn has_asked(&self) -> bool {
        self.is_asked
    }

    /// Whether the venue has shown that nothing of ours works, and nothing was found since.
    pub fn is_clear(&self) -> bool {
        let counts = self.sweep.counts();
        self.outcome.is_some() && counts.cancelled == 0 && counts.remaining.unwrap_or(0) == 0
    }

    /// The next thing, or the next few: at most one of them asks the venue.
    pub fn advance(&mut self, means: &mut Means<'_>, now: Instant) -> Vec<Note> {
        let mut notes = Vec::new();
        self.fence(means.fence, &mut notes, now);
        if self.closing.as_ref().is_some_and(Closing::is_running) {
            self.watch_closing(means, &mut notes, now);
            return notes;
        }
        self.end(means.trader, means.escalation, &mut notes, now);
        if self.sweep.due() <= now {
            self.take_off(means, &mut notes, now);
        }
        notes
    }

    /// The fence first: from here on nothing leaves the trader, whatever else fails.
    fn fence(&mut self, fence: &Fence, notes: &mut Vec<Note>, now: Instant) {
        if self.is_fenced {
            return;
        }
        match fence
            .raise()
            .and_then(|raised| fence.hold(self.hold).map(|()| raised))
        {
            Ok(raised) => {
                self.is_fenced = true;
                let text = format!(
                    "{}; the fence is raised, no order can leave",
                    self.cause.text
                );
                let payload =
                    json!({"cause": self.cause.kind, "fence": raised, "level": self.cause.level});
                notes.push(Note {
                    kind: "Fenced",
                    text,
                    payload,
                    is_alert: true,
                });
            }
            Err(error) => self.alarm(
                format!("the fence could not be raised: {error}"),
                notes,
                now,
            ),
        }
    }

    fn end(
        &mut self,
        trader: Option<&Held>,
        escalation: &Escalation,
        notes: &mut Vec<Note>,
        now: Instant,
    ) {
        let Some(trader) = trader.filter(|trader| trader.is_alive()) else {
            self.kill_due = None;
            return;
        };
        let pid = trader.identity.0;
        let payload = json!({"pid": pid});
        if !self.is_asked {
            self.is_asked = true;
            let wait = seconds(escalation.stop_wait_s);
            self.kill_due = escalation.may_kill.then_some(self.began + wait);
            trader.signal(Signal::TERM);
            notes.push(Note {
                kind: "StopAsked",
                text: format!("process {pid} was asked to stop"),
                payload: payload.clone(),
                is_alert: false,
            });
        }
        if self.kill_due.is_some_and(|due| due <= now) {
            self.kill_due = None;
            trader.signal(Signal::KILL);
            let wait_s = escalation.stop_wait_s;
            notes.push(Note {
                kind: "Killed",
                text: format!("process {pid} did not stop within {wait_s} s and was killed"),
                payload,
                is_alert: true,
            });
        }
    }

    fn take_off(&mut self, means: &mut Means<'_>, notes: &mut Vec<Note>, now: Instant) {
        let Some(venue) = means.venue.as_deref_mut() else {
            self.leave(means.escalation, notes, now);
            return;
        };
        self.sweep.step(venue, now);
        if !self.sweep.problem.is_empty() {
            let counts = self.sweep.counts();
            let left = counts
                .remaining
                .map_or("an unknown number of".to_owned(), |count| count.to_string());
            let text = format!(
                "{left} orders of ours may work, the venue cannot be used: {}",
                self.sweep.problem
            );
            self.alarm(text, notes, now);
        }
        if self.sweep.is_done() {
            let positions = venue.positions().ok();
            if self.begin_closing(means, positions, notes, now) {
                return;
            }
            self.swept(positions, means.escalation, notes, now);
        }
    }

    /// Whether a closing process was started: positions stand, the policy asks for it, and it was not done yet.
    fn begin_closing(
        &mut self,
        means: &mut Means<'_>,
        positions: Option<usize>,
        notes: &mut Vec<Note>,
        now: Instant,
    ) -> bool {
        let is_over = self.outcome.is_some() || positions == Some(0);
        let Some(closing) = self
            .closing
            .as_mut()
            .filter(|closing| !is_over && closing.has_tries())
        else {
            return false;
        };
        let is_alive = means.trader.is_some_and(Held::is_alive);
        if is_alive && means.escalation.may_kill {
            let gap = seconds(means.escalation.read_gap_s); // it has to end first, and will
            self.sweep = Sweep::new(&self.tag, gap, now + gap);
            return true;
        }
        let started = match means.closer.as_deref_mut() {
            Some(_) if is_alive => Err("the trader lives, and may not be killed".to_owned()),
            Some(closer) => closing.start(closer, now),
            None => Err("this guard starts no processes".to_owned()),
        };
        match started {
            Ok(pid) => {
                let text = format!("no order of ours works; process {pid} closes what is open");
                let payload = json!({"pid": pid, "positions": positions});
                notes.push(Note {
                    kind: "Closing",
                    text,
                    payload,
                    is_alert: true,
                });
                true
            }
            Err(problem) => {
                closing.give_up();
                self.why_open = Some(format!("no closing process could be started: {problem}"));
                false
            }
        }
    }

    fn watch_closing(&mut self, means: &mut Means<'_>, notes: &mut Vec<Note>, now: Instant) {
        let (Some(closing), Some(closer)) = (self.closing.as_mut(), means.closer.as_deref_mut())
        else {
            return;
        };
        let (kind, text) = match closing.look(closer, now) {
            None => return,
            Some(Outcome::Closed) => {
                closing.give_up();
                self.why_open = None;
                let text = "the closing process has ended: nothing of ours is open";
                ("Closed", text.to_owned())
            }
            Some(Outcome::Failed(how)) => {
                let then = if closing.has_tries() {
                    "another follows"
                } else {
                    "a person has to close what is open: look at the venue"
                };
                self.why_open = Some(how.clone());
                (
                    "ClosingFailed",
                    format!("{how} (closing-output.txt); {then}"),
                )
            }
        };
        notes.push(Note {
            kind,
            text,
            payload: Value::Null,
            is_alert: true,
        });
        // Whatever it was, nothing of it leaves any more; what it left working is taken off.
        if let Err(error) = means.fence.raise() {
            let text = format!("the fence could not be raised: {error}");
            self.alarm(text, notes, now);
        }
        let gap = seconds(means.escalation.read_gap_s);
        self.sweep = Sweep::new(&self.tag, gap, now);
    }

    /// Without a venue there is nobody to ask: say so, once.
    fn leave(&mut self, escalation: &Escalation, notes: &mut Vec<Note>, now: Instant) {
        if self.outcome.is_none() {
            let text =
                "no venue is configured for the guard: orders that work at one are left alone";
            let payload = json!({"cancelled": 0, "failed": 0, "remaining": null, "why": text});
            notes.push(Note {
                kind: "Unswept",
                text: text.to_owned(),
                payload: payload.clone(),
                is_alert: true,
            });
            self.outcome = Some(payload);
        }
        let recheck = now + seconds(escalation.recheck_s);
        self.sweep = Sweep::new(&self.tag, seconds(escalation.read_gap_s), recheck);
    }

    /// Say so, then keep looking: what was on its way when the fence rose may still arrive.
    fn swept(
        &mut self,
        positions: Option<usize>,
        escalation: &Escalation,
        notes: &mut Vec<Note>,
        now: Instant,
    ) {
        let counts = self.sweep.counts();
        let is_first = self.outcome.is_none();
        if is_first || counts.cancelled > 0 {
            let mut payload = json!({
                "cancelled": counts.cancelled,
                "failed": counts.failed,
                "remaining": counts.remaining,
                "foreign": counts.foreign,
                "positions": positions,
                "took_ms": u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(u64::MAX),
            });
            if let Some(why) = &self.why_open {
                payload["why"] = json!(format!("orders are off, positions are not closed: {why}"));
            }
            let held =
                positions.map_or("an unknown number of".to_owned(), |count| count.to_string());
            let text = format!(
                "no order of ours works at the venue (two clean reads), {} cancelled; {held} positions stand; \
                 {}",
                counts.cancelled,
                if self.hold == Hold::Passing {
                    "a trader may start again"
                } else {
                    "trading is held until `holdfast-guard release`"
                }
            );
            notes.push(Note {
                kind: "Swept",
                text,
                payload: payload.clone(),
                is_alert: true,
            });
            self.outcome.get_or_insert(payload);
        }
        self.alarmed = None;
        let recheck = now + seconds(escalation.recheck_s);
        self.sweep = Sweep::new(&self.tag, seconds(escalation.read_gap_s), recheck);
    }

    fn alarm(&mut self, text: String, notes: &mut Vec<Note>, now: Instant) {
        let is_told = self
            .alarmed
            .as_ref()
            .is_some_and(|(told, at)| *told == text && now < *at + ALARM_AGAIN);
        if !is_told {
            self.alarmed = Some((text.clone(), now));
            notes.push(Note {
                kind: "Problem",
                text,
                payload: Value::Null,
                is_alert: true,
            });
        }
    }
}
