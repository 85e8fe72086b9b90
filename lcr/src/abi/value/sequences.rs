//! Borrowed and owned sequences: `&str`, `&[T]`, `&mut [T]`, `Vec<T>`, `String`, `Box<T>`.
//!
//! Borrowed ones cross as address and length, without a copy. Owned ones carry a
//! function of the image that allocated them. The receiver compares it with its own
//! function for the same element: if they are the same code, the memory is of the
//! receiver's own allocator and is taken over; if not, the elements are moved into
//! memory of its own and the sender's function frees the rest.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{alloc::Layout, mem::ManuallyDrop, ptr, slice};

use super::{
    super::{
        layout::layout,
        shape::{Kind, Part, Shape},
    },
    Abi, Plain, Within,
};

/// `&[T]` and `&str`: address and number of elements. The address is never null.
#[repr(C)]
pub struct RawSlice<T> {
    /// First element.
    pub at: *const T,
    /// Number of elements.
    pub len: usize,
}

layout!(RawSlice<u8>: size 16, align 8 { at at 0, len at 8 });

/// `&mut [T]`: address and number of elements. The address is never null.
#[repr(C)]
pub struct RawSliceMut<T> {
    /// First element.
    pub at: *mut T,
    /// Number of elements.
    pub len: usize,
}

layout!(RawSliceMut<u8>: size 16, align 8 { at at 0, len at 8 });

/// `Vec<T>` and `String`: a buffer of representations and the function that frees it.
#[repr(C)]
pub struct RawVec<R> {
    /// First element.
    pub at: *mut R,
    /// Number of initialised elements.
    pub len: usize,
    /// Number of elements that the buffer has room for.
    pub capacity: usize,
    /// Frees the buffer (not the elements). Called by the receiver, on any thread.
    pub free: unsafe extern "C" fn(*mut R, usize),
}

layout!(RawVec<u8>: size 32, align 8 { at at 0, len at 8, capacity at 16, free at 24 });

impl<R> RawVec<R> {
    /// Gives away a buffer of this image.
    #[inline]
    pub(crate) fn of(buffer: Vec<R>) -> RawVec<R> {
        let mut buffer = ManuallyDrop::new(buffer);
        RawVec { at: buffer.as_mut_ptr(), len: buffer.len(), capacity: buffer.capacity(), free: free_buffer::<R> }
    }
}

/// `Box<T>`: one representation and the function that frees its memory.
#[repr(C)]
pub struct RawBox<R> {
    /// The boxed representation.
    pub at: *mut R,
    /// Frees the memory (not the value). Called by the receiver, on any thread.
    pub free: unsafe extern "C" fn(*mut R, usize),
}

layout!(RawBox<u8>: size 16, align 8 { at at 0, free at 8 });

macro_rules! copies {
    ($($raw:ident)*) => {$(
        impl<T> Clone for $raw<T> {
            #[inline(always)]
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<T> Copy for $raw<T> {}
    )*};
}
copies! { RawSlice RawSliceMut RawVec RawBox }

/// Frees a buffer of `capacity` elements that this image's allocator made.
unsafe extern "C" fn free_buffer<R>(at: *mut R, capacity: usize) {
    if let Ok(layout) = Layout::array::<R>(capacity)
        && layout.size() != 0
    {
        // SAFETY: the receiver gives back what `into_repr` of this image leaked: a
        // buffer of exactly this layout.
        unsafe { alloc::alloc::dealloc(at.cast(), layout) };
    }
}

/// True if `free` is this very image's code, so that `at` is memory of its allocator.
#[inline(always)]
fn is_ours<R>(free: unsafe extern "C" fn(*mut R, usize)) -> bool {
    ptr::fn_addr_eq(free, free_buffer::<R> as unsafe extern "C" fn(*mut R, usize))
}

// SAFETY: plain elements have the same layout on both sides; nothing is owned.
unsafe impl<T: Plain + 'static> Abi for &[T] {
    type Repr = RawSlice<T>;
    const SHAPE: &'static Shape = &Shape::of::<RawSlice<T>>(Kind::Slice, "", &[Part::of(T::SHAPE)]);
    #[inline(always)]
    fn into_repr(self) -> RawSlice<T> {
        RawSlice { at: self.as_ptr(), len: self.len() }
    }
    #[inline(always)]
    unsafe fn from_repr(repr: RawSlice<T>) -> Self {
        // SAFETY: `into_repr` took both from a slice that outlives the result.
        unsafe { slice::from_raw_parts(repr.at, repr.len) }
    }
}

// SAFETY: the bound; plain data borrows nothing.
unsafe impl<'a: 'x, 'x, T: Plain + 'static> Within<'a> for &'x [T] {}

// SAFETY: as for `&[T]`; the unique borrow crosses as such and is not used meanwhile.
unsafe impl<T: Plain + 'static> Abi for &mut [T] {
    type Repr = RawSliceMut<T>;
    const SHAPE: &'static Shape = &Shape::of::<RawSliceMut<T>>(Kind::SliceMut, "", &[Part::of(T::SHAPE)]);
    #[inline(always)]
    fn into_repr(self) -> RawSliceMut<T> {
        RawSliceMut { at: self.as_mut_ptr(), len: self.len() }
    }
    #[inline(always)]
    unsafe fn from_repr(repr: RawSliceMut<T>) -> Self {
        // SAFETY: `into_repr` took both from a unique slice that outlives the result.
        unsafe { slice::from_raw_parts_mut(repr.at, repr.len) }
    }
}

// SAFETY: as above.
unsafe impl<'a: 'x, 'x, T: Plain + 'static> Within<'a> for &'x mut [T] {}

// SAFETY: UTF-8 bytes have one layout; nothing is owned.
unsafe impl Abi for &str {
    type Repr = RawSlice<u8>;
    const SHAPE: &'static Shape = &Shape::of::<RawSlice<u8>>(Kind::Str, "", &[]);
    #[inline(always)]
    fn into_repr(self) -> RawSlice<u8> {
        self.as_bytes().into_repr()
    }
    #[inline(always)]
    unsafe fn from_repr(repr: RawSlice<u8>) -> Self {
        // SAFETY: `into_repr` took both from a `str` that outlives the result.
        let bytes: &[u8] = unsafe { Abi::from_repr(repr) };
        // SAFETY: the bytes of a `str` are UTF-8.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    }
}

// SAFETY: the bound.
unsafe impl<'a: 'x, 'x> Within<'a> for &'x str {}

// SAFETY: the buffer carries the function that frees it; elements move by their reprs.
unsafe impl<T: Abi> Abi for Vec<T> {
    type Repr = RawVec<T::Repr>;
    const SHAPE: &'static Shape = &Shape::of::<RawVec<T::Repr>>(Kind::Vec, "", &[Part::of(T::SHAPE)]);

    #[inline]
    fn into_repr(self) -> RawVec<T::Repr> {
        if T::PLAIN {
            let mut buffer = ManuallyDrop::new(self);
            let at = buffer.as_mut_ptr().cast::<T::Repr>();
            return RawVec { at, len: buffer.len(), capacity: buffer.capacity(), free: free_buffer::<T::Repr> };
        }
        RawVec::of(self.into_iter().map(T::into_repr).collect())
    }

    #[inline]
    unsafe fn from_repr(repr: RawVec<T::Repr>) -> Self {
        if T::PLAIN && is_ours(repr.free) {
            // SAFETY: our own allocator made the buffer for this layout (`T` is its own
            // representation), and the representation is used once.
            return unsafe { Vec::from_raw_parts(repr.at.cast::<T>(), repr.len, repr.capacity) };
        }
        let guard = BufferGuard(repr);
        let mut values = Vec::with_capacity(repr.len);
        if T::PLAIN {
            // SAFETY: `T` is plain, so `len` elements can be copied as they are.
            unsafe { ptr::copy_nonoverlapping(repr.at.cast::<T>(), values.as_mut_ptr(), repr.len) };
            // SAFETY: they were just written.
            unsafe { values.set_len(repr.len) };
        } else {
            for i in 0..repr.len {
                // SAFETY: the buffer has `len` elements.
                let element = unsafe { repr.at.add(i) };
                // SAFETY: the sender initialised them.
                let element = unsafe { *element };
                // SAFETY: each is taken exactly once.
                values.push(unsafe { T::from_repr(element) });
            }
        }
        drop(guard);
        values
    }
}

// SAFETY: it borrows what its elements borrow.
unsafe impl<'a, T: Within<'a>> Within<'a> for Vec<T> {}

struct BufferGuard<R>(RawVec<R>);

impl<R> Drop for BufferGuard<R> {
    fn drop(&mut self) {
        // SAFETY: the sender's own function frees the buffer that it leaked.
        unsafe { (self.0.free)(self.0.at, self.0.capacity) };
    }
}

// SAFETY: a `String` is a `Vec<u8>` of UTF-8.
unsafe impl Abi for String {
    type Repr = RawVec<u8>;
    const SHAPE: &'static Shape = &Shape::of::<RawVec<u8>>(Kind::String, "", &[]);
    #[inline]
    fn into_repr(self) -> RawVec<u8> {
        self.into_bytes().into_repr()
    }
    #[inline]
    unsafe fn from_repr(repr: RawVec<u8>) -> Self {
        // SAFETY: the caller keeps the contract of `from_repr`.
        let bytes = unsafe { Vec::from_repr(repr) };
        // SAFETY: `into_repr` took the bytes of a `String`.
        unsafe { String::from_utf8_unchecked(bytes) }
    }
}

// SAFETY: it borrows nothing.
unsafe impl Within<'_> for String {}

// SAFETY: the memory carries the function that frees it; the value moves by its repr.
unsafe impl<T: Abi> Abi for Box<T> {
    type Repr = RawBox<T::Repr>;
    const SHAPE: &'static Shape = &Shape::of::<RawBox<T::Repr>>(Kind::Box, "", &[Part::of(T::SHAPE)]);
    #[inline]
    fn into_repr(self) -> RawBox<T::Repr> {
        RawBox { at: Box::into_raw(Box::new(T::into_repr(*self))), free: free_buffer::<T::Repr> }
    }
    #[inline]
    unsafe fn from_repr(repr: RawBox<T::Repr>) -> Self {
        // SAFETY: the sender boxed an initialised representation.
        let value = unsafe { *repr.at };
        // SAFETY: the value was copied out; the sender's function frees its memory.
        unsafe { (repr.free)(repr.at, 1) };
        // SAFETY: the representation is taken once.
        Box::new(unsafe { T::from_repr(value) })
    }
}

// SAFETY: it borrows what its value borrows.
unsafe impl<'a, T: Within<'a>> Within<'a> for Box<T> {}
