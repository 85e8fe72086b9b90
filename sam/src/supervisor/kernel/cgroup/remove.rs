//! Removes a cgroup with all below it, and allocates nothing.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
};

use crate::supervisor::kernel::sys;

/// How often `remove` goes down into what an application has made below its cgroup: once for each cgroup
/// within another, and not for ever if a process goes on making them.
const ROUNDS: u32 = 4096;

/// Removes a cgroup and all below it, if no process lives there. True if it is gone. The function allocates
/// nothing, and needs no more of the stack the deeper the cgroups are.
pub(super) fn remove(parent: RawFd, name: &CStr) -> bool {
    for _ in 0..ROUNDS {
        if remove_one(parent, name) {
            return true;
        }
        let mut has_removed = false;
        let mut dir = open_at(parent, name, libc::O_RDONLY | libc::O_DIRECTORY);
        // Down to a cgroup that has none below it any more.
        while let Ok(this) = dir {
            let Some(left) = remove_below(this.as_fd(), &mut has_removed) else { break };
            let name = CStr::from_bytes_until_nul(&left).unwrap_or(c"");
            dir = open_at(this.as_raw_fd(), name, libc::O_RDONLY | libc::O_DIRECTORY);
        }
        if !has_removed {
            return false;
        }
    }
    false
}

fn remove_one(parent: RawFd, name: &CStr) -> bool {
    // SAFETY: the path ends with a zero byte.
    match sys::checked(unsafe { libc::unlinkat(parent, name.as_ptr(), libc::AT_REMOVEDIR) }) {
        Ok(_) => true,
        Err(error) => error.raw_os_error() == Some(libc::ENOENT),
    }
}

/// Removes the cgroups right below that have none below themselves, and returns the name of one that is
/// left.
fn remove_below(dir: BorrowedFd<'_>, has_removed: &mut bool) -> Option<[u8; 256]> {
    let mut left = None;
    let mut buffer = [0_u8; 1024];
    loop {
        let (fd, into) = (dir.as_raw_fd(), buffer.as_mut_ptr());
        // SAFETY: the buffer is writable for that many bytes.
        let read = unsafe { libc::syscall(libc::SYS_getdents64, fd, into, buffer.len()) };
        let Some(mut entries @ [_, ..]) = usize::try_from(read).ok().and_then(|read| buffer.get(..read)) else {
            return left;
        };
        // An entry has its length at its 16th byte, then its type and its name.
        while let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, low, high, kind, name @ ..] = entries {
            if *kind == libc::DT_DIR
                && let Ok(name) = CStr::from_bytes_until_nul(name)
                && name != c"."
                && name != c".."
            {
                if remove_one(dir.as_raw_fd(), name) {
                    *has_removed = true;
                } else if left.is_none() {
                    let mut copy = [0; 256];
                    let bytes = name.to_bytes();
                    copy.get_mut(..bytes.len())?.copy_from_slice(bytes);
                    left = Some(copy);
                }
            }
            entries = entries.get(usize::from(u16::from_ne_bytes([*low, *high]))..).unwrap_or(&[]);
        }
    }
}

pub(super) fn open_at(dir: RawFd, name: &CStr, flags: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: the path ends with a zero byte.
    let fd = sys::checked(unsafe { libc::openat(dir, name.as_ptr(), flags | libc::O_CLOEXEC) })?;
    // SAFETY: it is new, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
