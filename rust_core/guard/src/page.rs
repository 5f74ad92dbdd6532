//! The trader's heartbeat: a page in `heartbeat.page` that only its lane advances (WD-2, WD-6).
//!
//! Sixteen little-endian u64. The sequence is advanced by a message that went through the lane's own queue, so it
//! stands still when the lane does, however well the rest of the process is. The age of the oldest unhandled mail
//! says whether the lane keeps up.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Name of the file in the data directory.
pub const NAME: &str = "heartbeat.page";
/// Its first eight bytes.
pub const MAGIC: u64 = u64::from_le_bytes(*b"HFBEAT01");
const FIELDS: usize = 16;
const PHASE_AT: u64 = 3 * 8;
const ENDED: u64 = 4;

/// What the process says that it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It reads its record; the lane does not turn yet.
    Starting,
    /// The lane turns.
    Trading,
    /// It resolves what is in flight, then ends.
    Stopping,
    /// It has ended of its own will: its absence is no fault.
    Ended,
}

/// One look at the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The trader's process.
    pub pid: u32,
    /// When that process began, in the kernel's ticks since boot: a process id alone is used again.
    pub start_ticks: u64,
    /// What it is doing.
    pub phase: Phase,
    /// Only the lane advances it.
    pub sequence: u64,
    /// Age of the oldest unhandled mail, a lower bound.
    pub mail_age_ns: u64,
    /// Events that became durable in this process.
    pub journaled: u64,
    /// Events that wait to become durable.
    pub pending: u64,
    /// Orders that work, as the trader has it.
    pub orders: u64,
    /// Positions that are open, as the trader has it.
    pub positions: u64,
}

/// Read the page; `None` where there is none, or none that this version can read.
///
/// # Errors
/// The file is there and cannot be read.
pub fn read(data_dir: &Path) -> io::Result<Option<Beat>> {
    let file = match File::open(data_dir.join(NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = [0; FIELDS * 8];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok(parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None), // it is being made
        Err(error) => Err(error),
    }
}

/// Note on the page that its process, which is gone, was dealt with: its absence is no fault any more.
///
/// # Errors
/// The page cannot be written.
pub fn close(data_dir: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(data_dir.join(NAME))?;
    file.write_all_at(&ENDED.to_le_bytes(), PHASE_AT)
}

fn parse(bytes: &[u8; FIELDS * 8]) -> Option<Beat> {
    let mut fields = [0; FIELDS];
    for (field, chunk) in fields.iter_mut().zip(bytes.chunks_exact(8)) {
        *field = u64::from_le_bytes(chunk.try_into().ok()?);
    }
    let [magic, pid, start_ticks, phase, sequence, mail_age_ns, journaled, pending, orders, positions, ..] =
        fields;
    let phase = match phase {
        1 => Phase::Starting,
        2 => Phase::Trading,
        3 => Phase::Stopping,
        ENDED => Phase::Ended,
        _ => return None,
    };
    (magic == MAGIC).then_some(Beat {
        pid: u32::try_from(pid).ok()?,
        start_ticks,
        phase,
        sequence,
        mail_age_ns,
        journaled,
        pending,
        orders,
        positions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    fn write(folder: &Folder, fields: &[u64]) {
        let mut bytes: Vec<u8> = fields
            .iter()
            .flat_map(|field| field.to_le_bytes())
            .collect();
        bytes.resize(FIELDS * 8, 0);
        std::fs::write(folder.path().join(NAME), bytes).unwrap();
    }

    #[test]
    fn what_the_trader_wrote_is_read_back() {
        let folder = Folder::new("page");
        write(&folder, &[MAGIC, 42, 99, 2, 5, 6, 7, 8, 9, 10]);
        let beat = read(folder.path()).unwrap().unwrap();
        assert_eq!(
            (beat.pid, beat.start_ticks, beat.phase),
            (42, 99, Phase::Trading)
        );
        assert_eq!((beat.sequence, beat.mail_age_ns), (5, 6));
        assert_eq!((beat.journaled, beat.pending), (7, 8));
        assert_eq!((beat.orders, beat.positions), (9, 10));
    }

    #[test]
    fn no_page_a_short_one_and_a_foreign_one_are_no_beat_and_a_closed_one_has_ended() {
        let folder = Folder::new("page-odd");
        assert_eq!(read(folder.path()).unwrap(), None);
        std::fs::write(folder.path().join(NAME), b"HFBEAT01").unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        write(&folder, &[MAGIC, 42, 99, 2]);
        close(folder.path()).unwrap();
        assert_eq!(read(folder.path()).unwrap().unwrap().phase, Phase::Ended);
        write(&folder, &[1, 42, 99, 2]);
        assert_eq!(read(folder.path()).unwrap(), None);
        write(&folder, &[MAGIC, 42, 99, 77]);
        assert_eq!(read(folder.path()).unwrap(), None);
    }
}
