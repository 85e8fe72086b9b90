//! How a thread of the server shows the supervisor that it makes progress.
//!
//! Without a supervisor a heartbeat does nothing.

use std::{thread, time::Duration};

use sam::{Check, Parked};

/// How long a thread may be silent. A replacement holds it for less.
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);

/// A thread's health.
pub(crate) struct Heartbeat(Option<Check>);

impl Heartbeat {
    /// Begins now. The supervisor's board has 63 places; without a free one the thread is not
    /// checked, and says so.
    pub(crate) fn begin(name: &str) -> Heartbeat {
        match sam::app().check(name, DEADLINE) {
            Ok(check) => Heartbeat(Some(check)),
            Err(error) => {
                eprintln!("{name} is not checked: {error}");
                Heartbeat(None)
            }
        }
    }

    /// Shows that the thread makes progress.
    pub(crate) fn beat(&self) {
        if let Some(check) = &self.0 {
            check.beat();
        }
    }

    /// How long to wait for work before [`idle`](Self::idle). Parking costs two system
    /// calls, too much for each piece of work of a busy thread.
    pub(crate) fn longest_wait(&self) -> Duration {
        DEADLINE / 4
    }

    /// The thread waits for work: until the result is dropped, its silence is no failure.
    pub(crate) fn idle(&self) -> Option<Parked<'_>> {
        self.0.as_ref().map(Check::parked)
    }
}

impl Drop for Heartbeat {
    /// A panic ends the thread and its check, so it reports the failure itself.
    fn drop(&mut self) {
        if thread::panicking() {
            sam::app().mark_failed();
        }
    }
}
