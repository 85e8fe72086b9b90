//! Who is let in, and to what.

use crate::{Actor, Error, ErrorKind, Result};

/// What a server was told of itself and of its clients.
#[derive(Debug)]
pub(super) struct Admission {
    /// The user of this program.
    pub(super) user: u32,
    /// Further users who are let in.
    pub(super) users: Vec<u32>,
    /// The name of this program.
    pub(super) program: String,
    /// Whether requests that change something are refused.
    pub(super) read_only: bool,
}

impl Admission {
    /// Refuses users other than this program's, root, and those who were allowed.
    pub(super) fn admit(&self, peer: &Actor) -> Result<()> {
        if peer.uid == 0 || peer.uid == self.user || self.users.contains(&peer.uid) {
            return Ok(());
        }
        tracing::warn!(uid = peer.uid, pid = peer.pid, "refused a user at the control socket");
        let text = format!("user {} is not let in; the program's user, root, or who was allowed may ask", peer.uid);
        Err(Error::new(ErrorKind::Untrusted, text))
    }
}
