//! What images log, and their panics: the host's side of `component/logs` and `component/panic_hook`.
//!
//! [`sites`] has the callsites of images, [`spans`] the spans that they hold, [`values`] turns their fields back into
//! values of `tracing`, and [`records`] has the functions that they call. [`logger`] does the same for `log`, and
//! [`panics`] runs the program's panic hook. Images are known by the address of their counts
//! ([`Holds`](crate::abi::holds::Holds)).
//!
//! No function here unwinds: a panic of a subscriber or of a logger has been reported by the program's hook, and ends
//! the record (`contained`).

#[cfg(any(feature = "tracing", feature = "log"))]
mod contained;
#[cfg(feature = "log")]
mod logger;
pub(crate) mod panics;
#[cfg(feature = "tracing")]
mod records;
#[cfg(feature = "tracing")]
mod sites;
#[cfg(feature = "tracing")]
mod spans;
#[cfg(all(test, feature = "tracing", feature = "log"))]
mod tests;
#[cfg(any(feature = "tracing", feature = "log"))]
mod values;

use crate::abi::{
    holds::Holds,
    logs::{LogTable, TracingTable},
};

/// This host's functions for `tracing`, if it has the feature.
#[cfg(feature = "tracing")]
pub(in crate::host) const TRACING: Option<&'static TracingTable> = Some(&records::TABLE);
#[cfg(not(feature = "tracing"))]
pub(in crate::host) const TRACING: Option<&'static TracingTable> = None;

/// This host's functions for `log`, if it has the feature.
#[cfg(feature = "log")]
pub(in crate::host) const LOG: Option<&'static LogTable> = Some(&logger::TABLE);
#[cfg(not(feature = "log"))]
pub(in crate::host) const LOG: Option<&'static LogTable> = None;

/// An image that a runtime has. While there is one, changes of the program's level of `log` are passed on.
pub(in crate::host) struct Held(());

impl Held {
    pub(in crate::host) fn new() -> Held {
        #[cfg(feature = "log")]
        logger::hold();
        Held(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        #[cfg(feature = "log")]
        logger::release();
    }
}

/// What the host knew of an image that [`close`] took out of the lists.
///
/// The lists know images by address, and another thread may map another image at the same one before this thread
/// comes back from the loader. So the entries are out of the lists by then, and what becomes of them is told to this
/// value: dropped, it is of an image that was unmapped.
#[must_use = "an image that is still mapped is to be reopened"]
pub(in crate::host) struct Closed {
    #[cfg(feature = "tracing")]
    records: Option<records::Closed>,
    #[cfg(feature = "log")]
    log: Option<logger::Image>,
}

/// Has the host leave an image alone that is about to be unmapped: it calls no function of the image any more. What
/// the image itself calls while it is unmapped, it may still call.
///
/// # Safety
/// No thread runs code of the image but in functions that the host calls for filters and levels, under the locks of
/// this folder, and none will before this returns.
pub(in crate::host) unsafe fn close(holds: *const Holds) -> Closed {
    let _ = holds;
    Closed {
        // SAFETY: the caller says so.
        #[cfg(feature = "tracing")]
        records: unsafe { records::close(holds) },
        #[cfg(feature = "log")]
        log: logger::close(holds),
    }
}

impl Closed {
    /// Takes the image back, which could not be unmapped.
    pub(in crate::host) fn reopen(self) {
        #[cfg(feature = "tracing")]
        self.records.into_iter().for_each(records::Closed::reopen);
        #[cfg(feature = "log")]
        self.log.into_iter().for_each(logger::reopen);
    }
}

/// Holds the locks of this folder for the time of a fork, so that the child finds what they protect whole.
#[allow(dead_code, reason = "held only")]
pub(in crate::host) struct LogsLock {
    #[cfg(feature = "tracing")]
    images: std::sync::MutexGuard<'static, Option<records::Images>>,
    #[cfg(feature = "tracing")]
    sites: std::sync::MutexGuard<'static, sites::Sites>,
    #[cfg(feature = "tracing")]
    spans: Vec<std::sync::MutexGuard<'static, spans::Shard>>,
    #[cfg(feature = "log")]
    levels: std::sync::MutexGuard<'static, logger::Images>,
}

/// See [`LogsLock`].
pub(in crate::host) fn lock() -> LogsLock {
    LogsLock {
        #[cfg(feature = "tracing")]
        images: records::images(),
        #[cfg(feature = "tracing")]
        sites: sites::lock(),
        #[cfg(feature = "tracing")]
        spans: spans::lock_all(),
        #[cfg(feature = "log")]
        levels: logger::images(),
    }
}
