//! Polling by hand: an executor of one future, and a task that counts how often it is woken.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use lcr::Stream;

/// Wakes by unparking a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, by the smallest executor there is.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Counts how often a task is woken.
#[derive(Debug, Default)]
pub struct CountingTask(AtomicUsize);

impl Wake for CountingTask {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl CountingTask {
    /// Polls a stream once, as this task.
    pub fn poll_next<S: Stream + ?Sized>(self: &Arc<CountingTask>, stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
        stream.poll_next(&mut Context::from_waker(&Waker::from(Arc::clone(self))))
    }

    /// How often it was woken.
    pub fn woken(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
