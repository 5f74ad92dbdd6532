//! What a venue says an account is, and how our books differ from it (ST-3).

use crate::message::{named_enum, Balance, Name, Side, VenueReport};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An order that works at the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedOrder {
    /// What the venue has for our id, empty where somebody gave none.
    pub client_order_id: Name,
    /// The venue's id.
    pub broker_order_id: Name,
    /// What it trades.
    pub instrument: Name,
    /// Direction.
    pub side: Side,
    /// Quantity.
    pub qty_1e8: i64,
    /// Filled of it.
    pub filled_1e8: i64,
    /// Its limit or trigger price; zero where it has none.
    pub price_1e8: i64,
}

/// What the venue holds in one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedPosition {
    /// What.
    pub instrument: Name,
    /// Below zero is short.
    pub qty_1e8: i64,
    /// The venue's price of it; zero if it says none.
    pub price_1e8: i64,
}

/// The venue's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedCash {
    /// Account value, cash and buying power.
    pub balance: Balance,
    /// Cash moves by price × quantity × multiplier and fees of each fill, as our ledger's does.
    pub is_movement: bool,
}

/// The venue's own account; a part that was not asked for is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// How many decisions the core had applied when the venue was asked.
    pub asked_version: u64,
    /// Every order that works there.
    pub orders: Option<Vec<StatedOrder>>,
    /// Every position that is not flat.
    pub positions: Option<Vec<StatedPosition>>,
    /// Of these the venue holds nothing where `positions` has none, and of any other nobody knows; `None` is of all.
    pub positions_of: Option<BTreeSet<Name>>,
    /// Its figures.
    pub cash: Option<StatedCash>,
    /// Every execution after `fills_after_ns` that stands, oldest first.
    pub fills: Option<Vec<VenueReport>>,
    /// From when on the venue was asked for executions, by its stamps.
    pub fills_after_ns: i64,
    /// Executions up to then were known when it was asked: the books may have forgotten their orders since.
    pub fills_known_ns: i64,
    /// An operator decided that the venue's word is taken, however large the difference.
    pub is_forced: bool,
}

impl Statement {
    /// It says what the venue holds of this: so much, or nothing.
    pub fn tells_of(&self, instrument: &str) -> bool {
        let is_held =
            |held: &[StatedPosition]| held.iter().any(|one| &*one.instrument == instrument);
        self.positions.as_deref().is_some_and(|held| {
            let of = self.positions_of.as_ref();
            of.is_none_or(|of| of.contains(instrument)) || is_held(held)
        })
    }
}

named_enum! {
    /// How our books and the venue's differ.
    DriftKind {
        /// We hold something that the venue does not know.
        PositionMissing = "POSITION_MISSING",
        /// We hold another quantity than the venue.
        PositionQty = "POSITION_QTY",
        /// The venue holds something that nobody here bought.
        ForeignPosition = "FOREIGN_POSITION",
        /// An order with our tag that we never intended works at the venue.
        OrderUnknown = "ORDER_UNKNOWN",
        /// The venue has another quantity for an order of ours.
        OrderQty = "ORDER_QTY",
        /// An order that ended in our books works at the venue.
        OrderAlive = "ORDER_ALIVE",
        /// An order that somebody else placed works at the venue.
        ForeignOrder = "FOREIGN_ORDER",
        /// A fill with our tag of an order that we never intended.
        FillUnknown = "FILL_UNKNOWN",
        /// The cash differs from what our fills say.
        Cash = "CASH",
    }
}

impl DriftKind {
    /// How loud it is.
    pub const fn severity(self) -> &'static str {
        match self {
            Self::ForeignOrder | Self::ForeignPosition | Self::Cash => "WARNING",
            Self::PositionMissing
            | Self::PositionQty
            | Self::OrderUnknown
            | Self::OrderQty
            | Self::OrderAlive
            | Self::FillUnknown => "ERROR",
        }
    }

    /// While it stands, entries are stopped: a position too far off to be taken over, or an order of ours that our
    /// books do not hold.
    pub const fn stops(self) -> bool {
        match self {
            Self::PositionMissing | Self::PositionQty | Self::OrderUnknown | Self::FillUnknown => {
                true
            }
            Self::ForeignPosition
            | Self::OrderQty
            | Self::OrderAlive
            | Self::ForeignOrder
            | Self::Cash => false,
        }
    }
}

/// One named difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Which.
    pub kind: DriftKind,
    /// In what; empty for cash.
    pub instrument: Name,
    /// The order concerned, empty if none.
    pub subject: Name,
    /// What our books say.
    pub local_1e8: i64,
    /// What the venue says.
    pub venue_1e8: i64,
    /// Their difference over ours; missing where ours is zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_ratio_1e8: Option<i64>,
    /// The venue's word was taken.
    pub is_adopted: bool,
    /// In words.
    pub text: Name,
}

impl Drift {
    /// The same difference, perhaps said before.
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.instrument == other.instrument
            && self.subject == other.subject
            && self.local_1e8 == other.local_1e8
            && self.venue_1e8 == other.venue_1e8
    }
}

/// Somebody else's order at the venue; counted in risk, never touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignOrder {
    /// The venue's id.
    pub broker_order_id: Name,
    /// What stands where our id would, empty if nothing.
    pub client_order_id: Name,
    /// What it trades.
    pub instrument: Name,
    /// Direction.
    pub side: Side,
    /// What may still fill.
    pub open_1e8: i64,
    /// Its price; zero where it has none.
    pub price_1e8: i64,
}

/// Somebody else's position at the venue; counted in risk, never touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignPosition {
    /// What.
    pub instrument: Name,
    /// Below zero is short.
    pub qty_1e8: i64,
    /// The venue's price of it; zero if it says none.
    pub price_1e8: i64,
}

/// How the books stand with the venue's; resulting values, set by the event of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// Differences that stand: those that were adopted are not among them.
    pub drift: Vec<Drift>,
    /// Orders of others.
    pub foreign_orders: Vec<ForeignOrder>,
    /// Positions of others.
    pub foreign_positions: Vec<ForeignPosition>,
    /// The venue's cash before our first fill; missing until it differed from the capital.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cash_base_1e8: Option<i64>,
    /// A difference is too large to be taken over: an operator decides (ST-3).
    pub is_stopped: bool,
}

impl Reconciled {
    /// Nothing was ever found.
    pub fn is_untouched(&self) -> bool {
        *self == Self::default()
    }
}

/// What a statement came to; not journaled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
pub struct Judgement {
    /// Every part that was stated could be compared: nothing was in flight, nothing is seen for the first time.
    pub is_conclusive: bool,
    /// A difference is too large to be taken over.
    pub is_stopped: bool,
    /// Positions were stated of some instruments only: what stood of the others stands, whoever holds them.
    pub is_partial: bool,
    /// What stands, and what was adopted now.
    pub drift: Vec<Drift>,
    /// Orders at the venue that a kill must clear.
    pub kill_orders: i64,
    /// Positions at the venue that a kill must clear.
    pub kill_positions: i64,
    /// Our books of some of these were changed since the venue was asked: the next list tells how they stand.
    pub is_kill_overtaken: bool,
    /// Differences seen for the first time: subject, ours, theirs.
    pub suspects: Vec<(Name, i64, i64)>,
}
