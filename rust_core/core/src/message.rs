//! What an account core is told: facts and requests, never changed after they are made.

use crate::statement::Statement;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub use crate::words::{OrderType, Side, TimeInForce};

/// A short text that is shared, not copied: ids, symbols, reasons.
pub type Name = Arc<str>;

/// Declares an enum that is journaled and shown by its name in capitals.
macro_rules! named_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name as journaled.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value of that name; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

pub(crate) use named_enum;

named_enum! {
    /// What an order is for; its letter stands in the client order id (EX-4).
    Purpose {
        /// Opens a position.
        Entry = "ENTRY",
        /// Closes one, in whole or in part.
        Exit = "EXIT",
        /// A protective stop that rests at the venue.
        Protect = "PROTECT",
    }
}

impl Purpose {
    /// `e`, `x` or `s`.
    pub const fn letter(self) -> char {
        match self {
            Self::Entry => 'e',
            Self::Exit => 'x',
            Self::Protect => 's',
        }
    }
}

named_enum! {
    /// Why a position was closed (PX-6).
    ExitReason {
        /// The stop was reached.
        StopLoss = "STOP_LOSS",
        /// The target was reached, or the strategy's own rule says the profit is made.
        TakeProfit = "TAKE_PROFIT",
        /// The first target was reached; a part is closed.
        Target1 = "TARGET_1",
        /// The second target was reached.
        Target2 = "TARGET_2",
        /// The trailing stop was reached.
        Trailing = "TRAILING",
        /// An option lost too much to time.
        ThetaDecay = "THETA_DECAY",
        /// Held long enough.
        Time = "TIME",
        /// The strategy's own time to be flat.
        ForceFlat = "FORCE_FLAT",
        /// The account's time to be flat (KC-8).
        AutoFlatten = "AUTO_FLATTEN",
        /// The instrument settled.
        Settlement = "SETTLEMENT",
        /// A person or a strategy without a rule asked for it.
        Manual = "MANUAL",
        /// A kill (KC-2).
        KillSwitch = "KILL_SWITCH",
        /// Our own fault, or what a late fill left over.
        ExecutionError = "EXECUTION_ERROR",
        /// The broker refused.
        BrokerReject = "BROKER_REJECT",
    }
}

impl ExitReason {
    /// A stop: what protects a position where the venue holds no order for it (PX-8).
    pub const fn is_protective(self) -> bool {
        matches!(self, Self::StopLoss | Self::Trailing)
    }
}

named_enum! {
    /// How far a kill goes (KC-1).
    KillLevel {
        /// Not killed.
        None = "NONE",
        /// No new entries.
        Pause = "PAUSE",
        /// Cancel all, close all, then pause.
        Flatten = "FLATTEN",
        /// Cancel all, halt all; only a person re-arms.
        Emergency = "EMERGENCY",
    }
}

named_enum! {
    /// What a halt stops (EX-9).
    Scope {
        /// One order.
        Order = "ORDER",
        /// One instrument.
        Instrument = "INSTRUMENT",
        /// One account.
        Account = "ACCOUNT",
        /// Everything.
        System = "SYSTEM",
    }
}

named_enum! {
    /// What a mark was made from.
    MarkKind {
        /// A completed bar; `price_1e8` is its close.
        Bar = "BAR",
        /// A quote: `bid_1e8` and `ask_1e8`.
        Quote = "QUOTE",
        /// A trade; `price_1e8` is its price.
        Trade = "TRADE",
    }
}

named_enum! {
    /// Where a fill stands on its way to being final (EX-7).
    Settlement {
        /// Executed, not yet final.
        Provisional = "PROVISIONAL",
        /// Final.
        Confirmed = "CONFIRMED",
        /// It will not settle: the fill is reversed.
        Failed = "FAILED",
    }
}

named_enum! {
    /// What a venue says.
    ReportKind {
        /// It has the order.
        Accepted = "ACCEPTED",
        /// It executed some or all of it.
        Filled = "FILLED",
        /// It has executed so much of it in all, at that average: the word of a venue that names no executions.
        FilledTo = "FILLED_TO",
        /// What was left is cancelled.
        Cancelled = "CANCELLED",
        /// It refused the order.
        Rejected = "REJECTED",
        /// The order's time is over.
        Expired = "EXPIRED",
        /// It would not cancel; losing the race to a fill is not an error (EX-8).
        CancelRejected = "CANCEL_REJECTED",
        /// An earlier fill became final.
        Settled = "SETTLED",
        /// An earlier fill was taken back: trade bust, failed settlement.
        Reversed = "REVERSED",
    }
}

named_enum! {
    /// What a money timer is for.
    TimerKind {
        /// An entry LIMIT order has lived long enough (EX-8).
        EntryTtl = "ENTRY_TTL",
        /// A position was held long enough.
        HoldingMax = "HOLDING_MAX",
        /// The strategy's own time to be flat.
        ForceFlat = "FORCE_FLAT",
        /// The second target was not reached in time.
        Target2Wait = "TARGET_2_WAIT",
        /// A failed exit is decided again.
        ExitRetry = "EXIT_RETRY",
        /// The account's time to be flat (KC-8).
        AutoFlatten = "AUTO_FLATTEN",
        /// The safety net after it (KC-8).
        FlattenCheck = "FLATTEN_CHECK",
        /// A protection's cool-down ends.
        Protection = "PROTECTION",
        /// The process ends: entries that still work are cancelled (WD-7).
        Shutdown = "SHUTDOWN",
    }
}

/// One part of what a signal asks for. Options come later; today a signal has one leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Instrument id, as configured.
    pub instrument: Name,
    /// Direction.
    pub side: Side,
    /// Quantity of this leg per unit of the signal.
    pub ratio_1e8: i64,
}

/// A price level, as stated by a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    content = "value_1e8",
    rename_all = "SCREAMING_SNAKE_CASE"
)]
pub enum Level {
    /// That price.
    Price(i64),
    /// That ratio away from the average entry that was really filled (SG-3).
    Ratio(i64),
    /// That many R away from it; needs a stop.
    R(i64),
}

/// Where a loss ends. Missing is not possible: no stop is declared by name (EX-10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stop {
    /// At a level.
    At {
        /// Where.
        level: Level,
    },
    /// None, waived by the strategy under this name.
    None {
        /// Who or what waived it, for the journal.
        waiver: Name,
    },
}

/// The first target: a part of what was filled is closed there (PX-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    /// Where.
    pub level: Level,
    /// Which part of the filled quantity, at 1e-8.
    pub portion_ratio_1e8: i64,
}

/// How a position ends, stated when it is asked for (PX-3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitPlan {
    /// Fixed stop, or its waiver.
    pub stop: Stop,
    /// Trailing stop: this ratio below (above, for a short) the best price since entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trailing_ratio_1e8: Option<i64>,
    /// Fixed target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Level>,
    /// Trailing target: once in profit, this ratio below the best price takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_trailing_ratio_1e8: Option<i64>,
    /// First target, closing a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_1: Option<Partial>,
    /// Second target, closing the runner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_2: Option<Level>,
    /// The runner is closed this long after the first target, nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_2_wait_ns: Option<i64>,
    /// Longest holding from the first fill, nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holding_max_ns: Option<i64>,
    /// Flat at this instant, nanoseconds UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_flat_ns: Option<i64>,
}

/// A policy of the user's that says no (RK-16).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Veto {
    /// The policy's name.
    pub policy: Name,
    /// Its reason, or how it failed.
    pub reason: Name,
}

/// What a strategy asks for (SG-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// `strategy/session_date/setup_instance`.
    pub signal_id: Name,
    /// The strategy's name.
    pub strategy: Name,
    /// One detected occurrence; a later one of the same kind is another (EX-4).
    pub setup_instance: Name,
    /// yyyymmdd of the session.
    pub session_date: i64,
    /// What to trade.
    pub legs: Vec<Leg>,
    /// Quantity; without it the size follows from the risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qty_1e8: Option<i64>,
    /// Money to risk; without it the account's own figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_1e8: Option<i64>,
    /// Order type of the entry.
    pub order_type: OrderType,
    /// Time in force of the entry.
    pub tif: TimeInForce,
    /// Limit price, for LIMIT and `STOP_LIMIT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_1e8: Option<i64>,
    /// Trigger price, for STOP and `STOP_LIMIT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_1e8: Option<i64>,
    /// How the position ends.
    pub plan: ExitPlan,
    /// Why, in the strategy's words.
    pub reason: Name,
    /// How sure, as a ratio at 1e-8.
    pub confidence_ratio_1e8: i64,
    /// The price the strategy saw.
    pub reference_1e8: i64,
    /// When that price became known.
    pub reference_ns: i64,
    /// Vetoes gathered before the core was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vetoes: Vec<Veto>,
}

/// One price of one instrument, as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Instrument id.
    pub instrument: Name,
    /// What it was made from.
    pub kind: MarkKind,
    /// When it became known.
    pub at_ns: i64,
    /// Close, trade price, or mid of a quote.
    pub price_1e8: i64,
    /// What a sell would get: the bid of a quote, else the price.
    pub bid_1e8: i64,
    /// What a buy would pay: the ask of a quote, else the price.
    pub ask_1e8: i64,
}

impl Mark {
    /// A price; a quote without one gets the middle, the other kinds are what they cost on both sides.
    pub fn new(
        instrument: Name,
        kind: MarkKind,
        at_ns: i64,
        price_1e8: i64,
        bid_1e8: i64,
        ask_1e8: i64,
    ) -> Self {
        let (price_1e8, bid_1e8, ask_1e8) = match kind {
            MarkKind::Quote if price_1e8 == 0 => {
                (bid_1e8 + (ask_1e8 - bid_1e8) / 2, bid_1e8, ask_1e8)
            }
            MarkKind::Quote => (price_1e8, bid_1e8, ask_1e8),
            MarkKind::Bar | MarkKind::Trade => (price_1e8, price_1e8, price_1e8),
        };
        Self {
            instrument,
            kind,
            at_ns,
            price_1e8,
            bid_1e8,
            ask_1e8,
        }
    }
}

/// What a venue said about one order; fields that do not apply are zero or empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueReport {
    /// Our id.
    pub client_order_id: Name,
    /// What happened.
    pub kind: ReportKind,
    /// The venue's id, empty if it gave none.
    pub broker_order_id: Name,
    /// Of this fill (or a fingerprint of it, EX-5).
    pub execution_id: Name,
    /// Of this fill; of `FILLED_TO` the whole.
    pub qty_1e8: i64,
    /// Of this fill; of `FILLED_TO` the average over the whole.
    pub price_1e8: i64,
    /// Of this fill; above zero is a cost.
    pub fee_1e8: i64,
    /// Of this fill.
    pub settlement: Settlement,
    /// The venue's own stamp.
    pub venue_ns: i64,
    /// The venue's words.
    pub reason: Name,
}

/// What a look-up by client order id brought (EX-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lookup {
    /// The venue has it; its fills follow as reports, in the list.
    Found {
        /// Everything the venue says about it, oldest first.
        reports: Vec<VenueReport>,
    },
    /// It is not there. Two such answers are proof, if each is complete and the longest possible flight
    /// time lies between them.
    Absent {
        /// It came over a healthy, authenticated connection, from a list that reaches back before the order.
        is_complete: bool,
    },
    /// No answer; nothing is learned.
    Unknown,
}

/// A kill (KC-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// The same id acts once.
    pub kill_id: Name,
    /// How far.
    pub level: KillLevel,
    /// Why.
    pub reason: Name,
    /// Who.
    pub author: Name,
}

/// What the broker says the account holds (EX-13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Account value.
    pub equity_1e8: i64,
    /// Cash.
    pub cash_1e8: i64,
    /// What may be bought.
    pub buying_power_1e8: i64,
    /// The broker's own stamp, or when it was received.
    pub at_ns: i64,
}

/// Everything an account core can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A session begins.
    SessionOpened {
        /// yyyymmdd.
        session_date: i64,
        /// First instant.
        open_ns: i64,
        /// Last instant.
        close_ns: i64,
    },
    /// A session ended.
    SessionClosed {
        /// yyyymmdd.
        session_date: i64,
    },
    /// A price.
    Mark(Mark),
    /// A strategy asks to trade.
    Signal(Box<Signal>),
    /// A strategy (or a person) asks to close a position; it is advice (PX-2).
    ExitAdvice {
        /// Whose position.
        strategy: Name,
        /// In what.
        instrument: Name,
        /// Under which reason.
        reason: ExitReason,
        /// In its words.
        text: Name,
        /// The price it saw, zero if none.
        reference_1e8: i64,
    },
    /// A strategy moves the levels of its open position; what is `None` stays.
    ExitLevels {
        /// Whose position.
        strategy: Name,
        /// In what.
        instrument: Name,
        /// New stop price.
        stop_1e8: Option<i64>,
        /// New target price.
        target_1e8: Option<i64>,
    },
    /// The bytes of an order were handed to the transport.
    Released {
        /// Our id.
        client_order_id: Name,
        /// When.
        released_ns: i64,
    },
    /// They were not: the release was refused, so the venue never saw them.
    NotReleased {
        /// Our id.
        client_order_id: Name,
        /// What refused.
        reason: Name,
    },
    /// The venue said something.
    VenueReport(VenueReport),
    /// The venue said nothing in time, or the connection broke (EX-6).
    NoAnswer {
        /// Our id.
        client_order_id: Name,
    },
    /// The venue was asked for an order.
    LookedUp {
        /// Our id.
        client_order_id: Name,
        /// What it said.
        answer: Lookup,
    },
    /// A cancel could not be brought to the venue.
    CancelFailed {
        /// Our id.
        client_order_id: Name,
        /// Why.
        reason: Name,
    },
    /// A money timer fired.
    Timer {
        /// What for.
        kind: TimerKind,
        /// Of which order, position or protection.
        key: Name,
    },
    /// A runtime control changes (KC-6).
    Control {
        /// Which.
        name: Name,
        /// Its new value, as JSON text.
        value: Name,
        /// Who.
        author: Name,
    },
    /// A kill.
    Kill(Kill),
    /// A kill is lifted.
    Resume {
        /// Who; an EMERGENCY needs one.
        author: Name,
        /// Says explicitly that an EMERGENCY ends.
        rearm: bool,
        /// Why.
        reason: Name,
    },
    /// The venue's own word on what is open, after two clean reads (KC-2).
    VenueFlat {
        /// Orders still open at the venue.
        open_orders: i64,
        /// Positions still open at the venue.
        positions: i64,
    },
    /// The broker's figures.
    Balance(Balance),
    /// What the venue itself says the account is (ST-3).
    Stated(Box<Statement>),
    /// Something outside the core stops entries: reconciliation, an assertion (EX-9).
    Halt {
        /// What is stopped.
        scope: Scope,
        /// Which instrument or order; empty for the whole.
        key: Name,
        /// Why.
        reason: Name,
    },
}
