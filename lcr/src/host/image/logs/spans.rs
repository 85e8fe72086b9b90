//! The spans that images have.
//!
//! An image knows a span by a number of the host's, which is never used twice in the process. The host keeps for each
//! number the subscriber that made the span, and the subscriber's own number: a program may have several
//! subscribers, for scopes and threads, and a span stays with the one that made it. To that subscriber, the image is
//! one holder, whatever the number of references in the image.
//!
//! A thread of the program may be in a span that is not of the image: of the program, or of another image. The image
//! gets a number for it only if it keeps the span ([`Spans::keep_current`]).
//!
//! Which of the image's spans a thread is in is found by [`ENTERED`], the spans that the thread has entered for images.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing_core::{Dispatch, Metadata, dispatcher, span::Id};

use crate::abi::logs::{CURRENT_OF_HOST, NO_SPAN};

use super::contained::contained;

/// How many locks the spans are under, so that threads seldom wait for each other.
const SHARDS: usize = 16;

pub(super) type Shard = HashMap<u64, Kept>;
static SPANS: LazyLock<[Mutex<Shard>; SHARDS]> = LazyLock::new(Default::default);

/// The next number of a span.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A span that an image has.
#[derive(Clone)]
pub(super) struct Span {
    pub(super) dispatch: Dispatch,
    pub(super) id: Id,
    pub(super) metadata: &'static Metadata<'static>,
}

pub(super) struct Kept {
    span: Span,
    image: u64,
    /// The references that the image has.
    references: usize,
}

/// The spans of the image with this number.
#[derive(Clone, Copy)]
pub(super) struct Spans(pub(super) u64);

thread_local! {
    /// The numbers of the spans that this thread has entered for images, and the subscribers' own.
    static ENTERED: RefCell<Vec<(u64, Id)>> = const { RefCell::new(Vec::new()) };
}

/// The description of the span that a thread is in.
pub(super) enum Current {
    Unknown,
    None,
    Some { span: u64, metadata: &'static Metadata<'static> },
}

fn shard(span: u64) -> MutexGuard<'static, Shard> {
    SPANS[span as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds all locks of spans, for the time of a fork.
pub(super) fn lock_all() -> Vec<MutexGuard<'static, Shard>> {
    (0..SHARDS as u64).map(shard).collect()
}

impl Spans {
    /// What the image has by that number.
    fn with<R>(self, number: u64, look: impl FnOnce(&mut Kept) -> R) -> Option<R> {
        shard(number).get_mut(&number).filter(|kept| kept.image == self.0).map(look)
    }

    /// Keeps a span, of which the image has one reference, and returns its number.
    pub(super) fn keep(self, span: Span) -> u64 {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        shard(number).insert(number, Kept { span, image: self.0, references: 1 });
        number
    }

    /// The span with that number, if the image has it.
    pub(super) fn get(self, number: u64) -> Option<Span> {
        self.with(number, |kept| kept.span.clone())
    }

    /// The subscriber's own number of a span, for a parent. `None` if the image means the thread's current span.
    pub(super) fn id(self, number: u64) -> Option<Id> {
        self.with(number, |kept| kept.span.id.clone())
    }

    pub(super) fn enter(self, number: u64) {
        let Some(span) = self.get(number) else { return };
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().push((number, span.id.clone())));
        span.dispatch.enter(&span.id);
    }

    pub(super) fn exit(self, number: u64) {
        let Some(span) = self.get(number) else { return };
        let _ = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            if let Some(at) = entered.iter().rposition(|(entered, _)| *entered == number) {
                entered.remove(at);
            }
        });
        span.dispatch.exit(&span.id);
    }

    /// One more reference to a span; its number.
    pub(super) fn clone_span(self, number: u64) -> u64 {
        if number == CURRENT_OF_HOST {
            return self.keep_current();
        }
        self.with(number, |kept| kept.references += 1).map_or(NO_SPAN, |()| number)
    }

    fn keep_current(self) -> u64 {
        let span = dispatcher::get_default(|dispatch| {
            let (id, metadata) = dispatch.current_span().into_inner()?;
            Some(Span { dispatch: dispatch.clone(), id: dispatch.clone_span(&id), metadata })
        });
        span.map_or(NO_SPAN, |span| self.keep(span))
    }

    /// One reference less. True if it was the last of the span.
    pub(super) fn close(self, number: u64) -> bool {
        let mut shard = shard(number);
        let Some(kept) = shard.get_mut(&number).filter(|kept| kept.image == self.0) else { return false };
        kept.references -= 1;
        if kept.references > 0 {
            return false;
        }
        let kept = shard.remove(&number);
        drop(shard);
        kept.is_some_and(|Kept { span, .. }| span.dispatch.try_close(span.id))
    }

    /// Closes all spans: their image goes away.
    pub(super) fn close_all(self) {
        for at in 0..SHARDS as u64 {
            let left: Vec<Kept> = shard(at).extract_if(|_, kept| kept.image == self.0).map(|(_, kept)| kept).collect();
            for Kept { span, .. } in left {
                // A subscriber that panics at one is told of the others.
                contained(|| span.dispatch.try_close(span.id));
            }
        }
    }

    /// The span that this thread is in.
    pub(super) fn current(self) -> Current {
        let current = dispatcher::get_default(Dispatch::current_span);
        if !current.is_known() {
            return Current::Unknown;
        }
        let Some((id, metadata)) = current.into_inner() else { return Current::None };
        let own = ENTERED.try_with(|entered| {
            let entered = entered.borrow();
            let (number, _) = entered.iter().rev().find(|(_, entered)| *entered == id)?;
            // Numbers of other images are not among those of this one.
            self.get(*number).filter(|span| std::ptr::eq(span.metadata, metadata)).map(|_| *number)
        });
        let span = own.ok().flatten().unwrap_or(CURRENT_OF_HOST);
        Current::Some { span, metadata }
    }
}
