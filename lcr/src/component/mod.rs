//! Floor 1: what a component's author uses, in whatever image the component ends up.
//!
//! [`image`] is the image's end of the wire: the entry symbol, the host's table and the
//! thread's record. [`handle`] makes calls, [`context`] and [`stateful`] construct and
//! restore, [`wire`] is the form in which values of any type cross, [`registration`] collects
//! what the macros generate, and [`export`] has the functions behind it.

pub mod barrier;
pub mod bytes;
#[allow(missing_debug_implementations, reason = "generated code alone names it")]
pub mod call;
pub mod context;
pub mod export;
pub mod fault;
#[allow(missing_debug_implementations, reason = "generated code alone names it")]
pub mod generated;
pub mod handle;
pub mod identity;
pub mod image;
mod passing;
mod path;
pub mod pinned;
#[allow(missing_debug_implementations, reason = "generated code alone names it")]
pub mod registration;
pub mod serde;
mod shims;
pub mod stateful;
pub mod wire;
