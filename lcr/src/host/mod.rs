//! Floor 2: mechanism. Worlds, frames, libraries, linking; no policy of change.
//!
//! [`runtime`] is what a program holds. Its parts share one [`shared::Shared`]:
//! [`registry`] knows what is present, [`instances`] and [`slots`] what was built and who
//! points to it, [`builders`] who is constructing what, [`world`] which world is current. A call takes [`entering`] only where
//! the inlined path of [`frame`](crate::abi::frame) cannot go, among them the calls of a
//! transaction's thread, which meets the successors that it has made ([`ahead`]).
//! [`drain`] reads the frames in [`records`], [`reaper`] finds what nobody is inside, and
//! [`destroyers`] destroy it.
//! [`stage`], [`elf`], [`manifest`], [`shape`] and [`library`] turn a file into an image
//! without trusting it.

pub(crate) mod ahead;
mod builders;
pub(crate) mod deadline;
mod destroyers;
pub(crate) mod drain;
mod elf;
mod entering;
mod fork;
pub(crate) mod gate;
pub(crate) mod instances;
pub(crate) mod library;
pub(crate) mod link;
pub(crate) mod manifest;
pub(crate) mod order;
pub(crate) mod pins;
mod reader;
mod reaper;
pub(crate) mod records;
pub(crate) mod registry;
mod room;
pub(crate) mod runtime;
mod services;
pub(crate) mod shape;
pub(crate) mod shared;
mod shutdown;
pub(crate) mod slots;
pub(crate) mod stage;
pub(crate) mod sys;
mod threads;
mod unload;
pub(crate) mod world;
