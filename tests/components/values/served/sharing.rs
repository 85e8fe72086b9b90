//! Content that is shared, counted, lent or owned.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    future::poll_fn,
    ptr,
    sync::{Arc, Mutex},
    task::Poll,
};

use lcr::Shared;
use lcr_tests::values::{
    contract::Point,
    sequences::{TEXT, points},
    sharing::{Named, Sharing},
};

#[derive(Default)]
pub struct Sharer {
    text: Mutex<Option<Shared<str>>>,
}

#[lcr::component(name = "values", version = "1.0.0")]
impl Sharing for Sharer {
    fn text(&self, v: &str) -> (Shared<str>, usize) {
        let text = Shared::from(v.to_owned());
        let place = text.as_ptr().addr();
        (text, place)
    }
    fn numbers(&self, count: u64) -> (Shared<[u64]>, usize) {
        let numbers: Arc<[u64]> = (0..count).collect();
        let place = numbers.as_ptr().addr();
        (numbers.into(), place)
    }
    fn point(&self, tag: u8) -> (Shared<Point>, usize) {
        let point = Shared::from(points(tag + 1)[usize::from(tag)]);
        let place = ptr::from_ref(&*point).addr();
        (point, place)
    }
    fn pass(&self, v: Shared<str>) -> (usize, Shared<str>, Shared<str>) {
        (v.as_ptr().addr(), v.clone(), v)
    }
    fn points(&self, v: Shared<[Point]>) -> (usize, Option<Shared<Point>>) {
        (v.as_ptr().addr(), v.last().copied().map(Shared::from))
    }
    fn keep(&self, v: Option<Shared<str>>) -> Option<Shared<str>> {
        std::mem::replace(&mut self.text.lock().unwrap(), v)
    }
    fn places(&self, v: HashMap<String, Vec<Shared<[u8]>>>) -> BTreeMap<String, Vec<usize>> {
        v.into_iter().map(|(name, bytes)| (name, bytes.iter().map(|bytes| bytes.as_ptr().addr()).collect())).collect()
    }
    fn arcs(&self, v: Arc<str>, w: Arc<[u16]>, x: Arc<Point>) -> (Arc<str>, Arc<[u16]>, Arc<Point>) {
        assert_eq!((Arc::strong_count(&v), Arc::strong_count(&w), Arc::strong_count(&x)), (1, 1, 1));
        let text = v.chars().rev().collect::<String>();
        (text.into(), w.iter().rev().copied().collect(), Arc::new(Point { x: x.y, y: x.x, ..*x }))
    }
    fn counted(&self, f: &dyn Fn(Vec<Arc<str>>)) -> usize {
        let text: Arc<str> = Arc::from(TEXT);
        f(vec![Arc::clone(&text), Arc::clone(&text)]);
        Arc::strong_count(&text)
    }
    fn cows(&self, v: Cow<'_, str>, w: Cow<'_, [u64]>, more: Vec<Cow<'_, str>>) -> Vec<(bool, usize, String)> {
        let text = |v: &Cow<'_, str>| (matches!(v, Cow::Borrowed(_)), v.as_ptr().addr(), v.clone().into_owned());
        let numbers = (matches!(w, Cow::Borrowed(_)), w.as_ptr().addr(), format!("{w:?}"));
        [text(&v), numbers].into_iter().chain(more.iter().map(text)).collect()
    }
    fn named(&self, v: Named<'_>) -> Result<(usize, Arc<Point>), Shared<str>> {
        match v.name {
            Cow::Borrowed(name) => Ok((name.as_ptr().addr(), v.point)),
            Cow::Owned(_) => Err(v.text),
        }
    }
    async fn later(&self, lent: Cow<'_, str>, text: Shared<str>, arc: Arc<[u8]>) -> (String, Shared<str>, Arc<[u8]>) {
        let mut pending = true;
        poll_fn(|_| if std::mem::take(&mut pending) { Poll::Pending } else { Poll::Ready(()) }).await;
        (lent.into_owned(), text, arc)
    }
}
