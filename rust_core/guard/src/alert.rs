//! Alerts of last resort: a webhook that takes JSON as Discord's and Slack's do, so many a minute at most.

use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;
use ureq::Agent;

use crate::config::AlertConfig;
use crate::venue::{client, read};

const TIMEOUT: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_secs(5);
const WAITING_MAX: usize = 32;

/// Say it on standard error. Nobody may be left who reads it, which stops nothing.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "holdfast-guard: {text}");
}

/// Messages that wait, and when the last ones left.
pub struct Alerts {
    to: Option<(Agent, AlertConfig)>,
    waiting: VecDeque<String>,
    sent: VecDeque<Instant>,
    dropped: u64,
    due: Instant,
}

impl Alerts {
    /// Without a configuration every message goes to standard error only.
    pub fn new(config: Option<&AlertConfig>, now: Instant) -> Self {
        Self {
            to: config.map(|config| (client(TIMEOUT), config.clone())),
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            dropped: 0,
            due: now,
        }
    }

    /// Say it on standard error now, and to the webhook when there is time.
    pub fn say(&mut self, text: &str) {
        tell(text);
        if self.to.is_none() {
            return;
        }
        if self.waiting.len() == WAITING_MAX {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(text.to_owned());
    }

    /// When something can be sent; `None` while nothing waits.
    pub fn due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.due)
    }

    /// Send one message, if one waits and the cap allows it. Returns what went wrong.
    pub fn send_one(&mut self, now: Instant) -> Option<String> {
        let (agent, config) = self.to.as_ref()?;
        while self
            .sent
            .front()
            .is_some_and(|at| now.duration_since(*at) >= WINDOW)
        {
            self.sent.pop_front();
        }
        if self.sent.len() >= config.per_minute_max as usize {
            self.due = self.sent.front().map_or(now, |at| *at + WINDOW);
            return None;
        }
        let mut text = format!("holdfast-guard: {}", self.waiting.front()?);
        if self.dropped > 0 {
            text = format!("{text} ({} messages before it were dropped)", self.dropped);
        }
        self.sent.push_back(now); // an attempt counts: a webhook that is down is not hammered
        let body = json!({"content": text, "text": text}).to_string();
        let answer = agent
            .post(&config.webhook)
            .header("Content-Type", "application/json")
            .send(body);
        match read(answer) {
            Ok((200..=299, _)) => {
                self.waiting.pop_front();
                self.dropped = 0;
                self.due = now;
                None
            }
            Ok((status, _)) => Some(self.put_off(format!("the webhook answered {status}"), now)),
            Err(problem) => Some(self.put_off(format!("the webhook gave {problem}"), now)),
        }
    }

    fn put_off(&mut self, problem: String, now: Instant) -> String {
        self.due = now + RETRY;
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    /// A webhook on loopback that answers each of `count` posts; returns what it was sent.
    fn hook(count: usize) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let mut bodies = Vec::new();
            for _ in 0..count {
                let (mut socket, _) = listener.accept().unwrap();
                let mut text = String::new();
                while !text.ends_with('}') {
                    let mut bytes = [0; 4096];
                    let read = socket.read(&mut bytes).unwrap();
                    assert_ne!(read, 0, "the post was cut off: {text}");
                    text.push_str(&String::from_utf8_lossy(&bytes[..read]));
                }
                socket
                    .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                    .unwrap();
                bodies.push(text.split("\r\n\r\n").nth(1).unwrap().to_owned());
            }
            bodies
        });
        (url, served)
    }

    #[test]
    fn messages_are_json_for_both_and_no_more_leave_than_the_cap_allows() {
        let (url, served) = hook(3);
        let now = Instant::now();
        let config = AlertConfig {
            webhook: url,
            per_minute_max: 2,
        };
        let mut alerts = Alerts::new(Some(&config), now);
        for text in ["one", "two", "three"] {
            alerts.say(text);
        }
        assert_eq!(
            [
                alerts.send_one(now),
                alerts.send_one(now),
                alerts.send_one(now)
            ],
            [None, None, None]
        );
        assert_eq!(alerts.due(), Some(now + WINDOW));
        assert_eq!(alerts.send_one(now + WINDOW), None);
        assert_eq!(alerts.due(), None);
        let bodies = served.join().unwrap();
        let said: Vec<serde_json::Value> = bodies
            .iter()
            .map(|body| serde_json::from_str(body).unwrap())
            .collect();
        assert_eq!(
            said[2],
            json!({"content": "holdfast-guard: three", "text": "holdfast-guard: three"})
        );
    }

    #[test]
    fn a_webhook_that_is_down_keeps_its_message() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let webhook = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let now = Instant::now();
        let config = AlertConfig {
            webhook,
            per_minute_max: 2,
        };
        let mut alerts = Alerts::new(Some(&config), now);
        alerts.say("one");
        assert!(alerts.send_one(now).is_some());
        assert_eq!(alerts.due(), Some(now + RETRY));
    }
}
