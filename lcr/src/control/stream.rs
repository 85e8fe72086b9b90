//! What a connection follows: events, or a watch.

use std::time::Instant;

use super::{
    connection::Connection,
    following::{self, Filled},
    watching,
};

/// What a connection follows.
pub(super) enum Stream {
    Events(following::Stream),
    Watch(Box<watching::Stream>),
}

impl Stream {
    pub(super) fn fill(&mut self, connection: &mut Connection, now: Instant) -> Filled {
        match self {
            Stream::Events(events) => events.fill(connection, now),
            Stream::Watch(watch) => watch.fill(connection, now),
        }
    }

    /// When it is to be looked at, if nothing wakes the loop before.
    pub(super) fn limit(&self, now: Instant) -> Option<Instant> {
        match self {
            Stream::Events(_) => None,
            Stream::Watch(_) => Some(now + watching::TICK),
        }
    }
}
