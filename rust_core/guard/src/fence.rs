//! The fence: words in `fence.word` of the data directory, compared by the trader at every release (ST-5).
//!
//! A trader that takes over raises the first word, only the guard raises the second, and the fence is their sum.
//! So neither overwrites the other's raise, whatever either was frozen in the middle of, and the guard needs no
//! lock that a frozen trader might hold. The trader maps the file; what is written here is in its map at once,
//! since both are the same page of the kernel's. The third word is the hold: while it is not zero, no trader starts.
//! The fourth is the guard's own beat, by which the trader sees that it is watched.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Name of the file in the data directory.
pub const NAME: &str = "fence.word";
const WORD: usize = 8;
const GUARDS: u64 = 8;
const HOLD: u64 = 16;
const BEAT: u64 = 24;
const BYTES: u64 = 32;

/// Whether a trader may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It may.
    Free = 0,
    /// Not until a person releases it.
    Person = 1,
    /// Not yet: the guard lifts it by itself once nothing of ours works. A trader that starts waits.
    Passing = 2,
}

/// The fence of one data directory.
#[derive(Debug)]
pub struct Fence {
    file: File,
}

impl Fence {
    /// Open the fence, making it as zero where there is none.
    ///
    /// # Errors
    /// The file cannot be opened or is not a fence.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(NAME);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        let found = file.metadata()?.len();
        if found == 0 || found == WORD as u64 {
            file.set_len(BYTES)?;
        } else if found != BYTES {
            let text = format!("{} must be {BYTES} bytes long, was {found}", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let fence = Self { file };
        fence.write(GUARDS, fence.word(GUARDS)?)?; // now the disk has its block, see `raise`
        Ok(fence)
    }

    /// The fence as it stands.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self) -> io::Result<u64> {
        Ok(self.word(0)?.wrapping_add(self.word(GUARDS)?))
    }

    /// Raise the guard's word: whoever holds a lower fence can send no more. Returns the fence that stands then.
    ///
    /// The word is in force when this returns, also when the disk is full: its block was written when the file was
    /// opened. It is not synced: that matters after a loss of power only, when nobody is left to be fenced.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn raise(&self) -> io::Result<u64> {
        self.write(GUARDS, self.word(GUARDS)?.wrapping_add(1))?;
        self.read()
    }

    /// How trading is held.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn held(&self) -> io::Result<Hold> {
        Ok(match self.word(HOLD)? {
            0 => Hold::Free,
            2 => Hold::Passing,
            _ => Hold::Person,
        })
    }

    /// Hold trading, or release it; synced, since it has to outlive a loss of power.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn hold(&self, hold: Hold) -> io::Result<()> {
        self.write(HOLD, hold as u64)?;
        self.file.sync_data()
    }

    /// Show the trader that somebody watches.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn beat(&self) -> io::Result<()> {
        self.write(BEAT, self.word(BEAT)?.wrapping_add(1))
    }

    fn write(&self, at: u64, word: u64) -> io::Result<()> {
        self.file.write_all_at(&word.to_le_bytes(), at)
    }

    fn word(&self, at: u64) -> io::Result<u64> {
        let mut bytes = [0; WORD];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn a_raise_changes_the_sum_and_leaves_the_traders_word_alone() {
        let folder = Folder::new("fence");
        std::fs::write(folder.path().join(NAME), 7_u64.to_le_bytes()).unwrap();
        let fence = Fence::open(folder.path()).unwrap();
        assert_eq!(fence.read().unwrap(), 7);
        assert_eq!(fence.raise().unwrap(), 8);
        let bytes = std::fs::read(folder.path().join(NAME)).unwrap();
        assert_eq!(bytes[..8], 7_u64.to_le_bytes());
    }

    #[test]
    fn a_trader_that_was_frozen_while_it_took_over_does_not_undo_a_raise() {
        let folder = Folder::new("fence-race");
        let fence = Fence::open(folder.path()).unwrap();
        let seen = fence.read().unwrap(); // the trader, about to take the fence as seen + 1
        fence.raise().unwrap();
        let file = OpenOptions::new()
            .write(true)
            .open(folder.path().join(NAME))
            .unwrap();
        file.write_all_at(&(seen + 1).to_le_bytes(), 0).unwrap(); // thawed
        assert_ne!(fence.read().unwrap(), seen + 1);
    }

    #[test]
    fn a_hold_is_seen_until_it_is_released_and_is_no_raise() {
        let folder = Folder::new("fence-hold");
        let fence = Fence::open(folder.path()).unwrap();
        fence.hold(Hold::Passing).unwrap();
        let again = Fence::open(folder.path()).unwrap();
        assert_eq!(again.held().unwrap(), Hold::Passing);
        assert_eq!(again.read().unwrap(), 0);
        again.hold(Hold::Person).unwrap();
        assert_eq!(fence.held().unwrap(), Hold::Person);
        again.hold(Hold::Free).unwrap();
        assert_eq!(fence.held().unwrap(), Hold::Free);
    }

    #[test]
    fn what_is_no_fence_is_refused() {
        let folder = Folder::new("fence-odd");
        std::fs::write(folder.path().join(NAME), [0; 12]).unwrap();
        assert!(Fence::open(folder.path()).is_err());
    }
}
