use std::{
    collections::{BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{super::counted::Counted, *};
use crate::abi::holds::{self, Hold};

#[test]
fn content_stays_where_it_is_and_is_freed_with_the_last_clone() {
    let owner: Arc<[u16]> = Arc::from([1, 2, 3]);
    let shared = Shared::from(Arc::clone(&owner));
    let clones: Vec<_> = (0..4).map(|_| shared.clone()).collect();
    let threads = clones.into_iter().map(|clone| thread::spawn(move || clone.iter().sum::<u16>()));
    assert!(threads.collect::<Vec<_>>().into_iter().all(|thread| thread.join().unwrap() == 6));
    // SAFETY: the representation is used once.
    let back = unsafe { Shared::<[u16]>::from_repr(shared.into_repr()) };
    assert_eq!((back.as_ptr(), Arc::strong_count(&owner)), (owner.as_ptr(), 2));
    drop(back);
    assert_eq!(Arc::strong_count(&owner), 1);
}

#[test]
fn shared_content_is_made_of_what_owns_it_and_compared_by_what_it_is() {
    let texts: [Shared<str>; 4] =
        ["b".into(), "a".to_owned().into(), Box::<str>::from("").into(), Arc::<str>::from("ab").into()];
    let sorted: BTreeSet<_> = texts.iter().cloned().collect();
    assert_eq!(sorted.iter().map(|text| &**text).collect::<Vec<_>>(), ["", "a", "ab", "b"]);
    assert_eq!(HashMap::from([(texts[1].clone(), 1)]).get("a"), Some(&1), "a map is asked by a text");
    assert_eq!((format!("{:?}", texts[0]), texts[0].to_string()), ("\"b\"".to_owned(), "b".to_owned()));
    assert!(texts[0] == texts[0].clone() && !Shared::ptr_eq(&texts[0], &"b".to_owned().into()));
    assert_eq!((*Shared::from(7_u128), *Shared::from(Box::new([true; 3]))), (7, [true; 3]));
    assert_eq!(&*(0..3_u8).collect::<Shared<[u8]>>(), [0, 1, 2]);
    assert!(Shared::<[u64]>::from(Vec::new()).is_empty());
    assert_eq!(Shared::from([0_u8; 0]).len(), 0);
}

/// Counts its drops.
struct Owner(Arc<AtomicUsize>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn an_owner_whose_content_is_not_found_is_dropped() {
    let drops = Arc::new(AtomicUsize::new(0));
    let owner = Owner(Arc::clone(&drops));
    let panicked = catch_unwind(AssertUnwindSafe(|| Counted::of(owner, |_| panic!("no content"))));
    assert!(panicked.is_err());
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

// Under Miri a function has no one address, so the `Arc` is copied there.
#[cfg(not(miri))]
#[test]
fn an_arc_that_comes_back_to_its_image_is_the_same_one() {
    fn comes_back<T: ?Sized + Shareable>(arc: &Arc<T>) {
        // SAFETY: the representation is used once.
        let back = unsafe { Arc::<T>::from_repr(Arc::clone(arc).into_repr()) };
        assert!(Arc::ptr_eq(&back, arc));
        drop(back);
        assert_eq!(Arc::strong_count(arc), 1);
    }
    comes_back(&Arc::new(5_u64));
    comes_back(&Arc::<str>::from("text"));
    comes_back(&Arc::<str>::from(""));
    comes_back(&Arc::<[[u16; 3]]>::from([[1, 2, 3], [4, 5, 6]]));
}

/// As `drop_arc`, with other code, as another image has it.
unsafe extern "C" fn drop_elsewhere<T: ?Sized + Shareable>(at: *const u8, len: usize) {
    ELSEWHERE.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the caller keeps the contract.
    unsafe { drop_arc::<T>(at, len) };
}

static ELSEWHERE: AtomicUsize = AtomicUsize::new(0);

#[test]
fn an_arc_of_another_image_is_copied_and_given_back_at_once() {
    fn is_copied<T: ?Sized + Shareable + PartialEq + std::fmt::Debug>(arc: &Arc<T>) {
        let before = ELSEWHERE.load(Ordering::Relaxed);
        let raw = RawArc { drop: drop_elsewhere::<T>, ..Arc::clone(arc).into_repr() };
        // SAFETY: the representation is used once, and `drop` drops what `into_repr` gave.
        let copy = unsafe { Arc::<T>::from_repr(raw) };
        assert_eq!(copy, *arc);
        assert!(!Arc::ptr_eq(&copy, arc));
        assert_eq!((Arc::strong_count(arc), Arc::strong_count(&copy)), (1, 1));
        assert_eq!(ELSEWHERE.load(Ordering::Relaxed), before + 1);
    }
    is_copied(&Arc::new(5_u64));
    is_copied(&Arc::<str>::from("text"));
    is_copied(&Arc::<[u8]>::from([]));
    is_copied(&Arc::<[[u16; 3]]>::from([[1, 2, 3], [4, 5, 6]]));
}

#[test]
fn shared_content_holds_the_image_until_it_is_freed() {
    // Other tests hold and give back meanwhile; this many, none of them does.
    let held: Vec<_> = (0..1000_u64).map(Shared::from).collect();
    let clones = held.clone();
    drop(held);
    assert!(holds::ours().count(Hold::Value) >= 1000);
    drop(clones);
    assert!(holds::ours().count(Hold::Value) < 1000);
}

#[test]
fn no_derived_type_has_the_shape_of_shared_content() {
    let shapes = [<Shared<str>>::SHAPE, <Arc<str>>::SHAPE, <Shared<[u8]>>::SHAPE, <Arc<u64>>::SHAPE];
    assert!(shapes.iter().all(|shape| shape.name.contains("::") && shape.size == 24 && shape.parts.len() == 1));
}
