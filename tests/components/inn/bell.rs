//! A bell, which depends on the auditor, and finds the inn behind it.

use lcr::{BoxError, Context, Handle};
use lcr_tests::inn::{Audit, Bell, Rooms};

/// The bell.
pub struct Brass(Handle<dyn Audit>);

impl Brass {
    fn hang(context: &Context) -> Result<Brass, BoxError> {
        Ok(Brass(context.dependency()?))
    }
}

#[lcr::component(name = "bell", version = "1.0.0", create = Self::hang)]
impl Bell for Brass {
    fn ring(&self) -> u64 {
        self.0.count()
    }
    fn book(&self) -> Option<u64> {
        Some(Handle::query::<dyn Rooms>(&self.0).ok()?.book())
    }
}
