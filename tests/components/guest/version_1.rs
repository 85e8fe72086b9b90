//! The guest that serves.

#[path = "stay.rs"]
mod stay;

use lcr_tests::guest::Guest;
use stay::Stay;

#[lcr::component(name = "guest", version = "1.0.0")]
impl Guest for Stay<1> {
    fn version(&self) -> u32 {
        1
    }
    fn bytes(&self) -> lcr::Bytes {
        Stay::bytes(self)
    }
    fn settle(&self) {
        Stay::settle(self);
    }
}
