//! An auditor who has no inn.

#[path = "parts/house.rs"]
mod house;

use house::House;
use lcr_tests::inn::Audit;

#[lcr::component(name = "auditor", version = "9.0.0", create = Self::open)]
impl Audit for House<9> {
    fn count(&self) -> u64 {
        House::count(self)
    }
    fn version(&self) -> u32 {
        9
    }
    fn moves(&self) -> (u64, u64) {
        House::moves(self)
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
