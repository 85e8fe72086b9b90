//! What is known of methods beside their signatures: the names of arguments, which values are secret, and which
//! methods are pure.
//!
//! Whoever calls or traces methods by their shapes alone needs the notes; linking does not. So a manifest has them
//! behind everything else, they are not part of an interface's encoded form, and no comparison sees them: an author
//! may rename an argument, or mark a field as secret, in a new version of a component that serves old callers.
//!
//! ```text
//! notes      for each method { pure u8, arguments u16 count of names, secrets u16 count of u32 }
//! ```
//! The number of arguments is that of the signature, or 0 if their names are not known. A *secret* is the place of a
//! part in the method's shape, where parts are counted from 0 as the shape's encoding has them, each before its own
//! parts; the places ascend. A [point](super::point) has the secrets of its variables behind their shape, likewise.

use super::{
    interface::Method,
    shape::{Shape, Sink},
};

/// Appends the notes on `methods`.
pub(super) const fn put_notes(sink: &mut Sink<'_>, methods: &[Method]) {
    let mut i = 0;
    while i < methods.len() {
        put_method(sink, &methods[i]);
        i += 1;
    }
}

const fn put_method(sink: &mut Sink<'_>, method: &Method) {
    sink.u8(method.is_pure as u8);
    sink.u16(method.arguments.len());
    let mut i = 0;
    while i < method.arguments.len() {
        sink.str(method.arguments[i]);
        i += 1;
    }
    put_secrets(sink, method.shape);
}

/// Appends the count and the places of the secret parts of `shape`.
pub(super) const fn put_secrets(sink: &mut Sink<'_>, shape: &Shape) {
    sink.u16(count_secrets(shape));
    put_places(sink, shape, 0);
}

const fn count_secrets(shape: &Shape) -> usize {
    let (mut i, mut count) = (0, 0);
    while i < shape.parts.len() {
        let part = &shape.parts[i];
        count += part.is_secret as usize + count_secrets(part.shape);
        i += 1;
    }
    count
}

/// Appends the places of the secret parts of `shape`, whose first part has the place `at`. Returns the place behind
/// its last part.
const fn put_places(sink: &mut Sink<'_>, shape: &Shape, mut at: usize) -> usize {
    let mut i = 0;
    while i < shape.parts.len() {
        let part = &shape.parts[i];
        if part.is_secret {
            sink.u32(at);
        }
        at = put_places(sink, part.shape, at + 1);
        i += 1;
    }
    at
}
