//! Maps, sets and `VecDeque`: their elements cross, and the receiver builds a collection of its own.
//!
//! No collection of std has a layout that two compilers share, and a hash table is only as good as the hasher that
//! filled it. So what crosses is the buffer of a `Vec`: of keys with values for a map, of elements for a set, in the
//! sender's order. The receiver makes its collection by inserting each:
//! * It hashes and compares with its own code, and a hash map or set has the receiver's `S::default()`, so with std's
//!   hasher a random state of its own.
//! * Of keys that are equal to the receiver, the last one's value stays; of equal elements of a set, one. A sender
//!   whose `Eq` tells more keys apart is not refused.
//! * The memory is that of the elements: no length is taken on trust without them.
//!
//! A panic of `Hash`, `Ord` or `Eq` leaves the call as any other panic of that side does, and [`Elements`] drops what
//! was on the way. `collect` would not do: it sorts the entries of a tree and builds the tree in one go, and where `Eq`
//! panics meanwhile it leaks the nodes that it has made.
//!
//! The shape is that of a struct with the `Vec`, named after the collection, so a signature that changes from one
//! collection to another is refused.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    hash::{BuildHasher, Hash},
};

use crate::abi::{
    shape::{Kind, Part, Shape},
    value::{Abi, Within, sequences::RawVec},
};

use super::elements::Elements;

/// A struct of this name with one field, a `Vec<T>`.
const fn shape_of<T: Abi>(name: &'static str) -> Shape {
    const fn field<T: Abi>(name: &'static str) -> Part {
        Part::new(name, 0, <Vec<T>>::SHAPE)
    }
    Shape::of::<RawVec<T::Repr>>(Kind::Struct, name, const { &[field::<T>("elements")] })
}

macro_rules! collections {
    ($($collection:ident { $($parameter:ident: $($bound:ident)|+),+ } of $element:ty $(, with $hasher:ident)?;)*) => {$(
        // SAFETY: the elements move by their representations, in a buffer that carries the function that frees it.
        // What the hasher of a hash map borrows is not received: it is made here.
        unsafe impl<$($parameter: Abi $(+ $bound)+,)+ $($hasher: BuildHasher + Default)?> Abi
            for $collection<$($parameter,)+ $($hasher)?>
        {
            type Repr = RawVec<<$element as Abi>::Repr>;
            const SHAPE: &'static Shape = &shape_of::<$element>(concat!("std::", stringify!($collection)));
            fn into_repr(self) -> Self::Repr {
                Elements::lower(self.into_iter())
            }
            unsafe fn from_repr(repr: Self::Repr) -> Self {
                // First, so that they are dropped if the hasher's `default` panics.
                // SAFETY: the caller keeps the contract of `from_repr`.
                let elements = unsafe { Elements::<$element>::lift(repr) };
                let mut collection = Self::default();
                collection.extend(elements);
                collection
            }
        }

        // SAFETY: it borrows what its elements borrow. The hasher was made here.
        unsafe impl<'a, $($parameter: Within<'a> $(+ $bound)+,)+ $($hasher: BuildHasher + Default)?> Within<'a>
            for $collection<$($parameter,)+ $($hasher)?>
        {
        }
    )*};
}

collections! {
    HashMap { K: Eq | Hash, V: Sized } of (K, V), with S;
    BTreeMap { K: Ord, V: Sized } of (K, V);
    HashSet { T: Eq | Hash } of T, with S;
    BTreeSet { T: Ord } of T;
}

// SAFETY: a `Vec` with the same elements crosses.
unsafe impl<T: Abi> Abi for VecDeque<T> {
    type Repr = RawVec<T::Repr>;
    const SHAPE: &'static Shape = &shape_of::<T>("std::VecDeque");
    fn into_repr(self) -> Self::Repr {
        Vec::from(self).into_repr()
    }
    unsafe fn from_repr(repr: Self::Repr) -> Self {
        // SAFETY: the caller keeps the contract of `from_repr`.
        VecDeque::from(unsafe { Vec::<T>::from_repr(repr) })
    }
}

// SAFETY: it borrows what its elements borrow.
unsafe impl<'a, T: Within<'a>> Within<'a> for VecDeque<T> {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn crosses<T: Abi + Clone + PartialEq + std::fmt::Debug>(value: T) {
        // SAFETY: the representation is used once.
        assert_eq!(unsafe { T::from_repr(value.clone().into_repr()) }, value);
    }

    #[test]
    fn collections_cross_whole() {
        let entries = || (0..20_u32).map(|n| (n.to_string(), Some(vec![n; n as usize])));
        crosses(entries().collect::<HashMap<_, _>>());
        crosses(entries().collect::<BTreeMap<_, _>>());
        crosses(entries().map(|(key, _)| key).collect::<HashSet<_>>());
        crosses((0..20_u64).collect::<BTreeSet<_>>());
        crosses(entries().collect::<VecDeque<_>>());
        let mut wrapped = VecDeque::from([2_u8, 3]);
        wrapped.push_front(1);
        crosses(wrapped);
        crosses(BTreeMap::from([((), BTreeSet::<()>::new())]));
    }

    #[test]
    fn each_collection_has_a_shape_of_its_own() {
        let shapes = [
            <HashMap<u8, u8>>::SHAPE,
            <BTreeMap<u8, u8>>::SHAPE,
            <HashSet<(u8, u8)>>::SHAPE,
            <BTreeSet<(u8, u8)>>::SHAPE,
            <VecDeque<(u8, u8)>>::SHAPE,
        ];
        let names: BTreeSet<_> = shapes.iter().map(|shape| shape.name).collect();
        assert_eq!(names.len(), shapes.len(), "{names:?}");
    }
}
