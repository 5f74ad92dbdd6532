//! What fills at which price: pure questions about one order and one price.

use super::order::{Liquidity, VenueOrder};
use crate::message::{OrderType, Side};

/// A price at which orders may fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chance {
    /// The first price of a bar.
    Open(i64),
    /// The range of a bar after its first price.
    Range {
        /// Highest price.
        high: i64,
        /// Lowest price.
        low: i64,
    },
    /// Best bid and ask, for an order that just arrived.
    QuoteTaken(i64, i64),
    /// Best bid and ask, for an order that rests.
    QuoteMet(i64, i64),
    /// Somebody else's trade.
    Trade {
        /// Its price.
        price: i64,
        /// No quote is known, so market orders fill here.
        serves_market: bool,
    },
}

/// Settings of the venue that decide prices.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Slippage of market orders, in price.
    pub slippage: i64,
    /// Smallest price step, also the lowest price.
    pub tick: i64,
    /// A touched limit fills.
    pub is_touch_filled: bool,
}

/// What a chance means for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its stop was not reached, or there is nothing for this type here.
    Nothing,
    /// It could have traded and the price was not good enough (or its stop was only reached now).
    Missed,
    /// It fills at this price.
    Price(i64, Liquidity),
}

impl Chance {
    /// The price an order of `side` meets; of a range, the extreme that goes against its limit.
    fn against(self, side: Side) -> i64 {
        match (self, side) {
            (Self::Open(price) | Self::Trade { price, .. }, _) => price,
            (Self::Range { high, .. }, Side::Sell) => high,
            (Self::Range { low, .. }, Side::Buy) => low,
            (Self::QuoteTaken(_, ask) | Self::QuoteMet(_, ask), Side::Buy) => ask,
            (Self::QuoteTaken(bid, _) | Self::QuoteMet(bid, _), Side::Sell) => bid,
        }
    }

    /// Whether a stop of `side` at `stop` is reached.
    pub fn reaches(self, side: Side, stop: i64) -> bool {
        let extreme = match self {
            Self::Range { high, low } => match side {
                Side::Buy => high,
                Side::Sell => low,
            },
            other => other.against(side),
        };
        is_at_or_beyond(side, extreme, stop)
    }
}

/// `price` is as high as `level` for a buy, as low for a sell.
fn is_at_or_beyond(side: Side, price: i64, level: i64) -> bool {
    match side {
        Side::Buy => price >= level,
        Side::Sell => price <= level,
    }
}

/// `price` is better than `limit` for that side.
fn is_better(side: Side, price: i64, limit: i64) -> bool {
    match side {
        Side::Buy => price < limit,
        Side::Sell => price > limit,
    }
}

/// The outcome for an order whose stop, if it has one, was reached before.
pub fn active(order: &VenueOrder, chance: Chance, terms: Terms) -> Outcome {
    let side = order.asked.side;
    match order.asked.limit_1e8 {
        None => market(side, chance, terms),
        Some(limit) => at_limit(side, limit, chance, terms),
    }
}

/// The outcome for an order whose stop is reached by this very chance.
pub fn triggered_now(order: &VenueOrder, chance: Chance, terms: Terms) -> Outcome {
    let side = order.asked.side;
    let stop = order.asked.trigger_1e8.unwrap_or(0);
    let price = match chance {
        Chance::Range { .. } => stop,
        other => other.against(side),
    };
    match (order.asked.order_type, order.asked.limit_1e8) {
        (OrderType::StopLimit, Some(limit)) => {
            if is_better(side, limit, price) {
                return Outcome::Missed;
            }
            let price = match chance {
                Chance::Range { .. } => best_of(side, worsened(side, price, terms), limit),
                _ => price,
            };
            Outcome::Price(price, Liquidity::Taker)
        }
        _ => match chance {
            Chance::QuoteTaken(..) | Chance::QuoteMet(..) => {
                Outcome::Price(price, Liquidity::Taker)
            }
            _ => Outcome::Price(worsened(side, price, terms), Liquidity::Taker),
        },
    }
}

fn market(side: Side, chance: Chance, terms: Terms) -> Outcome {
    match chance {
        Chance::Range { .. }
        | Chance::Trade {
            serves_market: false,
            ..
        } => Outcome::Nothing,
        Chance::QuoteTaken(..) | Chance::QuoteMet(..) => {
            Outcome::Price(chance.against(side), Liquidity::Taker)
        }
        Chance::Open(price) | Chance::Trade { price, .. } => {
            Outcome::Price(worsened(side, price, terms), Liquidity::Taker)
        }
    }
}

fn at_limit(side: Side, limit: i64, chance: Chance, terms: Terms) -> Outcome {
    let price = chance.against(side);
    let is_reached = is_better(side, price, limit)
        || price == limit && (terms.is_touch_filled || chance.is_quote());
    if !is_reached {
        return match chance {
            Chance::Range { .. } => Outcome::Nothing,
            _ => Outcome::Missed,
        };
    }
    match chance {
        Chance::Open(_) | Chance::QuoteTaken(..) => Outcome::Price(price, Liquidity::Taker),
        Chance::Range { .. } | Chance::QuoteMet(..) | Chance::Trade { .. } => {
            Outcome::Price(limit, Liquidity::Maker)
        }
    }
}

impl Chance {
    fn is_quote(self) -> bool {
        matches!(self, Self::QuoteTaken(..) | Self::QuoteMet(..))
    }
}

fn worsened(side: Side, price: i64, terms: Terms) -> i64 {
    price
        .saturating_add(side.sign() * terms.slippage)
        .max(terms.tick)
}

/// The better of two prices for that side.
fn best_of(side: Side, one: i64, two: i64) -> i64 {
    match side {
        Side::Buy => one.min(two),
        Side::Sell => one.max(two),
    }
}
