//! Files: their locks, limits and mappings, and the user whose files they are.

use std::{
    ffi::{CStr, CString, OsStr, OsString},
    fs::File,
    io, mem,
    ops::Deref,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::ffi::{OsStrExt as _, OsStringExt as _},
    },
    path::PathBuf,
    ptr::{self, NonNull},
    slice,
};

/// Opens the directory that paths begin at: `/`, or the working directory. The descriptor only names it.
pub(in crate::host) fn open_start(is_root: bool) -> io::Result<File> {
    open(libc::AT_FDCWD, if is_root { c"/" } else { c"." }, libc::O_PATH | libc::O_DIRECTORY)
}

/// Opens `name` in a directory that is open. `flags` are those of `open(2)`; the descriptor ends with `exec`.
pub(in crate::host) fn open_at(directory: &File, name: &OsStr, flags: libc::c_int) -> io::Result<File> {
    open(directory.as_raw_fd(), &CString::new(name.as_bytes())?, flags)
}

fn open(directory: libc::c_int, name: &CStr, flags: libc::c_int) -> io::Result<File> {
    // SAFETY: the name ends, and the call only reads it.
    match unsafe { libc::openat(directory, name.as_ptr(), flags | libc::O_CLOEXEC) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: the descriptor was opened just now, and no other value owns it.
        file => Ok(File::from(unsafe { OwnedFd::from_raw_fd(file) })),
    }
}

/// The text of a symbolic link that is open with `O_PATH | O_NOFOLLOW`.
pub(in crate::host) fn read_link(link: &File) -> io::Result<PathBuf> {
    let mut text = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: the buffer has the length that is given, and the empty name ends.
    let len = unsafe { libc::readlinkat(link.as_raw_fd(), c"".as_ptr(), text.as_mut_ptr().cast(), text.len()) };
    text.truncate(usize::try_from(len).map_err(|_| io::Error::last_os_error())?);
    Ok(OsString::from_vec(text).into())
}

/// Whether an open file or directory is one of `/proc`, whose links may lead to what no path names.
pub(in crate::host) fn is_of_proc(file: &File) -> bool {
    // SAFETY: all of its fields are integers.
    let mut system: libc::statfs = unsafe { mem::zeroed() };
    // SAFETY: the pointer is valid for the length of the call.
    let is_known = unsafe { libc::fstatfs(file.as_raw_fd(), &raw mut system) } == 0;
    is_known && system.f_type == libc::PROC_SUPER_MAGIC
}

/// Whether a file or directory has an access control list of POSIX's kind; true if that cannot be found out. The
/// file may be open with `O_PATH`.
pub(in crate::host) fn may_have_list(file: &File) -> bool {
    let Ok(path) = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())) else { return true };
    // SAFETY: both names end, and no buffer is given.
    let len = unsafe { libc::getxattr(path.as_ptr(), c"system.posix_acl_access".as_ptr(), ptr::null_mut(), 0) };
    len >= 0 || !matches!(io::Error::last_os_error().raw_os_error(), Some(libc::ENODATA | libc::EOPNOTSUPP))
}

/// The user that this process acts as.
pub(crate) fn user() -> u32 {
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
pub(crate) fn file_size_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the pointer is valid for the length of the call.
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    if limit.rlim_cur == libc::RLIM_INFINITY { u64::MAX } else { limit.rlim_cur }
}

/// Makes a file in memory, open for reading and writing until `exec`.
pub(crate) fn memory_file(name: &CStr) -> Option<File> {
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

/// Who owns a file that [`own`] was asked for.
#[cfg(feature = "history")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owned {
    /// This process.
    Here,
    /// Another process; `None` if it is in a place that this one does not see.
    By(Option<u32>),
}

/// Takes the record lock on all of a file that is open for writing. It ends with the process, or when the process
/// closes any descriptor of the file; children of `fork` do not have it.
#[cfg(feature = "history")]
pub(crate) fn own(file: &File) -> io::Result<Owned> {
    let lock = write_lock();
    // SAFETY: the descriptor is open as long as the file is borrowed, and the structure is valid for the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const lock) } == 0 {
        return Ok(Owned::Here);
    }
    match io::Error::last_os_error() {
        error if matches!(error.raw_os_error(), Some(libc::EACCES | libc::EAGAIN)) => {}
        error => return Err(error),
    }
    Ok(owner(file)?.unwrap_or(Owned::By(None)))
}

/// Who has the record lock on a file, which may be open for reading only; `None` if nobody does, or this process.
#[cfg(feature = "history")]
pub(crate) fn owner(file: &File) -> io::Result<Option<Owned>> {
    let mut lock = write_lock();
    // SAFETY: the descriptor is open as long as the file is borrowed, and the call writes the structure.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut lock) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let is_owned = lock.l_type != libc::F_UNLCK as libc::c_short;
    Ok(is_owned.then(|| Owned::By(u32::try_from(lock.l_pid).ok().filter(|&pid| pid > 0))))
}

/// A lock for writing on all of a file.
#[cfg(feature = "history")]
fn write_lock() -> libc::flock {
    // SAFETY: all zeros are a value of the structure, and mean the whole file.
    let mut lock: libc::flock = unsafe { mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock
}
