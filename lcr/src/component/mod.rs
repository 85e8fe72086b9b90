//! Floor 1: what a component's author uses, in whatever image the component ends up.
//!
//! [`image`] is the image's end of the wire: the entry symbol, the host's table and the thread's record. [`handle`] and
//! [`pinned`] make calls, along the [`call_path`]; [`context`] and [`stateful`] construct and restore; [`state`] is
//! what an instance keeps and a host may move; [`points`] show local variables; [`incremental`] and [`tracked`] copy
//! state while it is in use; [`wire`] is the form in which values of any serde type cross; [`registration`] collects
//! what the macros generate, and [`export`] and [`looks`] have the functions behind it. [`ambient`] is what all code of
//! a component runs inside. [`hooks`] run in the place of patched methods, and `answers` are hooks that count.
//! `mocking` makes objects for tests. [`logs`] and [`panic_hook`] lead what the image logs, and its panics, to the
//! host.

#[allow(missing_debug_implementations, reason = "generated code alone names it")]
#[allow(clippy::exhaustive_structs, reason = "generated code alone names it")]
pub mod ambient;
#[cfg(feature = "host")]
pub(crate) mod answers;
#[allow(missing_debug_implementations, clippy::exhaustive_enums, reason = "generated code alone names it")]
pub mod async_call;
#[allow(missing_debug_implementations, clippy::exhaustive_enums, reason = "generated code alone names it")]
pub mod call_path;
pub mod context;
pub mod export;
pub mod fault;
mod fault_note;
#[allow(missing_debug_implementations, reason = "generated code alone names it")]
#[allow(clippy::exhaustive_structs, reason = "generated code alone names it")]
pub mod generated;
pub mod handle;
#[allow(dead_code, reason = "only a host makes chains")]
#[allow(clippy::exhaustive_enums, reason = "generated code alone names it")]
pub mod hooks;
pub mod identity;
pub mod image;
pub mod incremental;
mod libc_shims;
pub(crate) mod logs;
#[allow(missing_debug_implementations, reason = "generated code alone names it")]
pub mod looks;
#[cfg(feature = "mock")]
#[allow(clippy::return_self_not_must_use, reason = "an expectation counts once it is dropped")]
pub mod mocking;
pub mod panic_barrier;
mod panic_hook;
#[allow(dead_code, reason = "only a host makes chains")]
pub mod passing_fault;
pub mod pinned;
#[allow(missing_debug_implementations, reason = "generated code alone names it")]
pub mod points;
#[allow(missing_debug_implementations, reason = "generated code alone names it")]
pub mod registration;
#[cfg(feature = "host")]
pub mod signature;
#[allow(missing_debug_implementations, reason = "generated code alone names most of it")]
#[allow(clippy::exhaustive_structs, reason = "generated code alone names most of it")]
pub mod state;
pub mod stateful;
pub mod tracked;
pub mod value;
pub(crate) mod waker;
pub mod wire;
