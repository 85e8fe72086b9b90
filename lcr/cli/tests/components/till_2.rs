//! The next version, which has a title of its own.

mod contract;
use contract::{Purchase, Till};

#[derive(Default)]
struct Drawer {
    total: lcr::State<u64>,
}

#[lcr::component(state = total, name = "till", version = "2.0.0")]
impl Till for Drawer {
    fn take(&self, purchase: Purchase) -> u64 {
        let mut total = self.total.write();
        *total += purchase.cents;
        *total
    }

    fn total(&self) -> u64 {
        *self.total.read()
    }

    fn title(&self) -> String {
        "till, with receipts".to_owned()
    }
}
