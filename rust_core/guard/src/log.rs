//! The guard's own log: append-only lines in `guard.log`, each bound to the one before it (AL-3).
//!
//! A line is `HASH JSON`: the SHA-256 of the JSON text in hex, then an object with `seq`, `at_ns`, `kind`, `prev`
//! (the hash of the line before, zeros for the first) and `payload`. The trader takes new lines over into the journal
//! when it starts. A log that cannot be written never keeps the guard from acting.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{json, Value};
use sha2::{Digest, Sha256};

/// Name of the file in the data directory.
pub const NAME: &str = "guard.log";
const HEX: usize = 64;

#[derive(Deserialize)]
struct Line {
    seq: u64,
    prev: String,
}

/// The log, open at its end.
#[derive(Debug)]
pub struct Log {
    file: File,
    seq: u64,
    head: String,
    /// Lines that could not be written since the last one that could.
    pub lost: u64,
}

impl Log {
    /// Open the log of that name and check its chain; one that is broken is moved aside, never written on.
    ///
    /// Returns the log, and where a broken one was moved.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub fn open(data_dir: &Path, name: &str, now_ns: u64) -> io::Result<(Self, Option<PathBuf>)> {
        let path = data_dir.join(name);
        let mut text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => "not text\n".to_owned(),
            Err(error) => return Err(error),
        };
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1)); // what is torn was never acted upon
        let mut moved = None;
        let (seq, head) = if let Some(end) = verified(&text) {
            end
        } else {
            let aside = data_dir.join(format!("{name}.broken-{now_ns}"));
            std::fs::rename(&path, &aside)?;
            moved = Some(aside);
            text.clear();
            (0, "0".repeat(HEX))
        };
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)?;
        file.set_len(text.len() as u64)?;
        let log = Self {
            file,
            seq,
            head,
            lost: 0,
        };
        Ok((log, moved))
    }

    /// Append one line, synced.
    ///
    /// # Errors
    /// It could not be written; it is counted in `lost`, and the chain goes on without it.
    pub fn append(&mut self, at_ns: u64, kind: &str, payload: &Value) -> io::Result<()> {
        let seq = self.seq + 1;
        let mut line = json!({"seq": seq, "at_ns": at_ns, "kind": kind, "prev": self.head, "payload": payload});
        if self.lost > 0 {
            line["lost_before"] = json!(self.lost);
        }
        let text = line.to_string();
        let hash = hash_of(&text);
        let end = self.file.metadata()?.len();
        let written = self
            .file
            .write_all(format!("{hash} {text}\n").as_bytes())
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.lost += 1;
            let _ = self.file.set_len(end); // half a line would break the chain
            return Err(error);
        }
        (self.seq, self.head, self.lost) = (seq, hash, 0);
        Ok(())
    }
}

/// Last sequence and hash of a log's text, `None` when its chain is broken.
fn verified(text: &str) -> Option<(u64, String)> {
    let mut end = (0, "0".repeat(HEX));
    for line in text.lines() {
        let (hash, json) = line.split_once(' ')?;
        let fields: Line = serde_json::from_str(json).ok()?;
        if hash != hash_of(json) || fields.prev != end.1 || fields.seq != end.0 + 1 {
            return None;
        }
        end = (fields.seq, hash.to_owned());
    }
    Some(end)
}

fn hash_of(text: &str) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(HEX);
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    fn filled(folder: &Folder) -> PathBuf {
        let (mut log, moved) = Log::open(folder.path(), NAME, 1).unwrap();
        assert_eq!(moved, None);
        for at_ns in 1..=3 {
            log.append(at_ns, "Checked", &json!({"n": at_ns})).unwrap();
        }
        folder.path().join(NAME)
    }

    #[test]
    fn a_log_is_gone_on_with_and_a_torn_end_is_cut() {
        let folder = Folder::new("log");
        let path = filled(&folder);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("0123 {\"seq\":");
        std::fs::write(&path, text).unwrap();
        let (mut log, moved) = Log::open(folder.path(), NAME, 2).unwrap();
        assert_eq!(moved, None);
        log.append(9, "Checked", &Value::Null).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(verified(&text).unwrap().0, 4);
    }

    #[test]
    fn a_changed_or_missing_line_breaks_the_chain_and_the_log_is_moved_aside() {
        let folder = Folder::new("log-broken");
        let path = filled(&folder);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let gap = [lines[0], lines[2]].concat();
        for broken in [text.replace("\"n\":2", "\"n\":5"), gap] {
            std::fs::write(&path, &broken).unwrap();
            let (log, moved) = Log::open(folder.path(), NAME, 7).unwrap();
            assert_eq!(log.seq, 0);
            assert_eq!(std::fs::read_to_string(moved.unwrap()).unwrap(), broken);
        }
    }
}
