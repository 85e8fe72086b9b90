//! One client: its bytes in, its replies out.
//!
//! Invariants
//! 1. Replies are in the order of their requests: a connection is served by one thread,
//!    and one request at a time.
//! 2. While more than [`UNSENT_LIMIT`] bytes of replies wait for the client, none of its
//!    requests is executed and nothing is read, which is TCP's back-pressure for the client. So
//!    the memory of a connection is bounded by twice that limit, one reply and one request.
//! 3. A connection that is closing executes nothing more; it ends when the last reply
//!    is sent.

use std::io::{self, ErrorKind, Read, Write};

use kv::{Commands, reply};
use mio::net::TcpStream;

use super::{
    request::{Limits, Parser, Progress, ProtocolError},
    session::Session,
    tally::Batch,
};

/// Replies that may wait for a client that does not read them.
const UNSENT_LIMIT: usize = 4 << 20;

/// Buffers above this size are given back when they are empty.
const KEPT_CAPACITY: usize = 256 << 10;

/// How often a connection reads before others get their turn.
const READS_A_TURN: usize = 4;

/// What a connection needs next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// Another turn, after others had theirs.
    Again,
    /// News from the operating system.
    Wait,
    /// Nothing more: drop it.
    Closed,
}

/// A client's connection.
#[allow(clippy::struct_excessive_bools, reason = "four facts about a socket, each true or not by itself")]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    parser: Parser,
    session: Session,
    /// Bytes received; those before `taken` are done with.
    input: Vec<u8>,
    taken: usize,
    /// Replies; those before `sent` are sent.
    output: Vec<u8>,
    sent: usize,
    readable: bool,
    writable: bool,
    /// The peer will send no more, so a short read does not mean an empty socket.
    half_closed: bool,
    closing: bool,
}

impl Connection {
    /// A connection that was just accepted.
    pub(crate) fn new(stream: TcpStream, limits: Limits) -> Connection {
        Connection {
            stream,
            parser: Parser::new(limits),
            session: Session::new(),
            input: Vec::new(),
            taken: 0,
            output: Vec::new(),
            sent: 0,
            readable: true,
            writable: true,
            half_closed: false,
            closing: false,
        }
    }

    /// Takes note of what the operating system says.
    pub(crate) fn notice(&mut self, event: &mio::event::Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
        self.half_closed |= event.is_read_closed() || event.is_error();
    }

    /// Reads, executes and replies as far as the peer and fairness allow.
    pub(crate) fn turn(&mut self, commands: &dyn Commands, scratch: &mut [u8], batch: &mut Batch) -> Turn {
        self.progress(commands, scratch, batch).unwrap_or(Turn::Closed)
    }

    fn progress(&mut self, commands: &dyn Commands, scratch: &mut [u8], batch: &mut Batch) -> io::Result<Turn> {
        let mut reads = 0;
        loop {
            let hungry = self.execute(commands, batch);
            self.flush()?;
            let unsent = self.output.len() - self.sent;
            if self.closing {
                return Ok(if unsent == 0 { Turn::Closed } else { Turn::Wait });
            }
            if unsent >= UNSENT_LIMIT {
                return Ok(Turn::Wait);
            }
            if !hungry {
                continue;
            }
            if !self.readable {
                return Ok(Turn::Wait);
            }
            if reads == READS_A_TURN {
                return Ok(Turn::Again);
            }
            reads += 1;
            self.read(scratch)?;
        }
    }

    /// Executes what was received; `false` if it stopped because of unsent replies.
    fn execute(&mut self, commands: &dyn Commands, batch: &mut Batch) -> bool {
        while !self.closing {
            if self.output.len() - self.sent >= UNSENT_LIMIT {
                return false;
            }
            match self.parser.advance(&self.input[self.taken..]) {
                Ok(Progress::Partial) => break,
                Ok(Progress::Complete { len }) => {
                    let words = self.parser.words(&self.input[self.taken..self.taken + len]);
                    self.closing = words.first().is_some_and(|name| name.eq_ignore_ascii_case(b"quit"));
                    if !words.is_empty() {
                        batch.requests += 1;
                        if !self.session.answers(&words, &mut self.output) {
                            answer(commands, words, &self.session, &mut self.output, batch);
                        }
                    }
                    self.taken += len;
                }
                Err(error) => self.refuse(error, batch),
            }
        }
        if self.taken == self.input.len() {
            self.input.clear();
            self.input.shrink_to(KEPT_CAPACITY);
            self.taken = 0;
        }
        true
    }

    fn refuse(&mut self, error: ProtocolError, batch: &mut Batch) {
        batch.protocol_errors += 1;
        reply::error(&mut self.output, &format!("ERR {error}"));
        self.closing = true;
    }

    fn read(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        match self.stream.read(scratch) {
            Ok(0) => self.closing = true,
            Ok(len) => {
                self.readable = len == scratch.len() || self.half_closed;
                // Executed requests make room before the buffer grows.
                if self.taken > 0 && self.input.capacity() - self.input.len() < len {
                    self.input.drain(..self.taken);
                    self.taken = 0;
                }
                self.input.extend_from_slice(&scratch[..len]);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.writable && self.sent < self.output.len() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.sent == self.output.len() {
            self.output.clear();
            self.output.shrink_to(KEPT_CAPACITY);
            self.sent = 0;
        } else if self.sent >= UNSENT_LIMIT {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }
}

/// One request, one reply; also when the command layer cannot be asked.
fn answer(commands: &dyn Commands, words: Vec<&[u8]>, session: &Session, output: &mut Vec<u8>, batch: &mut Batch) {
    match commands.execute(words) {
        Ok(answer) => session.append(output, &answer.reply),
        Err(error) => {
            batch.faults += 1;
            reply::error(output, &format!("ERR {error}"));
        }
    }
}
