//! An inn whose interfaces are two objects, because one of them asks for objects of its own.

#[path = "parts/house.rs"]
mod house;

use house::House;
use lcr_tests::inn::{Audit, Rooms};

#[lcr::component(name = "inn", version = "4.0.0", create = Self::open, state)]
impl Rooms for House<4> {
    fn book(&self) -> u64 {
        House::book(self)
    }
    fn version(&self) -> u32 {
        4
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

#[lcr::component(name = "inn", version = "4.0.0", create = Self::open, separate)]
impl Audit for House<4> {
    fn count(&self) -> u64 {
        House::count(self)
    }
    fn version(&self) -> u32 {
        4
    }
    fn moves(&self) -> (u64, u64) {
        House::moves(self)
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
