//! Who is at the other end of a connection, by the kernel's word.

use std::{
    fs, io,
    os::fd::{AsRawFd as _, BorrowedFd},
};

use crate::Actor;

/// The process at the other end, as it was when it connected.
///
/// Its number is 0 if this process cannot see that one, because it is in another namespace of processes. Its name is
/// the first 15 bytes of what the kernel has now for that number: for people, not for decisions.
pub(super) fn peer(socket: BorrowedFd<'_>) -> io::Result<Actor> {
    let mut found = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut len = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or(0);
    // SAFETY: both pointers are valid, and the length is that of what the first one points to.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut found).cast(), &raw mut len)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let pid = u32::try_from(found.pid).unwrap_or(0);
    let name = if pid == 0 { Vec::new() } else { fs::read(format!("/proc/{pid}/comm")).unwrap_or_default() };
    Ok(Actor::new(found.uid, pid, String::from_utf8_lossy(&name).trim_end_matches('\n')))
}
