//! Values that stay with the side that made them (`Bytes`, handles, callbacks), and types of serde.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use lcr::{Bytes, Handle, Serde};

use super::{
    composites::{changed_record, record},
    contract::{Event, Numbers, Owners, Tree},
    sequences::TEXT,
};

/// Counts drops, and notes the thread of the last one.
#[derive(Clone, Default)]
struct Drops(Arc<Mutex<(u64, Option<thread::ThreadId>)>>);

impl Drops {
    fn count(&self) -> u64 {
        self.0.lock().unwrap().0
    }

    fn thread(&self) -> Option<thread::ThreadId> {
        self.0.lock().unwrap().1
    }
}

/// The owner of bytes, or the capture of a callback; its destructor belongs to this side.
struct Owned(Vec<u8>, Drops);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let mut drops = self.1.0.lock().unwrap();
        *drops = (drops.0 + 1, Some(thread::current().id()));
    }
}

/// Bytes cross both ways without a copy, and are destroyed where they were made.
///
/// # Panics
/// If not.
pub fn bytes(peer: &impl Owners) {
    let before = peer.destroyed();
    for text in ["", TEXT, &TEXT.repeat(10_000)] {
        let (theirs, place) = peer.bytes(text);
        assert_eq!((&*theirs, theirs.as_ptr().addr()), (text.as_bytes(), place));
        let clone = theirs.clone();
        drop(theirs);
        assert_eq!(peer.keep(Some(clone.clone())), None);
        drop(clone);
        let kept = peer.keep(None).unwrap();
        assert_eq!((&*kept, kept.as_ptr().addr()), (text.as_bytes(), place));
        thread::scope(|scope| scope.spawn(move || drop(kept)).join().unwrap());
    }
    assert_eq!(peer.destroyed(), before + 3);

    let drops = Drops::default();
    let ours = Bytes::from_owner(Owned(TEXT.into(), drops.clone()));
    let place = ours.as_ptr().addr();
    let (there, back, clone) = peer.pass(ours);
    assert_eq!((there, back.as_ptr().addr(), clone.as_ptr().addr()), (place, place, place));
    assert_eq!(peer.keep(Some(back)), None);
    drop(clone);
    assert_eq!(drops.count(), 0);
    assert_eq!(&*peer.keep(None).unwrap(), TEXT.as_bytes());
    assert_eq!((drops.count(), peer.destroyed()), (1, before + 3));
}

/// Handles as arguments and results, also inside an option.
///
/// # Panics
/// If one leads elsewhere.
pub fn handles(peer: &impl Owners, numbers: &Handle<dyn Numbers>) {
    assert_eq!(peer.call(numbers.clone(), 7), !7);
    assert!(peer.keep_handle(Some(numbers.clone())).is_none());
    let back = peer.keep_handle(None).unwrap();
    assert!(peer.keep_handle(None).is_none());
    assert_eq!(back.u64(u64::MAX), 0);
    assert_eq!(back.i128(i128::MIN), i128::MAX);
    assert_eq!(Handle::generation(&back), Handle::generation(numbers));
}

/// Callbacks that are lent for a call.
///
/// # Panics
/// If a value is lost on its way into or out of a callback.
pub fn lent_callbacks(peer: &impl Owners) {
    let seen = Mutex::new(Vec::new());
    let answers = peer.each("one two three", &|number, word| {
        seen.lock().unwrap().push((number, word.to_owned()));
        (number != 1).then(|| word.to_uppercase())
    });
    assert_eq!(answers, ["ONE", "THREE"]);
    assert_eq!(seen.into_inner().unwrap(), [(0, "one".to_owned()), (1, "two".to_owned()), (2, "three".to_owned())]);
    let here = thread::current().id();
    peer.nullary(&|| assert_eq!(thread::current().id(), here));
    // A callback calls into the component, which calls another callback.
    let nested = peer.each("a b", &|_, word| peer.each(word, &|_, inner| Some(format!("{inner}{inner}"))).pop());
    assert_eq!(nested, ["aa", "bb"]);

    let result = peer.everything(&|strings, room, (wide, ratio), event, bytes| {
        assert_eq!(strings, [TEXT, ""]);
        room.fill(b'r');
        assert_eq!((wide, ratio, event), (i128::MIN, -0.5, Event::Line(TEXT.to_owned(), 1)));
        assert_eq!(&*bytes, TEXT.as_bytes());
        Ok(record())
    });
    assert_eq!(result, Ok(changed_record()));
    let drops = Drops::default();
    let refused = peer.everything(&|_, room, _, _, _| {
        room.fill(b'r');
        Err(Bytes::from_owner(Owned(b"no".to_vec(), drops.clone())))
    });
    assert_eq!(&*refused.unwrap_err(), b"no");
    assert_eq!(drops.count(), 1);
}

/// Callbacks that are given away: the component calls them later on another thread, and their destructors
/// are those of the side that made them.
///
/// # Panics
/// If not.
pub fn given_callbacks(peer: &impl Owners) {
    let drops = Drops::default();
    let here = thread::current().id();
    let calls = Arc::new(AtomicU64::new(0));
    let captured = Owned(b"captured".to_vec(), drops.clone());
    let counted = Arc::clone(&calls);
    peer.give(Box::new(move |n, text| {
        assert_ne!(thread::current().id(), here);
        counted.fetch_add(1, Ordering::Relaxed);
        vec![n, captured.0.len() as u64, text.len() as u64]
    }));
    assert_eq!(peer.call_later(u64::MAX), [u64::MAX, 8, TEXT.len() as u64]);
    assert_eq!(peer.call_later(1), [1, 8, TEXT.len() as u64]);
    assert_eq!((calls.load(Ordering::Relaxed), drops.count()), (2, 0));
    assert!(peer.forget());
    assert!(!peer.forget());
    assert_eq!((drops.count(), Arc::strong_count(&calls)), (1, 1));
    assert_ne!(drops.thread(), Some(here));
    let captured = Owned(Vec::new(), drops.clone());
    peer.refuse(Box::new(move || assert!(captured.0.is_empty())));
    assert_eq!((drops.count(), drops.thread()), (2, Some(here)));
    // A callback without captures replaces another one.
    peer.give(Box::new(|n, _| vec![n; 3]));
    peer.give(Box::new(|n, _| vec![n; 2]));
    assert_eq!(peer.call_later(4), [4, 4]);
    assert!(peer.forget());
}

/// A type that only serde knows.
///
/// # Panics
/// If one arrives as another.
pub fn serde(peer: &impl Owners) {
    let leaf = |value| Tree::Leaf(value);
    let node = |name: &str, children| Tree::Node { name: name.to_owned(), children };
    let tree =
        node("", vec![leaf(Some(f64::MIN_POSITIVE)), node(TEXT, vec![leaf(None), leaf(Some(-0.0))]), leaf(None)]);
    let expected = [(String::new(), 3), (TEXT.to_owned(), 2)];
    assert_eq!(peer.tree(Serde(tree)).0, BTreeMap::from(expected));
    assert_eq!(peer.tree(Serde(leaf(None))).0, BTreeMap::new());
    // The instance did not change.
    assert_eq!(peer.keep(None), None);
}
