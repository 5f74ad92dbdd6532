//! One account in an open session, and words for what happens to it.

use std::sync::Arc;

use holdfast_core::account::AccountCore;
use holdfast_core::config::AccountConfig;
use holdfast_core::decision::{Decision, Effect};
use holdfast_core::event::{Event, OrderIntended, TradeClosed};
use holdfast_core::gate::CheckName;
use holdfast_core::message::{
    ExitPlan, Kill, KillLevel, Leg, Level, Lookup, Mark, MarkKind, Message, Name, OrderType,
    ReportKind, Settlement, Side, Signal, Stop, TimeInForce, VenueReport,
};
use holdfast_core::money::ONE_1E8;
use serde_json::json;

pub const DOLLAR: i64 = ONE_1E8;
pub const SECOND_NS: i64 = 1_000_000_000;
/// Monday 2020-01-06, 14:30 UTC.
pub const OPEN_NS: i64 = 1_578_321_000_000_000_000;
pub const DATE: i64 = 20_200_106;

pub fn config() -> serde_json::Value {
    json!({
        "mode": "PAPER",
        "account": "main",
        "capital_1e8": 100_000 * DOLLAR,
        "instruments": [
            {"symbol": "XYZ", "kind": "EQUITY", "tick_1e8": ONE_1E8 / 100, "lot_1e8": ONE_1E8,
             "min_qty_1e8": ONE_1E8, "multiplier_1e8": ONE_1E8},
        ],
        "limits": {
            "position_notional_max_1e8": 10_000 * DOLLAR, "positions_per_instrument_max": 1,
            "positions_max": 5, "entries_per_window_max": 20,
            "exposure_max_ratio_1e8": ONE_1E8 / 10 * 8, "collar_ratio_1e8": ONE_1E8 / 20,
            "allow_short": true,
        },
        "risk": {"per_trade_1e8": 100 * DOLLAR},
        "protections": {
            "cooldown_period": {"enabled": false}, "max_drawdown": {"enabled": false},
            "volatility_halt": {"enabled": false},
            "daily_loss": {"limit_1e8": 10_000 * DOLLAR}, "weekly_loss": {"limit_1e8": 20_000 * DOLLAR},
        },
    })
}

/// One account in an open session, and everything it decided.
pub struct Account {
    pub core: AccountCore,
    pub now_ns: i64,
    pub executions: u32,
    pub events: Vec<Event>,
}

pub fn name(text: &str) -> Name {
    Name::from(text)
}

pub fn plan() -> ExitPlan {
    ExitPlan {
        stop: Stop::At {
            level: Level::Price(90 * DOLLAR),
        },
        trailing_ratio_1e8: None,
        target: None,
        target_trailing_ratio_1e8: None,
        target_1: None,
        target_2: None,
        target_2_wait_ns: None,
        holding_max_ns: None,
        force_flat_ns: None,
    }
}

pub fn signal(setup: &str, side: Side, plan: ExitPlan) -> Signal {
    Signal {
        signal_id: name(&format!("s/{DATE}/{setup}")),
        strategy: name("s"),
        setup_instance: name(setup),
        session_date: DATE,
        legs: vec![Leg {
            instrument: name("XYZ"),
            side,
            ratio_1e8: ONE_1E8,
        }],
        qty_1e8: None,
        risk_1e8: None,
        order_type: OrderType::Market,
        tif: TimeInForce::Day,
        limit_1e8: None,
        trigger_1e8: None,
        plan,
        reason: name("test"),
        confidence_ratio_1e8: ONE_1E8,
        reference_1e8: 100 * DOLLAR,
        reference_ns: OPEN_NS,
        vetoes: Vec::new(),
    }
}

impl Account {
    pub fn new(config: serde_json::Value) -> Self {
        let config: AccountConfig = serde_json::from_value(config).unwrap();
        let mut account = Self {
            core: AccountCore::new(config).unwrap(),
            now_ns: OPEN_NS,
            executions: 0,
            events: Vec::new(),
        };
        account.tell(&Message::SessionOpened {
            session_date: DATE,
            open_ns: OPEN_NS,
            close_ns: OPEN_NS + 23_400 * SECOND_NS,
        });
        account.mark(100);
        account
    }

    pub fn tell(&mut self, message: &Message) -> Decision {
        let decision = self.core.decide(message, self.now_ns);
        self.core.apply(&decision).unwrap();
        self.events.extend(decision.events.iter().cloned());
        decision
    }

    /// A second later, a trade at that many dollars.
    pub fn mark(&mut self, dollars: i64) -> Decision {
        self.now_ns += SECOND_NS;
        let price_1e8 = dollars * DOLLAR;
        self.tell(&Message::Mark(Mark {
            instrument: name("XYZ"),
            kind: MarkKind::Trade,
            at_ns: self.now_ns,
            price_1e8,
            bid_1e8: price_1e8,
            ask_1e8: price_1e8,
        }))
    }

    pub fn enter(&mut self, signal: Signal) -> Arc<OrderIntended> {
        let decision = self.tell(&Message::Signal(Box::new(signal)));
        submitted(&decision).unwrap_or_else(|| panic!("no entry: {:?}", decision.events))
    }

    /// Buys ten shares at $100 with a stop at $90: $100 at risk.
    pub fn hold(&mut self, setup: &str, plan: ExitPlan) -> Arc<OrderIntended> {
        let entry = self.enter(signal(setup, Side::Buy, plan));
        self.accept(&entry);
        self.fill(&entry, 10, 100);
        entry
    }

    pub fn report(&self, order: &OrderIntended, kind: ReportKind) -> VenueReport {
        VenueReport {
            client_order_id: order.client_order_id.clone(),
            kind,
            broker_order_id: name(&format!("b-{}", order.client_order_id)),
            execution_id: name(""),
            qty_1e8: 0,
            price_1e8: 0,
            fee_1e8: 0,
            settlement: Settlement::Confirmed,
            venue_ns: self.now_ns,
            reason: name(""),
        }
    }

    pub fn venue(&mut self, order: &OrderIntended, kind: ReportKind) -> Decision {
        let report = self.report(order, kind);
        self.tell(&Message::VenueReport(report))
    }

    pub fn accept(&mut self, order: &OrderIntended) -> Decision {
        self.tell(&Message::Released {
            client_order_id: order.client_order_id.clone(),
            released_ns: self.now_ns,
        });
        self.venue(order, ReportKind::Accepted)
    }

    pub fn fill(&mut self, order: &OrderIntended, qty: i64, dollars: i64) -> (Decision, Name) {
        self.executions += 1;
        let execution_id = name(&format!("x{}", self.executions));
        let report = VenueReport {
            execution_id: execution_id.clone(),
            qty_1e8: qty * ONE_1E8,
            price_1e8: dollars * DOLLAR,
            ..self.report(order, ReportKind::Filled)
        };
        (self.tell(&Message::VenueReport(report)), execution_id)
    }

    pub fn filled_to(&mut self, order: &OrderIntended, total: i64, average_1e8: i64) -> Decision {
        let report = VenueReport {
            qty_1e8: total * ONE_1E8,
            price_1e8: average_1e8,
            ..self.report(order, ReportKind::FilledTo)
        };
        self.tell(&Message::VenueReport(report))
    }

    pub fn reverse(&mut self, order: &OrderIntended, execution_id: &Name) -> Decision {
        let report = VenueReport {
            execution_id: execution_id.clone(),
            ..self.report(order, ReportKind::Reversed)
        };
        self.tell(&Message::VenueReport(report))
    }

    pub fn kill(&mut self, level: KillLevel) -> Decision {
        self.tell(&Message::Kill(Kill {
            kill_id: name("k1"),
            level,
            reason: name("test"),
            author: name("me"),
        }))
    }

    pub fn looked_up(&mut self, order: &OrderIntended, reports: Vec<VenueReport>) -> Decision {
        self.tell(&Message::LookedUp {
            client_order_id: order.client_order_id.clone(),
            answer: Lookup::Found { reports },
        })
    }

    pub fn held_1e8(&self) -> i64 {
        self.core
            .state()
            .positions
            .values()
            .map(|p| p.qty_1e8)
            .sum()
    }

    pub fn trades(&self) -> Vec<&TradeClosed> {
        let mut trades = Vec::new();
        for event in &self.events {
            if let Event::TradeClosed(trade) = event {
                trades.push(trade.as_ref());
            }
        }
        trades
    }
}

/// The order that a decision submits.
pub fn submitted(decision: &Decision) -> Option<Arc<OrderIntended>> {
    decision.events.iter().find_map(|event| match event {
        Event::OrderIntended(intent) => Some(Arc::clone(intent)),
        _ => None,
    })
}

pub fn fills(decision: &Decision) -> Vec<(i64, i64)> {
    let filled = decision.events.iter().filter_map(|event| match event {
        Event::OrderFilled(fill) => Some((fill.qty_1e8, fill.price_1e8)),
        _ => None,
    });
    filled.collect()
}

pub fn cancelled(decision: &Decision) -> Vec<&str> {
    let cancels = decision.effects.iter().filter_map(|effect| match effect {
        Effect::Cancel {
            client_order_id, ..
        } => Some(&**client_order_id),
        _ => None,
    });
    cancels.collect()
}

pub fn refusals(decision: &Decision) -> Vec<CheckName> {
    let verdicts = decision.events.iter().filter_map(|event| match event {
        Event::VerdictGiven(verdict) => Some(verdict),
        _ => None,
    });
    verdicts
        .flat_map(|verdict| verdict.failed.iter().map(|check| check.name))
        .collect()
}
