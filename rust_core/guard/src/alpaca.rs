//! Alpaca's wire: open orders, cancels and positions of a trading account.

use serde::Deserialize;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::config::{seconds, Credentials, VenueConfig};
use crate::venue::{client, read, Cancelled, OpenOrder, Venue};

/// The most that one page of orders can hold.
const PAGE: usize = 500;
/// More pages than an account can have orders: a venue that goes on is repeating itself.
const PAGES_MAX: usize = 100;
const SHOWN: usize = 200;
const NO_CONTENT: u16 = 204;
const GONE: u16 = 404;
const NO_LONGER_CANCELABLE: u16 = 422;

/// One account at Alpaca.
pub struct Alpaca {
    agent: Agent,
    url: String,
    credentials: Credentials,
}

#[derive(Deserialize)]
struct Order {
    id: String,
    client_order_id: Option<String>,
}

impl Alpaca {
    /// Nothing is asked yet.
    pub fn new(config: &VenueConfig, credentials: Credentials) -> Self {
        Self {
            agent: client(seconds(config.timeout_s)),
            url: config.url.trim_end_matches('/').to_owned(),
            credentials,
        }
    }

    fn get(&self, path: &str) -> Result<String, String> {
        let request = self.agent.get(format!("{}/v2/{path}", self.url));
        let request = request.header("APCA-API-KEY-ID", &self.credentials.key);
        let answer = request
            .header("APCA-API-SECRET-KEY", &self.credentials.secret)
            .call();
        match read(answer)? {
            (200, text) => Ok(text),
            (status, text) => Err(shown(status, &text)),
        }
    }

    fn delete(&self, path: &str) -> Result<Response<Body>, ureq::Error> {
        let request = self.agent.delete(format!("{}/v2/{path}", self.url));
        let request = request.header("APCA-API-KEY-ID", &self.credentials.key);
        request
            .header("APCA-API-SECRET-KEY", &self.credentials.secret)
            .call()
    }
}

impl Venue for Alpaca {
    fn open_orders(&mut self) -> Result<Vec<OpenOrder>, String> {
        let mut found: Vec<OpenOrder> = Vec::new();
        for _ in 0..PAGES_MAX {
            let behind = found
                .last()
                .map(|order| format!("&after_order_id={}", order.id))
                .unwrap_or_default();
            let text = self.get(&format!(
                "orders?status=open&limit={PAGE}&direction=asc{behind}"
            ))?;
            let page: Vec<Order> = serde_json::from_str(&text)
                .map_err(|error| format!("a list of orders was expected: {error}"))?;
            let is_last = page.len() < PAGE;
            for order in page {
                is_plain_id(&order.id)?;
                found.push(OpenOrder {
                    id: order.id,
                    client_order_id: order.client_order_id.unwrap_or_default(),
                });
            }
            if is_last {
                return Ok(found);
            }
        }
        Err(format!(
            "more than {} open orders were listed",
            PAGE * PAGES_MAX
        ))
    }

    fn cancel(&mut self, id: &str) -> Result<Cancelled, String> {
        match read(self.delete(&format!("orders/{id}")))? {
            (NO_CONTENT, _) => Ok(Cancelled::Asked),
            (GONE | NO_LONGER_CANCELABLE, _) => Ok(Cancelled::AlreadyOver),
            (status, text) => Err(shown(status, &text)),
        }
    }

    fn positions(&mut self) -> Result<usize, String> {
        let text = self.get("positions")?;
        let found: Vec<serde_json::Value> = serde_json::from_str(&text)
            .map_err(|error| format!("a list of positions was expected: {error}"))?;
        Ok(found.len())
    }
}

/// The id becomes part of an address.
fn is_plain_id(id: &str) -> Result<(), String> {
    if !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return Ok(());
    }
    Err(format!("an order's id was expected, found {id:?}"))
}

fn shown(status: u16, text: &str) -> String {
    let text: String = text.chars().take(SHOWN).collect();
    format!("answered {status} {text}")
}
