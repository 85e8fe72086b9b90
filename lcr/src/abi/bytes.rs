//! `Bytes`: immutable bytes that stay where they were made.

use alloc::{sync::Arc, vec::Vec};
use core::{
    fmt,
    ops::Deref,
    slice,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{
    shape::{Kind, Shape},
    value::{Abi, Within},
};

/// Immutable bytes owned by the image that made them: crossing a border, cloning and
/// dropping never copy them. `Send` and `Sync`.
///
/// The last drop runs the owner's destructor on the dropping thread, in the image that
/// made the bytes; an image that opted in to `unload` stays mapped until then.
pub struct Bytes {
    raw: RawBytes,
}

/// The representation of [`Bytes`]. `owner` counts as one reference.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawBytes {
    at: *const u8,
    len: usize,
    owner: *const (),
    duties: *const Duties,
}

/// What the owner's image does for the holders of bytes; both may be called on any thread.
#[repr(C)]
struct Duties {
    retain: unsafe extern "C" fn(*const ()),
    release: unsafe extern "C" fn(*const ()),
}

/// Values of this image that other images may hold: bytes and boxed callbacks.
static OUTSTANDING: AtomicUsize = AtomicUsize::new(0);

/// How many values of this image may still be held elsewhere.
pub(crate) fn outstanding() -> usize {
    OUTSTANDING.load(Ordering::Acquire)
}

pub(super) fn count_out() {
    OUTSTANDING.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn count_back() {
    OUTSTANDING.fetch_sub(1, Ordering::Release);
}

struct Owner<O> {
    value: O,
}

impl<O> Drop for Owner<O> {
    fn drop(&mut self) {
        count_back();
    }
}

unsafe extern "C" fn retain<O>(owner: *const ()) {
    // SAFETY: `owner` came from `Arc::<Owner<O>>::into_raw` and holds a reference.
    unsafe { Arc::increment_strong_count(owner.cast::<Owner<O>>()) };
}

unsafe extern "C" fn release<O>(owner: *const ()) {
    // SAFETY: as above; the caller gives up one reference.
    unsafe { Arc::decrement_strong_count(owner.cast::<Owner<O>>()) };
}

impl Bytes {
    /// Bytes that keep `owner` alive, whose destructor does not panic; the bytes are
    /// whatever `owner.as_ref()` gives now.
    pub(crate) fn owned_by<O: AsRef<[u8]> + Send + Sync + 'static>(owner: O) -> Bytes {
        struct Of<O>(core::marker::PhantomData<O>);
        impl<O> Of<O> {
            const DUTIES: &'static Duties = &Duties { retain: retain::<O>, release: release::<O> };
        }
        count_out();
        let owner = Arc::new(Owner { value: owner });
        let bytes: &[u8] = owner.value.as_ref();
        let (at, len) = (bytes.as_ptr(), bytes.len());
        Bytes { raw: RawBytes { at, len, owner: Arc::into_raw(owner).cast(), duties: Of::<O>::DUTIES } }
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

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes::owned_by(bytes)
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

impl Clone for Bytes {
    fn clone(&self) -> Bytes {
        // SAFETY: the duties live in the owner's image, which stays mapped while a
        // reference is outstanding.
        let duties = unsafe { &*self.raw.duties };
        // SAFETY: we hold one reference and add one for the clone.
        unsafe { (duties.retain)(self.raw.owner) };
        Bytes { raw: self.raw }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: the duties live in the owner's image, which stays mapped until after.
        let duties = unsafe { &*self.raw.duties };
        // SAFETY: this value holds one reference and gives it up.
        unsafe { (duties.release)(self.raw.owner) };
    }
}

// SAFETY: the bytes are immutable and the owner is `Send + Sync` by `owned_by`.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}

// SAFETY: it owns its bytes.
unsafe impl Within<'_> for Bytes {}

// SAFETY: the representation carries the duties of the image that owns the bytes.
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
