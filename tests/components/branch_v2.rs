//! The branch, version 2, which needs a clock, too.

#[path = "bank/branch.rs"]
mod branch;

use branch::Hall;
use lcr_tests::bank::{Branch, Clock, Teller as _};

#[lcr::component(name = "branch", version = "2.0.0", create = Self::open, deps(Clock))]
impl Branch for Hall<2> {
    fn deposit(&self, n: u64) -> u64 {
        self.teller.deposit(n)
    }
    fn versions(&self) -> (u32, u32) {
        self.teller.versions()
    }
}
