//! Floor 0: everything that crosses an image border.
//!
//! An *image* is the executable or one loaded library. Two images may come from
//! different compilers, with different layouts of Rust types and different
//! allocators, so nothing here relies on either: values cross as `#[repr(C)]`
//! representations ([`value`]), owned memory carries the function that frees it
//! ([`value::sequences`]), panics become [`fault::RawFault`]s, and what both sides believe of
//! each other is compared as bytes ([`manifest`], [`shape`]) before the first call.
//! The tables that a call walks through ([`frame`], [`world`]) are here too, because
//! a component calls its dependencies through the very same path as the host.
//!
//! Invariants
//! 1. Nothing here imports anything of the crate outside this folder.
//! 2. Every type that another image reads is `#[repr(C)]`, or a pointer, or an integer.
//! 3. A change to any layout changes [`ABI_VERSION`], and with it the entry symbol. [`layout`]
//!    states size and offsets below each type, so that such a change does not compile unnoticed.

pub mod blocks;
pub mod crossing;
pub mod detached;
pub mod fault;
pub mod frame;
pub mod future;
pub mod holds;
pub mod identity;
pub mod interface;
mod layout;
#[cfg_attr(
    not(all(feature = "tracing", feature = "log")),
    allow(dead_code, reason = "a copy without a feature has no use for some of it")
)]
pub mod logs;
#[cfg(all(loom, test))]
mod loom_models;
pub mod manifest;
pub mod names;
pub mod notes;
pub mod point;
pub mod shape;
#[cfg(feature = "host")]
pub mod source_text;
pub(crate) mod sync;
pub mod tables;
pub mod value;
pub mod waker;
pub mod world;

/// The number of the binary contract between images; part of the entry symbol's name
/// and of the manifest's magic bytes.
///
/// 7: an export makes the table of its methods' thunks when it is asked for it, polled methods' C functions among them,
/// a packed thunk takes a bound method, and an image has a list of its points.
pub const ABI_VERSION: u8 = 7;
