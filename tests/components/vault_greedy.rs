//! A vault that needs the branch, which needs the teller, who needs the vault.

use lcr_tests::bank::{Branch, Vault};

/// Never constructed.
#[derive(Default)]
pub struct Hole;

#[lcr::component(name = "vault", version = "4.0.0", deps(Branch))]
impl Vault for Hole {
    fn add(&self, n: u64) -> u64 {
        n
    }
    fn version(&self) -> u32 {
        4
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
