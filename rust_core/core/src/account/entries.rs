//! From a signal to an intent (EX-4, EX-10, RK-1, RK-2).

use super::context::Exposure;
use super::store::Store;
use super::work::Work;
use crate::config::is_name;
use crate::decision::Effect;
use crate::event::{DuplicateRefused, Event, EventError, OrderIntended, VerdictGiven};
use crate::gate::{
    self, CheckName, FailedCheck, OrderDraft, PassedCheck, ProtectiveStop, Ruling, Severity,
    Verdict,
};
use crate::json;
use crate::message::{
    ExitPlan, Leg, Level, Name, OrderType, Purpose, Signal, Stop, TimeInForce, TimerKind,
};
use crate::orders::Order;
use crate::sizing::{self, Sizing, SizingInput, SizingStep, StopDistance};
use std::fmt::Write;
use std::sync::Arc;

/// An entry that is asked for: by a signal, or once more after its time was over.
struct Wanted<'a> {
    signal: &'a Signal,
    leg: &'a Leg,
    attempt: i64,
    order_type: OrderType,
    tif: TimeInForce,
    limit_1e8: Option<i64>,
    trigger_1e8: Option<i64>,
}

impl Work<'_> {
    /// The id of an order, from what it is for (EX-4).
    pub(super) fn order_id(
        &self,
        of: (&str, i64, &str),
        leg: i64,
        purpose: Purpose,
        attempt: i64,
    ) -> Name {
        let config = &self.core.config;
        let (strategy, session_date, setup_instance) = of;
        written(format_args!(
            "{}-{}-{strategy}-{session_date}-{setup_instance}-{leg}{}{attempt}",
            config.mode.tag(),
            config.account,
            purpose.letter(),
        ))
        .into()
    }

    pub(super) fn signalled(&mut self, signal: &Signal) {
        let of = (
            &*signal.strategy,
            signal.session_date,
            &*signal.setup_instance,
        );
        let id = self.order_id(of, 0, Purpose::Entry, 1);
        if self.draft.order(&id).is_some() {
            self.emit(Event::DuplicateRefused(DuplicateRefused {
                client_order_id: id,
                signal_id: signal.signal_id.clone(),
                strategy: signal.strategy.clone(),
            }));
            return;
        }
        self.emit(Event::SignalReceived(Box::new(signal.clone())));
        let no_leg = Leg {
            instrument: Name::from(""),
            side: crate::message::Side::Buy,
            ratio_1e8: 0,
        };
        let wanted = Wanted {
            signal,
            leg: signal.legs.first().unwrap_or(&no_leg),
            attempt: 1,
            order_type: signal.order_type,
            tif: signal.tif,
            limit_1e8: signal.limit_1e8,
            trigger_1e8: signal.trigger_1e8,
        };
        if self.enter(&wanted, &id) {
            let config = &self.core.config;
            let setup = written(format_args!(
                "{}|{}|{}|{}|{}",
                config.mode.as_str(),
                config.account,
                signal.strategy,
                signal.setup_instance,
                signal.session_date
            ));
            self.claim("setup", setup);
        }
    }

    /// An entry whose time was over is tried once more, at market, if configured (EX-8).
    pub(super) fn retry_at_market(&mut self, order: &Order) {
        let old = &order.intent;
        let Some(plan) = old.plan.as_deref() else {
            return;
        };
        let signal = Signal {
            signal_id: old.signal_id.clone(),
            strategy: old.strategy.clone(),
            setup_instance: old.setup_instance.clone(),
            session_date: old.session_date,
            legs: vec![Leg {
                instrument: old.instrument.clone(),
                side: old.side,
                ratio_1e8: crate::money::ONE_1E8,
            }],
            qty_1e8: Some(old.qty_1e8),
            risk_1e8: None,
            order_type: OrderType::Market,
            tif: TimeInForce::Day,
            limit_1e8: None,
            trigger_1e8: None,
            plan: plan.clone(),
            reason: Name::from("the first entry's time was over"),
            confidence_ratio_1e8: 0,
            reference_1e8: self.market_1e8(&old.instrument, old.side),
            reference_ns: self.now_ns,
            vetoes: Vec::new(),
        };
        let attempt = old.attempt + 1;
        let of = (&*old.strategy, old.session_date, &*old.setup_instance);
        let id = self.order_id(of, old.leg, Purpose::Entry, attempt);
        let wanted = Wanted {
            signal: &signal,
            leg: &signal.legs[0],
            attempt,
            order_type: OrderType::Market,
            tif: TimeInForce::Day,
            limit_1e8: None,
            trigger_1e8: None,
        };
        self.enter(&wanted, &id);
    }

    /// Sizes, rules and, if nothing objects, intends an entry; says whether it did.
    fn enter(&mut self, wanted: &Wanted<'_>, id: &Name) -> bool {
        let exposure = self.exposure();
        let sizing = self.size(wanted);
        let deadline_ns = self
            .now_ns
            .saturating_add(self.core.config.release_deadline_ns);
        let (extra, (ruling, passed)) =
            self.rule(wanted, id, &exposure, sizing.qty_1e8, deadline_ns);
        let (verdict, mut failed) = match ruling {
            Ruling::Approved(verdict) if extra.is_empty() => (Some(verdict), extra),
            Ruling::Approved(_) => (None, extra),
            Ruling::Refused(failed) => (None, extra.into_iter().chain(failed).collect()),
        };
        let was_asked_none = wanted
            .signal
            .qty_1e8
            .is_some_and(|asked_1e8| asked_1e8 <= 0);
        if sizing.qty_1e8 == 0 && !sizing.steps.is_empty() && !was_asked_none {
            sized_away(&mut failed, &sizing.steps);
        }
        self.give_verdict(wanted, id, sizing, failed, passed);
        match verdict {
            Some(verdict) => {
                let intent = self.entry_intent(wanted, id, &verdict);
                self.intend(verdict, intent)
            }
            None => false,
        }
    }

    fn rule(
        &self,
        wanted: &Wanted<'_>,
        id: &Name,
        exposure: &Exposure,
        qty_1e8: i64,
        deadline_ns: i64,
    ) -> (Vec<FailedCheck>, (Ruling, Vec<PassedCheck>)) {
        let signal = wanted.signal;
        let instrument = &wanted.leg.instrument;
        let protections = self.draft.protections().active(instrument, self.now_ns);
        let context = self.entry_context(
            exposure,
            &signal.strategy,
            instrument,
            &protections,
            &signal.vetoes,
        );
        let draft = OrderDraft {
            client_order_id: id,
            strategy: &signal.strategy,
            instrument,
            purpose: Purpose::Entry,
            side: wanted.leg.side,
            order_type: wanted.order_type,
            tif: wanted.tif,
            qty_1e8,
            limit_1e8: wanted.limit_1e8,
            trigger_1e8: wanted.trigger_1e8,
            protective_stop: self.protective_stop(&signal.plan),
            take_profit_1e8: price_of(signal.plan.target),
            is_protective: false,
            deadline_ns,
        };
        (
            self.own_checks(signal, wanted.leg),
            gate::check_all(&draft, &context),
        )
    }

    fn protective_stop(&self, plan: &ExitPlan) -> ProtectiveStop {
        match &plan.stop {
            Stop::At {
                level: Level::Price(price_1e8),
            } => ProtectiveStop::Price1e8(*price_1e8),
            Stop::At {
                level: Level::Ratio(ratio_1e8),
            } => ProtectiveStop::Ratio1e8(*ratio_1e8),
            Stop::At { level: Level::R(_) } => ProtectiveStop::Missing,
            Stop::None { .. } => {
                let ratio_1e8 = self.core.config.risk.unstopped_ratio_1e8;
                let assumed_ratio_1e8 = (ratio_1e8 > 0).then_some(ratio_1e8);
                ProtectiveStop::DeclaredNone { assumed_ratio_1e8 }
            }
        }
    }

    /// What the gate cannot know: the signal's own form, and that a position is one (EX-7, EX-10).
    fn own_checks(&self, signal: &Signal, leg: &Leg) -> Vec<FailedCheck> {
        let mut failed = Vec::new();
        let mut refuse = |name, detail: String| {
            let severity = Severity::Refusal;
            failed.push(FailedCheck {
                name,
                severity,
                value: None,
                limit: None,
                detail,
            });
        };
        if signal.legs.len() != 1 {
            let found = signal.legs.len();
            let text = format!("a signal must have one leg in this version, had {found}");
            refuse(CheckName::RequiredFields, text);
        } else if leg.ratio_1e8 != crate::money::ONE_1E8 {
            let found = leg.ratio_1e8;
            let text = format!("a single leg must have ratio 1, was {found} at 1e-8");
            refuse(CheckName::RequiredFields, text);
        }
        for (what, name) in [
            ("strategy", &signal.strategy),
            ("setup instance", &signal.setup_instance),
        ] {
            if !is_name(name) {
                let text = format!("{what} must be short, without '/' and spaces, was {name:?}");
                refuse(CheckName::RequiredFields, text);
            }
        }
        let session = self.draft.session();
        if signal.session_date != session.session_date {
            let (found, open) = (signal.session_date, session.session_date);
            let text = format!("the signal must be of session {open}, was of {found}");
            refuse(CheckName::SessionOpen, text);
        }
        if self.is_flattening() {
            refuse(
                CheckName::SessionOpen,
                "the account is flat until the session ends".to_owned(),
            );
        }
        if self
            .draft
            .position_of(&signal.strategy, &leg.instrument)
            .is_some()
        {
            let text = format!(
                "{} has a position in {} already",
                signal.strategy, leg.instrument
            );
            refuse(CheckName::OpenPositionsPerSymbol, text);
        }
        let most = self.core.config.limits.entries_per_session_max;
        let entries = session
            .strategies
            .get(&signal.strategy)
            .map_or(0, |s| s.entries);
        if most > 0 && entries >= most {
            let text = format!("{} may enter {most} times in a session", signal.strategy);
            refuse(CheckName::EntriesPerWindow, text);
        }
        if let Some(text) = plan_problem(&signal.plan) {
            refuse(CheckName::TakeProfit, text);
        }
        failed
    }

    fn size(&self, wanted: &Wanted<'_>) -> Sizing {
        let none = Sizing {
            qty_1e8: 0,
            steps: Vec::new(),
        };
        let (signal, leg) = (wanted.signal, wanted.leg);
        let Some(instrument) = self.instrument(&leg.instrument) else {
            return none;
        };
        let mark_1e8 = self.mark(&leg.instrument).map(|mark| mark.price_1e8);
        let entry = sizing::entry_prices(
            leg.side,
            wanted.order_type,
            wanted.limit_1e8,
            wanted.trigger_1e8,
            mark_1e8,
        );
        let Some(entry) = entry else { return none };
        let stop = match self.protective_stop(&signal.plan) {
            ProtectiveStop::Price1e8(price_1e8) => StopDistance::Price1e8(price_1e8),
            ProtectiveStop::Ratio1e8(ratio_1e8)
            | ProtectiveStop::DeclaredNone {
                assumed_ratio_1e8: Some(ratio_1e8),
            } => StopDistance::Ratio1e8(ratio_1e8),
            ProtectiveStop::DeclaredNone {
                assumed_ratio_1e8: None,
            } => StopDistance::DeclaredNone,
            ProtectiveStop::Missing => return none,
        };
        let per_trade_1e8 = self.core.config.risk.per_trade_1e8;
        let asked = match (signal.qty_1e8, self.core.rules.position_qty_max_1e8) {
            (Some(asked_1e8), Some(most_1e8)) => Some(asked_1e8.min(most_1e8)),
            (asked, most) => asked.or(most),
        };
        sizing::size(&SizingInput {
            side: leg.side,
            entry,
            stop,
            risk_1e8: signal
                .risk_1e8
                .map_or(per_trade_1e8, |own_1e8| own_1e8.min(per_trade_1e8)),
            multiplier_1e8: instrument.multiplier_1e8,
            max_notional_1e8: self
                .core
                .rules
                .gate(&leg.instrument)
                .max_position_notional_1e8,
            lot_1e8: instrument.lot_1e8,
            min_qty_1e8: instrument.min_qty_1e8,
            explicit_qty_1e8: asked,
            throttle: self.draft.protections().throttle(),
        })
    }

    fn give_verdict(
        &mut self,
        wanted: &Wanted<'_>,
        id: &Name,
        sizing: Sizing,
        failed: Vec<FailedCheck>,
        passed: Vec<PassedCheck>,
    ) {
        let signal = wanted.signal;
        if failed
            .iter()
            .any(|check| check.severity == Severity::Critical)
        {
            let text = format!("a malformed order of {} was refused", signal.strategy);
            self.notify("CRITICAL", text, &[&signal.signal_id]);
        }
        self.emit(Event::VerdictGiven(Box::new(VerdictGiven {
            signal_id: signal.signal_id.clone(),
            client_order_id: id.clone(),
            strategy: signal.strategy.clone(),
            instrument: wanted.leg.instrument.clone(),
            is_approved: failed.is_empty(),
            qty_1e8: sizing.qty_1e8,
            sizing: sizing.steps,
            failed,
            passed,
        })));
    }

    fn entry_intent(&self, wanted: &Wanted<'_>, id: &Name, verdict: &Verdict) -> OrderIntended {
        let (signal, request) = (wanted.signal, verdict.request());
        let ttl_ns = self.core.config.entry_ttl_ns;
        let expires = wanted.order_type == OrderType::Limit && ttl_ns > 0;
        OrderIntended {
            client_order_id: id.clone(),
            signal_id: signal.signal_id.clone(),
            position_id: written(format_args!(
                "{}/{}/{}/{}",
                signal.strategy, request.instrument, signal.session_date, signal.setup_instance
            ))
            .into(),
            strategy: signal.strategy.clone(),
            instrument: request.instrument.clone(),
            session_date: signal.session_date,
            setup_instance: signal.setup_instance.clone(),
            leg: 0,
            purpose: Purpose::Entry,
            attempt: wanted.attempt,
            side: request.side,
            qty_1e8: request.qty_1e8,
            order_type: request.order_type,
            tif: request.tif,
            limit_1e8: request.limit_1e8,
            trigger_1e8: request.trigger_1e8,
            adds_risk: true,
            deadline_ns: request.deadline_ns,
            expires_ns: if expires {
                self.now_ns.saturating_add(ttl_ns)
            } else {
                0
            },
            reference_1e8: signal.reference_1e8,
            reference_ns: signal.reference_ns,
            exit_reason: None,
            plan: Some(Arc::new(signal.plan.clone())),
        }
    }

    /// Journals an intent and submits it; says whether it could.
    pub(super) fn intend(&mut self, verdict: Verdict, intent: OrderIntended) -> bool {
        let intent = Arc::new(intent);
        let id = intent.client_order_id.clone();
        match verdict.issue(&intent) {
            Err(error) => {
                self.violated(
                    "IntentNotApproved",
                    &id,
                    &intent.instrument,
                    &error.to_string(),
                );
                false
            }
            Ok(submission) => {
                self.emit(Event::OrderIntended(Arc::clone(&intent)));
                self.claim("intent", id.to_string());
                if intent.expires_ns != 0 {
                    self.timer(TimerKind::EntryTtl, &id, intent.expires_ns);
                }
                self.out.effects.push(Effect::Submit(Arc::new(submission)));
                true
            }
        }
    }
}

/// A text with room for an id from the start: `format!` would grow it step by step.
fn written(text: std::fmt::Arguments<'_>) -> String {
    let mut id = String::with_capacity(96);
    let done = id.write_fmt(text);
    debug_assert!(done.is_ok(), "writing to a String cannot fail");
    id
}

/// Nothing is left to trade after sizing: an outcome of its own, not a malformed order (RK-2, EX-10).
fn sized_away(failed: &mut Vec<FailedCheck>, steps: &[SizingStep]) {
    failed.retain(|check| !matches!(check.name, CheckName::QtyPositive | CheckName::MinSize));
    let lowered = steps.iter().filter(|step| step.after_1e8 < step.before_1e8);
    let by: Vec<&str> = lowered.map(|step| step.name.as_str()).collect();
    failed.push(FailedCheck {
        name: CheckName::ZeroSize,
        severity: Severity::Refusal,
        value: Some(0),
        limit: Some(1),
        detail: format!(
            "the size must be above zero, {} left nothing",
            by.join(", ")
        ),
    });
}

/// An intent's bytes, as journaled.
pub fn bytes_of(intent: &OrderIntended) -> Result<Arc<[u8]>, EventError> {
    let mut bytes = Vec::with_capacity(768);
    json::write(intent, &mut bytes).map_err(|e| EventError::Encoding(e.to_string()))?;
    Ok(Arc::from(bytes))
}

fn price_of(level: Option<Level>) -> Option<i64> {
    match level {
        Some(Level::Price(price_1e8)) => Some(price_1e8),
        Some(Level::Ratio(_) | Level::R(_)) | None => None,
    }
}

/// What cannot be meant in a plan, beyond what the gate looks at.
fn plan_problem(plan: &ExitPlan) -> Option<String> {
    let has_stop = matches!(plan.stop, Stop::At { .. });
    let targets = [
        plan.target,
        plan.target_1.map(|part| part.level),
        plan.target_2,
    ];
    for level in targets.into_iter().flatten() {
        let size_1e8 = match level {
            Level::R(_) if !has_stop => return Some("a target in R needs a stop".to_owned()),
            Level::Price(size_1e8) | Level::Ratio(size_1e8) | Level::R(size_1e8) => size_1e8,
        };
        if size_1e8 <= 0 {
            return Some(format!(
                "a target must be above zero, was {size_1e8} at 1e-8"
            ));
        }
    }
    let one = crate::money::ONE_1E8;
    let trails = [plan.trailing_ratio_1e8, plan.target_trailing_ratio_1e8];
    if let Some(wrong) = trails
        .into_iter()
        .flatten()
        .find(|ratio| !(1..one).contains(ratio))
    {
        return Some(format!(
            "a trailing ratio must be between 0 and 1, was {wrong} at 1e-8"
        ));
    }
    let portion = plan.target_1.map(|part| part.portion_ratio_1e8);
    if let Some(wrong) = portion.filter(|ratio| !(1..=one).contains(ratio)) {
        return Some(format!(
            "the first target's portion must be up to 1, was {wrong} at 1e-8"
        ));
    }
    let times = [
        plan.holding_max_ns,
        plan.target_2_wait_ns,
        plan.force_flat_ns,
    ];
    let wrong = times.into_iter().flatten().find(|ns| *ns <= 0);
    wrong.map(|ns| format!("a time of the plan must be above zero, was {ns} ns"))
}
