//! The guard of a patch or an added export.

use std::{
    fmt,
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::service::inner::RuntimeInner,
};

use super::patching::{By, take_off};

/// How long a guard that is dropped waits for a transaction that runs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A patch that stands. Dropping the guard takes the patch off for good; if a rollback has taken it off, no rollback
/// brings it back any more.
#[must_use = "dropping the guard takes the patch off; `keep` leaves it"]
pub struct Patched {
    inner: Weak<RuntimeInner>,
    number: u64,
    generation: u64,
    is_kept: bool,
}

impl fmt::Debug for Patched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patched").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Patched {
    pub(super) fn new(inner: &Arc<RuntimeInner>, number: u64, generation: u64) -> Patched {
        Patched { inner: Arc::downgrade(inner), number, generation, is_kept: false }
    }

    /// The patch's number: see [`PatchInfo::number`](crate::PatchInfo::number).
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The generation that began with it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Leaves the patch where it is, until [`Runtime::unpatch`](crate::Runtime::unpatch). Returns its number.
    pub fn keep(mut self) -> u64 {
        self.is_kept = true;
        self.number
    }

    /// Takes the patch off for good, as dropping the guard does, but waits for no transaction. Returns the generation
    /// without it, or the present one if a rollback has taken it off already.
    ///
    /// # Errors
    /// As for [`Runtime::unpatch`](crate::Runtime::unpatch); then the guard's drop tries again.
    pub fn remove(mut self) -> Result<u64> {
        let Some(inner) = self.inner.upgrade() else {
            return Err(Error::new(ErrorKind::Closed, "the runtime is gone, and its patches with it"));
        };
        let generation = take_off(&inner, self.number, By::Guard)?;
        self.is_kept = true;
        Ok(generation)
    }
}

/// Waits while a transaction runs, at most 60 s. Then the patch stays, and an error says so.
impl Drop for Patched {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let Some(inner) = self.inner.upgrade() else { return };
        let until = Instant::now() + PATIENCE;
        loop {
            match take_off(&inner, self.number, By::Guard) {
                Err(error) if error.kind() == ErrorKind::Busy && Instant::now() < until => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Closed) => {
                    tracing::error!(patch = self.number, %error, "a patch stays; take it off with Runtime::unpatch");
                    return;
                }
                _ => return,
            }
        }
    }
}
