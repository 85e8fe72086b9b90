//! A canary's layer: it gives some calls of a method to a candidate, in the place of the method itself.
//!
//! It stands below all patches, so a call of the candidate goes through the patches that stand, as it will when the
//! candidate has taken the old version's place, and every watch sees it. A canary [of requests](super::requests) has
//! layers of its own, for which rules 1 to 3 and 5 hold, too.
//!
//! # Rules
//! 1. *Ownership.* The arguments and the place for the outcome go on once and unchanged, either to what is below or to
//!    the candidate, by the packed thunk of the candidate's own image. The two methods have the same signature.
//! 2. *Lifetime.* The layer does not hold the candidate, as a chain does not hold the instance below. Whoever made the
//!    layer retires the candidate when no world shows the layer any more, as an instance of the slots in which the
//!    layer stood: a call that is inside, and a pin of an older world, keep it alive.
//! 3. *Faults.* A fault that began in the candidate says so, in its text and in its origin, with the generation in
//!    which the canary began. So the host does not charge the component that serves the slot with it, and a caller
//!    reads whose fault it was.
//! 4. *Calls that do not match* ([`Matching`]) are passed on before anything is drawn or counted. So both versions are
//!    compared by calls that match, and whether a call does is known before the draw and does not depend on it.
//! 5. *Our own panics* are counted, and change neither the call nor its outcome.

use std::{sync::Arc, time::Instant};

use super::{
    comparison::Comparison,
    layer::{Call, Ended, quietly},
    matching::Matching,
    pace::Pace,
    signature::Signature,
};
use crate::{
    abi::{
        crossing::{Crossing, Packed},
        fault::{Beginning, RawFault},
        world::Pair,
    },
    component::hooks::{Around, Next},
};

/// The layer around one method.
pub(crate) struct Canary {
    comparison: Arc<Comparison>,
    signature: Arc<Signature>,
    /// The calls that are drawn for; all of them, if absent.
    matching: Option<Matching>,
    pace: Pace,
    candidate: Candidate,
}

/// How a method of the candidate is called.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Its function, with the candidate.
    pub(crate) method: Pair,
    /// The thunks of its signature, of its own image.
    pub(crate) crossing: &'static Crossing,
    /// The candidate, as faults name it.
    pub(crate) beginning: Beginning,
}

impl Canary {
    /// The layer around a method of this signature, of which the candidate gets a share of the calls that match.
    /// Whoever puts it in has compared the signatures of both methods, and retires the candidate as rule 2 says.
    pub(crate) fn layer(
        comparison: &Arc<Comparison>,
        signature: Arc<Signature>,
        matching: Option<Matching>,
        candidate: Candidate,
    ) -> Box<dyn Around> {
        let comparison = Arc::clone(comparison);
        Box::new(Canary { comparison, signature, matching, pace: Pace::new(), candidate })
    }

    /// Whether the call is drawn for.
    ///
    /// # Safety
    /// There are arguments of the signature, which nobody takes meanwhile.
    unsafe fn is_meant(&self, arguments: Packed) -> bool {
        let Some(matching) = &self.matching else { return true };
        // SAFETY: the caller says so.
        let call = unsafe { Call::new(&self.signature, arguments) };
        quietly(&self.comparison.switch, || matching.is_met(call)).unwrap_or(false)
    }
}

// SAFETY: the arguments and the place go on once, to what is below or to a method of the same signature, which consume
// and write them; nothing here unwinds. Whoever puts the layer in compares the signature's shape with those of both
// methods, and keeps the candidate until no call can reach the layer.
unsafe impl Around for Canary {
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        let Canary { comparison, signature, pace, candidate, .. } = self;
        // SAFETY: the caller passes the arguments of this signature, which nobody takes before what is below runs.
        if !(comparison.switch.is_on() && unsafe { self.is_meant(arguments) }) {
            // SAFETY: the caller says so.
            return unsafe { next.run(arguments, out) };
        }
        let is_new = comparison.is_for_candidate();
        let began = Instant::now();
        if is_new {
            // SAFETY: the caller says so, the candidate's method takes the same, and the candidate is alive.
            unsafe { candidate.call(arguments, out) };
        } else {
            // SAFETY: the caller says so.
            unsafe { next.run(arguments, out) };
        }
        let took = began.elapsed();
        // SAFETY: what was called has written the outcome of this signature, and nobody takes it before this returns.
        let ended = unsafe { Ended::read(signature, out) };
        quietly(&comparison.switch, || comparison.note(is_new, pace, took, signature, &ended));
    }
}

impl Candidate {
    /// # Safety
    /// The arguments and the place are those of the method.
    pub(super) unsafe fn call(&self, arguments: Packed, out: *mut ()) {
        // SAFETY: the caller says so.
        unsafe { self.crossing.call(self.method, arguments, out) };
        let at = out.cast::<*mut RawFault>();
        // SAFETY: an outcome begins with its fault, and the thunk has written it.
        let fault = unsafe { at.read() };
        if fault.is_null() {
            return;
        }
        // SAFETY: the fault is this layer's now.
        let (kind, mut text, beginning) = unsafe { RawFault::take(fault) };
        if beginning.is_none() {
            // Where a fault is printed, the component that serves the slot stands before this.
            text += &format!(" (in the candidate `{}`)", self.beginning.component);
        }
        let beginning = beginning.unwrap_or_else(|| self.beginning.clone());
        // SAFETY: as above.
        unsafe { at.write(RawFault::passing(kind, text, Some(beginning))) };
    }
}
