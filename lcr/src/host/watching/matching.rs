//! [`Matching`]: whether a call of a method is one of those that are meant, by the value of an argument or a part of
//! it.
//!
//! What is wanted is read from JSON once, by the shape, before the first call; so a call costs a comparison of two
//! values ([`is_equal`]) for each that is wanted, and no text, but for values of serde. It takes no more than [`STEPS`]
//! steps, the way to a [part](crate::host::reflect::part) included, whatever callers pass: an argument of which more
//! would have to be looked at does not match. It is the value that the method would get: the layers of patches are
//! above.

use std::sync::Arc;

use super::{layer::Call, signature::Signature};
use crate::{
    error::{Error, ErrorKind, Result},
    host::{
        image::manifest::MethodManifest,
        reflect::{
            difference::is_equal,
            json,
            part::{Part, Way},
            types::Type,
            value::Value,
        },
    },
};

/// How many steps a comparison takes, each of a node, an element, an entry of a map on the way, or 16 bytes; of a value
/// of serde a quarter of a byte. One with what equals a value that was written in some thousand bytes takes far fewer,
/// but for maps in maps in another order.
const STEPS: usize = 1 << 16;

/// The values of which a call has to have one.
pub(crate) struct Matching {
    // They refer to the signature, so they are dropped before it.
    wanted: Vec<Wanted>,
    signature: Arc<Signature>,
}

struct Wanted {
    argument: usize,
    part: Part<'static>,
    value: Value<'static>,
}

/// An argument, or a part of one, as it was written: `entry.tags[0]`.
pub(crate) struct Subject<'a> {
    text: &'a str,
    /// The argument's name, or its place from 1.
    pub(crate) argument: &'a str,
    way: Way,
}

impl<'a> Subject<'a> {
    /// Reads what was written.
    ///
    /// # Errors
    /// Where it names no part, in words.
    pub(crate) fn read(text: &'a str) -> std::result::Result<Subject<'a>, String> {
        let (argument, way) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
        Ok(Subject { text, argument, way: Way::read(way)? })
    }

    /// Whether it is in a secret or has one in it, where it is of the argument at that place, from 0.
    ///
    /// # Errors
    /// That there is no such part, in words.
    pub(crate) fn is_secret(&self, method: &MethodManifest, place: usize) -> std::result::Result<bool, String> {
        let argument = method.shape.arguments().nth(place).ok_or("there is no such argument")?;
        let ty = Type::of(argument).map_err(|error| error.to_string())?;
        let is_whole_secret = method.shape.parts.get(place).is_some_and(|argument| argument.is_secret);
        Ok(is_whole_secret || self.way.to_part_of(&ty, self.argument)?.is_secret())
    }
}

impl Matching {
    /// No value yet, so no call matches.
    pub(crate) fn new(signature: &Arc<Signature>) -> Matching {
        Matching { wanted: Vec::new(), signature: Arc::clone(signature) }
    }

    /// A call matches if this of the argument at that place, from 0, has this value.
    ///
    /// # Errors
    /// `Invalid` if there is no such part, if `json` is not JSON or is no value of its type, or if none can be made
    /// from JSON.
    pub(crate) fn add(&mut self, place: usize, subject: &Subject<'_>, json: &str) -> Result<()> {
        // SAFETY: the signature is behind an `Arc` that this value keeps as long as what it lends, and nobody changes
        // it.
        let signature: &'static Signature = unsafe { &*Arc::as_ptr(&self.signature) };
        let what = format!("argument {} `{}`", place + 1, subject.text);
        let invalid = |why: String| Error::new(ErrorKind::Invalid, why);
        let ty = signature.arguments().get(place);
        let ty = ty.ok_or_else(|| invalid(format!("{what}: there is no such argument")))?;
        let part = subject.way.to_part_of(ty, subject.argument).map_err(invalid)?;
        let value = json::decode(part.ty(), json, &what)?;
        self.wanted.push(Wanted { argument: place, part, value });
        Ok(())
    }

    /// Whether no call matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether the call matches.
    pub(super) fn is_met(&self, call: Call<'_>) -> bool {
        let has = |Wanted { argument, part, value }: &Wanted| {
            let mut left = STEPS;
            let found = call.argument(*argument).and_then(|argument| part.of(argument, &mut left));
            let (Some(wanted), Some(found)) = (value.at(), found) else { return false };
            is_equal(wanted, found, left) == Ok(true)
        };
        self.wanted.iter().any(has)
    }
}
