//! Another component that tells the time; it is protected.

use lcr_tests::bank::Clock;

/// Nothing to hand over.
#[derive(Default)]
pub struct Watch;

#[lcr::component(name = "guard", version = "7.0.0", protected)]
impl Clock for Watch {
    fn version(&self) -> u32 {
        7
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
