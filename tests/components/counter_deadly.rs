//! A counter that refuses the state 13, and whose process ends when it is restored from any other state.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr_tests::interfaces::Counter;

/// Counts from 0.
#[derive(Default)]
pub struct Tally(AtomicU64);

#[lcr::component(name = "counter", version = "4.0.0", state)]
impl Counter for Tally {
    fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed) + n
    }
    fn version(&self) -> u32 {
        4
    }
    fn inside(&self, f: &dyn Fn(u64) -> u64) -> u64 {
        f(self.0.load(Ordering::Relaxed))
    }
    fn fail(&self, text: &str) -> Result<u64, lcr::Fault> {
        panic!("{text}")
    }
}

impl lcr::Stateful for Tally {
    type State = u64;

    fn save(&self) -> Result<u64, lcr::BoxError> {
        match self.0.load(Ordering::Relaxed) {
            666 => Err("it will not be saved".into()),
            count => Ok(count),
        }
    }

    fn restore(state: u64, _: &lcr::Context) -> Result<Tally, lcr::BoxError> {
        if state == 13 { Err("13 brings bad luck".into()) } else { std::process::abort() }
    }
}
