//! A client that sends one request at a time, and notes the longest.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::load::{Load, client::Client};

/// The pause between two requests: the probe must not be a load.
const PAUSE: Duration = Duration::from_micros(100);

/// The client.
#[derive(Default)]
pub(crate) struct Probe {
    /// Microseconds of the longest request since it was last asked.
    longest: AtomicU64,
}

impl Probe {
    /// Sends requests until the load stops.
    ///
    /// # Errors
    /// The connection fails.
    pub(crate) fn run(&self, load: &Load<'_>) -> io::Result<()> {
        let mut client = Client::connect(load.address)?;
        while !load.stop.load(Ordering::Acquire) {
            let start = Instant::now();
            client.ask(&[b"GET", b"probe"])?;
            self.longest.fetch_max(start.elapsed().as_micros() as u64, Ordering::Relaxed);
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Runs `action`, and returns its result with the longest request that ended meanwhile.
    pub(crate) fn during<T>(&self, action: impl FnOnce() -> T) -> (T, Duration) {
        self.longest.store(0, Ordering::Relaxed);
        let result = action();
        (result, Duration::from_micros(self.longest.load(Ordering::Relaxed)))
    }
}
