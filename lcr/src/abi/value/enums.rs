//! `Tagged`: an enum with fields, as `#[derive(Abi)]` sends it.

use core::mem::MaybeUninit;

use super::{super::layout::layout, Abi};

/// The representation of an enum with fields: which variant, and its fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Tagged<P: Copy> {
    /// The variant's number in the order of the source.
    pub tag: u32,
    /// The variant's fields; not initialised if it has none.
    pub payload: MaybeUninit<P>,
}

layout!(Tagged<u64>: size 16, align 8 { tag at 0, payload at 8 });
layout!(Tagged<u8>: size 8, align 4 { tag at 0, payload at 4 });

impl<P: Copy> Tagged<P> {
    /// A variant without fields.
    #[inline]
    pub const fn bare(tag: u32) -> Tagged<P> {
        Tagged { tag, payload: MaybeUninit::uninit() }
    }

    /// A variant with fields.
    #[inline]
    pub const fn with(tag: u32, payload: P) -> Tagged<P> {
        Tagged { tag, payload: MaybeUninit::new(payload) }
    }
}

/// Names the fields' type of a [`Tagged`].
pub trait HasPayload {
    /// The union of the variants' fields.
    type Payload;
}

impl<P: Copy> HasPayload for Tagged<P> {
    type Payload = P;
}

/// The union of the variants' fields as they cross, of an enum that has any.
pub type Payload<T> = <<T as Abi>::Repr as HasPayload>::Payload;

/// Ends the lifting of an enum whose tag no variant has.
///
/// # Panics
/// Always: shapes were compared, so the sender broke the contract of its own shape.
#[cold]
#[inline(never)]
pub fn bad_tag(name: &str, tag: u32) -> ! {
    panic!("a `{name}` was received with the unknown tag {tag}; its sender is broken")
}
