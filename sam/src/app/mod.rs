//! What runs in the application's process.
//!
//! - `attach`: what an instance was given at its fork, and whether this process is still the one
//!   that it was given to.
//! - `client`: questions to the supervisor, over the socket.
//! - `calls`: [`App`], and what it says of health, phases and stored data.
//! - `check`: named checks.
//! - `kept`: named descriptors; `local_fds`: where they are without a supervisor.
//! - `report`: how the previous instance ended.
//! - `helper`: the thread that answers for an application without an event loop.
//! - `tokio`: beats of a tokio runtime.

mod attach;
mod calls;
mod check;
mod client;
mod helper;
mod kept;
mod local_fds;
mod lock;
mod report;
#[cfg(test)]
mod tests;
#[cfg(feature = "tokio")]
pub mod tokio;

pub(crate) use attach::{InstanceFds, attach, is_detached};
pub use calls::{App, Question, app};
pub use check::{Check, Parked};
pub use report::{CheckReport, Report};
