//! The block walker: account core, paper venue and built-in rules driven over a whole tape.
//!
//! It is the second driver of the same cores; actors are the first. The order of things is theirs:
//!
//! 1. The next thing is the earliest of timers and tape rows; **a timer due at an instant comes before the rows of
//!    that instant**, timers of one instant in the order in which they were armed. A timer due in the past fires now.
//! 2. One row is told to the venue, then to the account (a bar as a mark at its close), then to the strategies in
//!    their configured order. Open prints are told to the venue alone.
//! 3. Whatever these say to each other is mail in one queue, first in, first out: a strategy's signal or advice and
//!    the venue's reports go to the account; what the account releases goes to the venue.
//! 4. Effects wait for the commit barrier. Only when the queue is empty is everything staged made durable, in order;
//!    then its timers are armed, each `Submit` is redeemed at the gate, mailed to the venue, and `Released` is mailed to the account.
//! 5. Time moves on when the queue is empty and nothing is staged; after the last row, until no timer is armed.
//!
//! A session's rows reach the venue, the account and the strategies in the same order. What the walker does not have
//! is the operator, silence of the venue, and latency: it is for research and for proving the actors equal.

mod config;
mod driver;
mod mail;
mod outcome;
mod runner;

pub use config::{StrategyConfig, WalkConfig};
pub use outcome::{Outcome, WalkEvent};

use crate::tape::Tape;
use driver::Walker;

/// Walks a tape once.
///
/// # Errors
/// Text, when the configuration is wrong or does not fit the tape, or when a core broke a promise.
pub fn walk(tape: &Tape, config: &WalkConfig) -> Result<Outcome, String> {
    Walker::new(tape, config)?.run(tape)
}

/// Walks a tape once for each configuration, on as many threads as asked for; outcomes are in the order of the
/// configurations.
///
/// # Errors
/// As [`walk`], for the first configuration that fails.
pub fn walk_many(
    tape: &Tape,
    configs: &[WalkConfig],
    threads: usize,
) -> Result<Vec<Outcome>, String> {
    let threads = threads.clamp(1, configs.len().max(1));
    let walk_share = |share: usize| -> Vec<Result<Outcome, String>> {
        let mine = configs.iter().skip(share).step_by(threads);
        mine.map(|config| walk(tape, config)).collect()
    };
    let shares: Vec<Vec<Result<Outcome, String>>> = std::thread::scope(|scope| {
        let started: Vec<_> = (1..threads)
            .map(|share| scope.spawn(move || walk_share(share)))
            .collect();
        let mut shares = vec![walk_share(0)];
        for thread in started {
            let stopped = || vec![Err("a thread of the walk stopped".to_owned())];
            shares.push(thread.join().unwrap_or_else(|_| stopped()));
        }
        shares
    });
    let mut shares: Vec<_> = shares.into_iter().map(Vec::into_iter).collect();
    let next = |index: usize| shares[index % threads].next();
    (0..configs.len())
        .map(next)
        .map(|outcome| outcome.unwrap_or_else(|| Err("a walk has no outcome".to_owned())))
        .collect()
}

#[cfg(test)]
mod tests;
