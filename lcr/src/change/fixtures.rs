//! What tests of patches, watches and mocks share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Waits until a condition holds.
#[track_caller]
pub(super) fn wait(mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < until, "it has not come in time");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Counts its drops.
pub(super) struct Counted(pub(super) Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
