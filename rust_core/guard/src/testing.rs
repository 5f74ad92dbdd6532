//! What unit tests share: a folder of their own that is gone afterwards.

use std::path::{Path, PathBuf};

/// A folder under the system's temporary one.
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder; `name` tells tests apart, the process id runs of them.
    pub fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("holdfast-guard-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
