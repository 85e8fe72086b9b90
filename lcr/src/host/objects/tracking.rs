//! [`Tracking`]: which transaction tracks an instance's state. [`incremental`](super::incremental) says why.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::host::ids::TransactionId;

/// Which transaction tracks a state.
#[derive(Default)]
pub(super) struct Tracking(Mutex<Option<TransactionId>>);

impl Tracking {
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<TransactionId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
