//! What tests wait for.

use std::{
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
