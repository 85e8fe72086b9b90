//! Calls that fail because an operator wants to see what callers make of it.

use std::{
    fmt,
    mem::MaybeUninit,
    ptr,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Switch,
    layer::{quietly, value_offset},
    polled,
    signature::Signature,
};
use crate::{
    abi::{
        crossing::Packed,
        fault::{Beginning, FaultKind, RawFault},
        future::{Polled, READY},
    },
    component::hooks::{Around, Next},
    error::{Error, ErrorKind, Result},
    host::reflect::{
        json::{decode, default},
        value::{Received, Value},
    },
};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Failing {
    /// As if the method were gone: a fault of kind [`Withdrawn`](FaultKind::Withdrawn).
    #[default]
    Fault,
    /// As if the component panicked: a fault of kind [`Panic`](FaultKind::Panic).
    Panic,
    /// `Err` of the error type's first value: numbers are 0, texts are empty, of an enum the first variant that can be
    /// made.
    Error,
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failing::Fault => "fault",
            Failing::Panic => "panic",
            Failing::Error => "error",
        })
    }
}

impl FromStr for Failing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Failing> {
        match text {
            "fault" => Ok(Failing::Fault),
            "panic" => Ok(Failing::Panic),
            "error" => Ok(Failing::Error),
            _ => {
                let text = format!("a call fails by `fault`, `panic` or `error`, and not by `{text:.40}`");
                Err(Error::new(ErrorKind::Invalid, text))
            }
        }
    }
}

/// Which calls fail: a share of all, at random, the same ones for the same seed and order of calls.
#[derive(Debug)]
pub(crate) struct Share {
    seed: u64,
    /// The share, of 2^64.
    threshold: u64,
    calls: AtomicU64,
    failed: AtomicU64,
}

impl Share {
    /// A share of at most 1.
    pub(crate) fn new(share: f64, seed: u64) -> Arc<Share> {
        // As a cast saturates, 1 is all but one call of 2^64.
        let threshold = (share.clamp(0.0, 1.0) * 18_446_744_073_709_551_616.0) as u64;
        Arc::new(Share { seed, threshold, calls: AtomicU64::new(0), failed: AtomicU64::new(0) })
    }

    fn next_fails(&self) -> bool {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let fails = scatter(self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))) < self.threshold;
        if fails {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        fails
    }

    /// How many calls there were, and how many of them failed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.calls.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

/// SplitMix64's output function (Steele, Lea and Flood, 2014).
pub(super) fn scatter(mut state: u64) -> u64 {
    state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ state >> 31
}

/// The layer that has calls of one method fail.
pub(crate) struct Fail {
    switch: Arc<Switch>,
    share: Arc<Share>,
    signature: Signature,
    how: How,
    owner: Arc<str>,
}

/// How, made ready.
enum How {
    Fault(FaultKind, &'static str),
    /// The result that is returned, as JSON.
    Error(String),
}

impl Fail {
    /// The layer around a method of this signature. `owner` is what faults name.
    ///
    /// # Errors
    /// `Invalid` if the method cannot fail like that.
    pub(crate) fn layer(
        switch: &Arc<Switch>,
        share: &Arc<Share>,
        signature: Signature,
        failing: Failing,
        owner: &Arc<str>,
    ) -> Result<Box<dyn Around>> {
        let how = match failing {
            Failing::Fault => How::Fault(FaultKind::Withdrawn, "the call was made to fail by an operator"),
            Failing::Panic => How::Fault(FaultKind::Panic, "the call was made to panic by an operator"),
            Failing::Error => How::Error(error_of(&signature)?),
        };
        let (switch, share, owner) = (Arc::clone(switch), Arc::clone(share), Arc::clone(owner));
        Ok(Box::new(Fail { switch, share, signature, how, owner }))
    }
}

/// An `Err` of the method, as JSON that can be made a value.
fn error_of(signature: &Signature) -> Result<String> {
    let refused = |why: String| {
        let text = format!("{} cannot fail by an error: {why}; have it fail by `fault`", signature.name());
        Error::new(ErrorKind::Invalid, text)
    };
    let result = signature.result();
    let error = result.error_type().ok_or_else(|| refused(format!("it returns `{}`, no `Result`", result.shape())))?;
    let json = format!("{{\"Err\":{}}}", default(error).map_err(refused)?);
    drop(decode(result, &json, "the error").map_err(|error| refused(error.to_string()))?);
    Ok(json)
}

// SAFETY: either the arguments and the place go on to what is below, or the arguments are released here by the
// signature's shapes, once, and the outcome is written. Nothing here unwinds. Whoever puts the layer in compares the
// signature's shape with that of the method.
unsafe impl Around for Fail {
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        let ready = if self.switch.is_on() && self.share.next_fails() {
            quietly(&self.switch, || self.how.make(&self.signature, &self.owner)).flatten()
        } else {
            None
        };
        let Some(ready) = ready else {
            // SAFETY: the caller says so.
            return unsafe { next.run(arguments, out) };
        };
        for (number, ty) in self.signature.arguments().iter().enumerate() {
            // SAFETY: there are as many places as arguments.
            let place = unsafe { arguments.add(number) };
            // SAFETY: as above.
            let at = unsafe { place.read() };
            // SAFETY: the argument is this layer's now, and nobody else uses it.
            drop(unsafe { Received::new(ty, at) });
        }
        // SAFETY: these are the arguments of this signature, and there is room for its outcome.
        unsafe { ready.write(&self.signature, arguments, out) };
    }
}

/// What a failing call ends with.
enum Ready<'t> {
    Fault(*mut RawFault),
    Result(Value<'t>),
}

impl Ready<'_> {
    /// Writes it as the outcome of the method. An async one is over by its first poll.
    ///
    /// # Safety
    /// These are the arguments of the signature, of which none but an async method's call is used, and there is room
    /// for its outcome.
    unsafe fn write(self, signature: &Signature, arguments: Packed, out: *mut ()) {
        let mut value = match self {
            Ready::Fault(fault) if signature.is_async() => {
                // SAFETY: such a function returns a `Polled`.
                return unsafe { out.cast::<Polled>().write(Polled { fault, value: MaybeUninit::uninit() }) };
            }
            // SAFETY: an outcome begins with its fault.
            Ready::Fault(fault) => return unsafe { out.cast::<*mut RawFault>().write(fault) },
            Ready::Result(value) => value,
        };
        let to = if signature.is_async() {
            // SAFETY: as above.
            unsafe { out.cast::<Polled>().write(Polled::done(READY)) };
            // SAFETY: the caller passes the arguments of this signature.
            polled::value_of(signature, unsafe { polled::call_of(signature, arguments) })
        } else {
            // SAFETY: as above.
            unsafe { out.cast::<*mut RawFault>().write(ptr::null_mut()) };
            out.wrapping_byte_add(value_offset(signature))
        };
        let (from, size) = (value.give().cast::<u8>(), signature.result().size());
        // SAFETY: there is room for the result, which is given away here. A result borrows nothing.
        unsafe { ptr::copy_nonoverlapping(from, to.cast::<u8>(), size) };
    }
}

impl How {
    fn make<'t>(&self, signature: &'t Signature, owner: &str) -> Option<Ready<'t>> {
        match self {
            How::Fault(kind, text) => {
                let beginning = Beginning { component: owner.to_owned(), generation: 0 };
                Some(Ready::Fault(RawFault::passing(*kind, (*text).to_owned(), Some(beginning))))
            }
            How::Error(json) => decode(signature.result(), json, "the error").ok().map(Ready::Result),
        }
    }
}
