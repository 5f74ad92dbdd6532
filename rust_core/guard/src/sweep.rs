//! Taking every order of ours off the venue: cancel, list again, until two lists in a row are clean (KC-2).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::venue::{Cancelled, OpenOrder, Venue};

/// Lists without an order of ours, one after the other, before it is done.
const CLEAN_READS: u32 = 2;
/// Longest pause after a venue that does not answer, or answers with nonsense.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// What came of it so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Orders of ours that were taken off: a cancel was accepted, and they are listed no more.
    pub cancelled: usize,
    /// Orders of ours whose newest cancel failed.
    pub failed: usize,
    /// Orders of ours that the newest list had; `None` while there was no list that can be believed.
    pub remaining: Option<usize>,
    /// Orders of others on the newest list: they are left alone.
    pub foreign: usize,
}

/// One sweep, a step at a time; between steps the guard does its other work.
#[derive(Debug)]
pub struct Sweep {
    tag: String,
    read_gap: Duration,
    due: Instant,
    clean: u32,
    asked: BTreeSet<String>,
    failed: BTreeMap<String, String>,
    listed: BTreeSet<String>,
    has_list: bool,
    foreign: usize,
    problems: u32,
    /// Why the last step came to nothing, empty when it did not.
    pub problem: String,
}

impl Sweep {
    /// Due at once.
    pub fn new(tag: &str, read_gap: Duration, now: Instant) -> Self {
        Self {
            tag: tag.to_owned(),
            read_gap,
            due: now,
            clean: 0,
            asked: BTreeSet::new(),
            failed: BTreeMap::new(),
            listed: BTreeSet::new(),
            has_list: false,
            foreign: 0,
            problems: 0,
            problem: String::new(),
        }
    }

    /// When the next step is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Whether the venue itself showed twice in a row that nothing of ours works.
    pub fn is_done(&self) -> bool {
        self.clean >= CLEAN_READS
    }

    /// What came of it so far.
    pub fn counts(&self) -> Counts {
        Counts {
            cancelled: self.asked.difference(&self.listed).count(),
            failed: self.failed.len(),
            remaining: self.has_list.then_some(self.listed.len()),
            foreign: self.foreign,
        }
    }

    /// List the venue's open orders and cancel those of ours.
    pub fn step(&mut self, venue: &mut dyn Venue, now: Instant) {
        match venue.open_orders() {
            Ok(orders) => self.take(venue, &orders, now),
            Err(problem) => self.put_off(problem, now),
        }
    }

    fn take(&mut self, venue: &mut dyn Venue, orders: &[OpenOrder], now: Instant) {
        let ours = |order: &&OpenOrder| order.client_order_id.starts_with(&self.tag);
        self.listed = orders
            .iter()
            .filter(ours)
            .map(|order| order.id.clone())
            .collect();
        self.foreign = orders.len() - self.listed.len();
        self.has_list = true;
        self.failed.clear();
        self.clean = if self.listed.is_empty() {
            self.clean + 1
        } else {
            0
        };
        for id in &self.listed {
            match venue.cancel(id) {
                Ok(Cancelled::Asked) => {
                    self.asked.insert(id.clone());
                }
                Ok(Cancelled::AlreadyOver) => {}
                Err(problem) => {
                    self.failed.insert(id.clone(), problem);
                }
            }
        }
        if let Some(problem) = self.failed.values().next() {
            let text = format!("{} cancels failed: {problem}", self.failed.len());
            self.put_off(text, now);
        } else {
            (self.problems, self.problem) = (0, String::new());
            self.due = now + self.read_gap;
        }
    }

    /// What a venue that cannot be believed showed before counts no more.
    fn put_off(&mut self, problem: String, now: Instant) {
        self.clean = 0;
        self.problem = problem;
        let pause = self.read_gap * 2_u32.saturating_pow(self.problems.min(16));
        self.problems += 1;
        self.due = now + pause.min(BACKOFF_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_millis(200);

    /// A venue by script: each look takes the next list; cancels are noted.
    #[derive(Default)]
    struct Scripted {
        lists: Vec<Result<Vec<&'static str>, &'static str>>,
        cancels: Vec<String>,
        refuses: bool,
    }

    impl Venue for Scripted {
        fn open_orders(&mut self) -> Result<Vec<OpenOrder>, String> {
            let ids = self.lists.remove(0)?;
            let order = |id: &&str| OpenOrder {
                id: format!("v{id}"),
                client_order_id: (*id).to_owned(),
            };
            Ok(ids.iter().map(order).collect())
        }

        fn cancel(&mut self, id: &str) -> Result<Cancelled, String> {
            self.cancels.push(id.to_owned());
            if self.refuses {
                return Err("answered 500".to_owned());
            }
            Ok(Cancelled::Asked)
        }

        fn positions(&mut self) -> Result<usize, String> {
            Ok(0)
        }
    }

    fn swept(venue: &mut Scripted) -> Sweep {
        let now = Instant::now();
        let mut sweep = Sweep::new("l-a-", GAP, now);
        while !venue.lists.is_empty() {
            sweep.step(venue, now);
        }
        sweep
    }

    #[test]
    fn only_ours_is_cancelled_and_two_clean_lists_end_it() {
        let lists = vec![
            Ok(vec!["l-a-1", "l-ab-2", "", "l-a-3"]),
            Ok(vec!["l-ab-2"]),
            Ok(vec!["l-ab-2"]),
        ];
        let mut venue = Scripted {
            lists,
            ..Scripted::default()
        };
        let sweep = swept(&mut venue);
        assert!(sweep.is_done());
        assert_eq!(venue.cancels, ["vl-a-1", "vl-a-3"]);
        let counts = Counts {
            cancelled: 2,
            failed: 0,
            remaining: Some(0),
            foreign: 1,
        };
        assert_eq!(sweep.counts(), counts);
    }

    #[test]
    fn one_clean_list_is_not_enough_and_a_late_order_begins_it_anew() {
        for lists in [
            vec![Ok(vec![])],
            vec![Ok(vec![]), Ok(vec!["l-a-9"]), Ok(vec![])],
            vec![Ok(vec![]), Err("nonsense"), Ok(vec![])],
        ] {
            let mut venue = Scripted {
                lists,
                ..Scripted::default()
            };
            assert!(!swept(&mut venue).is_done());
        }
    }

    #[test]
    fn a_venue_that_cannot_be_believed_is_asked_ever_later_and_never_reported_done() {
        let now = Instant::now();
        let lists = (0..9).map(|_| Err("nonsense")).collect();
        let mut venue = Scripted {
            lists,
            ..Scripted::default()
        };
        let mut sweep = Sweep::new("l-a-", GAP, now);
        let mut pauses = Vec::new();
        while !venue.lists.is_empty() {
            sweep.step(&mut venue, now);
            pauses.push(sweep.due() - now);
        }
        assert!(pauses
            .windows(2)
            .all(|pair| pair[0] < pair[1] || pair[1] == BACKOFF_MAX));
        assert!(!sweep.is_done());
        assert_eq!(sweep.counts().remaining, None);
        assert_eq!(sweep.problem, "nonsense");
    }

    #[test]
    fn cancels_that_fail_are_counted_and_tried_again() {
        let lists = vec![Ok(vec!["l-a-1"]), Ok(vec!["l-a-1"])];
        let mut venue = Scripted {
            lists,
            refuses: true,
            ..Scripted::default()
        };
        let sweep = swept(&mut venue);
        assert_eq!(venue.cancels.len(), 2);
        let counts = Counts {
            cancelled: 0,
            failed: 1,
            remaining: Some(1),
            foreign: 0,
        };
        assert_eq!(sweep.counts(), counts);
    }
}
