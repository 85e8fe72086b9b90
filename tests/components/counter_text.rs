//! A counter whose state is a text: version 2 of the state, which takes version 1.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr_tests::interfaces::Counter;

/// Counts from 0, or from its predecessor's count.
#[derive(Default)]
pub struct Tally(AtomicU64);

#[lcr::component(name = "counter", version = "3.0.0", state)]
impl Counter for Tally {
    fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed) + n
    }
    fn version(&self) -> u32 {
        3
    }
    fn inside(&self, f: &dyn Fn(u64) -> u64) -> u64 {
        f(self.0.load(Ordering::Relaxed))
    }
    fn fail(&self, text: &str) -> Result<u64, lcr::Fault> {
        panic!("{text}")
    }
}

impl lcr::Stateful for Tally {
    type State = String;

    const STATE_VERSION: u32 = 2;

    fn save(&self) -> Result<String, lcr::BoxError> {
        Ok(self.0.load(Ordering::Relaxed).to_string())
    }

    fn restore(state: String, _: &lcr::Context) -> Result<Tally, lcr::BoxError> {
        Ok(Tally(AtomicU64::new(state.parse()?)))
    }

    fn migrate(_: u32, raw: lcr::RawState<'_>) -> Result<String, lcr::BoxError> {
        Ok(raw.decode::<u64>()?.to_string())
    }
}
