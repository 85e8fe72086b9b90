//! `bytes::Bytes`, with feature `bytes`: it crosses as [`lcr::Bytes`](Bytes), without a copy.
//!
//! Neither side may know the layout of the other's `bytes` crate, nor call its functions. So the sender's value becomes
//! the owner of an [`lcr::Bytes`](Bytes), which becomes the owner of the receiver's value (`bytes::Bytes::from_owner`).
//! The sender's image destroys the sender's value, when the last clone on the receiver's side is gone, and stays mapped
//! until then. Each crossing allocates one such owner on each side. Bytes that come back to their maker are not
//! unwrapped.

use super::form::{Form, cross_by_form};
use crate::abi::value::bytes::Bytes;

impl Form for bytes::Bytes {
    type Form = Bytes;
    const NAME: &'static str = "bytes::Bytes";
    fn into_form(self) -> Bytes {
        self.into()
    }
    fn from_form(form: Bytes) -> bytes::Bytes {
        form.into()
    }
}

cross_by_form! { {} bytes::Bytes; }

impl From<bytes::Bytes> for Bytes {
    /// The bytes stay where they are.
    fn from(bytes: bytes::Bytes) -> Bytes {
        // Their owner may be the author's, with a destructor that panics.
        Bytes::from_owner(bytes)
    }
}

impl From<Bytes> for bytes::Bytes {
    /// The bytes stay where they are.
    fn from(bytes: Bytes) -> bytes::Bytes {
        bytes::Bytes::from_owner(bytes)
    }
}
