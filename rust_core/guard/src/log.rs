//! The guard's own log: append-only lines in `guard.log`, each bound to the one before it (AL-3).
//!
//! A line is `HASH JSON`: the SHA-256 of the JSON text in hex, then an object with `seq`, `at_ns`, `kind`, `prev`
//! (the hash of the line before, zeros for the first) and `payload`. The trader takes new lines over into the journal
//! when it starts. A log that cannot be written never keeps the guard from acting.
//!
//! A file that is full is put aside as `guard.log.SEQ`, the sequence of its last line in twelve digits, and the chain
//! goes on in a new one. So many are kept; the line behind a removal says up to where lines are gone (WD-8).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{json, Value};
use sha2::{Digest, Sha256};

/// Name of the file in the data directory.
pub const NAME: &str = "guard.log";
/// The line that says up to where lines were removed: `{"through": SEQ, "digest": HASH}` of the last one.
pub const PRUNED: &str = "LogPruned";
const HEX: usize = 64;
const SEQ_DIGITS: usize = 12;

/// How much of a log is kept.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// A file is put aside once it has so many bytes.
    pub file_bytes: u64,
    /// So many full files are kept beside the one that is written.
    pub files: usize,
}

/// A guard alarms about a venue that does not answer once a minute: this keeps a month of it.
pub const ROOM: Room = Room {
    file_bytes: 2 << 20,
    files: 8,
};

#[derive(Deserialize)]
struct Line {
    seq: u64,
    prev: String,
    kind: String,
    payload: Value,
}

/// The end of a chain: how many lines, and the hash of the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    seq: u64,
    hash: String,
}

impl End {
    fn first() -> Self {
        Self {
            seq: 0,
            hash: "0".repeat(HEX),
        }
    }
}

/// The log, open at its end.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    room: Room,
    file: File,
    end: End,
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
    pub fn open(
        data_dir: &Path,
        name: &str,
        room: Room,
        now_ns: u64,
    ) -> io::Result<(Self, Option<PathBuf>)> {
        let path = data_dir.join(name);
        let mut moved = None;
        let end = if let Some(end) = Chain::read(&path)? {
            end
        } else {
            for part in full_files(&path)?.into_iter().chain([path.clone()]) {
                let aside = with_end(&part, &format!("broken-{now_ns}"));
                match fs::rename(&part, &aside) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => moved = Some(aside),
                }
            }
            End::first()
        };
        let file = opened(&path)?;
        let log = Self {
            path,
            room,
            file,
            end,
            lost: 0,
        };
        Ok((log, moved))
    }

    /// Append one line, synced.
    ///
    /// # Errors
    /// It could not be written; it is counted in `lost`, and the chain goes on without it.
    pub fn append(&mut self, at_ns: u64, kind: &str, payload: &Value) -> io::Result<()> {
        let is_full = self.file.metadata()?.len() >= self.room.file_bytes;
        if is_full {
            let _ = self.turn_over(at_ns); // a file that stays is only larger
        }
        self.write(at_ns, kind, payload)
    }

    fn write(&mut self, at_ns: u64, kind: &str, payload: &Value) -> io::Result<()> {
        let seq = self.end.seq + 1;
        let mut line = json!({"seq": seq, "at_ns": at_ns, "kind": kind, "prev": self.end.hash, "payload": payload});
        if self.lost > 0 {
            line["lost_before"] = json!(self.lost);
        }
        let text = line.to_string();
        let hash = hash_of(&text);
        let length = self.file.metadata()?.len();
        let written = self
            .file
            .write_all(format!("{hash} {text}\n").as_bytes())
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.lost += 1;
            let _ = self.file.set_len(length); // half a line would break the chain
            return Err(error);
        }
        (self.end, self.lost) = (End { seq, hash }, 0);
        Ok(())
    }

    /// Put the full file aside and begin another, then remove what is too old.
    ///
    /// # Errors
    /// One of it cannot be done; the file that is open is written on.
    fn turn_over(&mut self, at_ns: u64) -> io::Result<()> {
        let aside = with_end(&self.path, &format!("{:0SEQ_DIGITS$}", self.end.seq));
        fs::rename(&self.path, &aside)?;
        match opened(&self.path) {
            Ok(file) => self.file = file,
            Err(error) => return fs::rename(&aside, &self.path).and(Err(error)),
        }
        let full = full_files(&self.path)?;
        for path in &full[..full.len().saturating_sub(self.room.files)] {
            // Said before it is done: a chain never begins behind lines of which nothing is known.
            let Some(gone) = last_of(path)? else { continue };
            let payload = json!({
                "text": format!("the log is full: its lines up to {} are removed", gone.seq),
                "through": gone.seq,
                "digest": gone.hash,
            });
            self.write(at_ns, PRUNED, &payload)?;
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

fn opened(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    path.parent().map_or(Ok(()), |folder| {
        File::open(folder).and_then(|folder| folder.sync_all())
    })?;
    Ok(file)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

/// The files that were put aside, oldest first.
fn full_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (
        path.parent(),
        path.file_name().and_then(|name| name.to_str()),
    ) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file_name = entry?.file_name();
        let end = file_name
            .to_str()
            .and_then(|file_name| file_name.strip_prefix(name)?.strip_prefix('.'));
        let is_full = end.is_some_and(|end| {
            end.len() == SEQ_DIGITS && end.bytes().all(|byte| byte.is_ascii_digit())
        });
        if is_full {
            found.push(folder.join(file_name));
        }
    }
    found.sort();
    Ok(found)
}

/// The last line of a full file.
fn last_of(path: &Path) -> io::Result<Option<End>> {
    let text = fs::read_to_string(path)?;
    let fields = |line: &str| {
        let (hash, json) = line.split_once(' ')?;
        let line: Line = serde_json::from_str(json).ok()?;
        Some(End {
            seq: line.seq,
            hash: hash.to_owned(),
        })
    };
    Ok(text.lines().next_back().and_then(fields))
}

/// A chain while its files are read, one after the other.
struct Chain {
    end: Option<End>,
    /// What is missing before the first line, until a line says that it was removed.
    missing: Option<End>,
}

impl Chain {
    /// The end of a log's chain, `None` when it is broken. What is torn behind the last line is cut off.
    fn read(path: &Path) -> io::Result<Option<End>> {
        let mut chain = Self {
            end: None,
            missing: None,
        };
        for full in full_files(path)? {
            if chain.take(&text_of(&full)?).is_none() {
                return Ok(None);
            }
        }
        let mut text = match text_of(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            text.truncate(whole); // what is torn was never acted upon
            OpenOptions::new()
                .write(true)
                .open(path)?
                .set_len(whole as u64)?;
        }
        let is_whole = chain.take(&text).is_some() && chain.missing.is_none();
        Ok(is_whole.then(|| chain.end.unwrap_or_else(End::first)))
    }

    fn take(&mut self, text: &str) -> Option<()> {
        for line in text.lines() {
            let (hash, json) = line.split_once(' ')?;
            let fields: Line = serde_json::from_str(json).ok()?;
            let before = End {
                seq: fields.seq.checked_sub(1)?,
                hash: fields.prev,
            };
            match &self.end {
                Some(end) if *end == before => {}
                Some(_) => return None,
                None => self.missing = Some(before).filter(|before| *before != End::first()),
            }
            if hash != hash_of(json) {
                return None;
            }
            if fields.kind == PRUNED {
                let says = |missing: &End| {
                    fields.payload["through"] == missing.seq
                        && fields.payload["digest"] == *missing.hash
                };
                self.missing = self.missing.take().filter(|missing| !says(missing));
            }
            self.end = Some(End {
                seq: fields.seq,
                hash: hash.to_owned(),
            });
        }
        Some(())
    }
}

/// A file's text; one that is no text is one line that is no log's.
fn text_of(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok("not text\n".to_owned()),
        text => text,
    }
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

    const SMALL: Room = Room {
        file_bytes: 1000,
        files: 2,
    };

    fn open(folder: &Folder, room: Room) -> (Log, Option<PathBuf>) {
        Log::open(folder.path(), NAME, room, 7).unwrap()
    }

    fn filled(folder: &Folder, lines: u64, room: Room) -> PathBuf {
        let (mut log, moved) = open(folder, room);
        assert_eq!(moved, None);
        for at_ns in 1..=lines {
            log.append(at_ns, "Checked", &json!({"n": at_ns})).unwrap();
        }
        folder.path().join(NAME)
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_log_is_gone_on_with_and_a_torn_end_is_cut() {
        let folder = Folder::new("log");
        let path = filled(&folder, 3, ROOM);
        fs::write(&path, text(&path) + "0123 {\"seq\":").unwrap();
        let (mut log, moved) = open(&folder, ROOM);
        assert_eq!(moved, None);
        log.append(9, "Checked", &Value::Null).unwrap();
        assert_eq!(Chain::read(&path).unwrap().unwrap().seq, 4);
    }

    #[test]
    fn a_changed_or_missing_line_breaks_the_chain_and_the_log_is_moved_aside() {
        let folder = Folder::new("log-broken");
        let path = filled(&folder, 3, ROOM);
        let whole = text(&path);
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        let gap = [lines[0], lines[2]].concat();
        let late = [lines[1], lines[2]].concat(); // its first line was taken away
        for broken in [whole.replace("\"n\":2", "\"n\":5"), gap, late] {
            fs::write(&path, &broken).unwrap();
            let (log, moved) = open(&folder, ROOM);
            assert_eq!(log.end.seq, 0);
            assert_eq!(text(&moved.unwrap()), broken);
        }
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_chain_goes_on_with_so_many_kept() {
        let folder = Folder::new("log-full");
        let path = filled(&folder, 60, SMALL);
        let full = full_files(&path).unwrap();
        assert_eq!(full.len(), SMALL.files);
        for file in full.iter().chain([&path]) {
            assert!(fs::metadata(file).unwrap().len() < SMALL.file_bytes + 500);
        }
        let end = Chain::read(&path).unwrap().unwrap();
        assert!(
            end.seq > 60,
            "each removal has a line of its own: {}",
            end.seq
        );
        assert!(text(&path).contains(PRUNED) || text(&full[1]).contains(PRUNED));
        let (mut log, moved) = open(&folder, SMALL);
        assert_eq!((moved, &log.end), (None, &end));
        log.append(9, "Checked", &Value::Null).unwrap();
        assert_eq!(Chain::read(&path).unwrap().unwrap().seq, end.seq + 1);
    }

    #[test]
    fn a_full_file_that_nobody_says_was_removed_breaks_the_chain() {
        for taken in [0, 1] {
            let folder = Folder::new("log-taken");
            let path = filled(&folder, 60, SMALL);
            fs::remove_file(&full_files(&path).unwrap()[taken]).unwrap();
            let (log, moved) = open(&folder, SMALL);
            assert_eq!(log.end.seq, 0);
            assert!(moved.is_some());
            assert_eq!(full_files(&path).unwrap(), [] as [PathBuf; 0]);
        }
    }

    #[test]
    fn a_guard_that_was_killed_between_putting_aside_and_beginning_goes_on() {
        let folder = Folder::new("log-between");
        let path = filled(&folder, 3, ROOM);
        fs::rename(&path, with_end(&path, "000000000003")).unwrap();
        let (log, moved) = open(&folder, ROOM);
        assert_eq!((log.end.seq, moved), (3, None));
    }
}
