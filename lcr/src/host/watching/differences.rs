//! Calls that came out differently in a candidate, and those of which that is not known.
//!
//! A difference is kept as texts, of which each is short and few are kept, whatever the values and however many differ.
//! Nothing here is in an event, a log or the quarantine: arguments and results are shown to whoever asks how the shadow
//! stands, as to one who asks for a trace.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
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
    /// It came out differently, and the version that serves cannot be constructed to be called again.
    Construct,
}

/// How many calls were not compared, by the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uncompared {
    pub(crate) dropped: u64,
    pub(crate) too_large: u64,
    pub(crate) unsettled: u64,
    pub(crate) unconstructed: u64,
    /// The first error of the constructor.
    pub(crate) constructor_error: Option<String>,
}

/// What copies of calls have shown.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    kept: Mutex<Vec<Difference>>,
    count: AtomicU64,
    left_out: [AtomicU64; 4],
    constructor_error: OnceLock<String>,
    methods: Mutex<Vec<Arc<MethodCounts>>>,
}

/// How many calls of a method were compared, and how many were not.
#[derive(Debug)]
pub(crate) struct MethodCounts {
    name: String,
    compared: AtomicU64,
    left_out: AtomicU64,
}

impl MethodCounts {
    pub(super) fn note_compared(&self) {
        self.compared.fetch_add(1, Ordering::AcqRel);
    }
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

    /// The counts of one more method.
    pub(crate) fn method(&self, name: &str) -> Arc<MethodCounts> {
        let [compared, left_out] = [const { AtomicU64::new(0) }; 2];
        let counts = Arc::new(MethodCounts { name: name.to_owned(), compared, left_out });
        self.methods().push(Arc::clone(&counts));
        counts
    }

    /// The methods that were called, and of which no call was compared: nothing is known of them.
    pub(crate) fn never_compared(&self) -> Vec<String> {
        let is_unknown = |method: &&Arc<MethodCounts>| {
            method.compared.load(Ordering::Acquire) == 0 && method.left_out.load(Ordering::Acquire) > 0
        };
        self.methods().iter().filter(is_unknown).map(|method| method.name.clone()).collect()
    }

    /// Methods are added before the first call.
    fn methods(&self) -> MutexGuard<'_, Vec<Arc<MethodCounts>>> {
        self.methods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call of a method that is not compared.
    pub(super) fn leave_out(&self, method: &MethodCounts, why: LeftOut) {
        method.left_out.fetch_add(1, Ordering::AcqRel);
        self.left_out[why as usize].fetch_add(1, Ordering::AcqRel);
    }

    /// Keeps why the version that serves cannot be constructed, the first time.
    pub(super) fn note_constructor_error(&self, error: String) {
        self.constructor_error.get_or_init(|| error);
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
        let [dropped, too_large, unsettled, unconstructed] =
            [LeftOut::Room, LeftOut::Size, LeftOut::Change, LeftOut::Construct]
                .map(|why| self.left_out[why as usize].load(Ordering::Acquire));
        let constructor_error = self.constructor_error.get().cloned();
        Uncompared { dropped, too_large, unsettled, unconstructed, constructor_error }
    }
}

impl fmt::Display for Uncompared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Uncompared { dropped, too_large, unsettled, unconstructed, constructor_error } = self;
        write!(
            f,
            "not compared: {dropped} without room, {too_large} too large, {unsettled} of what changes all the time"
        )?;
        if *unconstructed == 0 {
            return Ok(());
        }
        write!(f, ", {unconstructed} that came out differently while the old version could not be constructed")?;
        constructor_error.iter().try_for_each(|error| write!(f, " ({error})"))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_known_if_one_of_its_calls_was_compared_or_none_was_made() {
        let differences = Differences::default();
        let [one, other, _uncalled] = ["a.b.one", "a.b.other", "a.b.uncalled"].map(|name| differences.method(name));
        differences.leave_out(&one, LeftOut::Change);
        differences.leave_out(&other, LeftOut::Size);
        assert_eq!(differences.never_compared(), ["a.b.one", "a.b.other"]);
        one.note_compared();
        assert_eq!(differences.never_compared(), ["a.b.other"]);
    }
}
