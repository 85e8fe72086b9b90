//! How a thread of the server shows its supervisor that it lives.
//!
//! Where there is no supervisor, nothing is shown to nobody.

use std::{thread, time::Duration};

use sam::{Check, Parked};

/// How long a thread may be silent: longer than a replacement may hold it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);

/// A thread's health.
pub(crate) struct Pulse(Option<Check>);

impl Pulse {
    /// Begins now. Without a free place on the supervisor's board (it has 63) the thread
    /// goes unchecked, and says so.
    pub(crate) fn begin(name: &str) -> Pulse {
        match sam::app().check(name, DEADLINE) {
            Ok(check) => Pulse(Some(check)),
            Err(error) => {
                eprintln!("{name} is not checked: {error}");
                Pulse(None)
            }
        }
    }

    /// The thread lives.
    pub(crate) fn beat(&self) {
        if let Some(check) = &self.0 {
            check.beat();
        }
    }

    /// How long to wait for work before [`idle`](Self::idle). Parking costs two system
    /// calls, which a thread that has work does not want to pay for each piece of it.
    pub(crate) fn patience(&self) -> Duration {
        DEADLINE / 4
    }

    /// The thread has no work and waits for some: silence is no failure.
    pub(crate) fn idle(&self) -> Option<Parked<'_>> {
        self.0.as_ref().map(Check::parked)
    }
}

impl Drop for Pulse {
    /// A thread that panics ends its check, and must not end unnoticed with it.
    fn drop(&mut self) {
        if thread::panicking() {
            sam::app().mark_failed();
        }
    }
}
