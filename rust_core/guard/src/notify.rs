//! What systemd is told (WD-7): READY, WATCHDOG at each look, STOPPING. Without `NOTIFY_SOCKET` nobody is.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The way to the process supervisor, if there is one.
#[derive(Debug, Default)]
pub struct Notify(Option<(UnixDatagram, SocketAddr)>);

impl Notify {
    /// By the value of `NOTIFY_SOCKET`; one that cannot be reached counts as none.
    pub fn to(address: Option<&str>) -> Self {
        Self(address.and_then(|address| {
            let address = match address.strip_prefix('@') {
                Some(name) => SocketAddr::from_abstract_name(name).ok()?,
                None => SocketAddr::from_pathname(address).ok()?,
            };
            let socket = UnixDatagram::unbound().ok()?;
            socket.set_nonblocking(true).ok()?;
            Some((socket, address))
        }))
    }

    /// Tell one state, such as `READY=1`.
    pub fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.0 {
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn the_supervisor_hears_it() {
        let folder = Folder::new("notify");
        let path = folder.path().join("n");
        let heard = UnixDatagram::bind(&path).unwrap();
        Notify::to(path.to_str()).tell("READY=1");
        Notify::to(None).tell("READY=1");
        let mut bytes = [0; 16];
        let count = heard.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..count], b"READY=1");
    }
}
