//! [`Matching`]: whether a call of a method is one of those that are meant, by the value of an argument.
//!
//! What is wanted is read from JSON once, by the argument's shape, before the first call; so a call costs a comparison
//! of two values ([`is_equal`]) for each that is wanted, and no text, but for values of serde. It takes no more than [`STEPS`] steps, whatever
//! callers pass: an argument of which more would have to be looked at does not match. It is the value that the method
//! would get: the layers of patches are above.

use std::sync::Arc;

use super::{layer::Call, signature::Signature};
use crate::{
    error::{Error, ErrorKind, Result},
    host::reflect::{difference::is_equal, json, value::Value},
};

/// How many steps a comparison takes, each of a node, an element or 16 bytes; of a value of serde a quarter of a byte. One with what equals a value that was
/// written in some thousand bytes takes far fewer, but for maps in maps in another order.
const STEPS: usize = 1 << 16;

/// The values of which a call has to have one.
pub(crate) struct Matching {
    // They refer to the signature, so they are dropped before it.
    wanted: Vec<Wanted>,
    signature: Arc<Signature>,
}

struct Wanted {
    argument: usize,
    value: Value<'static>,
}

impl Matching {
    /// No value yet, so no call matches.
    pub(crate) fn new(signature: &Arc<Signature>) -> Matching {
        Matching { wanted: Vec::new(), signature: Arc::clone(signature) }
    }

    /// A call matches if the argument of that place, from 0, has this value. `what` names the argument in errors.
    ///
    /// # Errors
    /// `Invalid` if there is no such argument, if `text` is not JSON or is no value of its type, or if none can be made
    /// from JSON.
    pub(crate) fn add(&mut self, argument: usize, text: &str, what: &str) -> Result<()> {
        // SAFETY: the signature is behind an `Arc` that this value keeps as long as what it lends, and nobody changes
        // it.
        let signature: &'static Signature = unsafe { &*Arc::as_ptr(&self.signature) };
        let ty = signature.arguments().get(argument);
        let ty = ty.ok_or_else(|| Error::new(ErrorKind::Invalid, format!("{what}: there is no such argument")))?;
        self.wanted.push(Wanted { argument, value: json::decode(ty, text, what)? });
        Ok(())
    }

    /// Whether no call matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether the call matches.
    pub(super) fn is_met(&self, call: Call<'_>) -> bool {
        let has = |wanted: &Wanted| {
            let (Some(wanted), Some(found)) = (wanted.value.at(), call.argument(wanted.argument)) else { return false };
            is_equal(wanted, found, STEPS) == Ok(true)
        };
        self.wanted.iter().any(has)
    }
}
