//! A component without state, of which the run makes as many as it needs by writing
//! another name or version of the same length into copies of the library.

use contract::interfaces::{Adder, Step};

#[derive(Default)]
struct Plain(Adder);

#[lcr::component(name = "plain-00000", version = "1.0.10000")]
impl Step for Plain {
    fn step(&self, x: u64) -> u64 {
        self.0.step(x)
    }
}
