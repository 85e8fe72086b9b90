//! Files: their locks, limits and mappings, and the user whose files they are.

use std::{
    ffi::CStr,
    fs::File,
    io,
    ops::Deref,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    ptr::{self, NonNull},
    slice,
};

/// The user that this process acts as.
pub(in crate::host) fn user() -> u32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// Locks an open file or directory. The lock lasts until its descriptor, and the copies of that in children
/// of `fork`, are closed. Returns false if another open file has the lock.
pub(in crate::host) fn try_lock(file: &File) -> io::Result<bool> {
    // SAFETY: the descriptor is open as long as the file is borrowed.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        error => Err(error),
    }
}

/// How many bytes a file that this process writes may have (`RLIMIT_FSIZE`). The kernel answers a write
/// beyond with SIGXFSZ, which ends a process that does not ignore the signal.
pub(in crate::host) fn file_size_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the pointer is valid for the length of the call.
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    if limit.rlim_cur == libc::RLIM_INFINITY { u64::MAX } else { limit.rlim_cur }
}

/// Makes a file in memory, open for reading and writing until `exec`.
pub(in crate::host) fn memory_file(name: &CStr) -> Option<File> {
    // SAFETY: the name ends, and the flag is one that the call knows.
    let file = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    // SAFETY: the descriptor was opened just now, and no other value owns it.
    (file >= 0).then(|| File::from(unsafe { OwnedFd::from_raw_fd(file) }))
}

/// A file's bytes in memory, for reading. The file must not change meanwhile: the caller of
/// [`Mapping::new`] makes sure that no other process can write to the file.
pub(in crate::host) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Mapping {
    /// Maps all of a file that is open for reading and is not empty. Reads all pages at once, not one fault
    /// at a time.
    pub(in crate::host) fn new(file: &File) -> io::Result<Mapping> {
        let len = usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_POPULATE;
        // SAFETY: the kernel chooses an address that is not in use.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_READ, flags, file.as_raw_fd(), 0) };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Mapping { start, len }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: that many bytes are mapped until `self` is dropped, and by contract constant.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping, and no borrow of it is left.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
