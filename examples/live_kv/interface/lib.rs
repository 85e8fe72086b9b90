//! What the host of `live_kv` and its components agree on.
//!
//! Two interfaces ([`Engine`] stores, [`Commands`] understands requests), the values
//! that cross them, and the three rules that every engine keeps so that one can take
//! over from another: how a key gets its [`position`], what a [`Snapshot`] looks like,
//! and which texts are [`integer`]s. [`reply`] writes RESP, which both the host and
//! the command layer do.

mod commands;
mod engine;
pub mod integer;
pub mod position;
pub mod reply;
mod snapshot;

pub use commands::{Answer, CommandError, Commands, Touched};
pub use engine::{Condition, Engine, EngineError, Page, Swap};
pub use snapshot::{Damaged, Pairs, Snapshot};
