//! Which exports of one image have the same objects.
//!
//! The image alone reads this: what crosses is a number for each export
//! ([`ImageTable::objects`](super::tables::ImageTable::objects)).

use core::any::TypeId;

/// The type of an export's objects and the constructor that makes them. Exports of one image that have the same
/// identity share their objects; an export without one has objects of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Identity {
    /// The implementing type.
    pub object: TypeId,
    /// The type of the constructor, which has no size: so there is one value of it.
    pub constructor: TypeId,
}
