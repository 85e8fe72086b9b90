//! The supervisor's table of kept descriptors, and how it answers an instance.
//!
//! A descriptor in the table is a reference of the supervisor's own to the open file: a listening
//! socket goes on queueing connections while no instance lives. Each request is one packet and
//! each change of the table is one assignment in the supervisor, so **an instance that is killed
//! anywhere** has either sent its packet, descriptor included, or has not; the table never holds a
//! half. A reply that cannot be delivered is dropped together with its copy of the descriptor.
//!
//! **A hostile instance** can fill the table (64 names) and can keep the supervisor busy for
//! [`TURN`] packets between two looks at everything else, but no more: reading never waits, a
//! reply that finds no room is not sent, and whatever came with a wrong packet is closed. Before
//! the last close of a socket its linger time is taken away, because that close would wait for it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::message::{Kind, Message, Name, Status};
use super::socket::{self, Received, close};

/// How many descriptors the supervisor keeps at most.
pub(crate) const KEPT: usize = 64;

/// How many packets are read in one turn.
const TURN: u32 = 64;

#[derive(Debug)]
struct Entry {
    name: Name,
    fd: OwnedFd,
}

/// The table. Lives in the supervisor from its start to its end; nothing in it allocates.
#[derive(Debug)]
pub(crate) struct Kept {
    entries: [Option<Entry>; KEPT],
}

/// What one turn of [`Kept::serve`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// How many packets were read. Whatever they were, look at the board afterwards: an instance whose `Look`
    /// found no room relies on these.
    pub(crate) packets: u32,
    /// How many of the packets were no messages, or messages that no instance sends.
    pub(crate) garbage: u32,
    /// Whether the names of kept descriptors have changed.
    pub(crate) renamed: bool,
    /// Whether the instance has closed its end, which says nothing about its life. Poll this socket no
    /// longer, because it would be ready for ever. No `Look` comes any more, so look in intervals.
    pub(crate) closed: bool,
}

impl Kept {
    /// An empty table.
    pub(crate) const fn new() -> Kept {
        Kept { entries: [const { None }; KEPT] }
    }

    /// Reads and answers what has come on the supervisor's end of an instance's socket: at most a
    /// fixed number of packets, without waiting. Call it again when the socket is readable again.
    pub(crate) fn serve(&mut self, socket: BorrowedFd<'_>) -> Turn {
        let mut turn = Turn::default();
        while turn.packets < TURN {
            match socket::receive(socket) {
                Ok(Received::Message(message, fd)) => {
                    turn.packets += 1;
                    turn.garbage += u32::from(!self.answer(socket, message, fd, &mut turn.renamed));
                }
                Ok(Received::Stripped(message)) => {
                    turn.packets += 1;
                    // This process has no room for another descriptor, so the table is as full as it can be.
                    let _ = socket::send(socket, &message.reply(Status::Full), None);
                }
                Ok(Received::Garbage) => {
                    turn.packets += 1;
                    turn.garbage += 1;
                }
                Ok(Received::Empty) => break,
                // Another error (EBADF, ENOMEM ...) would come again.
                Ok(Received::Closed) | Err(_) => {
                    turn.closed = true;
                    break;
                }
            }
        }
        turn
    }

    /// How many descriptors are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    /// What is kept, in the order of the table.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, BorrowedFd<'_>)> {
        self.entries.iter().flatten().map(|entry| (&entry.name, entry.fd.as_fd()))
    }

    /// Keeps `fd` in place of the descriptor of the same name, else in the first free place. Gives it back if
    /// there is none.
    pub(crate) fn keep(&mut self, name: Name, fd: OwnedFd) -> Result<(), OwnedFd> {
        let place = match self.place(&name) {
            Some(place) => Some(place),
            None => self.entries.iter().position(Option::is_none),
        };
        let Some(place) = place else { return Err(fd) };
        if let Some(old) = self.entries[place].replace(Entry { name, fd }) {
            close(old.fd);
        }
        Ok(())
    }

    fn place(&self, name: &Name) -> Option<usize> {
        self.entries.iter().position(|entry| entry.as_ref().is_some_and(|entry| entry.name == *name))
    }

    /// Answers a request. False if no instance sends such a request.
    fn answer(&mut self, socket: BorrowedFd<'_>, request: Message, fd: Option<OwnedFd>, renamed: &mut bool) -> bool {
        let (status, name, passed) = match (request.kind, request.name, fd) {
            (Kind::Look, _, None) => return true,
            (Kind::Keep, Some(name), Some(fd)) => {
                let is_new = self.place(&name).is_none();
                let status = match self.keep(name, fd) {
                    Ok(()) => {
                        *renamed |= is_new;
                        Status::Done
                    }
                    Err(fd) => {
                        close(fd);
                        Status::Full
                    }
                };
                (status, Some(name), None)
            }
            (Kind::Take, Some(name), None) => match self.place(&name) {
                Some(place) => (Status::Done, Some(name), Some(place)),
                None => (Status::NotFound, Some(name), None),
            },
            (Kind::Drop, Some(name), None) => match self.place(&name) {
                Some(place) => {
                    if let Some(old) = self.entries[place].take() {
                        close(old.fd);
                    }
                    *renamed = true;
                    (Status::Done, Some(name), None)
                }
                None => (Status::NotFound, Some(name), None),
            },
            (Kind::List, _, None) => {
                let found = (usize::from(request.cursor)..KEPT).find(|&place| self.entries[place].is_some());
                let next = found.map_or(KEPT, |place| place + 1);
                let name = found.and_then(|place| self.entries[place].as_ref()).map(|entry| entry.name);
                let status = if name.is_some() { Status::Done } else { Status::NotFound };
                let reply = Message { cursor: next as u16, name, ..request }.reply(status);
                let _ = socket::send(socket, &reply, None);
                return true;
            }
            (_, _, fd) => {
                if let Some(fd) = fd {
                    close(fd);
                }
                (Status::Refused, request.name, None)
            }
        };
        let passed = passed.and_then(|place| self.entries[place].as_ref()).map(|entry| entry.fd.as_fd());
        // If there is no room, or no instance any more, the asker gives up after its time.
        let _ = socket::send(socket, &Message { name, ..request }.reply(status), passed);
        status != Status::Refused
    }
}

#[cfg(test)]
mod tests;
