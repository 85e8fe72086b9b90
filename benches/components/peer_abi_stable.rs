//! The method in a library of `abi_stable`.

#![allow(missing_docs, reason = "the macro of abi_stable emits a public item without documentation")]

use abi_stable::{export_root_module, prefix_type::PrefixTypeTrait, sabi_trait::TD_Opaque};
use contract::{
    ADDEND,
    peer_abi_stable::{Module, ModuleRef, Step, Step_TO, Stepper},
};

struct Adder(u64);

impl Step for Adder {
    fn step(&self, x: u64) -> u64 {
        self.0.wrapping_add(x)
    }
}

extern "C" fn make() -> Stepper {
    Step_TO::from_value(Adder(ADDEND), TD_Opaque)
}

/// The root module of the library.
#[export_root_module]
pub fn root_module() -> ModuleRef {
    Module { make }.leak_into_prefix()
}
