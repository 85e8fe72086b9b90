//! An inn without an auditor.

#[path = "parts/house.rs"]
mod house;

use house::House;
use lcr_tests::inn::Rooms;

#[lcr::component(name = "inn", version = "3.0.0", create = Self::open, state)]
impl Rooms for House<3> {
    fn book(&self) -> u64 {
        House::book(self)
    }
    fn version(&self) -> u32 {
        3
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
