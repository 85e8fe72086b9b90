//! Who owns what of a value: making a copy of its bytes a value of its own, and releasing what a value owns.
//!
//! Both walk along the type, no deeper than that, and touch only what is there. What a broken sender's unknown tag
//! hides is neither copied nor released.

use std::{
    mem::{self, ManuallyDrop},
    ptr,
    sync::atomic::Ordering,
};

use super::{
    memory::{Arena, give, take_back, take_back_content},
    types::{Content, Form, Held, Type},
};
use crate::abi::{
    tables::RawHandle,
    value::{
        Abi as _,
        callback::{BoxedCallback, RawBoxedCallback},
        counted::{Counted, RawCounted},
        sequences::{RawBox, RawSlice, RawVec},
        shared::RawArc,
    },
};

/// Makes the copy of a value's bytes at `at` a value of its own. What it owns is memory of ours, but for shared bytes
/// and content, of which it gets a reference; what it borrows lies in `arena`. A lent function stays the same one.
///
/// # Safety
/// `at` is the only copy of the bytes of a value of this type, which is alive and not written to meanwhile, and the
/// type does not refuse copies.
pub(super) unsafe fn own(ty: &Type<'_>, at: *mut u8, arena: &mut Arena) {
    if ty.is_flat {
        return;
    }
    match &ty.form {
        Form::Text(Held::Lent) => {
            // SAFETY: the representation is that of a slice.
            unsafe { own_lent(at, 1, 1, arena) };
        }
        Form::List(Held::Lent, element) => {
            // SAFETY: the representation is that of a slice, of elements without pointers.
            unsafe { own_lent(at, element.size, element.align, arena) };
        }
        Form::Text(Held::Owned) | Form::Serde => {
            // SAFETY: the representation is that of a vector.
            unsafe { own_vec(at, 1, 1) };
        }
        Form::List(Held::Owned, element) => {
            // SAFETY: the representation is that of a vector.
            let (first, len) = unsafe { own_vec(at, element.size, element.align) };
            // SAFETY: these are copies of its elements.
            let own_element = |element: &Type<'_>, at| unsafe { own(element, at, arena) };
            // SAFETY: so many were copied.
            unsafe { each(element, first, len, own_element) };
        }
        Form::Box(inner) => {
            let raw = at.cast::<RawBox<u8>>();
            // SAFETY: the representation is that of a box.
            let from = unsafe { (*raw).at };
            let to = give(inner.size, inner.align);
            // SAFETY: a box holds a representation.
            unsafe { ptr::copy_nonoverlapping(from, to, inner.size) };
            // SAFETY: as above.
            unsafe { raw.write(RawBox { at: to, free: take_back }) };
            // SAFETY: this is a copy of what is in the box.
            unsafe { own(inner, to, arena) };
        }
        Form::Counted(_) => {
            // SAFETY: the representation is that of a reference.
            let raw = unsafe { at.cast::<RawCounted>().read() };
            // SAFETY: the original keeps it, and this one is forgotten.
            let held = ManuallyDrop::new(unsafe { Counted::from_raw(raw) });
            mem::forget(Counted::clone(&held));
        }
        Form::Arc(content) => {
            // SAFETY: the representation is that of an `Arc`.
            unsafe { own_arc(content, at.cast()) };
        }
        Form::Handle => {
            // SAFETY: the representation is a slot, which the original keeps alive.
            let slot = unsafe { at.cast::<RawHandle>().read() }.0;
            // SAFETY: as above.
            unsafe { slot.as_ref() }.references.fetch_add(1, Ordering::Relaxed);
        }
        _ => {
            // SAFETY: the parts are copies as the whole is.
            let own_part = |part: &Type<'_>, at| unsafe { own(part, at, arena) };
            // SAFETY: the caller says what is there.
            unsafe { parts(ty, at, own_part) };
        }
    }
}

/// Releases what the value at `at` owns. What it borrows stays.
///
/// # Safety
/// A value of this type is at `at`, which no other code uses any more.
pub(super) unsafe fn release(ty: &Type<'_>, at: *mut u8) {
    if ty.is_flat {
        return;
    }
    match &ty.form {
        Form::Text(Held::Lent) | Form::List(Held::Lent, _) | Form::Callback => {}
        Form::Text(Held::Owned) | Form::Serde => {
            // SAFETY: the representation is that of a vector.
            let raw = unsafe { at.cast::<RawVec<u8>>().read() };
            // SAFETY: the sender's own function frees what the sender gave.
            unsafe { (raw.free)(raw.at, raw.capacity) };
        }
        Form::List(Held::Owned, element) => {
            // SAFETY: the representation is that of a vector.
            let raw = unsafe { at.cast::<RawVec<u8>>().read() };
            // SAFETY: it owns its elements.
            let release_element = |element: &Type<'_>, at| unsafe { release(element, at) };
            // SAFETY: it has so many.
            unsafe { each(element, raw.at, raw.len, release_element) };
            // SAFETY: the sender's own function frees what the sender gave.
            unsafe { (raw.free)(raw.at, raw.capacity) };
        }
        Form::Box(inner) => {
            // SAFETY: the representation is that of a box.
            let raw = unsafe { at.cast::<RawBox<u8>>().read() };
            // SAFETY: it holds a value.
            unsafe { release(inner, raw.at) };
            // SAFETY: the sender's own function frees what the sender gave.
            unsafe { (raw.free)(raw.at, 1) };
        }
        Form::Counted(_) => {
            // SAFETY: the representation is that of a reference.
            let raw = unsafe { at.cast::<RawCounted>().read() };
            // SAFETY: it is used once.
            drop(unsafe { Counted::from_raw(raw) });
        }
        Form::Arc(_) => {
            // SAFETY: the representation is that of an `Arc`.
            let raw = unsafe { at.cast::<RawArc>().read() };
            // SAFETY: the sender's own function takes back what the sender gave.
            unsafe { (raw.drop)(raw.at, raw.len) };
        }
        Form::Handle => {
            // SAFETY: the representation is a slot, of which the value has a reference.
            let slot = unsafe { at.cast::<RawHandle>().read() }.0;
            // SAFETY: as above.
            let raw = unsafe { slot.as_ref() };
            let host = raw.host;
            if raw.references.fetch_sub(1, Ordering::AcqRel) == 1 {
                // SAFETY: a host's table lives as long as the process.
                let release = unsafe { (*host).release };
                // SAFETY: that was the last reference.
                unsafe { release(slot.as_ptr()) };
            }
        }
        Form::BoxedCallback => {
            // SAFETY: the representation is that of a function.
            let raw = unsafe { at.cast::<RawBoxedCallback>().read() };
            // SAFETY: it is used once.
            drop(unsafe { BoxedCallback::from_repr(raw) });
        }
        _ => {
            // SAFETY: the parts are owned as the whole is.
            let release_part = |part: &Type<'_>, at| unsafe { release(part, at) };
            // SAFETY: the caller says what is there.
            unsafe { parts(ty, at, release_part) };
        }
    }
}

/// Calls `with` on each part of a value whose parts lie inside it.
///
/// # Safety
/// A value of this type is at `at`, and `with` may be called on its parts.
unsafe fn parts(ty: &Type<'_>, at: *mut u8, mut with: impl FnMut(&Type<'_>, *mut u8)) {
    // SAFETY: it is called where an option or a result is, which begin with a `u8`.
    let tag = || unsafe { at.read() };
    // SAFETY: it is called where an enum is, which begins with a `u32`.
    let wide_tag = || unsafe { at.cast::<u32>().read() };
    // SAFETY: each offset is inside the value.
    let part = |offset: usize| unsafe { at.add(offset) };
    match &ty.form {
        // SAFETY: so many elements are there.
        Form::Array(element, len) => unsafe { each(element, at, *len, with) },
        Form::Option { value, at } if tag() == 1 => with(value, part(*at)),
        Form::Result { ok, at, .. } if tag() == 0 => with(ok, part(*at)),
        Form::Result { err, at, .. } if tag() == 1 => with(err, part(*at)),
        Form::Struct(_, fields) => fields.list.iter().for_each(|field| with(&field.ty, part(field.at))),
        Form::Enum(variants, offset) => {
            let variant = usize::try_from(wide_tag()).ok().and_then(|tag| variants.get(tag));
            let fields = variant.map_or(&[][..], |variant| &variant.fields.list);
            fields.iter().for_each(|field| with(&field.ty, part(offset + field.at)));
        }
        _ => {}
    }
}

/// Calls `with` on each of `len` elements, unless they hold no pointer.
///
/// # Safety
/// So many are there, and `with` may be called on each.
unsafe fn each(element: &Type<'_>, first: *mut u8, len: usize, mut with: impl FnMut(&Type<'_>, *mut u8)) {
    if element.is_flat {
        return;
    }
    for place in 0..len {
        // SAFETY: the caller says so.
        with(element, unsafe { first.add(place * element.size) });
    }
}

/// Copies what a slice lends into the arena.
///
/// # Safety
/// A slice's representation is at `at`.
unsafe fn own_lent(at: *mut u8, size: usize, align: usize, arena: &mut Arena) {
    let raw = at.cast::<RawSlice<u8>>();
    // SAFETY: the caller says so.
    let RawSlice { at: from, len } = unsafe { raw.read() };
    let to = arena.lend(size * len, align);
    // SAFETY: the slice has so many bytes.
    unsafe { ptr::copy_nonoverlapping(from, to, size * len) };
    // SAFETY: as above.
    unsafe { raw.write(RawSlice { at: to, len }) };
}

/// Copies a vector's elements into memory that is given away. Returns where they are, and how many.
///
/// # Safety
/// A vector's representation is at `at`.
unsafe fn own_vec(at: *mut u8, size: usize, align: usize) -> (*mut u8, usize) {
    let raw = at.cast::<RawVec<u8>>();
    // SAFETY: the caller says so.
    let RawVec { at: from, len, .. } = unsafe { raw.read() };
    let to = give(size * len, align);
    // SAFETY: the vector has so many bytes.
    unsafe { ptr::copy_nonoverlapping(from, to, size * len) };
    // SAFETY: as above.
    unsafe { raw.write(RawVec { at: to, len, capacity: len, free: take_back }) };
    (to, len)
}

/// Copies an `Arc`'s content, which is flat.
///
/// # Safety
/// The representation of an `Arc` of this content is at `raw`.
unsafe fn own_arc(content: &Content<'_>, raw: *mut RawArc) {
    let (size, align) = match content {
        Content::Text => (1, 1),
        Content::List(ty) | Content::One(ty) => (ty.size, ty.align),
    };
    // SAFETY: the caller says so.
    let RawArc { at: from, len, .. } = unsafe { raw.read() };
    let to = give(size * len, align);
    // SAFETY: the content has so many bytes.
    unsafe { ptr::copy_nonoverlapping(from, to, size * len) };
    // SAFETY: as above.
    unsafe { raw.write(RawArc { at: to, len, drop: take_back_content }) };
}
