//! The instance's end of the socket to its supervisor: one question at a time.

use std::{
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{
        Mutex,
        atomic::{Ordering, fence},
    },
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::lock::lock;
use crate::{
    error::{Error, ErrorKind, Result},
    wire::{self, Kind, Message, Name, Received},
};

/// How long a question waits for its reply. The supervisor replies within microseconds, unless it was
/// stopped (SIGSTOP); then an error is better than an application that hangs with it.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// The instance's end of the socket.
#[derive(Debug)]
pub(super) struct SupervisorClient {
    socket: OwnedFd,
    /// The number of the newest question; the lock is held from a question to its reply.
    serial: Mutex<u64>,
}

impl SupervisorClient {
    pub(super) fn new(socket: OwnedFd) -> SupervisorClient {
        SupervisorClient { socket, serial: Mutex::new(0) }
    }

    /// Asks the supervisor to look at the board. The call never waits. If the socket has no room, earlier
    /// packets are unread, and the supervisor looks at the board after it has read them.
    pub(super) fn look(&self) {
        // Our stores to the board come before the kernel finds that there is no room, as the supervisor's
        // reads from the socket come before its look at the board.
        fence(Ordering::SeqCst);
        let _ = wire::send(self.socket.as_fd(), &Message::request(Kind::Look, None, 0), None);
    }

    /// Sends a question and waits for its reply, [`REPLY_TIMEOUT`] at most.
    pub(super) fn ask(
        &self,
        kind: Kind,
        name: Option<Name>,
        cursor: u16,
        fd: Option<BorrowedFd<'_>>,
    ) -> Result<(Message, Option<OwnedFd>)> {
        let mut serial = lock(&self.serial);
        *serial += 1;
        let until = Instant::now() + REPLY_TIMEOUT;
        let request = Message { cursor, ..Message::request(kind, name, *serial) };
        loop {
            match wire::send(self.socket.as_fd(), &request, fd) {
                Ok(()) => break,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => self.wait(PollFlags::POLLOUT, until)?,
                Err(error) if matches!(error.raw_os_error(), Some(libc::EPIPE | libc::ECONNRESET)) => {
                    return Err(gone());
                }
                Err(error) => return Err(Error::io("cannot send a question to the supervisor", error)),
            }
        }
        loop {
            match wire::receive(self.socket.as_fd()) {
                // A reply with an earlier number is to a question whose asker has given up.
                Ok(Received::Message(reply, fd)) if reply.serial == *serial => return Ok((reply, fd)),
                Ok(Received::Stripped(reply)) if reply.serial == *serial => {
                    let source = std::io::Error::from_raw_os_error(libc::EMFILE);
                    return Err(Error::io(
                        "this process may open no further descriptor; close one, or raise the limit (ulimit -n)",
                        source,
                    ));
                }
                Ok(Received::Message(..) | Received::Stripped(_) | Received::Garbage) => {}
                Ok(Received::Empty) => self.wait(PollFlags::POLLIN, until)?,
                Ok(Received::Closed) => return Err(gone()),
                Err(error) => return Err(Error::io("cannot receive the supervisor's reply", error)),
            }
        }
    }

    fn wait(&self, what: PollFlags, until: Instant) -> Result<()> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(
                ErrorKind::Timeout,
                format!("the supervisor did not answer for {REPLY_TIMEOUT:?}; see whether it is stopped"),
            ));
        }
        // Rounded up, so that the last millisecond is no busy loop.
        let millis = PollTimeout::try_from(left.as_millis() as i32 + 1).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(self.socket.as_fd(), what)], millis) {
            Ok(_) | Err(nix::Error::EINTR) => Ok(()),
            Err(error) => Err(Error::io("cannot wait for the supervisor", error)),
        }
    }
}

#[cold]
fn gone() -> Error {
    Error::new(ErrorKind::Gone, "the supervisor has ended, and this process has none any more")
}
