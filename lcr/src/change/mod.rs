//! Floor 3: policy. What will change ([`plan`]), how it is executed ([`transaction`]),
//! and what came of it ([`report`]).
//!
//! A plan is data and can be printed. A transaction executes it in phases, on a thread
//! of its own, so that a component that hangs costs a thread and not the caller; the
//! caller is its [`watch`]. Everything that callers can see happens in one commit.

mod breaking;
mod commit;
mod dependency_graph;
mod execute;
mod execution;
mod handover;
pub(crate) mod load;
mod member;
pub(crate) mod plan;
mod prepare;
pub(crate) mod report;
mod request;
mod resolve;
mod staging;
mod transaction;
mod watch;
