//! Floor 2: mechanism. Worlds, frames, libraries, linking; no policy of change.
//!
//! Floor 2 has six rooms. A room imports those before it in this table, never one behind it:
//!
//! | room | holds |
//! |---|---|
//! | [`image`] | from a file to an image: staging, ELF, manifests, shapes, linking, the loader |
//! | `reflect` | values by their shapes alone: printed, compared, copied, released, as JSON and back |
//! | `watching` | hooks that are blind to types, around any method: traces, counts, failures, records |
//! | [`worlds`] | the ground of every call: worlds, the threads' records, the word of the gate |
//! | [`objects`] | what is present: components, instances, slots, and what a transaction has not committed |
//! | [`service`] | what acts on all of it: the slow path of calls, gate, drain, reaper, unloading, forks, the end |
//!
//! Above the rooms, [`runtime`] is the type that a program holds, [`builder`] has its options, and [`status`]
//! reports what it holds, [`exports`] which methods it has, `calls` calls them with
//! JSON, and [`source`] finds the text that it was written as. [`sys`], [`ids`], [`deadline`],
//! [`serial`], [`actor`] and [`state_bytes`] are below the rooms.

pub(crate) mod actor;
pub(crate) mod builder;
#[cfg(feature = "reflect")]
pub(crate) mod calls;
pub(crate) mod deadline;
pub(crate) mod exports;
pub(crate) mod ids;
pub(crate) mod image;
pub(crate) mod objects;
pub(crate) mod points;
#[cfg(feature = "reflect")]
#[allow(dead_code, reason = "what an operator's call needs is here before it is")]
pub(crate) mod reflect;
pub(crate) mod runtime;
pub(crate) mod serial;
pub(crate) mod service;
pub(crate) mod source;
pub(crate) mod state_bytes;
pub(crate) mod status;
pub(crate) mod sys;
#[cfg(feature = "reflect")]
pub(crate) mod watching;
pub(crate) mod worlds;
