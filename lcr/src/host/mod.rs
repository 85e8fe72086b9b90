//! Floor 2: mechanism. Worlds, frames, libraries, linking; no policy of change.
//!
//! Four rooms; each imports those before it, never one behind it:
//!
//! | room | holds |
//! |---|---|
//! | [`image`] | from a file to an image: staging, ELF, manifests, shapes, linking, the loader |
//! | [`worlds`] | the ground of every call: worlds, the threads' records, the word of the gate |
//! | [`objects`] | who is there: components, instances, slots, and what a transaction has not committed |
//! | [`service`] | what acts on all of it: the slow path of calls, gate, drain, reaper, unloading, forks, the end |
//!
//! [`runtime`] is what a program holds, [`builder`] its options, [`status`] what it tells of itself; they
//! stand above the rooms, [`sys`] and [`deadline`] below them.

pub(crate) mod builder;
pub(crate) mod deadline;
pub(crate) mod ids;
pub(crate) mod image;
pub(crate) mod objects;
pub(crate) mod runtime;
pub(crate) mod service;
pub(crate) mod status;
pub(crate) mod sys;
pub(crate) mod worlds;
