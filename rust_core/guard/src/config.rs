//! `guard.toml`: what to watch, with every limit that matters stated, and the venue's keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::venue::{NAMES, POLYMARKET};

/// The whole configuration. No limit has a default: one that is missing is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the trader's record, fence and heartbeat stand.
    pub data_dir: PathBuf,
    /// The control socket; `guard.sock` in the data directory by default.
    pub socket: Option<PathBuf>,
    /// What is tolerated.
    pub limits: Limits,
    /// What is done about it, and how fast.
    pub escalation: Escalation,
    /// Where orders are taken off; `None` only for a run that has no configuration of its guard.
    pub venue: Option<VenueConfig>,
    /// Whether, and how, positions are closed while trading is held for a person; `None` leaves them.
    pub closing: Option<ClosingConfig>,
    /// Whom to tell.
    pub alert: Option<AlertConfig>,
}

/// A fresh process that closes what is open once our orders are off, and ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosingConfig {
    /// Seconds that one may take.
    pub limit_s: f64,
    /// So many that failed, and a person has to.
    pub attempts_max: u32,
}

/// What is tolerated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Seconds for which the lane may stand still.
    pub heartbeat_s: f64,
    /// Age in seconds of the oldest mail that the lane has not handled.
    pub mail_age_s: f64,
    /// Seconds that a start or a stop may take.
    pub phase_s: f64,
    /// Resident memory of the trader.
    pub memory_mb: u64,
    /// Seconds for which events may wait without one becoming durable.
    pub journal_stall_s: f64,
    /// Room on the data directory's disk below which a person is told.
    pub disk_free_mb: u64,
    /// A step of the wall clock, in seconds, of which a person is told.
    pub clock_step_s: f64,
}

/// What is done about a fault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// Seconds from SIGTERM to SIGKILL.
    pub stop_wait_s: f64,
    /// Whether SIGKILL may be sent at all; the fence holds without it.
    pub may_kill: bool,
    /// How often within an hour a fault's hold is lifted by itself once nothing of ours works, so that whoever
    /// started the trader may start it again; 0 holds for a person each time. A kill always does.
    pub lifts_per_hour_max: u32,
    /// Seconds between two looks at the venue's open orders.
    pub read_gap_s: f64,
    /// Seconds between two looks once nothing of ours works any more, until the hold is released.
    pub recheck_s: f64,
}

/// The venue at which orders are taken off.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueConfig {
    /// `alpaca`, `tradier` or `polymarket`.
    pub name: String,
    /// Its trading address, without `/v2`.
    pub url: String,
    /// A file that only its owner can read: the key on its first line, the secret on its second; at Tradier the
    /// account's number and the token, at Polymarket the wallet's address and its private key, or the address and the
    /// three words of an API key, which cancels and cannot sign an order.
    pub credentials: PathBuf,
    /// How client order ids of ours begin, such as `l-main-`.
    pub tag: String,
    /// Longest wait in seconds for one answer.
    pub timeout_s: f64,
}

/// A webhook that takes JSON as Discord's and Slack's do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertConfig {
    /// Its address; it is a secret.
    pub webhook: String,
    /// How many messages a minute are sent at most; what is above is counted in the next.
    pub per_minute_max: u32,
}

/// A key and its secret; none of it stands in its text form.
#[derive(Clone)]
pub struct Credentials {
    /// The key.
    pub key: String,
    /// Its secret.
    pub secret: String,
    /// An API key's own name and its passphrase, where `secret` is of one; then `key` is the wallet's address.
    pub api: Option<(String, String)>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Credentials")
    }
}

/// Read and check the configuration.
///
/// # Errors
/// A text that says what was expected, what was found, and what to do.
pub fn load(path: &Path) -> Result<Config, String> {
    let text = fs::read_to_string(path).map_err(|error| {
        format!(
            "the guard's configuration {} cannot be read: {error}",
            path.display()
        )
    })?;
    let config: Config =
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    check(&config).map_err(|problem| format!("{}: {problem}", path.display()))?;
    Ok(config)
}

fn check(config: &Config) -> Result<(), String> {
    let limits = &config.limits;
    let escalation = &config.escalation;
    let spans = [
        ("limits.heartbeat_s", limits.heartbeat_s, 0.5, 60.0),
        ("limits.mail_age_s", limits.mail_age_s, 0.5, 600.0),
        ("limits.phase_s", limits.phase_s, 1.0, 3600.0),
        ("limits.journal_stall_s", limits.journal_stall_s, 0.5, 600.0),
        ("limits.clock_step_s", limits.clock_step_s, 0.01, 3600.0),
        ("escalation.stop_wait_s", escalation.stop_wait_s, 0.0, 600.0),
        ("escalation.read_gap_s", escalation.read_gap_s, 0.05, 60.0),
        ("escalation.recheck_s", escalation.recheck_s, 0.5, 600.0),
    ];
    for (name, value, least, most) in spans {
        if !(least..=most).contains(&value) {
            return Err(format!(
                "{name} must be from {least} to {most}, was {value}"
            ));
        }
    }
    if limits.memory_mb == 0 || limits.disk_free_mb == 0 {
        return Err("limits.memory_mb and limits.disk_free_mb must be above zero".to_owned());
    }
    if !config.data_dir.is_dir() {
        return Err(format!(
            "data_dir must be a folder, {} is none",
            config.data_dir.display()
        ));
    }
    let venue = config.venue.as_ref().ok_or("missing field `venue`")?;
    check_venue(venue)?;
    if let Some(closing) = &config.closing {
        check_closing(closing)?;
    }
    if let Some(alert) = &config.alert {
        check_url("alert.webhook", &alert.webhook)?;
        if alert.per_minute_max == 0 {
            return Err(
                "alert.per_minute_max must be above zero; leave [alert] out to send none"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

fn check_closing(closing: &ClosingConfig) -> Result<(), String> {
    if !(5.0..=3600.0).contains(&closing.limit_s) {
        return Err(format!(
            "closing.limit_s must be from 5 to 3600, was {}",
            closing.limit_s
        ));
    }
    if !(1..=10).contains(&closing.attempts_max) {
        return Err(format!(
            "closing.attempts_max must be from 1 to 10, was {}; leave [closing] out to close nothing",
            closing.attempts_max
        ));
    }
    Ok(())
}

fn check_venue(venue: &VenueConfig) -> Result<(), String> {
    if !(0.1..=60.0).contains(&venue.timeout_s) {
        return Err(format!(
            "venue.timeout_s must be from 0.1 to 60, was {}",
            venue.timeout_s
        ));
    }
    if !NAMES.contains(&venue.name.as_str()) {
        return Err(format!(
            "venue.name must be {}, was {:?}",
            NAMES.join(" or "),
            venue.name
        ));
    }
    check_tag(&venue.tag)?;
    check_url("venue.url", &venue.url)
}

/// `MODE-ACCOUNT-`: without its last `-` the tag of account `a` would be one of account `ab` too.
fn check_tag(tag: &str) -> Result<(), String> {
    let mut parts = tag.splitn(2, '-');
    let is_mode = matches!(parts.next(), Some("l" | "p" | "d" | "b"));
    let account = parts.next().and_then(|rest| rest.strip_suffix('-'));
    if is_mode && account.is_some_and(|account| !account.is_empty()) {
        return Ok(());
    }
    Err(format!(
        "venue.tag must be how our client order ids begin, mode and account as in \"l-main-\"; was {tag:?}"
    ))
}

/// Keys leave this machine encrypted or not at all.
fn check_url(name: &str, url: &str) -> Result<(), String> {
    let is_local = url
        .strip_prefix("http://")
        .map(|rest| rest.split(['/', ':']).next().unwrap_or(""))
        .is_some_and(|host| host == "127.0.0.1" || host == "localhost");
    if is_local || url.starts_with("https://") {
        return Ok(());
    }
    Err(format!(
        "{name} must begin with https://, or with http:// on loopback"
    ))
}

/// The venue's keys.
///
/// # Errors
/// The file cannot be read, others can read it, or it does not hold the words that this venue has.
pub fn credentials(venue: &VenueConfig) -> Result<Credentials, String> {
    let path = &venue.credentials;
    let shown = path.display();
    let found =
        fs::metadata(path).map_err(|error| format!("the keys {shown} cannot be read: {error}"))?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "{shown} can be read by others (mode {mode:o}): chmod 600 {shown}"
        ));
    }
    let text = fs::read_to_string(path)
        .map_err(|error| format!("the keys {shown} cannot be read: {error}"))?;
    if !text.is_ascii() {
        return Err(format!("the keys in {shown} must be printable ASCII"));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let of = |key: &str, secret: &str, api: Option<(&str, &str)>| Credentials {
        key: key.to_owned(),
        secret: secret.to_owned(),
        api: api.map(|(name, passphrase)| (name.to_owned(), passphrase.to_owned())),
    };
    match words[..] {
        [key, secret] => Ok(of(key, secret, None)),
        [address, name, secret, passphrase] if venue.name == POLYMARKET => {
            Ok(of(address, secret, Some((name, passphrase))))
        }
        _ => Err(format!(
            "{shown} must hold two lines, key and secret{}; it has {} words",
            if venue.name == POLYMARKET {
                ", or the four that `holdfast-guard keys` prints"
            } else {
                ""
            },
            words.len()
        )),
    }
}

/// Seconds of a configuration as a duration; they have been checked.
pub fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(Duration::from_secs(60))
}

impl Config {
    /// For a run that has no configuration of its guard: the spec's heartbeat (WD-6), and nothing beside it that could
    /// stop a run that is merely slow. No venue: whatever works there is left alone, and said to be.
    pub fn bare(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            socket: None,
            limits: Limits {
                heartbeat_s: 60.0,
                mail_age_s: 600.0,
                phase_s: 3600.0,
                memory_mb: u64::MAX,
                journal_stall_s: 60.0,
                disk_free_mb: 1,
                clock_step_s: 3600.0,
            },
            escalation: Escalation {
                stop_wait_s: 5.0,
                may_kill: true,
                lifts_per_hour_max: 60,
                read_gap_s: 0.05,
                recheck_s: 5.0,
            },
            venue: None,
            closing: None,
            alert: None,
        }
    }

    /// Where the control socket stands.
    pub fn socket_path(&self) -> PathBuf {
        self.socket
            .clone()
            .unwrap_or_else(|| self.data_dir.join("guard.sock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    fn text(folder: &Folder) -> String {
        format!(
            r#"
data_dir = "{}"
[limits]
heartbeat_s = 1.0
mail_age_s = 2.0
phase_s = 60.0
memory_mb = 2000
journal_stall_s = 5.0
disk_free_mb = 200
clock_step_s = 1.0
[escalation]
stop_wait_s = 2.0
may_kill = true
lifts_per_hour_max = 0
read_gap_s = 0.2
recheck_s = 5.0
[venue]
name = "alpaca"
url = "https://paper-api.alpaca.markets"
credentials = "keys"
tag = "l-main-"
timeout_s = 2.0
[closing]
limit_s = 60.0
attempts_max = 2
[alert]
webhook = "https://example.invalid/hook"
per_minute_max = 6
"#,
            folder.path().display()
        )
    }

    fn problem(folder: &Folder, text: &str) -> String {
        let path = folder.path().join("guard.toml");
        std::fs::write(&path, text).unwrap();
        load(&path).map(|_| ()).err().unwrap_or_default()
    }

    #[test]
    fn a_whole_configuration_is_taken() {
        let folder = Folder::new("config");
        assert_eq!(problem(&folder, &text(&folder)), "");
    }

    #[test]
    fn a_limit_that_is_missing_or_makes_no_sense_is_named() {
        let folder = Folder::new("config-limits");
        let whole = text(&folder);
        for name in [
            "heartbeat_s",
            "mail_age_s",
            "memory_mb",
            "journal_stall_s",
            "disk_free_mb",
            "may_kill",
            "lifts_per_hour_max",
            "tag",
            "limit_s",
            "attempts_max",
        ] {
            let without: String = whole
                .lines()
                .filter(|line| !line.starts_with(name))
                .fold(String::new(), |all, line| all + line + "\n");
            assert!(problem(&folder, &without).contains(name), "{name}");
        }
        for (from, to, named) in [
            (
                "heartbeat_s = 1.0",
                "heartbeat_s = 0.0",
                "limits.heartbeat_s",
            ),
            (
                "heartbeat_s = 1.0",
                "heartbeat_s = nan",
                "limits.heartbeat_s",
            ),
            ("memory_mb = 2000", "memory_mb = 0", "memory_mb"),
            ("limit_s = 60.0", "limit_s = 4.0", "closing.limit_s"),
            (
                "attempts_max = 2",
                "attempts_max = 0",
                "closing.attempts_max",
            ),
            ("l-main-", "l-main", "venue.tag"),
            ("l-main-", "l--", "venue.tag"),
            ("https://paper", "http://paper", "venue.url"),
            (
                "https://example",
                "http://127.0.0.1.example",
                "alert.webhook",
            ),
            (
                "per_minute_max = 6",
                "per_minute_max = 6\nextra = 1",
                "extra",
            ),
        ] {
            let found = problem(&folder, &whole.replace(from, to));
            assert!(found.contains(named), "{to}: {found:?}");
        }
    }

    fn venue(name: &str, credentials: &Path) -> VenueConfig {
        VenueConfig {
            name: name.to_owned(),
            url: "http://127.0.0.1:1".to_owned(),
            credentials: credentials.to_owned(),
            tag: "l-main-".to_owned(),
            timeout_s: 1.0,
        }
    }

    #[test]
    fn keys_that_others_can_read_are_refused() {
        let folder = Folder::new("config-keys");
        let path = folder.path().join("keys");
        let asked = venue("alpaca", &path);
        std::fs::write(&path, "KEY\nSECRET\n").unwrap();
        std::fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(credentials(&asked).unwrap_err().contains("chmod 600"));
        std::fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let found = credentials(&asked).unwrap();
        assert_eq!(
            (found.key.as_str(), found.secret.as_str()),
            ("KEY", "SECRET")
        );
        assert_eq!(format!("{found:?}"), "Credentials");
        std::fs::write(&path, "KEY\n").unwrap();
        assert!(credentials(&asked).unwrap_err().contains("two lines"));
    }

    #[test]
    fn an_api_key_has_four_words_and_only_polymarket_has_one() {
        let folder = Folder::new("config-api");
        let path = folder.path().join("keys");
        std::fs::write(&path, "ADDRESS\nNAME\nSECRET\nPASS\n").unwrap();
        std::fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let found = credentials(&venue("polymarket", &path)).unwrap();
        assert_eq!(
            (found.key.as_str(), found.secret.as_str()),
            ("ADDRESS", "SECRET")
        );
        assert_eq!(found.api, Some(("NAME".to_owned(), "PASS".to_owned())));
        assert!(credentials(&venue("alpaca", &path))
            .unwrap_err()
            .contains("two lines"));
        std::fs::write(&path, "ADDRESS\nNAME\nSECRET\n").unwrap();
        let said = credentials(&venue("polymarket", &path)).unwrap_err();
        assert!(said.contains("holdfast-guard keys"), "{said}");
    }
}
