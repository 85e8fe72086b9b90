//! A till of version 1 with another signature.
#![forbid(unsafe_code)]

use lcr_tests::till::other::Till;

/// Adds nothing.
#[derive(Default)]
pub struct Other;

#[lcr::component(name = "till", version = "1.1.0")]
impl Till for Other {
    fn add(&self, _: u16, amount: u64) -> u64 {
        amount
    }
}
