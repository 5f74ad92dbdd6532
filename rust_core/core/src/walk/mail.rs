//! What is under way between two instants: mail, staged requests, timers.

use crate::decision::{Effect, Timer};
use crate::matching::NewOrder;
use crate::message::{Message, Name};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One piece of mail.
#[derive(Debug)]
pub enum Mail {
    /// To the account.
    Account(Message),
    /// To the account: a request is durable.
    Durable(Released),
    /// To the venue.
    Submit(NewOrder),
    /// To the venue.
    Cancel(Name),
    /// To the venue.
    Lookup(Name),
}

/// What waits until a request is durable.
#[derive(Debug)]
pub struct Released {
    /// To be armed.
    pub timers: Vec<Timer>,
    /// To be let go.
    pub effects: Vec<Effect>,
}

/// Timers by time, then in the order in which they were armed.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(i64, u64)>>,
    armed: std::collections::HashMap<u64, Timer>,
    next: u64,
}

impl Timers {
    pub fn arm(&mut self, timer: Timer) {
        self.heap.push(Reverse((timer.due_ns, self.next)));
        self.armed.insert(self.next, timer);
        self.next += 1;
    }

    /// When the next one is due.
    pub fn next_ns(&self) -> Option<i64> {
        self.heap.peek().map(|Reverse((due_ns, _))| *due_ns)
    }

    pub fn pop(&mut self) -> Option<Timer> {
        let Reverse((_, number)) = self.heap.pop()?;
        self.armed.remove(&number)
    }
}
