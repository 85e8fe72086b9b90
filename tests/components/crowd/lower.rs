//! A lower component without state.

use lcr::{BoxError, Context, Fault};
use lcr_tests::crowd::{Epoch, Life, Lower};

/// Only alive.
pub struct Ground(Life);

impl Ground {
    fn new(context: &Context) -> Result<Ground, BoxError> {
        Ok(Ground(Life::begin(context)?))
    }
}

#[lcr::component(name = "crowd_lower", version = "1.0.0", create = Self::new)]
impl Lower for Ground {
    fn epoch(&self) -> Epoch {
        self.0.epoch()
    }
    fn add(&self, n: u64) -> (Epoch, u64) {
        self.0.during(|epoch| (epoch, n))
    }
    fn inside(&self, f: &dyn Fn(Epoch) -> u64) -> u64 {
        self.0.during(f)
    }
    fn fail(&self, f: &dyn Fn()) -> Result<u64, Fault> {
        self.0.during(|epoch| {
            f();
            panic!("lower {epoch} fails")
        })
    }
}
