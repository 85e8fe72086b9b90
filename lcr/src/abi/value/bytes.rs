//! `Bytes`: immutable bytes that stay where they were made.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    slice,
};

use super::{
    super::shape::{Kind, Shape},
    Abi, Within,
    counted::{Counted, RawCounted},
};

/// Immutable bytes that stay where they were made: crossing an image border, cloning and dropping
/// never copy them.
///
/// They dereference to `[u8]`, and may be shared and sent to other threads. Dropping the last clone
/// runs the owner's destructor on the dropping thread, with code of the image that made the bytes. An
/// `unload` image stays mapped until that destructor has returned.
#[derive(Clone)]
pub struct Bytes {
    counted: Counted,
}

impl Bytes {
    /// Bytes that keep `owner` alive, whose destructor does not panic; the bytes are
    /// whatever `owner.as_ref()` gives now.
    pub(crate) fn owned_by<O: AsRef<[u8]> + Send + Sync + 'static>(owner: O) -> Bytes {
        let place = |owner: &O| {
            let bytes = owner.as_ref();
            (bytes.as_ptr(), bytes.len())
        };
        Bytes { counted: Counted::of(owner, place) }
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: the owner keeps these bytes alive and unchanged while we hold it.
        unsafe { slice::from_raw_parts(self.counted.at(), self.counted.len()) }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

macro_rules! from_owners {
    ($($owner:ty),*) => {$(
        impl From<$owner> for Bytes {
            /// The bytes stay where they are.
            fn from(owner: $owner) -> Bytes {
                Bytes::owned_by(owner)
            }
        }
    )*};
}

from_owners! { Vec<u8>, Box<[u8]>, String, &'static [u8], &'static str }

impl<const N: usize> From<&'static [u8; N]> for Bytes {
    /// The bytes stay where they are.
    fn from(bytes: &'static [u8; N]) -> Bytes {
        Bytes::from(&bytes[..])
    }
}

impl FromIterator<u8> for Bytes {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Bytes {
        Bytes::from(Vec::from_iter(bytes))
    }
}

impl<'a> IntoIterator for &'a Bytes {
    type Item = &'a u8;
    type IntoIter = slice::Iter<'a, u8>;
    fn into_iter(self) -> slice::Iter<'a, u8> {
        self.iter()
    }
}

impl Default for Bytes {
    fn default() -> Bytes {
        Bytes::from(Vec::new())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bytes").field(&&**self).finish()
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Bytes) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

macro_rules! compared_with {
    ($({$($generics:tt)*} $other:ty),* $(,)?) => {$(
        impl<$($generics)*> PartialEq<$other> for Bytes {
            fn eq(&self, other: &$other) -> bool {
                **self == other[..]
            }
        }

        impl<$($generics)*> PartialEq<Bytes> for $other {
            fn eq(&self, other: &Bytes) -> bool {
                self[..] == **other
            }
        }
    )*};
}

compared_with! { {} [u8], {} &[u8], {} Vec<u8>, {const N: usize} [u8; N], {const N: usize} &[u8; N] }

impl PartialOrd for Bytes {
    fn partial_cmp(&self, other: &Bytes) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bytes {
    fn cmp(&self, other: &Bytes) -> Ordering {
        self[..].cmp(other)
    }
}

impl Hash for Bytes {
    /// As a slice hashes, which [`Borrow`] asks for.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

// SAFETY: it owns its bytes.
unsafe impl Within<'_> for Bytes {}

// SAFETY: the representation carries the function of the image that owns the bytes.
unsafe impl Abi for Bytes {
    type Repr = RawCounted;
    const SHAPE: &'static Shape = &Shape::of::<RawCounted>(Kind::Bytes, "", &[]);
    fn into_repr(self) -> RawCounted {
        self.counted.into_raw()
    }
    unsafe fn from_repr(repr: RawCounted) -> Self {
        // SAFETY: the caller keeps the contract of `from_repr`.
        Bytes { counted: unsafe { Counted::from_raw(repr) } }
    }
}
