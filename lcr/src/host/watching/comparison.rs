//! How an old version and a candidate do, side by side, and which calls the candidate gets.
//!
//! Threads of callers write here, and whoever decides what becomes of the candidate reads. All counts are atomic, and
//! no order between them is promised: a moment's numbers may lack a call that ends at that moment.
//!
//! # Which calls the candidate gets
//!
//! Each call is drawn for, and the candidate gets it if the draw says so and if it had then served no more than its
//! share of all calls from the first one on. So it gets a call with a chance of at most the share, which is what
//! [`evidence`](super::evidence) rests on, and no caller can say that the candidate served more than the share, at
//! whatever moment. It gets no more calls than are wanted in all.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, TryLockError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    Switch,
    differences::{self, Differences, LeftOut, MethodCounts},
    evidence::Evidence,
    fail::scatter,
    layer::Ended,
    pace::{Limits, Pace},
    side::{Counted, How, Side, Wrong},
    signature::Signature,
    trace::{cut, outcome},
};

/// The longest text that is kept of what went wrong, in bytes.
const TEXT: usize = 512;

/// Calls of the two versions, as they end.
pub(crate) struct Comparison {
    pub(super) switch: Switch,
    share: f64,
    /// The share, of 2^64.
    threshold: u64,
    seed: u64,
    wanted: u64,
    limits: Option<Limits>,
    /// `None` of a shadow, whose calls are compared one by one.
    evidence: Option<Evidence>,
    is_any_order: bool,
    pub(super) differences: Differences,
    calls: AtomicU64,
    /// How many calls were of no request, and not drawn for. Only of a canary of requests.
    outside: AtomicU64,
    /// How many of the calls the candidate got.
    taken: AtomicU64,
    old: Side,
    new: Side,
    worse: OnceLock<Worse>,
    /// What went wrong last in the candidate.
    last: Mutex<String>,
    /// Wakes whoever decides.
    wake: Box<dyn Fn() + Send + Sync>,
}

/// What is asked of a comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The share of the calls that the candidate gets, more than 0 and at most a half; of a shadow, at most all.
    pub(crate) share: f64,
    /// Whether it gets copies, and serves nobody.
    pub(crate) is_shadow: bool,
    /// Whether a shadow takes sequences for equal that have the same elements in another order.
    pub(crate) is_any_order: bool,
    /// How many calls it gets in all.
    pub(crate) calls: u64,
    /// Which calls it gets.
    pub(crate) seed: u64,
    /// Which calls are slow; `None` if none is.
    pub(crate) limits: Option<Limits>,
}

/// What the candidate does worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worse {
    Faults,
    Errors,
    Times,
    /// What comes of the same calls.
    Results,
    /// That is not known, and will not be: the version that serves cannot be constructed.
    Unknown,
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comparison").field("share", &self.share).field("worse", &self.worse).finish_non_exhaustive()
    }
}

impl Comparison {
    /// Nothing has been called. `wake` is called on threads of callers when there is something to decide; it returns
    /// soon.
    pub(crate) fn new(wanted: Wanted, wake: impl Fn() + Send + Sync + 'static) -> Comparison {
        let Wanted { share, is_shadow, is_any_order, calls, seed, limits } = wanted;
        Comparison {
            switch: Switch::new(),
            share,
            threshold: (share * 18_446_744_073_709_551_616.0) as u64,
            seed,
            wanted: calls,
            limits,
            evidence: (!is_shadow).then(|| Evidence::new(share)),
            is_any_order,
            differences: Differences::default(),
            calls: AtomicU64::new(0),
            outside: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            old: Side::new(),
            new: Side::new(),
            worse: OnceLock::new(),
            last: Mutex::default(),
            wake: Box::new(wake),
        }
    }

    /// Gives the candidate no further call.
    pub(crate) fn end(&self) {
        self.switch.turn_off();
    }

    /// What the candidate does worse, if that is known.
    pub(crate) fn worse(&self) -> Option<Worse> {
        self.worse.get().copied()
    }

    /// Whether the candidate has answered as many calls as it was to get.
    pub(crate) fn is_complete(&self) -> bool {
        self.new.ended.load(Ordering::Acquire) >= self.wanted
    }

    /// How many calls the candidate got, and how many of them have not returned.
    pub(crate) fn under_way(&self) -> (u64, u64) {
        // In this order, so that no call is counted as ended that is not counted as taken.
        let ended = self.new.ended.load(Ordering::Acquire);
        let taken = self.taken.load(Ordering::Acquire);
        (taken, taken.saturating_sub(ended))
    }

    /// How many calls were drawn for.
    pub(crate) fn begun(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// How many calls were of no request.
    pub(crate) fn outside(&self) -> u64 {
        self.outside.load(Ordering::Relaxed)
    }

    /// The numbers of the old version, and of the candidate.
    pub(crate) fn now(&self) -> (Counted, Counted) {
        (self.old.now(), self.new.now())
    }

    /// What went wrong last in the candidate; empty if nothing did.
    pub(crate) fn last(&self) -> String {
        match self.last.try_lock() {
            Ok(last) => last.clone(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().clone(),
            Err(TryLockError::WouldBlock) => String::new(),
        }
    }

    /// How many bad calls of one kind are enough, where the old version has none; of a shadow, how many that came out
    /// differently.
    pub(crate) fn fewest(&self) -> u64 {
        self.evidence.map_or(differences::ENOUGH, Evidence::fewest)
    }

    /// Whether sequences are equal that have the same elements in another order.
    pub(crate) fn is_any_order(&self) -> bool {
        self.is_any_order
    }

    /// What the candidate's copies of calls have shown.
    pub(crate) fn differences(&self) -> &Differences {
        &self.differences
    }

    /// Counts a call that begins. Returns whether it is the candidate's.
    pub(super) fn is_for_candidate(&self) -> bool {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        if scatter(self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))) >= self.threshold {
            return false;
        }
        let most = (((number + 1) as f64 * self.share) as u64).min(self.wanted);
        let take = |taken: u64| (taken < most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Relaxed, take).is_ok()
    }

    /// Counts a call that the candidate gets a copy of; `None` if it has got as many as are wanted.
    pub(super) fn take_copy(self: &Arc<Comparison>) -> Option<Taken> {
        self.is_for_candidate().then(|| Taken { comparison: Arc::clone(self), is_compared: false })
    }

    /// Counts a call of which what came of both versions was compared: how long each took, and how it ended.
    pub(super) fn note_compared(&self, mut taken: Taken, old: (Duration, How), new: (Duration, How)) {
        taken.is_compared = true;
        self.old.count(old.0, old.1);
        self.old.ended.fetch_add(1, Ordering::AcqRel);
        self.new.count(new.0, new.1);
        let is_enough = self.differences.count() >= differences::ENOUGH;
        let is_worse = is_enough && self.worse.set(Worse::Results).is_ok();
        if is_enough {
            self.switch.turn_off();
        }
        // After that, as in `note`.
        let count = self.new.ended.fetch_add(1, Ordering::AcqRel) + 1;
        if is_worse || count >= self.wanted {
            (self.wake)();
        }
    }

    /// Counts a call of which what came of both versions is not compared.
    pub(super) fn leave_out(&self, method: &MethodCounts, why: LeftOut) {
        self.differences.leave_out(method, why);
        let is_enough = || self.differences.uncompared().unconstructed >= differences::ENOUGH;
        if why == LeftOut::Construct && is_enough() {
            self.switch.turn_off();
            if self.worse.set(Worse::Unknown).is_ok() {
                (self.wake)();
            }
        }
    }

    /// Counts a call that has ended.
    pub(super) fn note(&self, is_new: bool, pace: &Pace, took: Duration, signature: &Signature, ended: &Ended<'_>) {
        let side = if is_new { &self.new } else { &self.old };
        let takes_long = self.limits.is_some_and(|limits| pace.takes_long(is_new, took, limits));
        side.slow.fetch_add(u64::from(takes_long), Ordering::Relaxed);
        side.count(took, How::of(ended));
        let is_bad = is_new && (!ended.is_good() || takes_long);
        let is_worse = is_bad && self.note_bad(said(took, takes_long, signature, ended));
        self.count_ended(is_new, is_worse);
    }

    /// Counts one more that has ended. Whoever finds that all wanted calls have ended finds what the last one has
    /// shown, so this comes after that.
    fn count_ended(&self, is_new: bool, is_worse: bool) {
        let side = if is_new { &self.new } else { &self.old };
        let count = side.ended.fetch_add(1, Ordering::AcqRel) + 1;
        if is_worse || is_new && count >= self.wanted {
            (self.wake)();
        }
    }

    /// Counts a call of no request.
    pub(super) fn note_outside(&self) {
        self.outside.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts in which ways a request goes wrong, each for the first time. If none was counted before, the request
    /// counts as one that has ended.
    #[cold]
    pub(super) fn note_wrong(&self, is_new: bool, wrong: Wrong, is_counted: bool, text: impl FnOnce() -> String) {
        let side = if is_new { &self.new } else { &self.old };
        let Wrong { faulted, erred, took_long } = wrong;
        for (count, is_one) in [(&side.faults, faulted), (&side.errors, erred), (&side.slow, took_long)] {
            count.fetch_add(u64::from(is_one), Ordering::Relaxed);
        }
        let is_worse = is_new && self.note_bad(text());
        match is_counted {
            false => self.count_ended(is_new, is_worse),
            true if is_worse => (self.wake)(),
            true => {}
        }
    }

    /// Whether a request whose calls took so long is slow, where the limit is that of the first requests. Called once
    /// for each.
    pub(super) fn takes_long(&self, is_new: bool, pace: &Pace, took: Duration) -> bool {
        self.limits.is_some_and(|limits| pace.takes_long(is_new, took, limits))
    }

    /// Counts a request that has ended. `is_counted` says whether it went wrong before.
    pub(super) fn note_request(&self, is_new: bool, took: Duration, is_counted: bool) {
        let side = if is_new { &self.new } else { &self.old };
        side.count(took, How::Good);
        if !is_counted {
            self.count_ended(is_new, false);
        }
    }

    /// Looks whether a bad call of the candidate was one too many. Returns whether it was the first one that was.
    #[cold]
    fn note_bad(&self, text: String) -> bool {
        if let Ok(mut last) = self.last.try_lock() {
            *last = cut(text, TEXT);
        }
        let bad = |count: fn(&Side) -> &AtomicU64| {
            let [old, new] = [&self.old, &self.new].map(|side| count(side).load(Ordering::Relaxed));
            self.evidence.is_some_and(|evidence| evidence.is_enough(old, new))
        };
        let worse = match () {
            () if bad(|side| &side.faults) => Worse::Faults,
            () if bad(|side| &side.errors) => Worse::Errors,
            () if bad(|side| &side.slow) => Worse::Times,
            () => return false,
        };
        // No caller needs to wait for whoever decides.
        self.switch.turn_off();
        self.worse.set(worse).is_ok()
    }
}

/// What went wrong in a call, without values: they would be in logs, in events and in the quarantine, and nobody asked
/// for that.
pub(super) fn said(took: Duration, takes_long: bool, signature: &Signature, ended: &Ended<'_>) -> String {
    let (word, said) = outcome(signature, ended, false, TEXT / 2);
    let how = if takes_long && ended.is_good() { format!("took {took:.1?}") } else { word.to_owned() };
    match said.filter(|_| !ended.is_good()) {
        Some(said) => format!("{} {how}: {said}", signature.name()),
        None => format!("{} {how}", signature.name()),
    }
}

/// A call of which the candidate gets a copy. If it is dropped before what came of it was compared, the candidate gets
/// another one.
pub(super) struct Taken {
    comparison: Arc<Comparison>,
    is_compared: bool,
}

impl Taken {
    pub(super) fn comparison(&self) -> &Arc<Comparison> {
        &self.comparison
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.is_compared {
            self.comparison.taken.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn comparison(share: f64, calls: u64, seed: u64) -> Comparison {
        Comparison::new(Wanted { share, is_shadow: false, is_any_order: false, calls, seed, limits: None }, || {})
    }

    #[test]
    fn the_candidate_never_had_more_than_its_share_and_gets_about_that_of_many_calls() {
        for (share, seed) in [(0.05, 0), (0.05, 7), (0.5, 3), (0.01, 1)] {
            let comparison = comparison(share, u64::MAX, seed);
            let mut taken = 0;
            for call in 1..=100_000_u64 {
                taken += u64::from(comparison.is_for_candidate());
                assert!(taken as f64 <= call as f64 * share, "{taken} of {call} at a share of {share}");
            }
            assert!(taken as f64 > 100_000.0 * share * 0.8, "{taken} of 100000 at a share of {share}");
            assert_eq!(comparison.under_way(), (taken, taken));
        }
    }

    #[test]
    fn the_candidate_gets_no_more_calls_than_are_wanted() {
        let comparison = comparison(0.5, 10, 0);
        assert_eq!((0..1_000).filter(|_| comparison.is_for_candidate()).count(), 10);
        assert!(!comparison.is_complete());
    }
}
