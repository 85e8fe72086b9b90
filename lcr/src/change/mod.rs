//! Floor 3: policy. [`plan`] says what will change, [`transaction`] executes it, [`report`] says what came
//! of it.
//!
//! A plan is data and can be printed. A transaction executes a plan in phases, on a thread of its own, so
//! that a component that hangs costs that thread and not the caller. The caller watches the thread
//! ([`watch`]). Everything that other callers can see happens in one commit.

mod breaking;
mod by_pointer;
#[cfg(feature = "reflect")]
pub(crate) mod canary;
mod commit;
mod configure;
mod copying;
mod dependency_graph;
pub(crate) mod description;
pub(crate) mod differences;
mod downgrade;
mod downgraded;
mod execute;
mod execution;
pub(crate) mod exporting;
pub(crate) mod fit;
mod fit_document;
#[cfg(all(test, not(loom)))]
mod fixtures;
mod foreseen;
mod handover;
#[cfg(feature = "mock")]
pub(crate) mod live_mocks;
pub(crate) mod load_directory;
mod member;
mod one_step;
pub(crate) mod patch;
mod patch_libraries;
mod patch_record;
pub(crate) mod patched;
mod patches_back;
pub(crate) mod patching;
pub(crate) mod plan;
mod planned_patches;
pub(crate) mod position;
mod precopy;
mod prepare;
mod protection;
mod provide;
mod putting;
mod recorded;
#[allow(dead_code, reason = "what is recorded is read where a history is kept")]
pub(crate) mod recorder;
pub(crate) mod rehearsal;
pub(crate) mod report;
mod request;
mod resolve;
#[cfg(feature = "history")]
pub(crate) mod restore;
mod review;
pub(crate) mod revision;
mod rollback;
mod rounds;
pub(crate) mod save_states;
mod sharing;
mod snapshot;
mod spent;
mod staging;
mod stale;
mod state_back;
mod state_way;
mod stop;
mod telling;
mod transaction;
pub(crate) mod trial;
mod unresolved;
mod watch;
#[cfg(feature = "reflect")]
pub(crate) mod watching;
