//! A component with state, copied like `plain`.

use std::sync::atomic::{AtomicU64, Ordering};

use contract::interfaces::Tally;
use lcr::{BoxError, Context, Stateful};

#[derive(Default)]
struct Count(AtomicU64);

#[lcr::component(name = "tally-00000", version = "1.0.10000", state)]
impl Tally for Count {
    fn add(&self, x: u64) -> u64 {
        self.0.fetch_add(x, Ordering::Relaxed) + x
    }
}

impl Stateful for Count {
    type State = u64;

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.0.load(Ordering::Relaxed))
    }

    fn restore(state: u64, _: &Context) -> Result<Count, BoxError> {
        Ok(Count(AtomicU64::new(state)))
    }
}
