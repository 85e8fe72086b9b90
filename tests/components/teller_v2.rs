//! The teller, version 2.

#[path = "bank/teller.rs"]
mod teller;

use lcr_tests::bank::{Teller, Vault};
use teller::Counter;

#[lcr::component(name = "teller", version = "2.0.0", create = Self::open, healthy = Self::check, state)]
impl Teller for Counter<2> {
    fn deposit(&self, n: u64) -> u64 {
        Counter::deposit(self, n)
    }
    fn customers(&self) -> u64 {
        Counter::customers(self)
    }
    fn versions(&self) -> (u32, u32) {
        (2, self.vault.version())
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
