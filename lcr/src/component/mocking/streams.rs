//! What a mocked method with a stream returns.

use std::{
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use futures_core::Stream;

/// A stream of values that are there already.
#[derive(Debug)]
pub struct Items<T>(vec::IntoIter<T>);

impl<T> Items<T> {
    /// A stream of these.
    pub fn new(items: Vec<T>) -> Items<T> {
        Items(items.into_iter())
    }
}

// The values are moved out, and never pinned.
impl<T> Unpin for Items<T> {}

impl<T> Stream for Items<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(self.0.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}
