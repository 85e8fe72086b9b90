//! An inn whose two interfaces are one object, though they name its type and its constructor in two ways.

#[path = "parts/house.rs"]
mod house;

use house::House;
use lcr_tests::inn::{Audit, Rooms};

#[lcr::component(name = "inn", version = "1.0.0", create = Self::open, state)]
impl Rooms for House<1> {
    fn book(&self) -> u64 {
        House::book(self)
    }
    fn version(&self) -> u32 {
        1
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

/// The same type.
type Owner = House<1>;

#[lcr::component(name = "inn", version = "1.0.0", create = Owner::open)]
impl Audit for Owner {
    fn count(&self) -> u64 {
        House::count(self)
    }
    fn version(&self) -> u32 {
        1
    }
    fn moves(&self) -> (u64, u64) {
        House::moves(self)
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
