//! The bell: a descriptor that becomes readable when the supervisor has put a question on the
//! board, so that the application can wait for it beside its own events.
//!
//! A socket and not an eventfd: an eventfd is one open file, whose O_NONBLOCK an instance could
//! take away and whose counter it could fill, and the supervisor's next write would wait for
//! ever. Of a socket pair each side has its own end.

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

    /// Rings. One that still rings unheard is enough, and so is one whose other end is closed.
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

/// Waits at the instance's end for one ring and takes it. False when the supervisor's end is closed.
pub(crate) fn heard(bell: BorrowedFd<'_>) -> bool {
    loop {
        match take(bell, 0) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            taken => return taken.is_ok_and(|len| len > 0),
        }
    }
}

/// Takes all rings that have come to the instance's end, without waiting: it is readable again at
/// the next. False when the supervisor's end is closed.
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

/// How long the next ring is: nothing if there will be none.
fn take(bell: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<usize> {
    let mut byte = [0_u8; 8];
    // SAFETY: `byte` is eight bytes that the call may write.
    let len = unsafe { libc::recv(bell.as_raw_fd(), byte.as_mut_ptr().cast(), byte.len(), flags) };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}
