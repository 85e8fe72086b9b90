//! What acts on everything that a runtime has. [`inner`] is the runtime, and [`state`] its bookkeeping
//! behind one lock.
//!
//! A call takes the way through [`host_table`] and [`entering`] only where the inlined path of
//! [`frame`](crate::abi::frame) cannot go. The parts of a runtime know nothing of it: [`gate`] holds callers, [`pins`]
//! hold worlds, [`shortcuts`] remember where services are, [`drain`] reads the threads' frames, [`reaper_parts`] and
//! [`destroyers`] have what is to be freed and destroyed, [`retained`] counts images, [`left_threads`] names threads
//! that they left behind, [`retirements`] are components whose instances go,
//! [`waiting`] has the wakers of async calls that wait for a gate, [`transaction_lock`] lets
//! one transaction run, [`kept_states`] has the states of an earlier process, [`keeper`] keeps those of this one,
//! [`events`] has what happened last, [`refusals`] the plans that were refused last, and [`above`] keeps what floor 3
//! brings.
//!
//! On top, [`measures`] tells the recorder of metrics what happens, [`load`] brings files in, [`construct`] builds
//! instances, [`handles`] gives out handles and takes back their slots, [`async_calls`] has async calls begin and end,
//! [`packed`] calls methods by their shapes alone, `shape_calls` with JSON, [`counting`] has the answers of versions on
//! trial counted,
//! [`pin`] takes pins, [`thread_patches`] patches what one thread calls, [`gating`] shuts and opens the gate,
//! [`stragglers`] names what a hand-over waits for, [`reaper`] finds what no thread is inside and has it destroyed, and
//! [`unload`] unmaps images. [`fork`] goes on in a child process, and [`shutdown`] ends the runtime.

pub(crate) mod above;
mod async_calls;
pub(crate) mod construct;
mod counting;
pub(in crate::host) mod destroyers;
pub(crate) mod drain;
pub(in crate::host) mod entering;
pub(crate) mod events;
pub(crate) mod exports;
pub(in crate::host) mod fork;
pub(crate) mod gate;
mod gating;
pub(crate) mod guest;
pub(in crate::host) mod handles;
pub(crate) mod host_table;
pub(crate) mod inner;
pub(crate) mod keeper;
pub(crate) mod kept_states;
mod left_threads;
mod load;
mod measures;
#[allow(dead_code, reason = "for those who know a method by its shape alone")]
pub(crate) mod packed;
pub(crate) mod pin;
pub(in crate::host) mod pins;
mod reaper;
pub(in crate::host) mod reaper_parts;
pub(crate) mod refusals;
mod retained;
mod retirements;
pub(crate) mod revisions;
#[cfg(feature = "reflect")]
pub(crate) mod shape_calls;
mod shortcuts;
pub(in crate::host) mod shutdown;
pub(crate) mod snapshots;
pub(crate) mod state;
mod stragglers;
pub(crate) mod thread_patches;
pub(crate) mod transaction_lock;
mod unload;
mod waiting;
