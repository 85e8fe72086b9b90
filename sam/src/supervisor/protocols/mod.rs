//! What the supervisor says and hears: `sd_notify(3)` in both directions, log lines, events and the
//! status file. This room imports that of the kernel and nothing of the loop, which passes values to it.

pub(crate) mod journal;
pub(crate) mod notify_client;
pub(crate) mod notify_server;
pub(crate) mod sd_notify;
