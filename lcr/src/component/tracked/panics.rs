//! Panics of an author's code in the middle of a change leave a container whole, and its copy right.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasherDefault, Hasher},
};

use super::{MapChanges, Tracked, tests::Same};
use crate::component::incremental::Incremental;

/// Whether the code panics.
fn panics(run: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err()
}

#[test]
fn a_panic_of_the_authors_while_entries_are_kept_leaves_the_length_right() {
    let mut map: Tracked<HashMap<u16, u32>> = (0..100).map(|key| (key, 1)).collect();
    let mut seen = 0;
    assert!(panics(|| map.retain(|_, _| {
        seen += 1;
        assert!(seen < 50, "in the middle");
        false
    })));
    assert_eq!((map.len(), map.iter().count()), (51, 51));
}

/// A value whose destructor panics once, if it is told to.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Panics(bool);

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(!std::mem::take(&mut self.0), "in a destructor");
    }
}

#[test]
fn a_panic_in_a_destructor_while_all_is_removed_is_copied_too() {
    fn assert_empty(map: &mut impl Incremental<Changes = MapChanges<u16, Panics>>) {
        let mut copy: Tracked<BTreeMap<u16, Panics>> = (0..10).map(|key| (key, Panics(false))).collect();
        copy.apply(map.changes(1_000).unwrap()).unwrap();
        assert_eq!((copy.len(), map.left()), (0, 0));
    }
    let entries = || (0..10).map(|key| (key, Panics(false)));
    let (mut hash, mut tree): (Tracked<HashMap<_, _>>, Tracked<BTreeMap<_, _>>) =
        (entries().collect(), entries().collect());
    hash.track(usize::MAX);
    tree.track(usize::MAX);
    drop((hash.changes(1_000).unwrap(), tree.changes(1_000).unwrap()));
    *hash.get_mut(&3).unwrap() = Panics(true);
    *tree.get_mut(&3).unwrap() = Panics(true);
    assert!(panics(|| hash.clear()) && panics(|| tree.clear()));
    assert_empty(&mut hash);
    assert_empty(&mut tree);
}

thread_local! {
    /// After how many hashes the next one panics.
    static LEFT: std::cell::Cell<u32> = const { std::cell::Cell::new(u32::MAX) };
}

/// A hasher that panics when [`LEFT`] says so.
#[derive(Default)]
struct Fails(Same);

impl Hasher for Fails {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
    fn finish(&self) -> u64 {
        LEFT.set(LEFT.get().checked_sub(1).expect("a hash"));
        self.0.finish()
    }
}

#[test]
fn a_hash_that_panics_while_a_segment_is_split_loses_no_other_entry() {
    // One hash finds the position, and one the place in the segment; the next ones are those of the split.
    for left in 2..7 {
        let mut map = Tracked::<HashMap<u16, u32, BuildHasherDefault<Fails>>>::default();
        map.extend((0..4).map(|key| (key << 14, 1)));
        LEFT.set(left);
        assert!(panics(|| _ = map.insert(5 << 10, 1)), "{left}");
        LEFT.set(u32::MAX);
        assert_eq!((map.len(), map.iter().count()), (5, 5), "{left}");
        assert!((0..4).all(|key| map.contains_key(&(key << 14))) && map.contains_key(&(5 << 10)), "{left}");
    }
}
