//! A component that needs a till.

mod contract;
use contract::{Clerk, Payment, Purchase, Till};

struct Assistant {
    till: lcr::Handle<dyn Till>,
}

impl Assistant {
    fn new(context: &lcr::Context) -> Result<Assistant, lcr::BoxError> {
        Ok(Assistant { till: context.dependency()? })
    }
}

#[lcr::component(create = Assistant::new, deps(Till), protected, name = "clerk", version = "1.0.0")]
impl Clerk for Assistant {
    fn sell(&self, cents: u64) -> String {
        let sum = self.till.take(Purchase { cents, paid: Payment::Cash });
        format!("{cents} cents, {sum} in all")
    }
}
