//! [`Tracked`]: containers that know what changed in them, for state that is copied while it is in use.
//!
//! One file a container: [`hash`], [`tree`], [`vector`]. A container that is not tracked pays one look at
//! an empty option for each change. One that is tracked keeps a [`record`]: a *cursor* that moves over the
//! container as it is copied, and the keys that changed *behind* the cursor. A change ahead of the cursor
//! needs no note, since the copy has not come to it. So a note says "this key was touched", never with
//! what: the look that takes a note reads the present value, or finds that there is none.
//!
//! A note is made before its change: whatever panics between the two (a key's `Eq`, `Clone` or `Hash`, a
//! closure), a note too many costs one item, and no note is missing.
//!
//! A cursor needs an order that changes leave alone. A tree has its keys' order and a vector its indices. A
//! hash map of std has none, since it moves all entries when it grows, so [`segments`] is a hash table
//! whose order is that of the hashes. It grows by splitting small parts, so growing never holds callers
//! for long either.

mod changes;
mod hash;
#[cfg(all(test, not(loom)))]
mod panics;
mod record;
mod segments;
#[cfg(all(test, not(loom)))]
mod tests;
mod tree;
mod vector;

pub use changes::{MapChanges, VecChanges};

use std::fmt;

/// The containers that [`Tracked`] knows. No other crate can implement it.
pub trait Container: sealed::Sealed {
    /// What a tracked one consists of.
    #[doc(hidden)]
    type Parts;
}

mod sealed {
    pub trait Sealed {}
}

/// A `HashMap`, `BTreeMap` or `Vec` that knows what changed in it, so that it can be copied to a successor
/// while calls go on: see [`Incremental`](crate::Incremental).
///
/// It is used as the container is. A `Tracked<BTreeMap<..>>` and a `Tracked<Vec<..>>` dereference to the
/// container for everything that only reads. A `Tracked<HashMap<..>>` has the methods of a hash map, but is
/// no hash map of std inside: it grows in small steps, and never moves all of its entries at once.
///
/// ```
/// use std::collections::{BTreeMap, HashMap};
///
/// use lcr::{Incremental, Tracked};
///
/// let mut old: Tracked<HashMap<String, u64>> = (0..1_000).map(|n| (n.to_string(), n)).collect();
/// let mut new: Tracked<BTreeMap<String, u64>> = Tracked::default();
///
/// old.track(usize::MAX);
/// new.apply(old.changes(100)?)?; // a first part
/// old.insert("1".to_owned(), 11); // changes meanwhile
/// old.remove("2");
/// while old.left() > 0 {
///     new.apply(old.changes(100)?)?;
/// }
/// assert_eq!((new.len(), new.get("1"), new.get("2")), (999, Some(&11), None));
/// # Ok::<(), lcr::BoxError>(())
/// ```
///
/// It moves by pointer ([`Layout`](trait@crate::Layout)) where its keys and values do.
///
/// Serde writes and reads it as it does the container. A clone is not tracked.
pub struct Tracked<C: Container> {
    pub(super) parts: C::Parts,
}

impl<C: Container<Parts: Default>> Default for Tracked<C> {
    fn default() -> Tracked<C> {
        Tracked { parts: C::Parts::default() }
    }
}

impl<C: Container<Parts: Clone>> Clone for Tracked<C> {
    fn clone(&self) -> Tracked<C> {
        Tracked { parts: self.parts.clone() }
    }
}

impl<C: Container<Parts: fmt::Debug>> fmt::Debug for Tracked<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.fmt(f)
    }
}

impl<C: Container<Parts: PartialEq>> PartialEq for Tracked<C> {
    fn eq(&self, other: &Tracked<C>) -> bool {
        self.parts == other.parts
    }
}

impl<C: Container<Parts: Eq>> Eq for Tracked<C> {}
