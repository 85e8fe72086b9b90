//! A bank, which needs a journal.

use lcr::{Context, Handle};

mod interfaces;
use interfaces::{Accounts, Journal};

struct Bank {
    journal: Handle<dyn Journal>,
}

impl Bank {
    fn open(context: &Context) -> Result<Bank, lcr::Error> {
        Ok(Bank { journal: context.dependency()? })
    }
}

#[lcr::component(create = Self::open, name = "bank", version = "1.0.0")]
impl Accounts for Bank {
    fn deposit(&self, account: &str, amount: u64) -> String {
        self.journal.append(&format!("{account} +{amount}"))
    }
}
