//! What the guard asks of a venue: which orders work, and to take one off. One file a venue beside this one.

use std::time::Duration;

use ureq::http::Response;
use ureq::{Agent, Body};

use crate::alpaca::Alpaca;
use crate::config::{Credentials, VenueConfig};
use crate::polymarket::Polymarket;
use crate::tradier::Tradier;

/// The names that a configuration may have.
pub const NAMES: [&str; 3] = ["alpaca", TRADIER, POLYMARKET];
const TRADIER: &str = "tradier";
/// The one whose keys may be of less than the wallet itself.
pub const POLYMARKET: &str = "polymarket";
/// An answer longer than this is nonsense.
const ANSWER_MAX: u64 = 16 << 20;

/// An order that works at the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// The venue's own id.
    pub id: String,
    /// Ours, empty where the order has none.
    pub client_order_id: String,
}

/// What a venue said to a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It was asked for; whether it is done shows when orders are listed again.
    Asked,
    /// The order is over already.
    AlreadyOver,
}

/// One venue, for one account.
pub trait Venue {
    /// Every order that may still be filled, ours or not.
    ///
    /// # Errors
    /// No answer, or none that can be believed; then nothing is known.
    fn open_orders(&mut self) -> Result<Vec<OpenOrder>, String>;

    /// Take one order off, by the venue's id.
    ///
    /// # Errors
    /// No answer, or a refusal; the order may still work.
    fn cancel(&mut self, id: &str) -> Result<Cancelled, String>;

    /// How many positions the account holds, ours or not.
    ///
    /// # Errors
    /// No answer, or none that can be believed.
    fn positions(&mut self) -> Result<usize, String>;
}

/// The configured venue.
pub fn connect(config: &VenueConfig, credentials: Credentials) -> Box<dyn Venue> {
    // A checked configuration has one of these names.
    match config.name.as_str() {
        TRADIER => Box::new(Tradier::new(config, &credentials)),
        POLYMARKET => Box::new(Polymarket::new(config, &credentials)),
        _ => Box::new(Alpaca::new(config, credentials)),
    }
}

/// An HTTP client of which every exchange ends within `timeout`; it follows no redirect and repeats nothing.
pub fn client(timeout: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into()
}

/// Status and text of an answer.
///
/// # Errors
/// There was none within the time, or it is too long.
pub fn read(answer: Result<Response<Body>, ureq::Error>) -> Result<(u16, String), String> {
    let mut answer = answer.map_err(|error| format!("no answer: {error}"))?;
    let status = answer.status().as_u16();
    let text = answer
        .body_mut()
        .with_config()
        .limit(ANSWER_MAX)
        .lossy_utf8(true)
        .read_to_string()
        .map_err(|error| format!("half an answer: {error}"))?;
    Ok((status, text))
}
