//! Polymarket's wire: open orders, cancels in parts, and positions of one wallet.
//!
//! An order there bears no name of ours, only the hash of what was signed. Every order of the wallet counts as ours:
//! the venue's own dead-man switch ends them all alike once the trader's heartbeat stops (KC-10), so a wallet is for
//! one run alone. One call for all of them is refused whole when they are more than the venue's bucket of cancels
//! holds; parts that name their orders pass, and what a part was refused for is asked for again at the next look.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::engine::general_purpose::URL_SAFE;
use base64::Engine;
use hmac::{Hmac, Mac};
use holdfast_signer::{checksummed, Signer};
use serde::de::DeserializeOwned;
use serde::Deserialize;
use serde_json::{json, Value};
use sha2::Sha256;
use ureq::Agent;

use crate::config::{seconds, Credentials, VenueConfig};
use crate::settling::{standing, Shares, Trade};
use crate::venue::{client, read, Cancelled, OpenOrder, Venue};

const CHAIN: u64 = 137;
/// Which of the wallet's keys: the first, as the trader has it.
const NONCE: u64 = 0;
/// Orders that one call cancels: less than the venue's bucket refills within a second.
const PART: usize = 50;
const FIRST_CURSOR: &str = "MA==";
const LAST_CURSOR: &str = "LTE=";
/// More pages than a wallet can have orders: a venue that goes on is repeating itself.
const PAGES_MAX: usize = 200;
/// A trade older than this is on the chain, or failed.
const TRADES_WITHIN_S: u64 = 86_400;
const DATA_URL: &str = "https://data-api.polymarket.com";
const HASH_LENGTH: usize = 66;
const ADDRESS_LENGTH: usize = 42;
const SHOWN: usize = 200;
const OK: u16 = 200;
const BAD_REQUEST: u16 = 400;
const UNAUTHORIZED: u16 = 401;
const NOT_FOUND: u16 = 404;

/// One wallet at Polymarket: the first of its two keys is the address, the second the private key.
pub struct Polymarket {
    agent: Agent,
    url: String,
    data_url: String,
    tag: String,
    wallet: Result<Wallet, String>,
    keys: Option<Keys>,
    /// Listed, and not asked to be cancelled since.
    listed: Vec<String>,
    /// What became of those that a part named.
    answers: BTreeMap<String, Result<Cancelled, String>>,
}

/// What the guard was given of the wallet.
enum Wallet {
    /// Its private key, which makes keys, and could sign an order.
    Whole(Signer),
    /// Its address and keys that were made with it: they list and cancel, and sign no order.
    Keys(String, Keys),
}

impl Wallet {
    fn address(&self) -> String {
        match self {
            Self::Whole(signer) => checksummed(&signer.address()),
            Self::Keys(address, _) => address.clone(),
        }
    }
}

/// What the wallet's signature opens: requests are signed with these.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    api_key: String,
    secret: String,
    passphrase: String,
}

#[derive(Deserialize)]
struct Page<Row> {
    data: Vec<Row>,
    next_cursor: String,
}

#[derive(Deserialize)]
struct Row {
    id: String,
}

#[derive(Deserialize)]
struct Answer {
    canceled: Vec<String>,
    #[serde(default)]
    not_canceled: BTreeMap<String, Value>,
}

impl Polymarket {
    /// Nothing is asked yet.
    pub fn new(config: &VenueConfig, credentials: &Credentials) -> Self {
        let url = config.url.trim_end_matches('/').to_owned();
        // A checked configuration has plain http on loopback alone: the simulator, which serves everything.
        let data_url = if url.starts_with("http://") {
            format!("{url}/data-api")
        } else {
            DATA_URL.to_owned()
        };
        Self {
            agent: client(seconds(config.timeout_s)),
            url,
            data_url,
            tag: config.tag.clone(),
            wallet: wallet(credentials),
            keys: None,
            listed: Vec::new(),
            answers: BTreeMap::new(),
        }
    }

    /// Have the wallet's keys: they are derived, and made where there are none yet.
    fn sign_in(&mut self) -> Result<(), String> {
        if self.keys.is_some() {
            return Ok(());
        }
        let headers = match self.wallet.as_ref().map_err(Clone::clone)? {
            Wallet::Whole(signer) => first_level(signer)?,
            Wallet::Keys(_, keys) => {
                self.keys = Some(keys.clone());
                return Ok(());
            }
        };
        let mut derive = self.agent.get(format!("{}/auth/derive-api-key", self.url));
        for (name, value) in &headers {
            derive = derive.header(*name, value);
        }
        let mut found = read(derive.call())?;
        if [BAD_REQUEST, NOT_FOUND].contains(&found.0) {
            let mut make = self.agent.post(format!("{}/auth/api-key", self.url));
            for (name, value) in &headers {
                make = make.header(*name, value);
            }
            found = read(make.send_empty())?;
        }
        let (OK, text) = found else {
            return Err(shown(found.0, &found.1));
        };
        // The text of an error may hold a part of what was read.
        let keys = serde_json::from_str(&text).map_err(|_| "API keys were expected".to_owned())?;
        self.keys = Some(keys);
        Ok(())
    }

    /// The four lines of a file with less than the wallet: its address, and the keys that its signature opens.
    ///
    /// # Errors
    /// The venue gives none, or these are such keys already.
    pub fn scoped(&mut self) -> Result<String, String> {
        let Wallet::Whole(_) = self.wallet.as_ref().map_err(Clone::clone)? else {
            return Err("these keys open no more than such keys do already".to_owned());
        };
        self.sign_in()?;
        let address = self.wallet.as_ref().map_err(Clone::clone)?.address();
        let keys = self.keys.as_ref().ok_or("there are no API keys")?;
        Ok([&address, &keys.api_key, &keys.secret, &keys.passphrase]
            .map(String::as_str)
            .join("\n"))
    }

    /// Headers of one request; the query is not signed.
    fn second_level(
        &mut self,
        method: &str,
        target: &str,
        body: &str,
    ) -> Result<[(&'static str, String); 5], String> {
        self.sign_in()?;
        let address = self.wallet.as_ref().map_err(Clone::clone)?.address();
        let Some(keys) = &self.keys else {
            return Err("there are no API keys".to_owned());
        };
        let stamp = stamp();
        let path = target.split('?').next().unwrap_or_default();
        let said = format!("{stamp}{method}{path}{body}");
        Ok([
            ("POLY_ADDRESS", address),
            ("POLY_API_KEY", keys.api_key.clone()),
            ("POLY_PASSPHRASE", keys.passphrase.clone()),
            ("POLY_SIGNATURE", mac(&keys.secret, &said)?),
            ("POLY_TIMESTAMP", stamp),
        ])
    }

    /// Every row of a list, page by page.
    fn rows<Row: DeserializeOwned>(&mut self, list: &str, what: &str) -> Result<Vec<Row>, String> {
        let mut cursor = FIRST_CURSOR.to_owned();
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let target = format!("{list}next_cursor={}", cursor.replace('=', "%3D"));
            let headers = self.second_level("GET", &target, "")?;
            let mut request = self.agent.get(format!("{}{target}", self.url));
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let text = self.taken(read(request.call())?)?;
            let page: Page<Row> = serde_json::from_str(&text)
                .map_err(|error| format!("a list of {what} was expected: {error}"))?;
            found.extend(page.data);
            if [LAST_CURSOR, "", &cursor].contains(&page.next_cursor.as_str()) {
                return Ok(found);
            }
            cursor = page.next_cursor;
        }
        Err(format!("more than {PAGES_MAX} pages of {what} were listed"))
    }

    /// Ask for a cancel of each, in one call.
    fn cancel_part(&mut self, ids: &[String]) -> Result<Answer, String> {
        let body = json!(ids).to_string();
        let headers = self.second_level("DELETE", "/orders", &body)?;
        let mut request = self.agent.delete(format!("{}/orders", self.url));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header("Content-Type", "application/json");
        let text = self.taken(read(request.force_send_body().send(&body))?)?;
        serde_json::from_str(&text)
            .map_err(|error| format!("an answer to cancels was expected: {error}"))
    }

    /// The text of a good answer; keys that are not taken any more are made anew for the next call.
    fn taken(&mut self, (status, text): (u16, String)) -> Result<String, String> {
        if status == UNAUTHORIZED {
            self.keys = None;
        }
        if status == OK {
            return Ok(text);
        }
        Err(shown(status, &text))
    }

    /// Name this one and others that were listed with it in one call; what became of each is kept.
    fn ask_with_others(&mut self, id: &str) {
        self.listed.retain(|each| each != id);
        let others = self.listed.len().min(PART - 1);
        let mut part = vec![id.to_owned()];
        part.extend(self.listed.drain(..others));
        let answer = self.cancel_part(&part);
        for each in part {
            let became = answer
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|said| became(said, &each));
            self.answers.insert(each, became);
        }
    }
}

impl Venue for Polymarket {
    fn open_orders(&mut self) -> Result<Vec<OpenOrder>, String> {
        self.listed.clear();
        self.answers.clear();
        let rows: Vec<Row> = self.rows("/data/orders?", "orders")?;
        let found: Vec<String> = rows
            .into_iter()
            .map(|row| hash(row.id))
            .collect::<Result<_, _>>()?;
        self.listed.clone_from(&found);
        let client_order_id = &self.tag;
        let ours = found.into_iter().map(|id| OpenOrder {
            id,
            client_order_id: client_order_id.clone(),
        });
        Ok(ours.collect())
    }

    fn cancel(&mut self, id: &str) -> Result<Cancelled, String> {
        if !self.answers.contains_key(id) {
            self.ask_with_others(id);
        }
        self.answers
            .remove(id)
            .unwrap_or_else(|| Err("the order was not asked for".to_owned()))
    }

    /// Trades are read before shares: one that settles in between counts twice, and never not at all.
    fn positions(&mut self) -> Result<usize, String> {
        let wallet = self.wallet.as_ref().map_err(Clone::clone)?.address();
        let since = now().saturating_sub(TRADES_WITHIN_S);
        let trades: Vec<Trade> = self.rows(&format!("/data/trades?after={since}&"), "trades")?;
        let target = format!("{}/positions?user={wallet}&sizeThreshold=0", self.data_url);
        match read(self.agent.get(target).call())? {
            (OK, text) => serde_json::from_str::<Vec<Shares>>(&text)
                .map(|shares| standing(&shares, &trades, &wallet))
                .map_err(|error| format!("a list of positions was expected: {error}")),
            (status, text) => Err(shown(status, &text)),
        }
    }
}

/// Neither list is the last word, the next look is: one says it was asked for, the other that there is nothing to ask.
fn became(answer: &Answer, id: &str) -> Result<Cancelled, String> {
    if answer.canceled.iter().any(|each| each == id) {
        return Ok(Cancelled::Asked);
    }
    if answer.not_canceled.contains_key(id) {
        return Ok(Cancelled::AlreadyOver);
    }
    Err("the answer to a cancel named the order in neither list".to_owned())
}

fn wallet(credentials: &Credentials) -> Result<Wallet, String> {
    let Some((api_key, passphrase)) = &credentials.api else {
        return signer(credentials).map(Wallet::Whole);
    };
    let digits = credentials.key.strip_prefix("0x").unwrap_or_default();
    if credentials.key.len() != ADDRESS_LENGTH
        || !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Err(format!(
            "the first of four words must be the wallet's address, was {}",
            short(&credentials.key)
        ));
    }
    let keys = Keys {
        api_key: api_key.clone(),
        secret: credentials.secret.clone(),
        passphrase: passphrase.clone(),
    };
    Ok(Wallet::Keys(credentials.key.clone(), keys))
}

/// Headers that the wallet itself signs.
fn first_level(signer: &Signer) -> Result<[(&'static str, String); 4], String> {
    let stamp = stamp();
    let claim = signer
        .attest(CHAIN, &stamp, NONCE)
        .map_err(|error| error.to_string())?;
    Ok([
        ("POLY_ADDRESS", checksummed(&signer.address())),
        ("POLY_SIGNATURE", hex(&claim)),
        ("POLY_TIMESTAMP", stamp),
        ("POLY_NONCE", NONCE.to_string()),
    ])
}

fn signer(credentials: &Credentials) -> Result<Signer, String> {
    let signer = Signer::from_hex(&credentials.secret).map_err(|error| error.to_string())?;
    let address = checksummed(&signer.address());
    if !address.eq_ignore_ascii_case(&credentials.key) {
        return Err(format!(
            "the address must be that of the private key, {address}, was {}",
            short(&credentials.key)
        ));
    }
    Ok(signer)
}

/// The signature of a request: HMAC-SHA256 with the secret, both in URL-safe base 64.
fn mac(secret: &str, said: &str) -> Result<String, String> {
    let refused = || "a secret in URL-safe base 64 was expected".to_owned();
    let secret = URL_SAFE.decode(secret).map_err(|_| refused())?;
    let mut made = Hmac::<Sha256>::new_from_slice(&secret).map_err(|_| refused())?;
    made.update(said.as_bytes());
    Ok(URL_SAFE.encode(made.finalize().into_bytes()))
}

fn stamp() -> String {
    now().to_string()
}

/// Seconds UTC, as the venue counts them.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |span| span.as_secs())
}

fn hash(id: String) -> Result<String, String> {
    let digits = id.strip_prefix("0x").unwrap_or_default();
    if id.len() == HASH_LENGTH && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(id);
    }
    Err(format!(
        "an order's hash was expected, found {:?}",
        short(&id)
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a text takes what is written
        text
    })
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

    const KEY: &str = "0xb79f60333e123c10c44e54fd247181db41639bfd9b6d39b17b215526416945ea";
    const ADDRESS: &str = "0xe959828e1083CB4F26492f91d5223029038a707C";

    fn credentials(key: &str, secret: &str) -> Credentials {
        Credentials {
            key: key.to_owned(),
            secret: secret.to_owned(),
            api: None,
        }
    }

    #[test]
    fn four_words_begin_with_the_address() {
        for (address, is_good) in [(ADDRESS, true), (KEY, false), ("0x12", false)] {
            let given = Credentials {
                api: Some(("NAME".to_owned(), "PASS".to_owned())),
                ..credentials(address, "SECRET")
            };
            assert_eq!(wallet(&given).is_ok(), is_good, "{address}");
        }
    }

    #[test]
    fn a_request_is_signed_as_rfc_4231_has_it() {
        // Test case 2: key "Jefe", in base 64.
        let found = mac("SmVmZQ==", "what do ya want for nothing?").unwrap();
        let bytes = URL_SAFE.decode(found).unwrap();
        let expected = "0x5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&bytes), expected);
        assert!(mac("not base 64!", "x").is_err());
    }

    #[test]
    fn the_address_must_be_that_of_the_key_and_no_text_holds_the_key() {
        assert!(signer(&credentials(&ADDRESS.to_lowercase(), KEY)).is_ok());
        let other = format!("0x{}", "1".repeat(40));
        for (address, key) in [(other.as_str(), KEY), (ADDRESS, "0x12"), (ADDRESS, ADDRESS)] {
            let found = signer(&credentials(address, key)).err().unwrap();
            assert!(!found.contains(&KEY[2..]), "{found}");
        }
    }

    #[test]
    fn what_an_answer_names_in_neither_list_may_still_work() {
        let text = r#"{"canceled":["a"],"not_canceled":{"b":"already canceled or matched"}}"#;
        let answer: Answer = serde_json::from_str(text).unwrap();
        assert_eq!(became(&answer, "a"), Ok(Cancelled::Asked));
        assert_eq!(became(&answer, "b"), Ok(Cancelled::AlreadyOver));
        assert!(became(&answer, "c").is_err());
        assert!(serde_json::from_str::<Answer>(r#"{"error":"x"}"#).is_err());
    }

    #[test]
    fn an_id_that_is_no_hash_is_refused() {
        let good = format!("0x{}", "ab".repeat(32));
        assert_eq!(hash(good.clone()), Ok(good.clone()));
        for bad in [
            &good[2..],
            &good[..65],
            "",
            &format!("0x{}", "zz".repeat(32)),
        ] {
            assert!(hash(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
