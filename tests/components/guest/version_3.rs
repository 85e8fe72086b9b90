//! The guest that comes after all others.

#[path = "stay.rs"]
mod stay;

use lcr_tests::guest::Guest;
use stay::Stay;

#[lcr::component(name = "guest", version = "3.0.0")]
impl Guest for Stay<3> {
    fn version(&self) -> u32 {
        3
    }
    fn bytes(&self) -> lcr::Bytes {
        Stay::bytes(self)
    }
    fn settle(&self) {
        Stay::settle(self);
    }
}
