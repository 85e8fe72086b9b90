//! Locks of the application's side. The supervisor takes none.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock of `mutex`; what a panicking thread left is whole, as no guarded code panics midway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
