//! Is the trader well? One look after the other against the configured limits; no clock, no files (WD-6).

use std::time::{Duration, Instant};

use crate::config::{seconds, Limits};
use crate::host::Process;
use crate::page::{Beat, Phase};

/// A look that came later than so many periods counts as these: what the guard slept through proves nothing.
const LATE_LOOKS: u32 = 3;
/// Looks within the shortest limit, so that a fault is seen within a fifth of it.
const LOOKS: u32 = 10;
/// Part of the heartbeat's limit at which the log is told.
const WARN_PART: u32 = 2;

/// What one look saw.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// By a clock that nobody sets.
    pub now: Instant,
    /// The page, if there is one.
    pub beat: Option<Beat>,
    /// The process that the page names, while it lives.
    pub process: Option<Process>,
    /// Room on the disk.
    pub disk_free_mb: Option<u64>,
    /// The wall's clock minus the time since boot.
    pub wall_offset_ns: i128,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One word of a fixed vocabulary, for the log.
    pub kind: &'static str,
    /// What was found against which limit.
    pub text: String,
}

/// What a look comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The trader has to be stopped.
    pub fault: Option<Finding>,
    /// A person has to know; each is told once until it is over.
    pub warnings: Vec<Finding>,
}

/// How long something has stood still, by looks that were made.
#[derive(Clone, Copy, Debug, Default)]
struct Still {
    value: u64,
    age: Duration,
}

impl Still {
    fn look(&mut self, value: u64, elapsed: Duration, can_stand: bool) -> Duration {
        if value != self.value || can_stand {
            *self = Self {
                value,
                age: Duration::ZERO,
            };
        } else {
            self.age += elapsed;
        }
        self.age
    }
}

/// What earlier looks saw.
#[derive(Debug)]
pub struct Watch {
    limits: Limits,
    last: Option<Instant>,
    known: Option<Beat>,
    lane: Still,
    phase: Still,
    journal: Still,
    offset_ns: Option<i128>,
    told: Vec<&'static str>,
}

impl Watch {
    /// Nothing was seen yet.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            last: None,
            known: None,
            lane: Still::default(),
            phase: Still::default(),
            journal: Still::default(),
            offset_ns: None,
            told: Vec::new(),
        }
    }

    /// Between two looks.
    pub fn period(&self) -> Duration {
        let shortest = self
            .limits
            .heartbeat_s
            .min(self.limits.mail_age_s)
            .min(self.limits.journal_stall_s);
        seconds(shortest) / LOOKS
    }

    /// The trader as the last look knew it.
    pub fn known(&self) -> Option<&Beat> {
        self.known.as_ref()
    }

    /// Weigh one look.
    pub fn look(&mut self, sample: &Sample) -> Verdict {
        let elapsed = self
            .last
            .map_or(Duration::ZERO, |last| sample.now.duration_since(last));
        let elapsed = elapsed.min(self.period() * LATE_LOOKS);
        self.last = Some(sample.now);
        let mut warnings = Vec::new();
        self.look_at_host(sample, &mut warnings);
        let fault = self.look_at_trader(sample, elapsed, &mut warnings);
        self.told
            .retain(|kind| warnings.iter().any(|found| found.kind == *kind));
        warnings.retain(|found| !self.told.contains(&found.kind));
        self.told.extend(warnings.iter().map(|found| found.kind));
        Verdict { fault, warnings }
    }

    fn look_at_host(&mut self, sample: &Sample, warnings: &mut Vec<Finding>) {
        let least = self.limits.disk_free_mb;
        if let Some(free) = sample.disk_free_mb.filter(|free| *free < least) {
            warnings.push(found(
                "DISK",
                format!("{free} MB are free on the disk, {least} MB are asked"),
            ));
        }
        let before = self
            .offset_ns
            .replace(sample.wall_offset_ns)
            .unwrap_or(sample.wall_offset_ns);
        let step_ns = before.abs_diff(sample.wall_offset_ns);
        let step = Duration::from_nanos(u64::try_from(step_ns).unwrap_or(u64::MAX));
        if step > seconds(self.limits.clock_step_s) {
            warnings.push(found(
                "CLOCK",
                format!("the wall's clock was set by {:.3} s", step.as_secs_f64()),
            ));
        }
    }

    fn look_at_trader(
        &mut self,
        sample: &Sample,
        elapsed: Duration,
        warnings: &mut Vec<Finding>,
    ) -> Option<Finding> {
        let beat = sample.beat.or(self.known)?; // a page that was taken away stands still
        if self
            .known
            .is_none_or(|known| (known.pid, known.start_ticks) != (beat.pid, beat.start_ticks))
        {
            (self.lane, self.phase, self.journal) =
                (Still::default(), Still::default(), Still::default());
        }
        self.known = Some(beat);
        if beat.phase == Phase::Ended {
            return None;
        }
        let Some(process) = sample
            .process
            .filter(|process| process.start_ticks == beat.start_ticks)
        else {
            return Some(found(
                "PROCESS",
                format!("the trader, process {}, is gone", beat.pid),
            ));
        };
        if process.resident_mb > self.limits.memory_mb {
            let text = format!(
                "the trader holds {} MB, {} MB are allowed",
                process.resident_mb, self.limits.memory_mb
            );
            return Some(found("MEMORY", text));
        }
        let journal_age = self
            .journal
            .look(beat.journaled, elapsed, beat.pending == 0);
        if journal_age > seconds(self.limits.journal_stall_s) {
            let text = format!(
                "{} events wait for {} s to become durable",
                beat.pending,
                shown(journal_age)
            );
            return Some(found("JOURNAL", text));
        }
        if beat.phase == Phase::Trading {
            self.look_at_lane(&beat, elapsed, warnings)
        } else {
            let age = self.phase.look(beat.sequence, elapsed, false);
            (age > seconds(self.limits.phase_s)).then(|| {
                found(
                    "PHASE",
                    format!("the trader is {:?} for {} s", beat.phase, shown(age)),
                )
            })
        }
    }

    fn look_at_lane(
        &mut self,
        beat: &Beat,
        elapsed: Duration,
        warnings: &mut Vec<Finding>,
    ) -> Option<Finding> {
        let limit = seconds(self.limits.heartbeat_s);
        let age = self.lane.look(beat.sequence, elapsed, false);
        if age >= limit {
            return Some(found(
                "HEARTBEAT",
                format!("the lane stands still for {} s", shown(age)),
            ));
        }
        if age >= limit / WARN_PART {
            warnings.push(found(
                "LATE",
                format!("the lane stands still for {} s", shown(age)),
            ));
        }
        let mail_age = Duration::from_nanos(beat.mail_age_ns);
        (mail_age > seconds(self.limits.mail_age_s)).then(|| {
            found(
                "MAIL",
                format!("the lane is behind: mail waits for {} s", shown(mail_age)),
            )
        })
    }
}

fn found(kind: &'static str, text: String) -> Finding {
    Finding { kind, text }
}

fn shown(age: Duration) -> String {
    format!("{:.3}", age.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_millis(100);

    fn limits() -> Limits {
        Limits {
            heartbeat_s: 1.0,
            mail_age_s: 2.0,
            phase_s: 5.0,
            memory_mb: 100,
            journal_stall_s: 3.0,
            disk_free_mb: 50,
            clock_step_s: 1.0,
        }
    }

    fn beat() -> Beat {
        Beat {
            pid: 4,
            start_ticks: 9,
            phase: Phase::Trading,
            sequence: 1,
            mail_age_ns: 0,
            journaled: 10,
            pending: 0,
            orders: 1,
            positions: 1,
        }
    }

    fn sample(now: Instant) -> Sample {
        Sample {
            now,
            beat: Some(beat()),
            process: Some(Process {
                start_ticks: 9,
                resident_mb: 60,
            }),
            disk_free_mb: Some(1000),
            wall_offset_ns: 5,
        }
    }

    /// Looks until a fault, each changed by `at`; its kind and how long it took.
    fn first_fault(looks: u32, at: impl Fn(u32, &mut Sample)) -> Option<(&'static str, Duration)> {
        let mut watch = Watch::new(&limits());
        let began = Instant::now();
        for number in 0..looks {
            let mut seen = sample(began + LOOK * number);
            at(number, &mut seen);
            if let Some(fault) = watch.look(&seen).fault {
                return Some((fault.kind, LOOK * number));
            }
        }
        None
    }

    fn turning(number: u32, seen: &mut Sample) {
        if let Some(beat) = seen.beat.as_mut() {
            beat.sequence = u64::from(number);
        }
    }

    #[test]
    fn a_lane_that_stands_still_is_seen_within_its_period_and_a_fifth() {
        let (kind, after) = first_fault(99, |_, _| {}).unwrap();
        assert_eq!(kind, "HEARTBEAT");
        assert!(
            after >= Duration::from_secs(1) && after <= Duration::from_millis(1200),
            "{after:?}"
        );
        assert_eq!(first_fault(99, turning), None);
    }

    /// The lane beats every 100 ms from `first` on, as it is configured to, up to its fault at `fault`: how long after
    /// the fault it is seen by looks that come up to a sixth of their period late; all in ms.
    fn seen_after_ms(heartbeat_s: f64, first: u64, fault: u64) -> u64 {
        let mut watch = Watch::new(&Limits {
            heartbeat_s,
            mail_age_s: 600.0,
            journal_stall_s: 600.0,
            ..limits()
        });
        let period = u64::try_from(watch.period().as_millis()).unwrap();
        let began = Instant::now();
        let mut at = 0;
        loop {
            let mut seen = sample(began + Duration::from_millis(at));
            let beats = (at.min(fault) + 100 - first) / 100; // the last one was no later than the fault
            seen.beat = Some(Beat {
                sequence: beats + 1,
                ..beat()
            });
            if watch.look(&seen).fault.is_some() {
                assert!(at >= fault, "the lane beat, and was called still at {at}");
                return at - fault;
            }
            at += period + (at / 7) % (period / 6);
        }
    }

    #[test]
    fn wherever_a_fault_falls_between_beats_and_looks_it_is_seen_within_the_period_and_a_fifth() {
        for (heartbeat_s, every_ms, most_ms) in [(1.0, 1, 1_200), (60.0, 61, 72_000)] {
            let mut latest = 0;
            for first in (0..100).step_by(7) {
                for number in 0..130 {
                    let fault = 3_000 + number * every_ms;
                    latest = latest.max(seen_after_ms(heartbeat_s, first, fault));
                }
            }
            let least_ms = most_ms / 6 * 5;
            assert!(
                (least_ms..=most_ms).contains(&latest),
                "{heartbeat_s} s: {latest} ms"
            );
        }
    }

    #[test]
    fn a_lane_whose_beats_come_late_on_a_busy_machine_is_no_fault() {
        let late = |number: u32, seen: &mut Sample| {
            if let Some(beat) = seen.beat.as_mut() {
                beat.sequence = u64::from(number / 9); // 0.9 s apart instead of 0.1
            }
        };
        assert_eq!(first_fault(999, late), None);
    }

    #[test]
    fn a_page_that_was_taken_away_stands_still() {
        let taken = |number: u32, seen: &mut Sample| {
            turning(number, seen);
            seen.beat = seen.beat.filter(|_| number < 20);
        };
        assert_eq!(first_fault(99, taken).unwrap().0, "HEARTBEAT");
    }

    #[test]
    fn what_the_guard_slept_through_is_no_fault_of_the_trader() {
        let slept = |number: u32, seen: &mut Sample| {
            turning(number, seen);
            if number >= 3 {
                seen.now += Duration::from_secs(30);
            }
            if number == 3 {
                turning(2, seen);
            }
        };
        assert_eq!(first_fault(99, slept), None);
    }

    #[test]
    fn a_process_that_is_gone_or_another_one_of_its_number_is_a_fault_unless_it_ended() {
        assert_eq!(
            first_fault(1, |_, seen| seen.process = None).unwrap().0,
            "PROCESS"
        );
        let reused = |_, seen: &mut Sample| {
            seen.process = Some(Process {
                start_ticks: 10,
                resident_mb: 1,
            });
        };
        assert_eq!(first_fault(1, reused).unwrap().0, "PROCESS");
        let ended = |_, seen: &mut Sample| {
            seen.process = None;
            seen.beat = Some(Beat {
                phase: Phase::Ended,
                ..beat()
            });
        };
        assert_eq!(first_fault(99, ended), None);
        assert_eq!(first_fault(99, |_, seen| seen.beat = None), None);
    }

    #[test]
    fn each_limit_is_a_fault_of_its_own() {
        let changed = |change: fn(u32, &mut Beat)| {
            move |number: u32, seen: &mut Sample| {
                turning(number, seen);
                change(number, seen.beat.as_mut().unwrap());
            }
        };
        let mail = changed(|_, beat| beat.mail_age_ns = 2_100_000_000);
        assert_eq!(first_fault(99, mail).unwrap().0, "MAIL");
        let stalled = changed(|_, beat| beat.pending = 3);
        let (kind, after) = first_fault(99, stalled).unwrap();
        assert_eq!(kind, "JOURNAL");
        assert!(after > Duration::from_secs(3));
        let flowing =
            changed(|number, beat| (beat.pending, beat.journaled) = (3, u64::from(number)));
        assert_eq!(first_fault(99, flowing), None);
        let starting = changed(|_, beat| (beat.phase, beat.sequence) = (Phase::Starting, 0));
        let (kind, after) = first_fault(99, starting).unwrap();
        assert_eq!(kind, "PHASE");
        assert!(after > Duration::from_secs(5));
        let heavy = |number: u32, seen: &mut Sample| {
            turning(number, seen);
            seen.process = Some(Process {
                start_ticks: 9,
                resident_mb: 101,
            });
        };
        assert_eq!(first_fault(9, heavy).unwrap().0, "MEMORY");
    }

    #[test]
    fn a_warning_is_told_once_until_it_is_over() {
        let mut watch = Watch::new(&limits());
        let began = Instant::now();
        let mut told = Vec::new();
        for (number, free) in [1000, 9, 9, 1000, 9].into_iter().enumerate() {
            let number = u32::try_from(number).unwrap();
            let mut seen = sample(began + LOOK * number);
            turning(number, &mut seen);
            seen.disk_free_mb = Some(free);
            if number == 4 {
                seen.wall_offset_ns = 3_000_000_000;
            }
            told.push(
                watch
                    .look(&seen)
                    .warnings
                    .into_iter()
                    .map(|found| found.kind)
                    .collect::<Vec<_>>(),
            );
        }
        assert_eq!(
            told,
            [vec![], vec!["DISK"], vec![], vec![], vec!["DISK", "CLOCK"]]
        );
    }
}
