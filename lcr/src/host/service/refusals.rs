//! The plans that were refused last, for operators who ask why.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::events::kind::Refused;

/// How many refusals are kept.
const KEPT: usize = 64;

/// The last refusals, the oldest first.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<VecDeque<Arc<Refused>>>);

/// The lock of [`Refusals`], for a fork.
pub(in crate::host) struct RefusalsLock<'a>(
    #[allow(dead_code, reason = "it is held, not read")] MutexGuard<'a, VecDeque<Arc<Refused>>>,
);

impl Refusals {
    fn refused(&self) -> MutexGuard<'_, VecDeque<Arc<Refused>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a refusal, and forgets the oldest one if there are too many. Takes a leaf lock only.
    pub(crate) fn add(&self, refused: Refused) {
        let mut kept = self.refused();
        let forgotten = if kept.len() == KEPT { kept.pop_front() } else { None };
        kept.push_back(Arc::new(refused));
        drop(kept);
        drop(forgotten);
    }

    /// What is kept, the oldest first.
    pub(in crate::host) fn all(&self) -> Vec<Refused> {
        let kept: Vec<Arc<Refused>> = self.refused().iter().cloned().collect();
        kept.iter().map(|refused| Refused::clone(refused)).collect()
    }

    pub(in crate::host) fn lock(&self) -> RefusalsLock<'_> {
        RefusalsLock(self.refused())
    }
}
