//! `Bytes`: immutable bytes that stay where they were made.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    slice,
    sync::atomic::{self, AtomicUsize, fence},
};

use super::{
    super::{
        holds::{self, Hold, Holds},
        layout::layout,
        shape::{Kind, Shape},
    },
    Abi, Within,
};

/// Immutable bytes that stay where they were made: crossing an image border, cloning and dropping
/// never copy them.
///
/// They dereference to `[u8]`, and may be shared and sent to other threads. Dropping the last clone
/// runs the owner's destructor on the dropping thread, with code of the image that made the bytes. An
/// `unload` image stays mapped until that destructor has returned.
pub struct Bytes {
    raw: RawBytes,
}

/// The representation of [`Bytes`], which counts as one reference.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawBytes {
    at: *const u8,
    len: usize,
    owner: *const OwnerHeader,
}

layout!(RawBytes: size 24, align 8 { at at 0, len at 8, owner at 16 });

/// What all clones of some bytes share. The clones count themselves, so only the last one runs code
/// of the owner's image.
#[repr(C)]
struct OwnerHeader {
    references: AtomicUsize,
    /// Frees the owner with this head. Called once, by the last holder, on any thread.
    free: unsafe extern "C" fn(*const OwnerHeader),
    /// Counts of the image that made it; the last holder counts back when `free` has returned.
    holds: *const Holds,
}

layout!(OwnerHeader: size 24, align 8 { references at 0, free at 8, holds at 16 });

#[repr(C)]
struct OwnerBox<O> {
    head: OwnerHeader,
    value: O,
}

unsafe extern "C" fn free<O>(owner: *const OwnerHeader) {
    // SAFETY: `owned_by` leaked the box, of which the head is the first field; the last
    // holder calls this, once.
    drop(unsafe { Box::from_raw(owner.cast_mut().cast::<OwnerBox<O>>()) });
}

impl Bytes {
    /// Bytes that keep `owner` alive, whose destructor does not panic; the bytes are
    /// whatever `owner.as_ref()` gives now.
    pub(crate) fn owned_by<O: AsRef<[u8]> + Send + Sync + 'static>(owner: O) -> Bytes {
        holds::ours().take(Hold::Value);
        let head = OwnerHeader { references: AtomicUsize::new(1), free: free::<O>, holds: holds::ours() };
        let owned = Box::into_raw(Box::new(OwnerBox { head, value: owner }));
        // SAFETY: it was just leaked, and no other code has its address.
        let bytes: &[u8] = unsafe { &(*owned).value }.as_ref();
        Bytes { raw: RawBytes { at: bytes.as_ptr(), len: bytes.len(), owner: owned.cast() } }
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: the owner keeps these bytes alive and unchanged while we hold it.
        unsafe { slice::from_raw_parts(self.raw.at, self.raw.len) }
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

impl Clone for Bytes {
    fn clone(&self) -> Bytes {
        // SAFETY: this value's reference keeps the head alive.
        let owner = unsafe { &*self.raw.owner };
        owner.references.fetch_add(1, atomic::Ordering::Relaxed);
        Bytes { raw: self.raw }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        let owner = self.raw.owner;
        // SAFETY: this value's reference keeps the head alive.
        let references = unsafe { &(*owner).references };
        if references.fetch_sub(1, atomic::Ordering::Release) != 1 {
            return;
        }
        // Pairs with the other holders' decrements: they are done with the bytes.
        fence(atomic::Ordering::Acquire);
        // SAFETY: the last holder owns the head.
        let OwnerHeader { free, holds, .. } = unsafe { &*owner };
        let (free, holds) = (*free, *holds);
        // SAFETY: the image is mapped until the count is given back.
        unsafe { free(owner) };
        // SAFETY: `owned_by` took it, and the image's function has returned.
        unsafe { Holds::give_back(holds, Hold::Value) };
    }
}

// SAFETY: the bytes are immutable and the owner is `Send + Sync` by `owned_by`.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}

// SAFETY: it owns its bytes.
unsafe impl Within<'_> for Bytes {}

// SAFETY: the representation carries the function of the image that owns the bytes.
unsafe impl Abi for Bytes {
    type Repr = RawBytes;
    const SHAPE: &'static Shape = &Shape::of::<RawBytes>(Kind::Bytes, "", &[]);
    fn into_repr(self) -> RawBytes {
        core::mem::ManuallyDrop::new(self).raw
    }
    unsafe fn from_repr(repr: RawBytes) -> Self {
        Bytes { raw: repr }
    }
}
