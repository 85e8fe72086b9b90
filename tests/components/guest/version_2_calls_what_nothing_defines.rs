//! A guest that the loader refuses, because it calls an undefined function.

#[path = "mark.rs"]
mod mark;
#[path = "stay.rs"]
mod stay;

use lcr_tests::guest::Guest;
use stay::Stay;

unsafe extern "C" {
    fn lcr_tests_guest_defined_nowhere() -> u32;
}

#[lcr::component(name = "guest", version = "2.0.0")]
impl Guest for Stay<2> {
    fn version(&self) -> u32 {
        // SAFETY: never called, since the image cannot be mapped.
        unsafe { lcr_tests_guest_defined_nowhere() }
    }
    fn bytes(&self) -> lcr::Bytes {
        Stay::bytes(self)
    }
    fn settle(&self) {
        Stay::settle(self);
    }
}
