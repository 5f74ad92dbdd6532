//! What `holdfast run` shows: one JSON object a line on standard output, beside the trader's own reports.

use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{fstat, FileType};
use serde_json::{json, Value};

/// The way to whoever shows the run. What it does not take is dropped: showing stops nothing.
#[derive(Debug)]
pub struct Reports(Option<OwnedFd>);

impl Reports {
    /// Standard output where it is a pipe; somebody reads it.
    pub fn open() -> Self {
        let out = rustix::stdio::stdout();
        let is_pipe =
            fstat(out).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Fifo);
        let descriptor = is_pipe
            .then(|| rustix::io::fcntl_dupfd_cloexec(out, 3).ok())
            .flatten();
        if let Some(descriptor) = &descriptor {
            let _ = rustix::io::ioctl_fionbio(descriptor, true);
        }
        Self(descriptor)
    }

    /// Nobody is told.
    pub fn none() -> Self {
        Self(None)
    }

    /// Polled for nothing: it tells when the reader has gone.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }

    /// The reader has gone.
    pub fn lost(&mut self) {
        self.0 = None;
    }

    /// One more descriptor of the pipe, for a child.
    pub fn descriptor(&self) -> Option<OwnedFd> {
        self.0.as_ref().and_then(|fd| fd.try_clone().ok())
    }

    /// Something that happened around the session.
    pub fn line(&self, text: &str) {
        self.write(&json!({"line": {"text": text}}));
    }

    /// Why the run ended, empty where its trader has said so itself.
    pub fn ended(&self, text: &str) {
        self.write(&json!({"ended": {"text": text}}));
    }

    fn write(&self, line: &Value) {
        if let Some(pipe) = self.descriptor() {
            let _ = std::fs::File::from(pipe).write(format!("{line}\n").as_bytes());
        }
    }
}
