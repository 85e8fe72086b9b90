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
//! version that serves may be called a second time, a difference does not count at once. That version is called again,
//! with further copies. If it answers as it did, nothing has changed between its two answers, and the candidate's, in
//! between, is another one. If not, its new answer is compared with a new one of the candidate, and so on, [`ROUNDS`]
//! times. A call that never settles is left out, and counted.

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
    shadowed::{Answer, OldVersion, Shadowed},
};
use crate::{
    abi::fault::{FaultKind, RawFault},
    host::reflect::{
        difference::Unfinished,
        memory::Block,
        value::{Received, Value},
    },
};

/// How often both versions are called again, where what they read changes.
const ROUNDS: usize = 3;

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
    pub(crate) keepers: Vec<Arc<dyn Send + Sync>>,
}

impl Caller {
    /// Makes the calls until the queue is closed. Whoever closes it retires the candidates, so that the last count of
    /// them is never this thread's.
    pub(crate) fn run(self) {
        let Caller { comparison, copies, keepers } = self;
        while let Some(call) = copies.next() {
            quietly(&comparison.switch, || call.make());
        }
        drop(keepers);
    }
}

impl SecondCall {
    fn make(self) {
        // Dropped last.
        let shadowed = Arc::clone(&self.shadowed);
        let SecondCall { arguments, left, came, took, taken, room, .. } = self;
        let comparison = Arc::clone(taken.comparison());
        // The shadow may have ended while this was in the queue.
        if !comparison.switch.is_on() {
            return;
        }
        let Some(made) = Made::of(&shadowed.candidate, &shadowed, &arguments) else { return };
        let came = match &came {
            Came::Value(value) => value.at().ok_or((FaultKind::Panic, "")),
            Came::Fault(kind, text) => Err((*kind, &**text)),
        };
        let old = Answer { came, left: left.iter().filter_map(Value::at).collect() };
        let new = made.answer();
        match settled(&shadowed, &arguments, &old, &new) {
            Err(why) => return comparison.differences().leave_out(why),
            Ok(None) => {}
            Ok(Some(place)) => {
                comparison.differences().note(shadowed.tell(&arguments, (&old, &new), place));
            }
        }
        comparison.note_compared(taken, (took, old.how()), (made.took, new.how()));
        drop(room);
    }
}

/// Where two answers differ; `None` if they do not, or only since something has changed in between.
fn settled(
    shadowed: &Shadowed,
    arguments: &[Value<'_>],
    old: &Answer<'_>,
    new: &Answer<'_>,
) -> Result<Option<String>, LeftOut> {
    let compare = |was: &Answer<'_>, is: &Answer<'_>| shadowed.compare(was, is).map_err(|Unfinished| LeftOut::Size);
    let Some(mut place) = compare(old, new)? else { return Ok(None) };
    let Some(find) = &shadowed.old else { return Ok(Some(place)) };
    let mut before: Option<Made<'_>> = None;
    for _ in 0..ROUNDS {
        let Some(OldVersion { method, keeper }) = find() else {
            // Nobody has a handle any more, so no instance is left that could be asked again.
            return if before.is_none() { Ok(Some(place)) } else { Err(LeftOut::Change) };
        };
        let again = Made::of(&method, shadowed, arguments).ok_or(LeftOut::Size)?;
        let is_unchanged = {
            let was = before.as_ref().map(Made::answer);
            compare(was.as_ref().unwrap_or(old), &again.answer())?.is_none()
        };
        if is_unchanged {
            return Ok(Some(place));
        }
        let candidates = Made::of(&shadowed.candidate, shadowed, arguments).ok_or(LeftOut::Size)?;
        match compare(&again.answer(), &candidates.answer())? {
            None => return Ok(None),
            Some(found) => place = found,
        }
        drop(candidates);
        before = Some(again);
        drop(keeper);
    }
    Err(LeftOut::Change)
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
    fn of(method: &Candidate, shadowed: &'t Shadowed, arguments: &[Value<'_>]) -> Option<Made<'t>> {
        let signature = &shadowed.signature;
        let pairs = signature.arguments().iter().zip(arguments);
        let mut given = pairs.map(|(ty, value)| Value::copy_of(ty, value.at()?).ok()).collect::<Option<Vec<_>>>()?;
        let outcome = Block::new(method.crossing.outcome_size as usize, method.crossing.outcome_align.into());
        let packed: Vec<*mut ()> = given.iter_mut().map(Value::give).collect();
        let out: *mut () = outcome.at().cast();
        let began = Instant::now();
        // SAFETY: the copies are arguments of the method, which takes them, and there is room for its outcome. Whoever
        // found the method keeps its instance.
        unsafe { method.call(packed.as_ptr(), out) };
        let took = began.elapsed();
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
