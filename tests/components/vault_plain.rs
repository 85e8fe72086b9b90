//! A vault that takes no state.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr_tests::bank::Vault;

/// The sum.
#[derive(Default)]
pub struct Tin(AtomicU64);

#[lcr::component(name = "vault", version = "3.0.0")]
impl Vault for Tin {
    fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed) + n
    }
    fn version(&self) -> u32 {
        3
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
