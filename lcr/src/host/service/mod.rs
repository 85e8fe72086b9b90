//! What acts on everything that a runtime has: [`inner`] holds it together behind one lock.
//!
//! A call takes [`host_table`] only where the inlined path of [`frame`](crate::abi::frame) cannot go.
//! Of its parts, which know nothing of the runtime, [`gate`] holds callers, [`pins`] hold worlds,
//! [`shortcuts`] remember where services are, [`drain`] reads the threads' frames, [`reaper`] and
//! [`destroyers`] own what is to be freed and destroyed, [`retained`] counts images, and
//! [`transaction_lock`] lets one transaction run.
//!
//! On top, [`construct`] builds instances, [`handles`] gives out handles and takes back their slots,
//! [`pin`] takes pins, [`stragglers`] names what a hand-over waits for, [`reaper`] finds what no thread
//! is inside and has it destroyed, and [`unload`] unmaps its image. [`fork`] and [`shutdown`] are the two
//! ends.

pub(crate) mod construct;
pub(in crate::host) mod destroyers;
pub(crate) mod drain;
pub(in crate::host) mod fork;
pub(crate) mod gate;
pub(in crate::host) mod handles;
pub(crate) mod host_table;
pub(crate) mod inner;
pub(crate) mod pin;
pub(in crate::host) mod pins;
mod reaper;
pub(in crate::host) mod reaper_parts;
mod retained;
mod shortcuts;
pub(in crate::host) mod shutdown;
mod stragglers;
pub(crate) mod transaction_lock;
mod unload;
