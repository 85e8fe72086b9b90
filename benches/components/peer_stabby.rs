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
