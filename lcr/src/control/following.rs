//! Streams of events: the places at which clients read, and the thread that wakes the loop when there is more.
//!
//! The runtime keeps its last events for everybody, so a stream is a place in them and no queue of its own. The loop
//! takes events from there as fast as the client reads; what the client is too slow for is counted as lost. Events wake
//! threads and not sockets, so one thread waits for them and writes to the loop's descriptor. It begins with the first
//! stream and ends with the last.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use crate::{Error, Result, events::Events};

use super::{connection::Connection, protocol};

/// How soon the thread finds out that nobody follows any more.
const LOOK: Duration = Duration::from_millis(200);

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// The request that began it.
    id: u64,
    events: Events,
    /// How many lost events the client was told of.
    told: u64,
    /// Counts the stream as long as it is there.
    _followed: Arc<()>,
}

/// What came of moving events to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// The connection takes no more now. There may be more, for which nobody wakes the loop: it goes on when the
    /// client has taken what there is.
    AllItTakes,
    /// There are no more events now.
    AllThereIs,
    /// There will be no more events.
    Over,
}

/// The streams of a server.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// As long as a stream holds a count of it, the thread waits for events.
    followed: Mutex<Weak<()>>,
}

impl Following {
    /// Begins a stream of `events` that answers the request `id`. `wake` wakes the loop, on another thread.
    ///
    /// # Errors
    /// `Io` if no thread can be started.
    pub(super) fn begin(&self, id: u64, events: Events, wake: impl Fn() + Send + 'static) -> Result<Stream> {
        let mut followed = self.lock();
        if let Some(followed) = followed.upgrade() {
            return Ok(Stream { id, events, told: 0, _followed: followed });
        }
        let first = Arc::new(());
        *followed = Arc::downgrade(&first);
        let (watched, mut seen) = (followed.clone(), events.clone());
        // The count may go to 0 and a new thread begin while this one still waits; it ends by itself.
        let body = move || {
            while watched.strong_count() > 0 && !seen.is_closed() {
                if seen.next_timeout(LOOK).is_some() {
                    wake();
                }
            }
            wake();
        };
        thread::Builder::new()
            .name("lcr-events".to_owned())
            .spawn(body)
            .map_err(|error| Error::io("no thread can be started to follow the events", error))?;
        Ok(Stream { id, events, told: 0, _followed: first })
    }

    fn lock(&self) -> MutexGuard<'_, Weak<()>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// Moves events to the client's connection, as many as it takes.
    pub(super) fn fill(&mut self, connection: &mut Connection, now: Instant) -> Filled {
        while connection.takes_events() {
            let is_closed = self.events.is_closed();
            let event = self.events.try_next();
            let lost = self.events.lost();
            if lost > self.told {
                connection.push(&protocol::lost(self.id, lost - self.told), now);
                self.told = lost;
            }
            match event {
                Some(event) => connection.push(&protocol::event(self.id, &event), now),
                None if is_closed => return Filled::Over,
                None => return Filled::AllThereIs,
            }
        }
        Filled::AllItTakes
    }
}
