//! The clock, version 1.

#[path = "bank/clock.rs"]
mod clock;

use clock::Hands;
use lcr_tests::bank::Clock;

#[lcr::component(name = "clock", version = "1.0.0", create = Self::open, healthy = Self::check)]
impl Clock for Hands<1> {
    fn version(&self) -> u32 {
        self.answer()
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
