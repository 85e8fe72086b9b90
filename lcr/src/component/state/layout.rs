//! `Layout`: the description of a type as it lies in memory.
//!
//! A description is a tree of [`Shape`]s, as those of values are, with sizes and offsets of the type itself. The
//! derive makes it for structs and enums, `std_types` for types of the standard library. The [module](super) says
//! what equal descriptions prove.

use std::ops::Range;

use crate::abi::shape::{Kind, Part, Shape};

/// A type whose values may move to another image as they lie in memory. `#[derive(lcr::Layout)]` implements it for
/// structs and enums whose fields implement it.
///
/// Implemented for scalars, `String`, `Vec`, `Box`, `Option`, `Result`, arrays, tuples, the maps, sets and queues of
/// std, `Arc`, the locks and cells of std, `NonZero`, `Ordering`, ranges, `Duration`, `Instant`, `SystemTime`, paths,
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
/// [`Itself`](Layout::Itself) is `Self`.
///
/// ```
/// struct Sorted(Vec<u64>); // in ascending order, on which the binary search below relies without a check
///
/// // SAFETY: the name has another version where the order is another one.
/// unsafe impl lcr::Layout for Sorted {
///     type Itself = Self;
///     const MEMORY: lcr::InMemory = lcr::InMemory::opaque::<Sorted>("my_search::Sorted 1");
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot move by pointer",
    label = "how this type lies in memory is not described",
    note = "derive `lcr::Layout` for it, or keep it out of the part of the state that moves by pointer"
)]
pub unsafe trait Layout: 'static {
    /// `Self`. In the description of a type that contains itself a mark stands for it, whose `Itself` is that type; so
    /// types of std have as `Itself` the same type of what their parameters are `Itself`.
    type Itself: 'static;

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

    /// A mark, which stands for a type inside the description of its fields. `name` is `^` and the name of that type.
    ///
    /// The host takes no two descriptions for equal in which not exactly one type around a mark has its name.
    pub const fn again(name: &'static str) -> InMemory {
        InMemory {
            shape: Shape { kind: Kind::Scalar, name, size: 0, align: 1, parts: &[] },
            points: false,
            is_fixed: true,
        }
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

    /// Whether the compiler laid out by its usual rules what sizes and offsets do not show, so that the description
    /// says where everything in the type is.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(crate::Layout)]
    struct Item<T> {
        #[allow(dead_code)]
        value: T,
        #[allow(dead_code)]
        kind: u8,
    }

    #[derive(crate::Layout)]
    enum Tree<T> {
        #[allow(dead_code)]
        Leaf(T),
        #[allow(dead_code)]
        Nodes(Vec<(u8, Tree<T>)>, Item<T>),
    }

    #[derive(crate::Layout)]
    struct Outer {
        #[allow(dead_code)]
        trees: Item<Tree<u8>>,
        #[allow(dead_code)]
        next: Option<Box<Self>>,
    }

    #[test]
    fn a_type_that_contains_itself_is_described_in_types_of_std_and_in_generic_types() {
        const { assert!(Item::<u64>::MEMORY.is_fixed() && Tree::<u8>::MEMORY.is_fixed() && Outer::MEMORY.is_fixed()) };
        let outer = Outer::MEMORY;
        let next = outer.shape().parts[1].shape.parts[0].shape.parts[0].shape;
        assert_eq!((next.name, next.parts.len()), ("^Outer", 0));
    }

    #[test]
    fn attributes_that_may_be_macros_leave_a_type_open() {
        #[derive(crate::Layout)]
        #[rustfmt::skip]
        struct Skipped(#[allow(dead_code)] u8);
        #[derive(crate::Layout)]
        struct Around(#[allow(dead_code)] Vec<Skipped>);
        const { assert!(!Skipped::MEMORY.is_fixed() && !Around::MEMORY.is_fixed()) };
    }

    #[test]
    fn a_discriminant_is_described_by_all_its_bits() {
        #[derive(crate::Layout)]
        #[repr(u64)]
        #[allow(dead_code)]
        enum High {
            Last = i64::MAX as u64,
            Next,
            Top = u64::MAX,
        }
        let at: Vec<_> = High::MEMORY.shape().parts.iter().map(|part| part.at.cast_unsigned()).collect();
        assert_eq!(at, [High::Last as u64, High::Next as u64, High::Top as u64]);
    }
}
