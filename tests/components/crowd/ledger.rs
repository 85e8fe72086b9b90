//! A lower component whose state is a sum.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context, Fault, Stateful};
use lcr_tests::crowd::{Epoch, Life, Lower};

/// The sum.
pub struct Ledger {
    life: Life,
    sum: AtomicU64,
}

impl Ledger {
    fn new(context: &Context) -> Result<Ledger, BoxError> {
        Ledger::restore(0, context)
    }
}

#[lcr::component(name = "crowd_ledger", version = "1.0.0", create = Self::new, state)]
impl Lower for Ledger {
    fn epoch(&self) -> Epoch {
        self.life.epoch()
    }
    fn add(&self, n: u64) -> (Epoch, u64) {
        self.life.during(|epoch| (epoch, self.sum.fetch_add(n, Ordering::Relaxed) + n))
    }
    fn inside(&self, f: &dyn Fn(Epoch) -> u64) -> u64 {
        self.life.during(f)
    }
    fn fail(&self, f: &dyn Fn()) -> Result<u64, Fault> {
        self.life.during(|epoch| {
            f();
            panic!("ledger {epoch} fails")
        })
    }
}

impl Stateful for Ledger {
    type State = u64;

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.life.during(|_| self.sum.load(Ordering::Relaxed)))
    }

    fn restore(sum: u64, context: &Context) -> Result<Ledger, BoxError> {
        Ok(Ledger { life: Life::begin(context)?, sum: AtomicU64::new(sum) })
    }
}
