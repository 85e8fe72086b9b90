//! What the supervisor has of the standby child.

use std::os::fd::OwnedFd;

use crate::{
    shared::Board,
    supervisor::kernel::{cgroup::InstanceCgroup, sys},
    wire::Bell,
};

/// A child that waits for its bell.
pub(super) struct Standby {
    pub(super) pid: i32,
    /// Whether the child executes a program when its bell rings.
    pub(super) executes: bool,
    pub(super) board: Board,
    pub(super) socket: OwnedFd,
    pub(super) bell: Bell,
    pub(super) cgroup: Option<InstanceCgroup>,
}

impl Standby {
    /// Kills and reaps the child.
    pub(super) fn stop(self) {
        let _ = sys::send(self.pid, libc::SIGKILL);
        sys::reap(self.pid);
    }
}
