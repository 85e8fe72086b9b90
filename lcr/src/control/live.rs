//! A connection with its socket: moving its bytes, by system calls that do not block.

use std::{io, time::Instant};

use rustix::net::{RecvFlags, SendFlags};

use crate::Actor;

use super::{connection::Connection, descriptors::Kept, stream::Stream};

/// How many bytes are read at a time.
const READ: usize = 16 << 10;

/// A connection with its socket.
pub(super) struct Live {
    pub(super) socket: Kept,
    pub(super) actor: Actor,
    pub(super) connection: Connection,
    pub(super) stream: Option<Stream>,
}

/// Without SIGPIPE, whatever the program has made of that signal.
pub(super) const SENDING: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);

impl Live {
    /// Reads what has come, once. An error says that the connection is to be closed.
    pub(super) fn receive(&mut self, now: Instant) -> io::Result<()> {
        let mut bytes = [0; READ];
        let room = self.connection.room().min(READ);
        if room == 0 {
            return Ok(());
        }
        match rustix::net::recv(&self.socket, &mut bytes[..room], RecvFlags::DONTWAIT) {
            Ok((_, 0)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((_, count)) => {
                self.connection.receive(&bytes[..count], now);
                Ok(())
            }
            Err(error) if is_later(error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends what is to be sent, as far as the socket takes it.
    pub(super) fn send(&mut self, now: Instant) -> io::Result<()> {
        while !self.connection.output().is_empty() {
            match rustix::net::send(&self.socket, self.connection.output(), SENDING) {
                Ok(count) => self.connection.wrote(count, now),
                Err(error) if is_later(error) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn is_later(error: rustix::io::Errno) -> bool {
    matches!(error, rustix::io::Errno::AGAIN | rustix::io::Errno::INTR)
}
