//! No panic of a subscriber or logger goes back to an image.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of the program's subscriber or logger in a function of the host's table. `None` if it panicked; the
/// program's panic hook has reported that.
pub(super) fn contained<R>(body: impl FnOnce() -> R) -> Option<R> {
    // The payload is leaked, because its destructor may panic, too.
    catch_unwind(AssertUnwindSafe(body)).map_err(std::mem::forget).ok()
}
