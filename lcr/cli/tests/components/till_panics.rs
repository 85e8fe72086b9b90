//! A version that fails its callers.

mod contract;
use contract::{Purchase, Till};

#[derive(Default)]
struct Drawer {
    total: lcr::State<u64>,
}

#[lcr::component(state = total, name = "till", version = "3.0.0")]
impl Till for Drawer {
    fn take(&self, purchase: Purchase) -> u64 {
        panic!("the drawer is jammed at {} cents", purchase.cents)
    }

    fn total(&self) -> u64 {
        *self.total.read()
    }
}
