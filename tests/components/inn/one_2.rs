//! The inn in its second version: one object. It declares its state, and a health check, from behind.

#[path = "parts/house.rs"]
mod house;

use house::House;
use lcr_tests::inn::{Audit, Rooms};

#[lcr::component(name = "inn", version = "2.0.0", create = Self::open)]
impl Rooms for House<2> {
    fn book(&self) -> u64 {
        House::book(self)
    }
    fn version(&self) -> u32 {
        2
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

#[lcr::component(name = "inn", version = "2.0.0", create = Self::open, healthy = Self::check, state)]
impl Audit for House<2> {
    fn count(&self) -> u64 {
        House::count(self)
    }
    fn version(&self) -> u32 {
        2
    }
    fn moves(&self) -> (u64, u64) {
        House::moves(self)
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
