//! What is under way because of a fault or a kill: fence, ask, kill, take the orders off, and stay (WD-6).

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{json, Value};

use crate::config::{seconds, Escalation};
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
    pub venue: &'a mut dyn Venue,
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
            outcome: None,
        }
    }

    /// When `advance` has something to do again.
    pub fn due(&self) -> Instant {
        let sweep = self.sweep.due();
        self.kill_due.map_or(sweep, |kill| kill.min(sweep))
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
        self.sweep.step(means.venue, now);
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
            self.swept(means, notes, now);
        }
    }

    /// Say so, then keep looking: what was on its way when the fence rose may still arrive.
    fn swept(&mut self, means: &mut Means<'_>, notes: &mut Vec<Note>, now: Instant) {
        let counts = self.sweep.counts();
        let is_first = self.outcome.is_none();
        if is_first || counts.cancelled > 0 {
            let positions = means.venue.positions().ok();
            let payload = json!({
                "cancelled": counts.cancelled,
                "failed": counts.failed,
                "remaining": counts.remaining,
                "foreign": counts.foreign,
                "positions": positions,
                "took_ms": u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(u64::MAX),
            });
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
        let recheck = now + seconds(means.escalation.recheck_s);
        self.sweep = Sweep::new(&self.tag, seconds(means.escalation.read_gap_s), recheck);
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
