//! Closing what is open, where the configuration says so: a fresh trader that only gets out, and ends (WD-6).
//!
//! It is started once the venue has shown that no order of ours works and trading is held for a person. While it runs
//! the sweep rests, as its exits are orders of ours. One that fails, or takes too long, is fenced and ended, its orders
//! are taken off, and so many times another is started; then a person is told.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::config::{seconds, ClosingConfig};
use crate::process::End;

/// Exit codes after which another try would end alike: usage and refused.
const FINAL: [i32; 2] = [2, 3];

/// Whoever has the processes of the run.
pub trait Closer {
    /// Start a closing process.
    ///
    /// # Errors
    /// There is none to start, or it did not start.
    fn start_closing(&mut self, now: Instant) -> Result<u32, String>;

    /// How it ended, told once; `None` while it runs.
    fn closing_end(&mut self) -> Option<End>;

    /// Tell it to end.
    fn signal_closing(&self, signal: Signal);
}

/// What became of a closing process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ended well: nothing of ours is open.
    Closed,
    /// It did not, and why.
    Failed(String),
}

/// The closing processes of one response.
#[derive(Debug)]
pub struct Closing {
    limit: Duration,
    stop_wait: Option<Duration>,
    tries_left: u32,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    stop_at: Instant,
    kill_at: Option<Instant>,
    is_told: bool,
}

impl Closing {
    /// Nothing was started; `stop_wait` is from SIGTERM to SIGKILL, `None` where that may not be sent.
    pub fn new(config: &ClosingConfig, stop_wait: Option<Duration>) -> Self {
        Self {
            limit: seconds(config.limit_s),
            stop_wait,
            tries_left: config.attempts_max,
            running: None,
        }
    }

    /// Whether one runs.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether another may be started.
    pub fn has_tries(&self) -> bool {
        self.tries_left > 0
    }

    /// Start no more.
    pub fn give_up(&mut self) {
        self.tries_left = 0;
    }

    /// When `look` has something to do, beside the process's own end.
    pub fn due(&self) -> Option<Instant> {
        let running = self.running.as_ref()?;
        Some(if running.is_told {
            running.kill_at.unwrap_or(running.stop_at)
        } else {
            running.stop_at
        })
    }

    /// Start one.
    ///
    /// # Errors
    /// It did not start.
    pub fn start(&mut self, closer: &mut dyn Closer, now: Instant) -> Result<u32, String> {
        self.tries_left = self.tries_left.saturating_sub(1);
        let pid = closer.start_closing(now)?;
        self.running = Some(Running {
            stop_at: now + self.limit,
            kill_at: None,
            is_told: false,
        });
        Ok(pid)
    }

    /// What became of it, once it is over; one that takes too long is ended.
    pub fn look(&mut self, closer: &mut dyn Closer, now: Instant) -> Option<Outcome> {
        let running = self.running.as_mut()?;
        if let Some(end) = closer.closing_end() {
            self.running = None;
            return Some(match end {
                End::Code(0) => Outcome::Closed,
                End::Code(code) if FINAL.contains(&code) => {
                    self.give_up();
                    Outcome::Failed(format!("the closing process {}", end.text()))
                }
                _ => Outcome::Failed(format!("the closing process {}", end.text())),
            });
        }
        if !running.is_told && now >= running.stop_at {
            running.is_told = true;
            running.kill_at = self.stop_wait.map(|wait| now + wait);
            closer.signal_closing(Signal::TERM);
            if self.stop_wait.is_none() {
                self.running = None; // fenced by whoever hears this; it cannot be ended
                self.give_up();
                return Some(Outcome::Failed(self.too_long()));
            }
        } else if running.kill_at.is_some_and(|due| now >= due) {
            running.kill_at = None;
            running.stop_at = now + self.limit;
            closer.signal_closing(Signal::KILL);
        }
        None
    }

    fn too_long(&self) -> String {
        format!(
            "the closing process was not done within {} s",
            self.limit.as_secs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process by script.
    #[derive(Default)]
    struct Scripted {
        end: Option<End>,
        signals: std::cell::RefCell<Vec<Signal>>,
    }

    impl Closer for Scripted {
        fn start_closing(&mut self, _: Instant) -> Result<u32, String> {
            Ok(7)
        }

        fn closing_end(&mut self) -> Option<End> {
            self.end.take()
        }

        fn signal_closing(&self, signal: Signal) {
            self.signals.borrow_mut().push(signal);
        }
    }

    const WAIT: Duration = Duration::from_secs(2);

    fn closing(stop_wait: Option<Duration>) -> Closing {
        let config = ClosingConfig {
            limit_s: 10.0,
            attempts_max: 2,
        };
        Closing::new(&config, stop_wait)
    }

    #[test]
    fn one_that_ends_well_has_closed() {
        let (mut closing, mut closer, now) =
            (closing(Some(WAIT)), Scripted::default(), Instant::now());
        assert_eq!(closing.start(&mut closer, now), Ok(7));
        assert_eq!(closing.look(&mut closer, now), None);
        closer.end = Some(End::Code(0));
        assert_eq!(closing.look(&mut closer, now), Some(Outcome::Closed));
        assert!(!closing.is_running());
    }

    #[test]
    fn one_that_failed_is_tried_again_so_many_times_and_a_refusal_is_final() {
        for (code, tries) in [(1, 2), (75, 2), (2, 1), (3, 1)] {
            let (mut closing, mut closer, now) =
                (closing(Some(WAIT)), Scripted::default(), Instant::now());
            let mut tried = 0;
            while closing.has_tries() {
                closing.start(&mut closer, now).unwrap();
                tried += 1;
                closer.end = Some(End::Code(code));
                assert!(matches!(
                    closing.look(&mut closer, now),
                    Some(Outcome::Failed(_))
                ));
            }
            assert_eq!(tried, tries, "exit code {code}");
        }
    }

    #[test]
    fn one_that_takes_too_long_is_asked_and_then_killed() {
        let (mut closing, mut closer, now) =
            (closing(Some(WAIT)), Scripted::default(), Instant::now());
        closing.start(&mut closer, now).unwrap();
        let late = now + Duration::from_secs(10);
        assert_eq!(closing.due(), Some(late));
        assert_eq!(closing.look(&mut closer, late), None);
        assert_eq!(closing.due(), Some(late + WAIT));
        assert_eq!(closing.look(&mut closer, late + WAIT), None);
        assert_eq!(*closer.signals.borrow(), [Signal::TERM, Signal::KILL]);
        closer.end = Some(End::Signal(9));
        assert!(matches!(
            closing.look(&mut closer, late + WAIT),
            Some(Outcome::Failed(_))
        ));
    }

    #[test]
    fn one_that_may_not_be_killed_is_left_to_the_fence() {
        let (mut closing, mut closer, now) = (closing(None), Scripted::default(), Instant::now());
        closing.start(&mut closer, now).unwrap();
        let late = now + Duration::from_secs(10);
        let told = closing.look(&mut closer, late);
        assert!(matches!(told, Some(Outcome::Failed(text)) if text.contains("10 s")));
        assert_eq!(*closer.signals.borrow(), [Signal::TERM]);
        assert!(!closing.is_running() && !closing.has_tries());
    }
}
