//! The branch, version 1.

#[path = "bank/branch.rs"]
mod branch;

use branch::Hall;
use lcr_tests::bank::{Branch, Teller as _};

#[lcr::component(name = "branch", version = "1.0.0", create = Self::open)]
impl Branch for Hall<1> {
    fn deposit(&self, n: u64) -> u64 {
        self.teller.deposit(n)
    }
    fn versions(&self) -> (u32, u32) {
        self.teller.versions()
    }
}
