//! The loop: rows and timers in, mail until nothing moves, then time.

use super::config::WalkConfig;
use super::mail::{Mail, Released, Timers};
use super::outcome::{Outcome, WalkEvent};
use super::runner::Runner;
use crate::account::AccountCore;
use crate::decision::{Decision, Effect};
use crate::event::Event;
use crate::gate::{OrderRequest, RedeemError, ReleaseGate, Submission};
use crate::matching::{NewOrder, PaperBook};
use crate::message::{Lookup, Mark, MarkKind, Message, Name, VenueReport};
use crate::strategies::{NoTradeReason, RuleDecision};
use crate::tape::{Fact, Row, Tape};
use std::collections::{HashSet, VecDeque};

/// Everything a walk moves.
pub struct Walker {
    core: AccountCore,
    book: PaperBook,
    gate: ReleaseGate,
    runners: Vec<Runner>,
    /// Index at the venue of each instrument of the tape.
    at_venue: Vec<Option<usize>>,
    symbols: Vec<Name>,
    queue: VecDeque<Mail>,
    staged: Vec<Released>,
    timers: Timers,
    claims: HashSet<(&'static str, String)>,
    reports: Vec<VenueReport>,
    now_ns: i64,
    tape_seq: i64,
    with_events: bool,
    outcome: Outcome,
}

impl Walker {
    pub fn new(tape: &Tape, config: &WalkConfig) -> Result<Self, String> {
        let core = AccountCore::new(config.account.clone()).map_err(|e| e.to_string())?;
        let book = PaperBook::new(config.venue.clone())?;
        let symbols = tape.instruments().to_vec();
        let mut runners = Vec::new();
        for strategy in &config.strategies {
            let symbol = &strategy.instrument;
            let at = symbols.iter().position(|s| s == symbol).ok_or_else(|| {
                let known: Vec<&str> = symbols.iter().map(|s| &**s).collect();
                format!(
                    "{} must trade an instrument of the tape ({}), was {symbol}",
                    strategy.name,
                    known.join(", ")
                )
            })?;
            runners.push(Runner::new(strategy, at)?);
        }
        let gate = ReleaseGate::new();
        gate.set_fence(0, 0); // nobody else trades in a walk
        Ok(Self {
            at_venue: symbols
                .iter()
                .map(|symbol| book.instrument(symbol))
                .collect(),
            core,
            book,
            gate,
            runners,
            symbols,
            queue: VecDeque::new(),
            staged: Vec::new(),
            timers: Timers::default(),
            claims: HashSet::new(),
            reports: Vec::new(),
            now_ns: i64::MIN,
            tape_seq: -1,
            with_events: config.with_events,
            outcome: Outcome::default(),
        })
    }

    pub fn run(mut self, tape: &Tape) -> Result<Outcome, String> {
        for (row, seq) in tape.rows().iter().zip(0_i64..) {
            while self.timers.next_ns().is_some_and(|due| due <= row.at_ns) {
                self.fire()?;
            }
            self.now_ns = self.now_ns.max(row.at_ns);
            self.tape_seq = seq;
            self.tell(row)
                .and_then(|()| self.settle())
                .map_err(|text| format!("row {seq} of the tape: {text}"))?;
        }
        while self.timers.next_ns().is_some() {
            self.fire()?;
        }
        Ok(self.outcome)
    }

    fn fire(&mut self) -> Result<(), String> {
        let Some(timer) = self.timers.pop() else {
            return Ok(());
        };
        self.now_ns = self.now_ns.max(timer.due_ns);
        self.account(&Message::Timer {
            kind: timer.kind,
            key: timer.key,
        })?;
        self.settle()
    }

    /// Mail until there is none, the barrier, and again, until nothing is staged.
    fn settle(&mut self) -> Result<(), String> {
        loop {
            while let Some(mail) = self.queue.pop_front() {
                self.deliver(mail)?;
            }
            if self.staged.is_empty() {
                return Ok(());
            }
            self.queue.extend(self.staged.drain(..).map(Mail::Durable));
        }
    }

    fn deliver(&mut self, mail: Mail) -> Result<(), String> {
        match mail {
            Mail::Account(message) => self.account(&message)?,
            Mail::Durable(released) => self.release(released),
            Mail::Submit(order) => {
                if !self.book.submit(order, self.now_ns, &mut self.reports) {
                    return Err("the venue was given a client order id twice".to_owned());
                }
                self.pass_on();
            }
            Mail::Cancel(id) => {
                self.book.cancel(&id, self.now_ns, &mut self.reports);
                self.pass_on();
            }
            Mail::Lookup(client_order_id) => {
                let answer = match self.book.look_up(&client_order_id) {
                    Some(reports) => Lookup::Found { reports },
                    None => Lookup::Absent { is_complete: true },
                };
                self.queue.push_back(Mail::Account(Message::LookedUp {
                    client_order_id,
                    answer,
                }));
            }
        }
        Ok(())
    }

    /// One row: venue, account, strategies. The queue is empty, so telling them is what their mail would be.
    fn tell(&mut self, row: &Row) -> Result<(), String> {
        match row.fact {
            Fact::OpenPrint {
                price_1e8,
                volume_1e8,
            } => {
                if let Some(at) = self.at_venue[row.instrument] {
                    let reports = &mut self.reports;
                    self.book
                        .on_open_print(at, price_1e8, volume_1e8, row.at_ns, reports);
                    self.pass_on();
                }
                Ok(())
            }
            Fact::Bar(bar) => {
                if let Some(at) = self.at_venue[row.instrument] {
                    self.book.on_bar(at, &bar, &mut self.reports);
                    self.pass_on();
                }
                self.mark(row, MarkKind::Bar, (bar.close_1e8, 0, 0))?;
                self.ask(row, &bar)
            }
            Fact::Quote {
                bid_1e8,
                ask_1e8,
                bid_size_1e8,
                ask_size_1e8,
                is_crossed,
            } => {
                if let Some(at) = self.at_venue[row.instrument] {
                    let (prices, sizes) = ((bid_1e8, ask_1e8), (bid_size_1e8, ask_size_1e8));
                    self.book
                        .on_quote(at, prices, sizes, row.at_ns, &mut self.reports);
                    self.pass_on();
                }
                if is_crossed {
                    return Ok(());
                }
                self.mark(row, MarkKind::Quote, (0, bid_1e8, ask_1e8))
            }
            Fact::Trade {
                price_1e8,
                size_1e8,
            } => {
                if let Some(at) = self.at_venue[row.instrument] {
                    let reports = &mut self.reports;
                    self.book
                        .on_trade(at, price_1e8, size_1e8, row.at_ns, reports);
                    self.pass_on();
                }
                self.mark(row, MarkKind::Trade, (price_1e8, 0, 0))
            }
            Fact::SessionOpen {
                session_date,
                open_ns,
                close_ns,
            } => {
                self.outcome.sessions += 1;
                self.account(&Message::SessionOpened {
                    session_date,
                    open_ns,
                    close_ns,
                })?;
                for runner in &mut self.runners {
                    runner.open_session(session_date, open_ns, close_ns);
                }
                Ok(())
            }
            Fact::SessionClose { session_date } => {
                self.book.on_session_close(row.at_ns, &mut self.reports);
                self.pass_on();
                self.account(&Message::SessionClosed { session_date })?;
                self.runners.iter_mut().for_each(Runner::close_session);
                Ok(())
            }
        }
    }

    fn mark(
        &mut self,
        row: &Row,
        kind: MarkKind,
        (price_1e8, bid_1e8, ask_1e8): (i64, i64, i64),
    ) -> Result<(), String> {
        let symbol = self.symbols[row.instrument].clone();
        let mark = Mark::new(symbol, kind, row.at_ns, price_1e8, bid_1e8, ask_1e8);
        self.account(&Message::Mark(mark))
    }

    fn ask(&mut self, row: &Row, bar: &crate::strategies::Bar) -> Result<(), String> {
        self.outcome.bars += 1;
        for runner in &mut self.runners {
            if runner.instrument != row.instrument {
                continue;
            }
            match runner.evaluate(bar, self.now_ns, &self.core)? {
                None => {}
                Some(RuleDecision::NoTrade(reason)) => {
                    self.outcome.no_trades[index_of(reason)] += 1;
                }
                Some(RuleDecision::Enter(entry)) => {
                    self.outcome.signals += 1;
                    self.queue.push_back(Mail::Account(runner.signal(&entry)));
                }
                Some(RuleDecision::Exit(leave)) => {
                    self.outcome.advice += 1;
                    self.queue.push_back(Mail::Account(runner.advice(&leave)));
                }
            }
        }
        Ok(())
    }

    /// Mails the venue's reports to the account.
    fn pass_on(&mut self) {
        let mail = |report| Mail::Account(Message::VenueReport(report));
        self.queue.extend(self.reports.drain(..).map(mail));
    }

    /// One message to the account: decided, applied, staged.
    fn account(&mut self, message: &Message) -> Result<(), String> {
        let decision = self.core.decide(message, self.now_ns);
        self.core.apply(&decision).map_err(|e| e.to_string())?;
        if decision.is_empty() {
            return Ok(());
        }
        self.note(&decision)?;
        for claim in decision.claims {
            let name = claim.name;
            if let Some(claim) = self.claims.replace((name, claim.key)) {
                return Err(format!("{name} was claimed twice: {}", claim.1));
            }
        }
        let released = Released {
            timers: decision.timers,
            effects: decision.effects,
        };
        if decision.events.is_empty() {
            self.release(released);
        } else {
            self.staged.push(released);
        }
        Ok(())
    }

    /// Lets go what had to wait for the record.
    fn release(&mut self, released: Released) {
        for timer in released.timers {
            self.timers.arm(timer);
        }
        for effect in released.effects {
            match effect {
                Effect::Submit(submission) => self.submit(&submission),
                Effect::Cancel {
                    client_order_id, ..
                } => self.queue.push_back(Mail::Cancel(client_order_id)),
                Effect::Lookup { client_order_id } => {
                    self.queue.push_back(Mail::Lookup(client_order_id));
                }
                Effect::Notify { .. } => {}
            }
        }
    }

    fn submit(&mut self, submission: &Submission) {
        let client_order_id = submission.request().client_order_id.clone();
        let released = submission.redeem(&self.gate, self.now_ns, None);
        let news = match released {
            Ok(_) => {
                let order = asked_of_venue(submission.request());
                self.queue.push_back(Mail::Submit(order));
                Message::Released {
                    client_order_id,
                    released_ns: self.now_ns,
                }
            }
            Err(RedeemError::Refused(refusal)) => Message::NotReleased {
                client_order_id,
                reason: refusal.as_str().into(),
            },
            Err(RedeemError::Spent) => return,
        };
        self.queue.push_back(Mail::Account(news));
    }

    /// Counts what was decided, and keeps it if asked to.
    fn note(&mut self, decision: &Decision) -> Result<(), String> {
        let outcome = &mut self.outcome;
        for event in &decision.events {
            outcome.events_decided += 1;
            match event {
                Event::VerdictGiven(verdict) if !verdict.is_approved => {
                    outcome.refused += 1;
                    for check in &verdict.failed {
                        let name = format!("{:?}", check.name);
                        *outcome.failed_checks.entry(name).or_default() += 1;
                    }
                }
                Event::OrderIntended(_) => outcome.orders += 1,
                Event::OrderFilled(fill) => {
                    outcome.fills += 1;
                    let order = self.core.order(&fill.client_order_id);
                    let is_part = order.is_some_and(|o| fill.qty_1e8 < o.intent.qty_1e8);
                    outcome.partial_fills += u64::from(is_part);
                }
                Event::TradeClosed(trade) => {
                    outcome.gross_1e8 += trade.gross_1e8;
                    outcome.fees_1e8 += trade.fees_1e8;
                    outcome.trades.push((**trade).clone());
                }
                Event::ProtectionTripped(change) => {
                    let name = change.name.as_str().to_owned();
                    *outcome.tripped.entry(name).or_default() += 1;
                }
                Event::InvariantViolated(violation) => {
                    let name = violation.name.to_string();
                    *outcome.violations.entry(name).or_default() += 1;
                }
                _ => {}
            }
            if self.with_events {
                let mut payload = Vec::new();
                let payload = decision
                    .payload(event, &mut payload)
                    .map_err(|e| e.to_string())?;
                outcome.events.push(WalkEvent {
                    stream: event.stream(),
                    kind: event.kind(),
                    at_ns: decision.at_ns,
                    payload: payload.to_vec(),
                    tape_seq: self.tape_seq,
                });
            }
        }
        Ok(())
    }
}

fn asked_of_venue(request: &OrderRequest) -> NewOrder {
    NewOrder {
        client_order_id: request.client_order_id.clone(),
        instrument: request.instrument.clone(),
        side: request.side,
        order_type: request.order_type,
        tif: request.tif,
        qty_1e8: request.qty_1e8,
        limit_1e8: request.limit_1e8,
        trigger_1e8: request.trigger_1e8,
    }
}

fn index_of(reason: NoTradeReason) -> usize {
    reason as usize
}
