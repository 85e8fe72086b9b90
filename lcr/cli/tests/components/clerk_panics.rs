//! A version of the clerk that fails every second of its customers.

mod contract;
use std::sync::atomic::{AtomicU64, Ordering};

use contract::{Clerk, Payment, Purchase, Till};

struct Assistant {
    till: lcr::Handle<dyn Till>,
    customers: AtomicU64,
}

impl Assistant {
    fn new(context: &lcr::Context) -> Result<Assistant, lcr::BoxError> {
        Ok(Assistant { till: context.dependency()?, customers: AtomicU64::new(0) })
    }
}

#[lcr::component(create = Assistant::new, deps(Till), protected, name = "clerk", version = "2.0.0")]
impl Clerk for Assistant {
    fn sell(&self, cents: u64) -> String {
        assert!(self.customers.fetch_add(1, Ordering::Relaxed).is_multiple_of(2), "the clerk is asleep");
        let sum = self.till.take(Purchase { cents, paid: Payment::Cash });
        format!("{cents} cents, {sum} in all, with a smile")
    }
}
