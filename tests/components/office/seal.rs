//! The seal.

use std::sync::{Mutex, PoisonError};

use lcr::{BoxError, Context};
use lcr_tests::office::{Epoch, Seal, Terms};

/// The list of its stamps.
pub struct Wax(Mutex<Vec<String>>, Terms);

impl Wax {
    fn open(context: &Context) -> Result<Wax, BoxError> {
        Ok(Wax(Mutex::default(), if context.is_configured() { context.config()? } else { Terms::default() }))
    }
}

#[lcr::component(name = "seal", version = "1.0.0", create = Self::open)]
impl Seal for Wax {
    fn stamp(&self, what: String) -> Epoch {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        self.1.epoch
    }
    fn stamped(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
