//! Calls that came out differently in a candidate, and those of which that is not known.
//!
//! A difference is kept as texts, of which each is short and few are kept, whatever the values and however many differ.
//! Nothing here is in an event, a log or the quarantine: arguments and results are shown to whoever asks how the shadow
//! stands, as to one who asks for a trace.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// After how many differences the candidate gets no further call.
pub(crate) const ENOUGH: u64 = 16;

/// A call that came out differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// `kv.store.get`
    pub(crate) method: String,
    /// The arguments, cut if they are long.
    pub(crate) arguments: Vec<String>,
    /// What came of it in the old version.
    pub(crate) was: String,
    /// What came of it in the candidate.
    pub(crate) is: String,
    /// Where both differ first, in words.
    pub(crate) place: String,
}

/// Why a call was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// There was no room for its copy.
    Room,
    /// Its arguments or results are too large.
    Size,
    /// What it reads changes all the time.
    Change,
}

/// How many calls were not compared, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uncompared {
    pub(crate) dropped: u64,
    pub(crate) too_large: u64,
    pub(crate) unsettled: u64,
}

/// What copies of calls have shown.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    kept: Mutex<Vec<Difference>>,
    count: AtomicU64,
    left_out: [AtomicU64; 3],
}

impl Differences {
    /// Counts a call that came out differently, and keeps it if there is room.
    pub(super) fn note(&self, difference: Difference) {
        // Held for a moment, by the candidate's thread and by whoever asks.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if (kept.len() as u64) < ENOUGH {
            kept.push(difference);
        }
        drop(kept);
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a call that is not compared.
    pub(super) fn leave_out(&self, why: LeftOut) {
        self.left_out[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many calls came out differently.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// The first ones of them.
    pub(crate) fn first(&self) -> Vec<Difference> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls were not compared.
    pub(crate) fn uncompared(&self) -> Uncompared {
        let [dropped, too_large, unsettled] = [0, 1, 2].map(|why| self.left_out[why].load(Ordering::Relaxed));
        Uncompared { dropped, too_large, unsettled }
    }
}

impl fmt::Display for Uncompared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Uncompared { dropped, too_large, unsettled } = self;
        write!(
            f,
            "not compared: {dropped} without room, {too_large} too large, {unsettled} of what changes all the time"
        )
    }
}
