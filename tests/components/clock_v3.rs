//! The clock, version 3: it has an alarm, too.

#[path = "bank/clock.rs"]
mod clock;

use std::sync::atomic::{AtomicU64, Ordering};

use clock::Hands;
use lcr_tests::bank::{Alarm, Clock};

#[lcr::component(name = "clock", version = "3.0.0", create = Self::open, healthy = Self::check)]
impl Clock for Hands<3> {
    fn version(&self) -> u32 {
        self.answer()
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

/// Rings.
#[derive(Default)]
pub struct Bell(AtomicU64);

#[lcr::component(name = "clock", version = "3.0.0")]
impl Alarm for Bell {
    fn ring(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}
