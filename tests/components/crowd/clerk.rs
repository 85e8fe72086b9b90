//! An upper component whose state is how often it was called.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context, Fault, Handle, Stateful};
use lcr_tests::crowd::{Epoch, Life, Lower, Upper};

/// Keeps nothing but the number; the ledger has the rest.
pub struct Clerk {
    life: Life,
    lower: Handle<dyn Lower>,
    calls: AtomicU64,
}

impl Clerk {
    fn new(context: &Context) -> Result<Clerk, BoxError> {
        Clerk::restore(0, context)
    }

    fn during<R>(&self, body: impl FnOnce(Epoch) -> R) -> R {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.life.during(body)
    }
}

#[lcr::component(name = "crowd_clerk", version = "1.0.0", create = Self::new, state)]
impl Upper for Clerk {
    fn epoch(&self) -> Epoch {
        self.during(|epoch| epoch)
    }
    fn both(&self) -> (Epoch, Epoch) {
        self.during(|epoch| (epoch, self.lower.epoch()))
    }
    fn add(&self, n: u64) -> (Epoch, Epoch, u64) {
        self.during(|epoch| {
            let (lower, sum) = self.lower.add(n);
            (epoch, lower, sum)
        })
    }
    fn inside(&self, f: &dyn Fn(Epoch) -> u64) -> u64 {
        self.during(|epoch| self.lower.inside(&|_| f(epoch)))
    }
    fn fail(&self, f: &dyn Fn()) -> Result<u64, Fault> {
        self.during(|_| self.lower.fail(f))
    }
    fn visit(&self, other: Handle<dyn Lower>) -> Result<(Epoch, Handle<dyn Lower>), Fault> {
        self.during(|_| Ok((other.epoch(), other)))
    }
}

impl Stateful for Clerk {
    type State = u64;

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.calls.load(Ordering::Relaxed))
    }

    fn restore(calls: u64, context: &Context) -> Result<Clerk, BoxError> {
        Ok(Clerk { life: Life::begin(context)?, lower: context.dependency()?, calls: AtomicU64::new(calls) })
    }
}
