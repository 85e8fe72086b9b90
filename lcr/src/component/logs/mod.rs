//! Leads what this image logs to its host.
//!
//! `tracing` and `log` keep the subscriber and the logger in statics, of which each image has its own, and which are
//! empty in a loaded component. So when the host calls the entry of an image that was built with the feature
//! `tracing` or `log`, this module installs a subscriber ([`bridge`]) or a logger ([`logger`]) that passes
//! everything on to the host's. Authors write nothing for that. In the program itself, and in the components that
//! are linked into it, nothing is installed.
//!
//! Invariants
//! 1. What is filtered out is filtered out before it is formatted, and in the steady state before it leaves the
//!    image: the host tells its interest in each callsite to the callsite itself.
//! 2. An author's code (`Debug`, `Display`, a hand-written callsite) runs on this side of the border and in no C
//!    function that it could unwind through.
//! 3. A record is passed on by the thread that made it, before the macro returns: none is lost, and the order
//!    within a thread stays.
//! 4. No thread-local with a destructor is used, which would tie the image to the thread. Buffers are on the stack,
//!    so a `Debug` that logs finds its own.
//! 5. If the image has a global subscriber or a logger already, that stays, and nothing is passed on.

#[cfg(feature = "tracing")]
mod bridge;
#[cfg(feature = "tracing")]
mod fields;
#[cfg(feature = "log")]
mod logger;
#[cfg(feature = "tracing")]
pub(crate) mod site;
#[cfg(feature = "tracing")]
mod sites;
#[cfg(any(feature = "tracing", feature = "log"))]
mod text;

use crate::abi::tables::HostTable;

/// Installs what this image was built with and its host serves. Called by the entry, once.
pub(super) fn lead_to(host: &'static HostTable) {
    #[cfg(feature = "tracing")]
    if let Some(table) = host.tracing {
        bridge::install(table);
    }
    #[cfg(feature = "log")]
    if let Some(table) = host.log {
        logger::install(table);
    }
    let _ = host;
}
