//! The control socket: one JSON object a line, from this user only. No Python is needed on either side.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

const CLIENTS_MAX: usize = 16;
const LINE_MAX: usize = 4096;
const NAME_MAX: usize = 100;
/// How long a guard that runs may take to say that it has heard.
pub const HEARD: Duration = Duration::from_secs(2);

/// How much stops (KC-1).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// No new entries: the trader is told to, nothing is taken off.
    Pause,
    /// The trader is stopped and its orders are taken off; started again, it closes what is open.
    Flatten,
    /// The trader is stopped and its orders are taken off; started again, it stays halted.
    Emergency,
}

/// What somebody asks of the guard.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "ask", rename_all = "lowercase", deny_unknown_fields)]
pub enum Asked {
    /// Stop the trading.
    Kill {
        /// How much.
        level: Level,
        /// Why, in words.
        reason: String,
        /// Who.
        by: String,
    },
    /// What the guard sees.
    Status,
    /// Make room for another guard of the same data directory.
    Yield {
        /// Who.
        by: String,
    },
    /// Let a trader start again.
    Release {
        /// Why, in words.
        reason: String,
        /// Who.
        by: String,
    },
}

struct Client {
    id: u64,
    stream: UnixStream,
    line: Vec<u8>,
}

/// The socket and who is connected.
pub struct Control {
    path: PathBuf,
    listener: UnixListener,
    inode: u64,
    clients: Vec<Client>,
    ids: u64,
}

impl Control {
    /// Listen. A socket that nobody listens on any more is taken over; anything else there is left alone.
    ///
    /// # Errors
    /// The path is taken, or cannot be listened on.
    pub fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        if let Ok(there) = std::fs::symlink_metadata(path) {
            let is_stale = there.file_type().is_socket() && connect(path).is_err();
            if !is_stale {
                return Err(format!(
                    "{shown} is taken: stop what listens there, or name another `socket`"
                ));
            }
            std::fs::remove_file(path)
                .map_err(|error| format!("{shown} cannot be replaced: {error}"))?;
        }
        let (listener, inode) =
            listen(path).map_err(|error| format!("{shown} cannot be listened on: {error}"))?;
        Ok(Self {
            path: path.to_owned(),
            listener,
            inode,
            clients: Vec::new(),
            ids: 0,
        })
    }

    /// Listen again where somebody took the socket away. Returns whether it was so.
    pub fn keep(&mut self) -> bool {
        if std::fs::symlink_metadata(&self.path).is_ok_and(|there| there.ino() == self.inode) {
            return false;
        }
        if let Ok((listener, inode)) = listen(&self.path) {
            (self.listener, self.inode) = (listener, inode);
        }
        true
    }

    /// What becomes readable when somebody has something to say.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.listener.as_fd())
            .chain(self.clients.iter().map(|client| client.stream.as_fd()))
    }

    /// Whole requests that have come, each with its client's number. What cannot be read is answered here.
    pub fn asked(&mut self) -> Vec<(u64, Asked)> {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.clients.len() < CLIENTS_MAX && stream.set_nonblocking(true).is_ok() {
                self.ids += 1;
                self.clients.push(Client {
                    id: self.ids,
                    stream,
                    line: Vec::new(),
                });
            }
        }
        let mut asked = Vec::new();
        self.clients.retain_mut(|client| client.read(&mut asked));
        asked
    }

    /// Answer a client; one that is gone or does not read is let go.
    pub fn answer(&mut self, id: u64, answer: &Value) {
        self.clients
            .retain_mut(|client| client.id != id || client.tell(answer).is_ok());
    }

    /// Remove the socket, at the end.
    pub fn close(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A socket's name has room for some hundred bytes: a longer one is reached through its folder's descriptor.
fn reach(path: &Path) -> io::Result<(PathBuf, Option<File>)> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok((path.to_owned(), None));
    };
    if path.as_os_str().len() < NAME_MAX {
        return Ok((path.to_owned(), None));
    }
    let folder = File::open(folder)?;
    let short = format!("/proc/self/fd/{}", folder.as_raw_fd());
    Ok((Path::new(&short).join(name), Some(folder)))
}

/// A stream to the guard that listens there.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let (path, _folder) = reach(path)?;
    UnixStream::connect(path)
}

/// The last answer of a guard that runs; `None` when nobody has heard.
pub fn ask(socket: &Path, asked: &Asked, limit: Duration) -> Option<Value> {
    let mut stream = connect(socket).ok()?;
    stream.set_read_timeout(Some(HEARD)).ok()?;
    stream
        .write_all(format!("{}\n", json!(asked)).as_bytes())
        .ok()?;
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let heard: Value = serde_json::from_str(&lines.next()?.ok()?).ok()?;
    if heard["type"] != "accepted" {
        return Some(heard);
    }
    stream.set_read_timeout(Some(limit)).ok()?;
    let answer = lines
        .next()
        .and_then(Result::ok)
        .and_then(|line| serde_json::from_str(&line).ok());
    let why = format!("not done within {} s; the guard goes on", limit.as_secs());
    Some(answer.unwrap_or_else(|| json!({"type": "failed", "why": why})))
}

fn listen(path: &Path) -> io::Result<(UnixListener, u64)> {
    let (short, _folder) = reach(path)?;
    let listener = UnixListener::bind(short)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok((listener, std::fs::symlink_metadata(path)?.ino()))
}

impl Client {
    /// Take in what has come; whether the client stays.
    fn read(&mut self, asked: &mut Vec<(u64, Asked)>) -> bool {
        let mut bytes = [0; LINE_MAX];
        match self.stream.read(&mut bytes) {
            Ok(0) => return false,
            Ok(count) => self.line.extend_from_slice(&bytes[..count]),
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            match serde_json::from_slice(&line) {
                Ok(request) => asked.push((self.id, request)),
                Err(error) => {
                    let answer = json!({"type": "refused", "why": format!("a request was expected: {error}")});
                    if self.tell(&answer).is_err() {
                        return false;
                    }
                }
            }
        }
        self.line.len() < LINE_MAX
    }

    fn tell(&mut self, answer: &Value) -> io::Result<()> {
        self.stream.write_all(format!("{answer}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn a_request_is_read_and_answered_and_nonsense_is_refused() {
        let folder = Folder::new("control");
        let mut control = Control::open(&folder.path().join("s")).unwrap();
        let mut stream = UnixStream::connect(folder.path().join("s")).unwrap();
        stream
            .write_all(b"what?\n{\"ask\":\"kill\",\"level\":\"FLATTEN\",")
            .unwrap();
        assert_eq!(control.asked(), []);
        stream
            .write_all(b"\"reason\":\"r\",\"by\":\"b\"}\n")
            .unwrap();
        let asked = control.asked();
        let (reason, by) = ("r".to_owned(), "b".to_owned());
        assert_eq!(
            asked,
            [(
                1,
                Asked::Kill {
                    level: Level::Flatten,
                    reason,
                    by
                }
            )]
        );
        control.answer(1, &json!({"type": "done"}));
        let mut lines = BufReader::new(&stream).lines();
        assert!(lines.next().unwrap().unwrap().contains("refused"));
        assert_eq!(lines.next().unwrap().unwrap(), "{\"type\":\"done\"}");
    }

    #[test]
    fn a_socket_that_is_alive_or_no_socket_is_left_alone_and_a_dead_one_taken_over() {
        let folder = Folder::new("control-taken");
        let path = folder.path().join("s");
        let first = Control::open(&path).unwrap();
        assert!(Control::open(&path).is_err());
        drop(first); // its file stays, as after kill -9
        assert!(Control::open(&path).is_ok());
        let file = folder.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        assert!(Control::open(&file).is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    }

    #[test]
    fn a_socket_that_was_deleted_is_there_again() {
        let folder = Folder::new("control-deleted");
        let path = folder.path().join("s");
        let mut control = Control::open(&path).unwrap();
        assert!(!control.keep());
        std::fs::remove_file(&path).unwrap();
        assert!(control.keep());
        assert!(UnixStream::connect(&path).is_ok());
    }
}
