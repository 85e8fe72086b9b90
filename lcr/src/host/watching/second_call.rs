//! The second call of a shadow: the candidate is called with copies, and what comes of both versions is compared.
//!
//! One thread makes these calls, one after the other, and holds the candidate meanwhile. A call that never returns
//! keeps that thread, the candidate and the copies that have room, and nobody else.
//!
//! # What is compared
//! The two results by their shapes; of two faults, the kinds; a fault and a value differ. Then each `&mut [T]`, as
//! either version has left it. A comparison that would take too long is given up.
//!
//! # What changes meanwhile
//! The candidate is called after the method has returned, so what both read elsewhere may have changed. So where the
//! version that serves may be called a second time, a difference does not count at once. Both are called again with
//! further copies, in turn and at once, [`PAIRS`] times and the version that serves once more:
//!
//! | the version that serves | the candidate | then |
//! |---|---|---|
//! | answers one thing | another thing, once at least | the call came out differently |
//! | answers one thing, and not what it answered first | the same | it came out the same: what both read has changed |
//! | answers one thing, which it also answered first | the same | is not known: it may have changed to and fro |
//! | answers different things | anything | is not known |
//!
//! So a version is not blamed for what changes by itself: an answer that is one of two at random is one thing in all
//! these calls once in 65,536 times. A candidate that goes wrong in one call of ten is found in four of five such
//! calls. What is not known is left out, and counted, also by method: a version is not promoted if no call of a method
//! was compared.
//!
//! If nobody has a handle, the version that serves is constructed for these calls. If that fails, the call came out
//! differently and nothing will ever be known of it, so the candidate is not promoted; after
//! [`ENOUGH`](super::differences::ENOUGH) such calls the shadow ends, and no constructor runs any more.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    canary::Candidate,
    comparison::{Comparison, Taken},
    copies::{Copies, Room},
    differences::LeftOut,
    layer::{quietly, value_offset},
    shadowed::{Answer, Keeper, NoOld, OldVersion, Shadowed},
    trace::cut,
};
use crate::{
    abi::fault::{FaultKind, RawFault},
    host::reflect::{
        difference::Unfinished,
        memory::Block,
        value::{Received, Value},
    },
};

/// How often both versions are called again where they differ.
const PAIRS: usize = 16;

/// The longest text of a constructor's error that is kept, in bytes.
const ERROR: usize = 512;

/// A call that was copied, with what came of it.
pub(crate) struct SecondCall {
    // They refer to the method, so they are dropped before it.
    pub(super) arguments: Vec<Value<'static>>,
    /// What the method has left in each argument that is `&mut [T]`.
    pub(super) left: Vec<Value<'static>>,
    pub(super) came: Came,
    pub(super) took: Duration,
    pub(super) taken: Taken,
    pub(super) room: Room,
    pub(super) shadowed: Arc<Shadowed>,
}

/// Those that wait.
pub(crate) type SecondCalls = Copies<SecondCall>;

/// What came of the first call.
pub(super) enum Came {
    Value(Value<'static>),
    Fault(FaultKind, String),
}

/// What the thread of a shadow has.
pub(crate) struct Caller {
    pub(crate) comparison: Arc<Comparison>,
    pub(crate) copies: Arc<SecondCalls>,
    /// The candidates.
    pub(crate) keepers: Vec<Arc<dyn Keeper>>,
}

impl Caller {
    /// Makes the calls until the queue is closed. Whoever closes it retires the candidates, so that the last count of
    /// them is never this thread's.
    pub(crate) fn run(self) {
        let Caller { comparison, copies, keepers } = self;
        while let Some(call) = copies.next() {
            quietly(&comparison.switch, || call.make(&keepers));
        }
        drop(keepers);
    }
}

impl SecondCall {
    fn make(self, keepers: &[Arc<dyn Keeper>]) {
        // Dropped last.
        let shadowed = Arc::clone(&self.shadowed);
        let SecondCall { arguments, left, came, took, taken, room, .. } = self;
        let comparison = Arc::clone(taken.comparison());
        // The shadow may have ended while this was in the queue.
        if !comparison.switch.is_on() {
            return;
        }
        let method = &shadowed.candidate;
        let Some(keeper) = keepers.iter().find(|keeper| keeper.keeps(method.method)) else { return };
        let candidate = Version { method, keeper: &**keeper };
        let Some(made) = Made::of(candidate, &shadowed, &arguments) else { return };
        let came = match &came {
            Came::Value(value) => value.at().ok_or((FaultKind::Panic, "")),
            Came::Fault(kind, text) => Err((*kind, &**text)),
        };
        let old = Answer { came, left: left.iter().filter_map(Value::at).collect() };
        let new = made.answer();
        match settled(&comparison, &shadowed, candidate, &arguments, (&old, &new)) {
            Err(why) => return comparison.leave_out(&shadowed.counts, why),
            Ok(None) => {}
            Ok(Some(place)) => {
                comparison.differences().note(shadowed.tell(&arguments, (&old, &new), place));
            }
        }
        shadowed.counts.note_compared();
        comparison.note_compared(taken, (took, old.how()), (made.took, new.how()));
        drop(room);
    }
}

/// A method of either version.
#[derive(Clone, Copy)]
struct Version<'a> {
    method: &'a Candidate,
    keeper: &'a dyn Keeper,
}

/// Where two answers differ; `None` if they do not, or only since something has changed in between.
fn settled(
    comparison: &Comparison,
    shadowed: &Shadowed,
    candidate: Version<'_>,
    arguments: &[Value<'_>],
    (old, new): (&Answer<'_>, &Answer<'_>),
) -> Result<Option<String>, LeftOut> {
    let compare = |was: &Answer<'_>, is: &Answer<'_>| shadowed.compare(was, is).map_err(|Unfinished| LeftOut::Size);
    let Some(place) = compare(old, new)? else { return Ok(None) };
    let Some(find) = &shadowed.old else { return Ok(Some(place)) };
    if !comparison.switch.is_on() {
        return Err(LeftOut::Change);
    }
    // Nobody may have a handle any more; then one is constructed, as a handle would. It is dropped behind what its
    // method answers, which its image frees.
    let OldVersion { method, keeper } = find().map_err(|no_old| match no_old {
        NoOld::Gone => LeftOut::Change,
        NoOld::Construct(error) => {
            comparison.differences().note_constructor_error(cut(error, ERROR));
            LeftOut::Construct
        }
    })?;
    let serving = Version { method: &method, keeper: &*keeper };
    let ask = |version: Version<'_>| Made::of(version, shadowed, arguments).ok_or(LeftOut::Size);
    let again = ask(serving)?;
    let again = again.answer();
    let mut found = None;
    for _ in 0..PAIRS {
        // Nobody waits for the end of a shadow's last call.
        if !comparison.switch.is_on() {
            return Err(LeftOut::Change);
        }
        let candidates = ask(candidate)?;
        let place = compare(&again, &candidates.answer())?;
        found = found.or(place);
        if compare(&again, &ask(serving)?.answer())?.is_some() {
            return Err(LeftOut::Change);
        }
    }
    match found {
        Some(place) => Ok(Some(place)),
        None if compare(old, &again)?.is_some() => Ok(None),
        None => Err(LeftOut::Change),
    }
}

/// A call that was made here, with what came of it.
struct Made<'t> {
    came: MadeCame<'t>,
    took: Duration,
    lent: Vec<usize>,
    given: Vec<Value<'t>>,
    // What came lies in it, so it is dropped after that.
    _outcome: Block,
}

enum MadeCame<'t> {
    Value(Received<'t>),
    Fault(FaultKind, String),
}

impl<'t> Made<'t> {
    /// Calls the method of either version with copies of the arguments.
    fn of(version: Version<'_>, shadowed: &'t Shadowed, arguments: &[Value<'_>]) -> Option<Made<'t>> {
        let Version { method, keeper } = version;
        let signature = &shadowed.signature;
        let pairs = signature.arguments().iter().zip(arguments);
        let mut given = pairs.map(|(ty, value)| Value::copy_of(ty, value.at()?).ok()).collect::<Option<Vec<_>>>()?;
        let outcome = Block::new(method.crossing.outcome_size as usize, method.crossing.outcome_align.into());
        let packed: Vec<*mut ()> = given.iter_mut().map(Value::give).collect();
        let out: *mut () = outcome.at().cast();
        let inside = keeper.enter(signature.name());
        let began = Instant::now();
        // SAFETY: the copies are arguments of the method, which takes them, and there is room for its outcome. The
        // keeper has the instance.
        unsafe { method.call(packed.as_ptr(), out) };
        let took = began.elapsed();
        drop(inside);
        // SAFETY: an outcome begins with its fault, which the call has written.
        let fault = unsafe { out.cast::<*mut RawFault>().read() };
        let came = if fault.is_null() {
            let value = out.wrapping_byte_add(value_offset(signature));
            // SAFETY: without a fault, the value is there, and is this one's.
            MadeCame::Value(unsafe { Received::new(signature.result(), value) })
        } else {
            // SAFETY: the fault is this one's.
            let (kind, text, _) = unsafe { RawFault::take(fault) };
            MadeCame::Fault(kind, text)
        };
        Some(Made { came, took, lent: shadowed.lent().collect(), given, _outcome: outcome })
    }

    fn answer(&self) -> Answer<'_> {
        let came = match &self.came {
            MadeCame::Value(value) => Ok(value.at()),
            MadeCame::Fault(kind, text) => Err((*kind, &**text)),
        };
        // SAFETY: the call has had the representation of the slice, and leaves it; what it lends is in the copy.
        let left = self.lent.iter().map(|&number| unsafe { self.given[number].lent() });
        Answer { came, left: left.collect() }
    }
}
