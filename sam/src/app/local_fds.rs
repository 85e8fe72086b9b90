//! The kept descriptors of a process without a supervisor.

use std::{collections::BTreeMap, os::fd::OwnedFd, sync::Mutex};

/// The descriptors that this process keeps itself, by their names.
#[derive(Debug)]
pub(super) struct LocalFds(pub(super) Mutex<BTreeMap<Vec<u8>, OwnedFd>>);

impl LocalFds {
    pub(super) const fn new() -> LocalFds {
        LocalFds(Mutex::new(BTreeMap::new()))
    }
}
