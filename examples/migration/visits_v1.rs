//! Version 1, whose state is the number of visits.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context, Stateful};

mod interface;
use interface::Visits;

#[derive(Default)]
struct Sum(AtomicU64);

#[lcr::component(state, name = "visits", version = "1.0.0")]
impl Visits for Sum {
    fn visit(&self, _: &str) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn of(&self, _: &str) -> u64 {
        0
    }
}

impl Stateful for Sum {
    type State = u64;

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.0.load(Ordering::Relaxed))
    }

    fn restore(sum: u64, _: &Context) -> Result<Sum, BoxError> {
        Ok(Sum(sum.into()))
    }
}
