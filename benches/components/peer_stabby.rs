//! The method in a library of `stabby`.

use contract::{
    ADDEND,
    peer_stabby::{Step, Stepper},
};

#[stabby::stabby]
struct Adder {
    addend: u64,
}

impl Step for Adder {
    extern "C" fn step(&self, x: u64) -> u64 {
        self.addend.wrapping_add(x)
    }
}

/// Makes an instance.
#[stabby::export]
pub extern "C" fn bench_stabby() -> Stepper {
    stabby::boxed::Box::new(Adder { addend: ADDEND }).into()
}

/// The async method.
#[stabby::export]
pub extern "C" fn bench_stabby_walk(x: u64, pends: u32) -> stabby::future::DynFuture<'static, u64> {
    stabby::boxed::Box::new(contract::walk::walk(ADDEND, x, pends)).into()
}
