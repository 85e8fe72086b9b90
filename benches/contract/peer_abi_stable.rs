//! The method as an `abi_stable` trait object.

#![allow(
    missing_docs,
    non_local_definitions,
    unused_qualifications,
    reason = "the macros of abi_stable emit such items"
)]
#![allow(clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block, reason = "as above")]

use abi_stable::{
    StableAbi, library::RootModule, package_version_strings, sabi_trait, sabi_types::VersionStrings, std_types::RBox,
};

#[sabi_trait]
pub trait Step: Send + Sync + 'static {
    fn step(&self, x: u64) -> u64;
}

/// An instance in its image's memory.
pub type Stepper = Step_TO<RBox<()>>;

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ModuleRef)))]
#[sabi(missing_field(panic))]
pub struct Module {
    pub make: extern "C" fn() -> Stepper,
}

impl RootModule for ModuleRef {
    abi_stable::declare_root_module_statics! {ModuleRef}
    const BASE_NAME: &'static str = "peer_abi_stable";
    const NAME: &'static str = "peer_abi_stable";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
