//! One connection, as a state machine over bytes and a clock that is passed in.
//!
//! The loop gives it the bytes that have come, takes requests from it, gives it the lines that answer them, and takes
//! the bytes that are to be sent. No input makes it hold more than a request's length of input, and no client that
//! does not read makes it hold more than an answer, or [`STREAM_LIMIT`] and an event, of output.
//!
//! | stage | is | input | ends when |
//! |---|---|---|---|
//! | greeting | no `hello` was accepted yet | a line | 10 s are over |
//! | ready | the next request may come | a line | 10 s in the middle of a line, 10 min else |
//! | at work | a request is being executed | stays in the socket | its answer has come |
//! | streaming | events follow | stays in the socket | the client hangs up |
//! | ending | the last bytes are sent | is not read | they are sent |
//!
//! In each stage, output of which the client has taken nothing for 10 s ends the connection.

use std::time::{Duration, Instant};

use crate::{Error, ErrorKind};

use super::protocol::{self, LINE_LIMIT, Malformed, Request};

/// How long the first request, and the rest of a line, may take.
pub(super) const PROMPT: Duration = Duration::from_secs(10);

/// How long a client may be silent between requests.
pub(super) const IDLE: Duration = Duration::from_secs(600);

/// How many bytes wait for a client before no further event is taken for it.
pub(super) const STREAM_LIMIT: usize = 256 << 10;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Ready,
    AtWork,
    Streaming,
    Ending,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stage: Stage,
    input: Vec<u8>,
    /// How much of the input is known to hold no line feed.
    searched: usize,
    output: Vec<u8>,
    /// How much of the output is sent.
    sent: usize,
    /// When the stage began, or the line in the input, whichever is later.
    quiet_since: Instant,
    /// When the client last took some of the output; meaningful if there is any.
    taken: Instant,
}

impl Connection {
    pub(super) fn new(now: Instant) -> Connection {
        Connection {
            stage: Stage::Greeting,
            input: Vec::new(),
            searched: 0,
            output: Vec::new(),
            sent: 0,
            quiet_since: now,
            taken: now,
        }
    }

    /// How many bytes [`Connection::receive`] takes now; 0 if input stays in the socket.
    pub(super) fn room(&self) -> usize {
        match self.stage {
            // What is to be sent goes out first: a client that does not read is not listened to either.
            Stage::Greeting | Stage::Ready if self.output().is_empty() => LINE_LIMIT - self.input.len(),
            _ => 0,
        }
    }

    /// Takes bytes that have come, no more than there is [`room`](Connection::room) for.
    pub(super) fn receive(&mut self, bytes: &[u8], now: Instant) {
        debug_assert!(bytes.len() <= self.room());
        if !bytes.is_empty() && self.input.is_empty() && self.stage == Stage::Ready {
            self.quiet_since = now;
        }
        self.input.extend_from_slice(bytes);
    }

    /// The next request, if a whole one has come and the last one is answered. Lines that are no request are answered
    /// here.
    pub(super) fn next(&mut self, now: Instant) -> Option<Request> {
        while matches!(self.stage, Stage::Greeting | Stage::Ready) && self.output().is_empty() {
            let Some(at) = self.input[self.searched..].iter().position(|&byte| byte == b'\n') else {
                self.searched = self.input.len();
                if self.input.len() >= LINE_LIMIT {
                    let text = format!("the request has more than {LINE_LIMIT} bytes, which are all that is taken");
                    self.refuse(None, Error::new(ErrorKind::Invalid, text), now);
                }
                return None;
            };
            let end = self.searched + at;
            let request = Request::read(&self.input[..end]);
            self.input.drain(..=end);
            // What a long request took is given back.
            self.input.shrink_to(4 << 10);
            self.searched = 0;
            match request {
                Ok(request) if self.stage == Stage::Greeting && request.command != "hello" => {
                    let text = format!("the first request is `hello`, and here it is `{:.40}`", request.command);
                    self.refuse(Some(request.id), Error::new(ErrorKind::Invalid, text), now);
                }
                Ok(request) => {
                    self.enter(Stage::AtWork, now);
                    return Some(request);
                }
                // Whoever sends something else than requests is not listened to any further.
                Err(Malformed { id, error }) => self.refuse(id, error, now),
            }
        }
        None
    }

    /// Sends the answer to the request at work. After `hello` the connection is ready.
    pub(super) fn answer(&mut self, line: &[u8], now: Instant) {
        if self.stage == Stage::AtWork {
            self.put(line, now);
            self.enter(Stage::Ready, now);
        }
    }

    /// Sends the answer to the request at work, which events follow.
    pub(super) fn stream(&mut self, line: &[u8], now: Instant) {
        if self.stage == Stage::AtWork {
            self.put(line, now);
            self.enter(Stage::Streaming, now);
        }
    }

    /// Whether a further line of events is taken: the client follows, and not too much waits for it.
    pub(super) fn takes_events(&self) -> bool {
        self.stage == Stage::Streaming && self.output().len() < STREAM_LIMIT
    }

    /// Sends a line of events. The caller has asked whether it [is taken](Connection::takes_events).
    pub(super) fn push(&mut self, line: &[u8], now: Instant) {
        if self.stage == Stage::Streaming {
            self.put(line, now);
        }
    }

    /// Sends an error, and nothing more.
    pub(super) fn refuse(&mut self, id: Option<u64>, error: Error, now: Instant) {
        self.put(&protocol::answer(id, &Err(error)), now);
        self.input = Vec::new();
        self.searched = 0;
        self.enter(Stage::Ending, now);
    }

    /// What is to be sent.
    pub(super) fn output(&self) -> &[u8] {
        &self.output[self.sent..]
    }

    /// Notes that the first `count` bytes of the output are sent.
    pub(super) fn wrote(&mut self, count: usize, now: Instant) {
        self.sent += count;
        if self.output().is_empty() {
            self.output = Vec::new();
            self.sent = 0;
        } else if self.sent > STREAM_LIMIT {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        if count > 0 {
            self.taken = now;
            if self.stage == Stage::Ready && self.output.is_empty() {
                self.quiet_since = now;
            }
        }
    }

    /// Whether the connection is to be closed: what was to be sent is sent, or its time is over.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        (self.stage == Stage::Ending && self.output().is_empty()) || self.limit().is_some_and(|limit| limit <= now)
    }

    /// When the connection's time is over, if nothing happens until then.
    pub(super) fn limit(&self) -> Option<Instant> {
        if !self.output().is_empty() {
            return Some(self.taken + PROMPT);
        }
        match self.stage {
            Stage::Greeting => Some(self.quiet_since + PROMPT),
            Stage::Ready if !self.input.is_empty() => Some(self.quiet_since + PROMPT),
            Stage::Ready => Some(self.quiet_since + IDLE),
            Stage::AtWork | Stage::Streaming => None,
            Stage::Ending => Some(self.quiet_since),
        }
    }

    /// Since when the client has been silent, if the connection may make room for another one. Connections without
    /// `hello` come first, so they are older than all others.
    pub(super) fn may_make_room(&self) -> Option<(bool, Instant)> {
        match self.stage {
            Stage::Greeting | Stage::Ending => Some((false, self.quiet_since)),
            Stage::Ready if self.output().is_empty() => Some((true, self.quiet_since)),
            Stage::Ready | Stage::AtWork | Stage::Streaming => None,
        }
    }

    fn enter(&mut self, stage: Stage, now: Instant) {
        self.stage = stage;
        self.quiet_since = now;
    }

    fn put(&mut self, line: &[u8], now: Instant) {
        if self.output().is_empty() {
            self.taken = now;
        }
        self.output.extend_from_slice(line);
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
