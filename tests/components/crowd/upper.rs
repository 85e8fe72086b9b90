//! An upper component without state.

use lcr::{BoxError, Context, Fault, Handle};
use lcr_tests::crowd::{Epoch, Life, Lower, Upper};

/// Stands on the lower one.
pub struct Roof {
    life: Life,
    lower: Handle<dyn Lower>,
}

impl Roof {
    fn new(context: &Context) -> Result<Roof, BoxError> {
        Ok(Roof { life: Life::begin(context)?, lower: context.dependency()? })
    }
}

#[lcr::component(name = "crowd_upper", version = "1.0.0", create = Self::new)]
impl Upper for Roof {
    fn epoch(&self) -> Epoch {
        self.life.epoch()
    }
    fn both(&self) -> (Epoch, Epoch) {
        self.life.during(|epoch| (epoch, self.lower.epoch()))
    }
    fn add(&self, n: u64) -> (Epoch, Epoch, u64) {
        self.life.during(|epoch| {
            let (lower, sum) = self.lower.add(n);
            (epoch, lower, sum)
        })
    }
    fn inside(&self, f: &dyn Fn(Epoch) -> u64) -> u64 {
        self.life.during(|epoch| self.lower.inside(&|_| f(epoch)))
    }
    fn fail(&self, f: &dyn Fn()) -> Result<u64, Fault> {
        self.life.during(|_| self.lower.fail(f))
    }
    fn visit(&self, other: Handle<dyn Lower>) -> Result<(Epoch, Handle<dyn Lower>), Fault> {
        self.life.during(|_| Ok((other.epoch(), other)))
    }
}
