//! Paper matching on bars, quotes and trades: a venue without clock, network or chance.
//!
//! [`PaperBook`] is told about orders and prices and answers with the reports a venue would send. Its
//! orders meet printed prices only, never each other. What fills, at which price and for how much:
//!
//! **Open print** (first price `p` of a bar, known when the bar begins)
//! - MARKET: `p` worsened by the slippage ticks (a buy pays more, a sell gets less; never below one tick).
//! - LIMIT: at `p` if `p` is better than the limit; at the limit if `p` equals it and touches fill.
//! - STOP: triggered when `p` has reached the stop (at it or beyond, a gap); then as MARKET.
//! - `STOP_LIMIT`: triggered the same way; then as LIMIT, `p` at the limit filling too.
//!
//! **Bar** (its high and low, known when it ends; only orders that were there when it began)
//! - MARKET: waits for the next open print.
//! - LIMIT: at the limit, when the bar traded strictly through it (or touched it, if touches fill).
//! - STOP: reached by the range: at the stop, worsened by the slippage ticks.
//! - `STOP_LIMIT`: reached by the range: at the stop worsened by slippage, but never beyond the limit; if
//!   the limit is better than the stop it rests until a later price.
//!
//! A bar that no open print announced is first taken as one, at its open.
//!
//! **Quote** (crossed or empty ones are ignored): MARKET and triggered stops take the opposite side, up to
//! the size shown, at once when they arrive, without slippage; the rest waits for later quotes. A LIMIT that
//! arrives and can trade takes the opposite side; a resting one that the opposite side crosses or reaches
//! fills at its limit. Shown size is used up by our own fills until the next quote.
//!
//! **Trade** of somebody else at `p`: LIMIT at the limit when `p` is strictly beyond it (or equal, if touches
//! fill); stops trigger at `p` and fill there worsened by slippage, and so does MARKET where no quote is
//! known.
//!
//! **Size.** With a participation ratio above zero an order gets at most that part of a bar's volume, rounded
//! down to the lot; the open print and the range of one bar share that amount. The same holds for each trade
//! print. Ratio zero: no limit. IOC and FOK are judged at the first price that may fill them: IOC cancels what
//! is left, FOK cancels all unless all fills. DAY, IOC and FOK orders expire at the session's close. GTX ends when the
//! quote it arrives at would fill it; later it fills at its limit, as a maker.
//!
//! **Fees** of an order: the greater of the minimum and (per unit × filled + ratio × value filled); each fill
//! is charged what the order owes beyond what it has paid, so the minimum is paid once, with the first fill.
//!
//! Orders are tried in the order in which they came. Equal inputs give equal reports and ids.

mod book;
mod config;
mod fill;
mod look_up;
mod order;
mod rules;
mod state;

pub use book::PaperBook;
pub use config::{Fees, PaperConfig, VenueInstrument};
pub use order::{Execution, Liquidity, NewOrder, VenueOrder, VenueState};
pub use state::{read_json, to_json, BookChange, BookState};

#[cfg(test)]
mod tests;
