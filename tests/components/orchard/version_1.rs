//! An orchard of version 1, which counts its trees, and knows of no later state.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context, Stateful};
use lcr_tests::orchard::{FOREIGN, Orchard};

/// How many trees there are.
#[derive(Default)]
pub struct Count(AtomicU64);

#[lcr::component(name = "orchard", version = "1.0.0", state)]
impl Orchard for Count {
    fn plant(&self, _: &str, trees: u64) -> u64 {
        self.0.fetch_add(trees, Ordering::SeqCst) + trees
    }
    fn trees(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
    fn version(&self) -> u32 {
        1
    }
    fn wither(&self) -> u32 {
        panic!("an orchard withers")
    }
}

impl Stateful for Count {
    type State = u64;

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.0.load(Ordering::SeqCst))
    }
    fn restore(trees: u64, _: &Context) -> Result<Count, BoxError> {
        if trees == FOREIGN { Err("too many trees".into()) } else { Ok(Count(trees.into())) }
    }
}
