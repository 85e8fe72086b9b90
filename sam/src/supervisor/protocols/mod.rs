//! What the supervisor says and hears: `sd_notify(3)` in both directions, log lines, events and the
//! status file. Imports the kernel's room, and nothing of the loop: it is given values.

pub(crate) mod journal;
pub(crate) mod notify_client;
pub(crate) mod notify_server;
pub(crate) mod sd_notify;
