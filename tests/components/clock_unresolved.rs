//! A clock that the loader refuses, because it calls an undefined function.

use lcr_tests::bank::Clock;

unsafe extern "C" {
    fn lcr_tests_defined_nowhere() -> u32;
}

/// Never constructed.
#[derive(Default)]
pub struct Hands;

#[lcr::component(name = "clock", version = "2.0.0")]
impl Clock for Hands {
    fn version(&self) -> u32 {
        // SAFETY: never called, since the image cannot be mapped.
        unsafe { lcr_tests_defined_nowhere() }
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
