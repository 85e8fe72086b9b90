//! `Shared<T>` and `Arc<T>`: content that several images read.
//!
//! An `Arc` of std cannot be shared between images. Where its counts lie is std's own business, it frees by
//! whichever allocator the dropping image has, and a receiver cannot make one of memory that another image allocated.
//! So there are two ways:
//! * [`Shared<T>`] is a type of ours whose layout is fixed ([`counted`](super::counted)): it crosses, is cloned and is
//!   dropped by any image without a copy. Its maker counts and frees, and is kept mapped until then. It is made of an
//!   `Arc` without a copy, which then is its owner.
//! * `Arc<T>` crosses as the address that `Arc::into_raw` gives, with a function of its image that drops it. If that
//!   function is the receiver's own, both are one image: the receiver takes that very `Arc` back. If not, it copies
//!   the content into an `Arc` of its own and drops the sender's. Nothing of the sender is left behind then, so
//!   nothing is counted.
//!
//! **Which content.** The receiver reads the sender's memory as its own type, so the content must lie in memory alike
//! under every compiler: [`Plain`] data, slices of it, and `str` ([`Shareable`]). Its shape says how it lies. Such
//! content owns nothing, has no destructor and no interior mutability (it is `Copy`), so reading is all that a holder
//! can do, and a copy is equal to the original.
//!
//! Two types with one shape may meet in one image, such as those of two versions of a crate. Size, alignment and
//! layout of the content are equal then, which is what `Arc::from_raw` asks for.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Deref,
    ptr,
};

use super::{
    super::{
        layout::layout,
        shape::{Kind, Part, Shape},
    },
    Abi, Plain, Within,
    counted::{Counted, RawCounted},
};

/// Content that lies in memory alike in all images: [`Plain`] data, slices of it, and `str`.
///
/// [`Shared`] and `Arc` of such content may be arguments and results. The trait is implemented here, for all such
/// types.
///
/// # Safety
/// The layout of the content must be the same for every compiler, and `CONTENT` must describe it. The content is
/// `Copy`, or a slice of what is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shared across an image border",
    label = "its memory means something to one compiler only",
    note = "`lcr::Shared<T>` and `Arc<T>` cross if `T` is `str`, plain data, or a slice of plain data: numbers, \
            `bool`, `char`, and `#[repr(C)]` structs of them with `#[derive(Clone, Copy, lcr::Abi)] #[abi(plain)]`",
    note = "pass the value itself (`T` with `#[derive(lcr::Abi)]`), or a `lcr::Handle` to a component that keeps it"
)]
pub unsafe trait Shareable: Send + Sync + 'static {
    /// How the content lies in memory.
    #[doc(hidden)]
    const CONTENT: &'static Shape;
    /// The address of the first byte, and the length of a slice or text; 1 for other content.
    #[doc(hidden)]
    fn place(content: *const Self) -> (*const u8, usize);
    /// The content at a place.
    #[doc(hidden)]
    fn at(at: *const u8, len: usize) -> *const Self;
    /// A copy of the content.
    #[doc(hidden)]
    fn to_arc(&self) -> Arc<Self>;
}

#[diagnostic::do_not_recommend]
// SAFETY: `Plain` says so.
unsafe impl<T: Plain + Send + Sync + 'static> Shareable for T {
    const CONTENT: &'static Shape = T::SHAPE;
    fn place(content: *const T) -> (*const u8, usize) {
        (content.cast(), 1)
    }
    fn at(at: *const u8, _: usize) -> *const T {
        at.cast()
    }
    fn to_arc(&self) -> Arc<T> {
        Arc::new(*self)
    }
}

// SAFETY: plain elements one after the other.
unsafe impl<T: Plain + Send + Sync + 'static> Shareable for [T] {
    const CONTENT: &'static Shape = <&[T]>::SHAPE;
    fn place(content: *const [T]) -> (*const u8, usize) {
        (content.cast(), content.len())
    }
    fn at(at: *const u8, len: usize) -> *const [T] {
        ptr::slice_from_raw_parts(at.cast(), len)
    }
    fn to_arc(&self) -> Arc<[T]> {
        Arc::from(self)
    }
}

// SAFETY: UTF-8 bytes have one layout.
unsafe impl Shareable for str {
    const CONTENT: &'static Shape = <&str>::SHAPE;
    fn place(content: *const str) -> (*const u8, usize) {
        <[u8]>::place(content as *const [u8])
    }
    fn at(at: *const u8, len: usize) -> *const str {
        <[u8]>::at(at, len) as *const str
    }
    fn to_arc(&self) -> Arc<str> {
        Arc::from(self)
    }
}

/// Content that stays where it was made and is counted there: crossing an image border, cloning and dropping never
/// copy it.
///
/// It dereferences to the content, as an `Arc` does, and may be shared and sent to other threads. `T` is [`str`],
/// [plain](Plain) data, or a slice of plain data. It is made of a `T`, an `Arc<T>`, a `String` or a `Vec`, which stay
/// where they are.
///
/// ```
/// use std::sync::Arc;
///
/// #[lcr::interface(name = "routes", version = 1)]
/// pub trait Routes {
///     fn names(&self) -> lcr::Shared<str>;
///     fn weights(&self, of: lcr::Shared<[f64]>) -> lcr::Shared<[f64]>;
/// }
///
/// let names: Arc<str> = Arc::from("a b c");
/// let shared = lcr::Shared::from(Arc::clone(&names));
/// assert_eq!(&*shared, "a b c");
/// assert_eq!(shared.as_ptr(), names.as_ptr());
/// ```
///
/// Dropping the last clone frees the content with code of the image that made it, on the dropping thread. An `unload`
/// image stays mapped until then.
pub struct Shared<T: ?Sized> {
    counted: Counted,
    /// For `Send` and `Sync`: as an `Arc` of the content.
    content: PhantomData<Arc<T>>,
}

impl<T: ?Sized + Shareable> Shared<T> {
    /// Content inside `owner`, whose destructor does not panic.
    fn inside<O: Send + Sync + 'static>(owner: O, content: impl FnOnce(&O) -> &T) -> Shared<T> {
        Shared { counted: Counted::of(owner, |owner| T::place(content(owner))), content: PhantomData }
    }

    /// Whether both are references to the same content, as [`Arc::ptr_eq`] tells.
    pub fn ptr_eq(this: &Shared<T>, other: &Shared<T>) -> bool {
        ptr::addr_eq(this.counted.at(), other.counted.at()) && this.counted.len() == other.counted.len()
    }
}

impl<T: ?Sized + Shareable> Deref for Shared<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        let content = T::at(self.counted.at(), self.counted.len());
        // SAFETY: the owner keeps the content alive and unchanged while we hold it, and it lies in memory
        // alike in the image that made it.
        unsafe { &*content }
    }
}

impl<T: ?Sized + Shareable> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared { counted: self.counted.clone(), content: PhantomData }
    }
}

impl<T: Shareable> From<T> for Shared<T> {
    fn from(content: T) -> Shared<T> {
        Shared::inside(content, |content| content)
    }
}

macro_rules! from_owners {
    ($({$($generics:tt)*} $owner:ty => $content:ty),* $(,)?) => {$(
        impl<$($generics)*> From<$owner> for Shared<$content> {
            /// The content stays where it is.
            fn from(owner: $owner) -> Shared<$content> {
                Shared::<$content>::inside(owner, |owner| owner)
            }
        }
    )*};
}

from_owners! {
    {T: ?Sized + Shareable} Arc<T> => T,
    {T: ?Sized + Shareable} Box<T> => T,
    {} String => str,
    {} &'static str => str,
    {T: Plain + Send + Sync + 'static} Vec<T> => [T],
    {T: Plain + Send + Sync + 'static} &'static [T] => [T],
}

impl<T: Plain + Send + Sync + 'static> FromIterator<T> for Shared<[T]> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Shared<[T]> {
        Shared::from(Vec::from_iter(elements))
    }
}

impl<T: ?Sized + Shareable> AsRef<T> for Shared<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized + Shareable> Borrow<T> for Shared<T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: ?Sized + Shareable + fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + Shareable + fmt::Display> fmt::Display for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + Shareable + PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Shared<T>) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Shareable + Eq> Eq for Shared<T> {}

impl<T: ?Sized + Shareable + PartialOrd> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Shared<T>) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: ?Sized + Shareable + Ord> Ord for Shared<T> {
    fn cmp(&self, other: &Shared<T>) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: ?Sized + Shareable + Hash> Hash for Shared<T> {
    /// As the content hashes, which [`Borrow`] asks for.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// The name of these types holds `::`, which that of no derived type does: none has their shape.
const fn shape_of<R, T: ?Sized + Shareable>(name: &'static str) -> Shape {
    Shape::of::<R>(Kind::Struct, name, const { &[Part::new("content", 0, T::CONTENT)] })
}

// SAFETY: it owns what it holds.
unsafe impl<T: ?Sized + Shareable> Within<'_> for Shared<T> {}

// SAFETY: the representation carries the function of the image that owns the content, and the shape says how the
// content lies.
unsafe impl<T: ?Sized + Shareable> Abi for Shared<T> {
    type Repr = RawCounted;
    const SHAPE: &'static Shape = &shape_of::<RawCounted, T>("lcr::Shared");
    fn into_repr(self) -> RawCounted {
        self.counted.into_raw()
    }
    unsafe fn from_repr(repr: RawCounted) -> Self {
        // SAFETY: the caller keeps the contract of `from_repr`.
        Shared { counted: unsafe { Counted::from_raw(repr) }, content: PhantomData }
    }
}

/// The representation of `Arc<T>`, which counts as one reference.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawArc {
    /// The content's first byte.
    pub at: *const u8,
    /// The number of elements of a slice, of bytes of a text; 1 for any other content.
    pub len: usize,
    /// Gives the reference back. Called once, by the receiver, on any thread.
    pub drop: unsafe extern "C" fn(*const u8, usize),
}

layout!(RawArc: size 24, align 8 { at at 0, len at 8, drop at 16 });

unsafe extern "C" fn drop_arc<T: ?Sized + Shareable>(at: *const u8, len: usize) {
    // SAFETY: `into_repr` of this image took both from `Arc::into_raw`; the receiver calls this once.
    drop(unsafe { Arc::from_raw(T::at(at, len)) });
}

/// A reference that was received, and goes back to its image with this.
struct Received(RawArc);

impl Drop for Received {
    fn drop(&mut self) {
        // SAFETY: the sender's own function takes back what the sender gave.
        unsafe { (self.0.drop)(self.0.at, self.0.len) };
    }
}

// SAFETY: it owns what it holds.
unsafe impl<T: ?Sized + Shareable> Within<'_> for Arc<T> {}

// SAFETY: the representation carries the function that drops it, and the shape says how the content lies.
unsafe impl<T: ?Sized + Shareable> Abi for Arc<T> {
    type Repr = RawArc;
    const SHAPE: &'static Shape = &shape_of::<RawArc, T>("alloc::sync::Arc");
    fn into_repr(self) -> RawArc {
        let (at, len) = T::place(Arc::into_raw(self));
        RawArc { at, len, drop: drop_arc::<T> }
    }
    unsafe fn from_repr(repr: RawArc) -> Self {
        let received = Received(repr);
        let content = T::at(repr.at, repr.len);
        if ptr::fn_addr_eq(repr.drop, drop_arc::<T> as unsafe extern "C" fn(*const u8, usize)) {
            let repr = ManuallyDrop::new(received).0;
            // SAFETY: this image took it from `Arc::into_raw` for content of this layout, and it is used once.
            return unsafe { Arc::from_raw(T::at(repr.at, repr.len)) };
        }
        // SAFETY: the sender's reference keeps the content alive and unchanged, until `received` is dropped.
        unsafe { &*content }.to_arc()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
