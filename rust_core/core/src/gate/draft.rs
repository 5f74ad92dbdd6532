//! What the gate is asked: an order that does not exist yet, and the world it would enter.

use super::rules::{GateRules, InstrumentRules};
use crate::message::{KillLevel, Name, OrderType, Purpose, Side, TimeInForce, Veto};
use crate::protections::Active;

/// The protective stop of an entry (EX-10, PX-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectiveStop {
    /// Nothing was said; refused for an entry.
    Missing,
    /// The strategy declared `none` by name.
    DeclaredNone {
        /// Share of the price that is taken for the loss; without it a long position can lose all of it, and a
        /// short one is refused.
        assumed_ratio_1e8: Option<i64>,
    },
    /// A price.
    Price1e8(i64),
    /// A share of the entry price.
    Ratio1e8(i64),
}

/// An order before it is approved.
#[derive(Clone, Copy, Debug)]
pub struct OrderDraft<'a> {
    /// Derived id (EX-4).
    pub client_order_id: &'a Name,
    /// Name of the strategy.
    pub strategy: &'a Name,
    /// Symbol.
    pub instrument: &'a Name,
    /// Entry, exit, or protective stop; only an entry adds risk, the others must reduce.
    pub purpose: Purpose,
    /// Direction.
    pub side: Side,
    /// Order type.
    pub order_type: OrderType,
    /// Time in force.
    pub tif: TimeInForce,
    /// Quantity, above zero.
    pub qty_1e8: i64,
    /// Limit price of the order itself.
    pub limit_1e8: Option<i64>,
    /// Trigger price of the order itself (STOP, `STOP_LIMIT`), not the protective stop.
    pub trigger_1e8: Option<i64>,
    /// Where the position would be closed at a loss. Not read for exits.
    pub protective_stop: ProtectiveStop,
    /// Where the position would be closed at a profit, if anywhere. Not read for exits.
    pub take_profit_1e8: Option<i64>,
    /// A stop, which an EMERGENCY that leaves positions leaves in force (KC-1, PX-8).
    pub is_protective: bool,
    /// After this instant an entry is not released.
    pub deadline_ns: i64,
}

impl OrderDraft<'_> {
    /// Whether the order may enlarge a position.
    pub fn adds_risk(&self) -> bool {
        self.purpose == Purpose::Entry
    }
}

/// The last known price of the instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkPrice {
    /// Price.
    pub price_1e8: i64,
    /// When it became known.
    pub at_ns: i64,
}

/// The broker's own figure (EX-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuyingPower {
    /// What the broker says may be spent.
    pub amount_1e8: i64,
    /// What our live entries may still take of it and the figure does not include yet.
    pub reserved_1e8: i64,
    /// When the broker said it.
    pub at_ns: i64,
}

/// The session that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimes {
    /// First instant of trading.
    pub open_ns: i64,
    /// First instant after trading.
    pub close_ns: i64,
}

/// The world as the account knows it. `None` means unknown, and what is unknown refuses an entry.
///
/// Exposures and counts hold live orders that could still fill, and UNKNOWN ones as if they were filled
/// (EX-1). They do not hold the draft itself.
#[derive(Clone, Debug)]
pub struct GateContext<'a> {
    /// The instant of the decision.
    pub now_ns: i64,
    /// Limits of the account; none at all refuses everything.
    pub rules: Option<&'a GateRules>,
    /// Facts of the instrument.
    pub instrument: Option<&'a InstrumentRules>,
    /// Last price of the instrument.
    pub mark: Option<MarkPrice>,
    /// Account value.
    pub equity_1e8: Option<i64>,
    /// What may be spent.
    pub buying_power: Option<BuyingPower>,
    /// Session that is open now.
    pub session: Option<SessionTimes>,
    /// Signed quantity of this strategy's position that no live exit covers yet; an exit may take this much.
    pub reducible_qty_1e8: Option<i64>,
    /// |price × quantity × multiplier| of this strategy's position in the instrument.
    pub position_notional_1e8: Option<i64>,
    /// The same, of all strategies in the instrument.
    pub instrument_exposure_1e8: Option<i64>,
    /// The same, of everything (also what was placed by hand, ST-3).
    pub portfolio_exposure_1e8: Option<i64>,
    /// Entry orders so far in this session or window, on this instrument.
    pub entries_in_window: Option<u32>,
    /// Positions in this instrument, open or about to be.
    pub open_positions_of_symbol: Option<u32>,
    /// All positions, open or about to be.
    pub open_positions: Option<u32>,
    /// Whether an order of this instrument is UNKNOWN (EX-1).
    pub has_unknown_order: Option<bool>,
    /// Level of the kill switch.
    pub kill_level: KillLevel,
    /// Entries are paused by a control.
    pub is_paused: bool,
    /// Why the scope is halted (EX-9), if it is.
    pub halted: Option<&'a str>,
    /// What [`crate::protections::Protections::active`] says of this instrument and instant.
    pub protections: Option<&'a [Active]>,
    /// What the user's policies say; `None` when they have not answered.
    pub vetoes: Option<&'a [Veto]>,
}
