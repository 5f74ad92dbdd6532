//! Tradier's wire: open orders, cancels and positions of one account. It has no cancel-all, and no look-up by tag.
//!
//! A list is a translation of XML: none is the text `"null"`, one is an object, more are an array. An order of several
//! legs is cancelled by its parent; its legs, which are listed inside it, are never cancelled alone.

use serde_json::Value;
use ureq::Agent;

use crate::config::{seconds, Credentials, VenueConfig};
use crate::venue::{client, read, Cancelled, OpenOrder, Venue};

const SHOWN: usize = 200;
const OK: u16 = 200;
const BAD_REQUEST: u16 = 400;
/// How a cancel of an order that is over already is answered.
const FINALIZED: &str = "finalized state";
const OVER: [&str; 5] = ["filled", "canceled", "expired", "rejected", "error"];

/// One account at Tradier: the first of its two keys is the account's number, the second the token.
pub struct Tradier {
    agent: Agent,
    url: String,
    token: String,
}

impl Tradier {
    /// Nothing is asked yet.
    pub fn new(config: &VenueConfig, credentials: &Credentials) -> Self {
        let base = config.url.trim_end_matches('/');
        Self {
            agent: client(seconds(config.timeout_s)),
            url: format!("{base}/v1/accounts/{}", credentials.key),
            token: format!("Bearer {}", credentials.secret),
        }
    }

    fn list(&self, path: &str, outer: &str, inner: &str) -> Result<Vec<Value>, String> {
        let request = self.agent.get(format!("{}/{path}", self.url));
        let request = request.header("Authorization", &self.token);
        match read(request.header("Accept", "application/json").call())? {
            (OK, text) => listed(&text, outer, inner),
            (status, text) => Err(shown(status, &text)),
        }
    }
}

impl Venue for Tradier {
    fn open_orders(&mut self) -> Result<Vec<OpenOrder>, String> {
        let orders = self.list("orders?includeTags=true", "orders", "order")?;
        orders
            .iter()
            .filter(|order| !is_over(order))
            .map(open)
            .collect()
    }

    fn cancel(&mut self, id: &str) -> Result<Cancelled, String> {
        let request = self.agent.delete(format!("{}/orders/{id}", self.url));
        let request = request.header("Authorization", &self.token);
        let (status, text) = read(request.header("Accept", "application/json").call())?;
        let found: Value = serde_json::from_str(&text).unwrap_or_default();
        if status == OK && found["order"]["status"] == "ok" {
            return Ok(Cancelled::Asked);
        }
        if status == BAD_REQUEST && text.contains(FINALIZED) {
            return Ok(Cancelled::AlreadyOver);
        }
        Err(shown(status, &text))
    }

    fn positions(&mut self) -> Result<usize, String> {
        Ok(self.list("positions", "positions", "position")?.len())
    }
}

/// The rows of a list in any of its three shapes.
fn listed(text: &str, outer: &str, inner: &str) -> Result<Vec<Value>, String> {
    let mut whole: Value = serde_json::from_str(text)
        .map_err(|error| format!("a list of {outer} was expected: {error}"))?;
    let rows = match whole.get_mut(outer).map(Value::take) {
        Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(word)) if word == "null" => return Ok(Vec::new()),
        Some(mut found) => found.get_mut(inner).map(Value::take),
        None => None,
    };
    match rows {
        Some(Value::Array(rows)) => Ok(rows),
        Some(row @ Value::Object(_)) => Ok(vec![row]),
        _ => Err(format!(
            "a list of {outer} was expected, found {}",
            short(text)
        )),
    }
}

fn legs(order: &Value) -> &[Value] {
    match &order["leg"] {
        Value::Array(legs) => legs,
        leg @ Value::Object(_) => std::slice::from_ref(leg),
        _ => &[],
    }
}

/// A parent that says nothing of its own is over when each of its legs is; what is not understood works.
fn is_over(order: &Value) -> bool {
    let has_ended = |each: &Value| {
        each["status"]
            .as_str()
            .is_some_and(|word| OVER.contains(&word))
    };
    let legs = legs(order);
    has_ended(order)
        || (order["status"].is_null() && !legs.is_empty() && legs.iter().all(has_ended))
}

fn open(order: &Value) -> Result<OpenOrder, String> {
    let id = order["id"]
        .as_u64()
        .ok_or_else(|| format!("an order's id was expected, found {}", order["id"]))?;
    let own = std::iter::once(order).chain(legs(order));
    let tag = own
        .filter_map(|each| each["tag"].as_str())
        .find(|tag| !tag.is_empty());
    Ok(OpenOrder {
        id: id.to_string(),
        client_order_id: tag.map(id_of).unwrap_or_default(),
    })
}

/// The client order id that a tag stands for: `Z` and two hexadecimal digits are a byte, the rest stands for itself.
fn id_of(tag: &str) -> String {
    plain(tag).unwrap_or_else(|| tag.to_owned())
}

fn plain(tag: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = tag.as_bytes();
    while let [first, behind @ ..] = rest {
        if *first == b'Z' {
            let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}

fn short(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

fn shown(status: u16, text: &str) -> String {
    format!("answered {status} {}", short(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Result<Vec<(String, String)>, String> {
        let orders = listed(text, "orders", "order")?;
        let working = orders.iter().filter(|order| !is_over(order)).map(open);
        working
            .map(|found| found.map(|order| (order.id, order.client_order_id)))
            .collect()
    }

    #[test]
    fn every_shape_of_a_list_is_read_and_nonsense_is_not() {
        for none in [r#"{"orders":"null"}"#, r#"{"orders":null}"#] {
            assert_eq!(ids(none), Ok(vec![]));
        }
        let one = r#"{"orders":{"order":{"id":1,"status":"open","tag":"l-a-1"}}}"#;
        assert_eq!(ids(one), Ok(vec![("1".to_owned(), "l-a-1".to_owned())]));
        let two =
            r#"{"orders":{"order":[{"id":1,"status":"filled"},{"id":2,"status":"pending"}]}}"#;
        assert_eq!(ids(two), Ok(vec![("2".to_owned(), String::new())]));
        for nonsense in [
            "",
            "{}",
            "[]",
            r#"{"orders":"nil"}"#,
            r#"{"orders":{}}"#,
            "<orders/>",
        ] {
            assert!(ids(nonsense).is_err(), "{nonsense}");
        }
        assert!(ids(r#"{"orders":{"order":{"id":"../1","status":"open"}}}"#).is_err());
    }

    #[test]
    fn a_parent_is_one_order_and_works_until_its_legs_are_over() {
        let parent = |first: &str, second: &str| {
            format!(
                r#"{{"orders":{{"order":{{"id":7,"leg":[{{"id":8,"status":"{first}","tag":"l-a-1"}},
                {{"id":9,"status":"{second}"}}]}}}}}}"#
            )
        };
        let found = ids(&parent("open", "filled")).unwrap();
        assert_eq!(found, [("7".to_owned(), "l-a-1".to_owned())]);
        assert_eq!(ids(&parent("canceled", "filled")), Ok(vec![]));
    }

    #[test]
    fn a_tag_is_read_back_as_the_id_that_it_was_made_of() {
        assert_eq!(id_of("l-myZ5Fdesk-1"), "l-my_desk-1");
        assert_eq!(id_of("Z5Aed"), "Zed");
        assert_eq!(id_of("theirs-Zx"), "theirs-Zx");
    }
}
