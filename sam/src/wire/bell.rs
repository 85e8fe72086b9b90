//! The bell: a descriptor that becomes readable when the supervisor has put a question on the
//! board, so that the application can wait for it beside its own events.
//!
//! The bell is a socket pair, of which each side has its own end. An eventfd would be one open file: an
//! instance could clear its O_NONBLOCK and fill its counter, and the supervisor's next write would wait
//! for ever.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::socket;

/// The supervisor's end.
#[derive(Debug)]
pub(crate) struct Bell {
    fd: OwnedFd,
}

impl Bell {
    /// A bell, and the end for the instance.
    pub(crate) fn new() -> io::Result<(Bell, OwnedFd)> {
        let (fd, theirs) = socket::pair()?;
        Ok((Bell { fd }, theirs))
    }

    /// Rings. If the socket is full, earlier rings are unheard, which is enough; if the other end is closed, no
    /// process hears.
    pub(crate) fn ring(&self) {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: one byte of a constant; the descriptor is ours.
        unsafe { libc::send(self.fd.as_raw_fd(), [1_u8].as_ptr().cast(), 1, flags) };
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Waits at the instance's end for a ring and takes it. False once the supervisor's end is closed.
pub(crate) fn heard(bell: BorrowedFd<'_>) -> bool {
    loop {
        match take(bell, 0) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            taken => return taken.is_ok_and(|len| len > 0),
        }
    }
}

/// Takes all rings that have come to the instance's end, without waiting. The end is readable again at the
/// next ring. False once the supervisor's end is closed.
pub(crate) fn silence(bell: BorrowedFd<'_>) -> bool {
    loop {
        match take(bell, libc::MSG_DONTWAIT) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

/// The length of the next ring: 0 if the other end is closed.
fn take(bell: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<usize> {
    let mut byte = [0_u8; 8];
    // SAFETY: `byte` is eight bytes that the call may write.
    let len = unsafe { libc::recv(bell.as_raw_fd(), byte.as_mut_ptr().cast(), byte.len(), flags) };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}
