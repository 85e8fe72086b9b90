//! A guest that needs an interface which no component provides.

#[path = "mark.rs"]
mod mark;
#[path = "stay.rs"]
mod stay;

use lcr_tests::guest::{Guest, Nowhere};
use stay::Stay;

#[lcr::component(name = "guest", version = "2.0.0", deps(Nowhere))]
impl Guest for Stay<2> {
    fn version(&self) -> u32 {
        2
    }
    fn bytes(&self) -> lcr::Bytes {
        Stay::bytes(self)
    }
    fn settle(&self) {
        Stay::settle(self);
    }
}
