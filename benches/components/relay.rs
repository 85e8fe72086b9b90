//! A component that calls another one in a loop: the caller is in a library too.

use contract::{
    interfaces::{Relay, Step},
    loops,
};
use lcr::{Context, Handle};

struct Caller {
    step: Handle<dyn Step>,
}

impl Caller {
    fn create(context: &Context) -> lcr::Result<Caller> {
        Ok(Caller { step: context.dependency()? })
    }
}

#[lcr::component(name = "relay", create = Self::create)]
impl Relay for Caller {
    fn stream(&self, layout: u64, calls: u64) -> u64 {
        loops::stream(layout as usize, calls, |x| self.step.step(x))
    }
    fn chain(&self, layout: u64, calls: u64) -> u64 {
        loops::chain(layout as usize, calls, |x| self.step.step(x))
    }
}
