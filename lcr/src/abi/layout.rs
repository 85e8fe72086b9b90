//! Pins layouts to [`ABI_VERSION`](super::ABI_VERSION).
//!
//! `layout!` stands below each type that another image reads, and states its size, its
//! alignment and the offset of every field, in bytes. An edit that moves a field does not
//! compile until the author has written the new layout down, and the message says which other
//! number must change with it. A generic type is pinned for parameters that show its padding.

/// `layout!(Type: size 16, align 8 { field at 0, other at 8 })`.
///
/// Layouts of targets with other pointers are those of C, and are not written down. A loom
/// build has atomics of another size, and no other image.
macro_rules! layout {
    ($ty:ty: size $size:literal, align $align:literal { $($field:tt at $at:literal),* $(,)? }) => {
        #[cfg(all(target_pointer_width = "64", not(loom)))]
        const _: () = assert!(
            size_of::<$ty>() == $size && align_of::<$ty>() == $align $(&& core::mem::offset_of!($ty, $field) == $at)*,
            concat!(
                "the layout of `",
                stringify!($ty),
                "` changed: raise ABI_VERSION and the entry symbol's number, then write the new layout down"
            )
        );
    };
}

pub(super) use layout;
