//! `Layout`: the description of a type as it lies in memory.
//!
//! A description is a tree of [`Shape`]s, as those of values are, with sizes and offsets of the type itself. The
//! derive makes it for structs and enums, `std_types` for types of the standard library. The [module](super) says
//! what equal descriptions prove.

use std::{marker::PhantomData, ops::Range};

use crate::abi::shape::{Kind, Part, Shape};

/// A type whose values may move to another image as they lie in memory. `#[derive(lcr::Layout)]` implements it for
/// structs and enums whose fields implement it.
///
/// Implemented for scalars, `String`, `Vec`, `Box`, `Option`, `Result`, arrays, tuples, the maps, sets and queues
/// of std, `Arc`, the locks and cells of std, `NonZero`, `Ordering`, ranges, `Duration`, `Instant`, `SystemTime`, paths,
/// addresses, files and sockets.
///
/// Not implemented for what belongs to one image or thread: function pointers, `dyn Trait`, raw pointers,
/// [`Handle`](crate::Handle), [`Bytes`](crate::Bytes), `JoinHandle`, channels, guards.
///
/// Two images have the same type if their descriptions are equal and one compiler made both. What the
/// description cannot say is what the fields mean: that a vector is sorted, or how keys are hashed. Where that
/// changes, raise `state_version`.
///
/// # Safety
/// If two images, made by one compiler, have types with equal [`MEMORY`](Layout::MEMORY), then a value of one is a
/// value of the other: each may use, change and drop it. `unsafe` code that relies on more than the description says
/// (an index that is in bounds, a pointer that it allocated) is honest only if the name in [`InMemory::opaque`] has
/// another version wherever that rule differs. A value that may point into the image that made it says so.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot move by pointer",
    label = "how this type lies in memory is not described",
    note = "derive `lcr::Layout` for it, or keep it out of the part of the state that moves by pointer"
)]
pub unsafe trait Layout: 'static {
    /// The description.
    const MEMORY: InMemory;
}

/// How a type lies in memory: see [`Layout`].
#[derive(Debug)]
pub struct InMemory {
    shape: Shape,
    points: bool,
    is_fixed: bool,
}

impl InMemory {
    /// A type that says itself when it is the same: by `name`, which begins with the name of its crate and ends with a
    /// version of its layout, as in `"my_arena::Arena 2"`. It may point into the image that made it.
    pub const fn opaque<T>(name: &'static str) -> InMemory {
        InMemory { shape: Shape::of::<T>(Kind::Struct, name, &[]), points: true, is_fixed: STD_IS_FIXED }
    }

    /// A type of `kind`, whose parts have the descriptions `inner`. `is_fixed`: whether the compiler lays out by its
    /// usual rules what the parts do not say.
    pub const fn of<T>(
        kind: Kind,
        name: &'static str,
        parts: &'static [Part],
        inner: &[&InMemory],
        is_fixed: bool,
    ) -> InMemory {
        let mut memory = InMemory { shape: Shape::of::<T>(kind, name, parts), points: false, is_fixed };
        let mut i = 0;
        while i < inner.len() {
            memory.points |= inner[i].points;
            memory.is_fixed &= inner[i].is_fixed;
            i += 1;
        }
        memory
    }

    /// The same type, which may also point into the image that made it.
    #[must_use]
    pub(super) const fn pointing(mut self) -> InMemory {
        self.points = true;
        self
    }

    /// The tree that is compared.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether a value may point into the image that made it.
    pub const fn points(&self) -> bool {
        self.points
    }

    /// Whether the compiler laid out everything in the type by its usual rules.
    pub const fn is_fixed(&self) -> bool {
        self.is_fixed
    }
}

/// Whether the fields of `std`'s types are where the compiler puts them unless it was told to lay out types
/// at random. For each length of the array it would decide anew.
pub(super) const STD_IS_FIXED: bool = {
    macro_rules! starts_first {
        ($($len:literal)*) => { true $(&& std::mem::offset_of!(Range<[u8; $len]>, start) == 0)* };
    }
    starts_first!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24)
};

/// Stands for the type `T` in the description of its own fields, which would have no end otherwise. [`Recursive`] says
/// which type it stands for.
#[derive(Debug)]
pub struct Again<T>(PhantomData<fn() -> T>);

/// A type that derives `Layout` and contains itself.
///
/// # Safety
/// `MARK` is `^` and the name in the type's description.
pub unsafe trait Recursive: 'static {
    /// The mark.
    const MARK: &'static str;
}

// SAFETY: it stands for a type that is described around it. The host takes no two descriptions for equal in which
// more than one type around a mark has its name (`host/image/manifest/alike`).
unsafe impl<T: Recursive> Layout for Again<T> {
    const MEMORY: InMemory = InMemory {
        shape: Shape { kind: Kind::Scalar, name: T::MARK, size: 0, align: 1, parts: &[] },
        points: false,
        is_fixed: true,
    };
}
