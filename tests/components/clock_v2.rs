//! The clock, version 2.

#[path = "bank/clock.rs"]
mod clock;

use clock::Hands;
use lcr_tests::bank::Clock;

#[lcr::component(name = "clock", version = "2.0.0", create = Self::open, healthy = Self::check)]
impl Clock for Hands<2> {
    fn version(&self) -> u32 {
        self.answer()
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
