//! The vault, version 2.

#[path = "bank/vault.rs"]
mod vault;

use lcr_tests::bank::Vault;
use vault::Safe;

#[lcr::component(name = "vault", version = "2.0.0", create = Self::open, healthy = Self::check, state)]
impl Vault for Safe<2> {
    fn add(&self, n: u64) -> u64 {
        Safe::add(self, n)
    }
    fn version(&self) -> u32 {
        self.answer()
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
