//! A component that keeps its count when it is replaced: an interface, and a type that implements it.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context};

/// The interface: all that the program knows of the component.
#[lcr::interface(name = "quickstart.counter", version = 1)]
pub trait Counter {
    /// Adds `number` and returns the sum.
    fn add(&self, number: u64) -> u64;
}

#[derive(Default)]
struct Sum(AtomicU64);

#[lcr::component(state, name = "counter", version = "1.0.0")]
impl Counter for Sum {
    fn add(&self, number: u64) -> u64 {
        self.0.fetch_add(number, Ordering::Relaxed) + number
    }
}

impl lcr::Stateful for Sum {
    type State = u64; // any type that serde knows

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.0.load(Ordering::Relaxed))
    }

    fn restore(sum: u64, _: &Context) -> Result<Sum, BoxError> {
        Ok(Sum(sum.into()))
    }
}
