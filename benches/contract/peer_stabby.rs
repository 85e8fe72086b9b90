//! The method as a `stabby` trait object.

#![allow(missing_docs, unused_qualifications, reason = "the macros of stabby emit public items without documentation")]
#![allow(clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block, reason = "as above")]
#![allow(clippy::missing_safety_doc, reason = "as above")]

/// The symbol in the cdylib, of type [`Make`].
pub const SYMBOL: &str = "bench_stabby";
/// Makes an instance.
pub type Make = extern "C" fn() -> Stepper;

/// The symbol of the async method in the cdylib, of type [`Walk`].
pub const WALK: &str = "bench_stabby_walk";
/// The async method of an instance that the library has.
pub type Walk = extern "C" fn(u64, u32) -> stabby::future::DynFuture<'static, u64>;

#[stabby::stabby(checked)]
pub trait Step {
    extern "C" fn step(&self, x: u64) -> u64;
}

/// An instance in its image's memory.
pub type Stepper = stabby::dynptr!(stabby::boxed::Box<dyn Step + Send + Sync>);
