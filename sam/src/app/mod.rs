//! What runs in the application's process.
//!
//! - `attach`: what the supervisor gives an instance, and whether this process is that instance.
//! - `client`: questions to the supervisor, over the socket.
//! - `calls`: [`App`], with its calls about health, phases and stored data.
//! - `check`: named checks.
//! - `kept`: named descriptors; `local_fds`: those of a process without a supervisor.
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
pub use report::{CheckReport, Report, Warning, WarningCause};
