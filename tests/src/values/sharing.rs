//! Content that is shared (`lcr::Shared`), counted (`Arc`), and lent or owned (`Cow`).
#![allow(missing_docs, reason = "a method that carries one type says all in its signature")]
#![allow(
    clippy::type_complexity,
    reason = "every type that may cross does so here, also those that one would not choose"
)]

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};

use lcr::{Runtime, Shared};

use super::{
    contract::Point,
    sequences::{TEXT, points},
};

/// A struct of all three.
#[derive(Clone, Debug, lcr::Abi)]
pub struct Named<'a> {
    pub name: Cow<'a, str>,
    pub text: Shared<str>,
    pub point: Arc<Point>,
}

#[lcr::interface(name = "test.values.sharing", version = 1)]
pub trait Sharing {
    /// A text of this side, with its address.
    fn text(&self, v: &str) -> (Shared<str>, usize);
    /// Numbers of this side, with their address.
    fn numbers(&self, count: u64) -> (Shared<[u64]>, usize);
    /// A point of this side, with its address.
    fn point(&self, tag: u8) -> (Shared<Point>, usize);
    /// The address of the text, the text, and a clone of it.
    fn pass(&self, v: Shared<str>) -> (usize, Shared<str>, Shared<str>);
    /// The address of the points, and the last one.
    fn points(&self, v: Shared<[Point]>) -> (usize, Option<Shared<Point>>);
    /// Keeps the text, and returns the one kept before.
    fn keep(&self, v: Option<Shared<str>>) -> Option<Shared<str>>;
    /// The addresses of each text's bytes.
    fn places(&self, v: HashMap<String, Vec<Shared<[u8]>>>) -> BTreeMap<String, Vec<usize>>;
    /// Reversed, each in an `Arc` of this side.
    fn arcs(&self, v: Arc<str>, w: Arc<[u16]>, x: Arc<Point>) -> (Arc<str>, Arc<[u16]>, Arc<Point>);
    /// Gives the same `Arc` away twice; how often this side still holds it.
    fn counted(&self, f: &dyn Fn(Vec<Arc<str>>)) -> usize;
    /// For each whether it is lent, and its address.
    fn cows(&self, v: Cow<'_, str>, w: Cow<'_, [u64]>, more: Vec<Cow<'_, str>>) -> Vec<(bool, usize, String)>;
    /// The name that is lent, or else the text.
    fn named(&self, v: Named<'_>) -> Result<(usize, Arc<Point>), Shared<str>>;
    /// Gives way, then returns what it was given.
    async fn later(&self, lent: Cow<'_, str>, text: Shared<str>, arc: Arc<[u8]>) -> (String, Shared<str>, Arc<[u8]>);
}

/// Makes every exchange.
///
/// # Panics
/// If a value arrives as another one, or is copied where it should not be, or is not freed.
pub fn all(rt: &Runtime) {
    let peer = &rt.service::<dyn Sharing>().expect("the interface is served");
    shared(peer);
    arcs(peer);
    cows(peer);
    later(peer);
}

/// # Panics
/// If shared content is copied, or its owner dropped too early or too late.
pub fn shared(peer: &impl Sharing) {
    for text in ["", TEXT, &TEXT.repeat(10_000)] {
        let (theirs, place) = peer.text(text);
        assert_eq!((&*theirs, theirs.as_ptr().addr()), (text, place));
        let clone = theirs.clone();
        assert!(Shared::ptr_eq(&theirs, &clone));
        drop(theirs);
        assert_eq!(peer.keep(Some(clone.clone())), None);
        drop(clone);
        let kept = peer.keep(None).expect("the text was kept");
        assert_eq!((&*kept, kept.as_ptr().addr()), (text, place));
        thread::scope(|scope| scope.spawn(move || drop(kept)).join().expect("no panic"));
    }
    for count in [0, 1, 10_000] {
        let (numbers, place) = peer.numbers(count);
        assert!(numbers.iter().copied().eq(0..count));
        assert_eq!(numbers.as_ptr().addr(), place);
    }
    let (point, place) = peer.point(7);
    assert_eq!((*point, std::ptr::from_ref(&*point).addr()), (points(8)[7], place));

    let owner: Arc<str> = Arc::from(TEXT);
    let ours = Shared::from(Arc::clone(&owner));
    let address = owner.as_ptr().addr();
    let (there, back, clone) = peer.pass(ours);
    assert_eq!((there, back.as_ptr().addr(), clone.as_ptr().addr()), (address, address, address));
    assert_eq!(Arc::strong_count(&owner), 2);
    assert_eq!(peer.keep(Some(back)), None);
    drop(clone);
    assert_eq!(Arc::strong_count(&owner), 2, "the component keeps the text");
    assert_eq!(peer.keep(None).as_deref(), Some(TEXT));
    assert_eq!(Arc::strong_count(&owner), 1);

    let ours = Shared::from(points(5));
    let (place, last) = peer.points(ours.clone());
    assert_eq!((place, last.as_deref()), (ours.as_ptr().addr(), ours.last()));
    assert_eq!(peer.points(Shared::from(Vec::new())).1, None);
    let bytes: [Shared<[u8]>; 2] = [Shared::from(&b"fixed"[..]), (0..9).collect()];
    let places = bytes.iter().map(|bytes| bytes.as_ptr().addr()).collect();
    let answer = peer.places(HashMap::from([(TEXT.to_owned(), bytes.to_vec()), (String::new(), Vec::new())]));
    assert_eq!(answer, BTreeMap::from([(TEXT.to_owned(), places), (String::new(), Vec::new())]));
}

/// # Panics
/// If an `Arc` arrives as another one, or a side keeps one that it gave away.
pub fn arcs(peer: &impl Sharing) {
    for count in [0, 1, 10_000] {
        let text: Arc<str> = TEXT.repeat(count as usize).into();
        let numbers: Arc<[u16]> = (0..count).collect();
        let point = Arc::new(points(1)[0]);
        let (back, reversed, flipped) = peer.arcs(Arc::clone(&text), Arc::clone(&numbers), Arc::clone(&point));
        assert_eq!(*back, *text.chars().rev().collect::<String>());
        assert!(reversed.iter().eq(numbers.iter().rev()));
        assert_eq!(*flipped, Point { x: point.y, y: point.x, ..*point });
        let counts = (Arc::strong_count(&text), Arc::strong_count(&numbers), Arc::strong_count(&point));
        assert_eq!(counts, (1, 1, 1), "nothing of ours was kept");
        let counts = (Arc::strong_count(&back), Arc::strong_count(&reversed), Arc::strong_count(&flipped));
        assert_eq!(counts, (1, 1, 1), "what we received is our own");
    }
    let kept = std::cell::RefCell::new(Vec::new());
    assert_eq!(peer.counted(&|given| kept.borrow_mut().extend(given)), 1);
    let kept = kept.into_inner();
    assert!(kept.len() == 2 && kept.iter().all(|text| **text == *TEXT));
}

/// # Panics
/// If what is borrowed is copied, or what is owned is lost.
pub fn cows(peer: &impl Sharing) {
    let numbers = [1, 2, 3];
    let lent: Vec<Cow<'_, str>> = vec![TEXT.into(), Cow::Borrowed(""), TEXT.to_owned().into(), String::new().into()];
    let answer = peer.cows(TEXT.into(), numbers.as_slice().into(), lent.clone());
    let place = TEXT.as_ptr().addr();
    assert_eq!(answer[0], (true, place, TEXT.to_owned()));
    assert_eq!(answer[1], (true, numbers.as_ptr().addr(), "[1, 2, 3]".to_owned()));
    assert_eq!(answer[2], (true, place, TEXT.to_owned()));
    assert_eq!(answer[3], (true, lent[1].as_ptr().addr(), String::new()));
    assert!(!answer[4].0 && answer[4].2 == TEXT && !answer[5].0 && answer[5].2.is_empty());
    let answer = peer.cows(TEXT.to_owned().into(), numbers.to_vec().into(), Vec::new());
    assert!(!answer[0].0 && answer[0].2 == TEXT && !answer[1].0 && answer[1].2 == "[1, 2, 3]");

    let point = Arc::new(points(1)[0]);
    let text = Shared::from(TEXT);
    let named = |name| Named { name, text: text.clone(), point: Arc::clone(&point) };
    assert_eq!(peer.named(named(Cow::Borrowed(TEXT))), Ok((place, Arc::clone(&point))));
    let back = peer.named(named(Cow::Owned(String::new()))).expect_err("the text");
    assert!(Shared::ptr_eq(&back, &text));
    assert_eq!(Arc::strong_count(&point), 1);
}

/// # Panics
/// If an async method loses a value.
pub fn later(peer: &impl Sharing) {
    let owner: Arc<str> = Arc::from(TEXT);
    let arc: Arc<[u8]> = Arc::from(&b"bytes"[..]);
    let name = TEXT.to_owned();
    let call = || peer.later(Cow::Borrowed(&name), Shared::from(Arc::clone(&owner)), Arc::clone(&arc));
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut call = pin!(call());
        assert!(call.as_mut().poll(&mut context).is_pending());
        let Poll::Ready((lent, text, bytes)) = call.as_mut().poll(&mut context) else { panic!("it gives way once") };
        assert_eq!((lent, text.as_ptr(), &bytes), (name.clone(), owner.as_ptr(), &arc));
        assert_eq!((Arc::strong_count(&owner), Arc::strong_count(&arc)), (2, 1));
    }
    // Dropped before the first poll, and half-way.
    drop(call());
    let mut half = Box::pin(call());
    assert!(half.as_mut().poll(&mut context).is_pending());
    assert_eq!(Arc::strong_count(&owner), 2, "the component's future has the text");
    drop(half);
    assert_eq!((Arc::strong_count(&owner), Arc::strong_count(&arc)), (1, 1));
}
