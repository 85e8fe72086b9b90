//! The method as a plain function in a library of `hot-lib-reloader`, which knows
//! functions only: the instance is a static.

use contract::ADDEND;
use std::sync::atomic::{AtomicU64, Ordering};

static INSTANCE: AtomicU64 = AtomicU64::new(ADDEND);

/// The method.
#[unsafe(no_mangle)]
pub fn bench_hot_step(x: u64) -> u64 {
    INSTANCE.load(Ordering::Relaxed).wrapping_add(x)
}
