//! A component that calls another one in a loop: the caller is in a library too.

use contract::interfaces::{Relay, Step};
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
    fn stream(&self, layout: usize, calls: u64) -> u64 {
        contract::stream!(layout, calls, |x| self.step.step(x))
    }
    fn chain(&self, layout: usize, calls: u64) -> u64 {
        contract::chain!(layout, calls, |x| self.step.step(x))
    }
}
