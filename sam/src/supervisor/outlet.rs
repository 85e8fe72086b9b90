//! Where a line goes, without ever waiting for a reader.
//!
//! Standard error is one open file with the instance's, so it cannot be made non-blocking for
//! the supervisor alone, and that it has room is true only until the instance writes, too. A
//! pipe and a terminal are therefore opened anew, by their names in `/proc`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::Path,
};

use nix::sys::stat::{SFlag, fstat};

use super::sys;

/// A way out.
#[derive(Debug)]
pub(super) enum Outlet {
    /// An open file of this process's own, that does not block.
    Own(File),
    /// A socket: each write says that it does not wait.
    Socket(RawFd),
    /// A file that others have open, too, and that never makes anybody wait for long.
    Shared(RawFd),
}

impl Outlet {
    /// Standard error. What cannot be opened anew (it is another user's) is looked at before each
    /// write, whether there is room.
    pub(super) fn standard_error() -> Outlet {
        let fd = io::stderr().as_raw_fd();
        let kind = fstat(io::stderr()).map_or(SFlag::empty(), |stat| SFlag::from_bits_truncate(stat.st_mode));
        match kind & SFlag::S_IFMT {
            SFlag::S_IFSOCK => Outlet::Socket(fd),
            SFlag::S_IFIFO | SFlag::S_IFCHR => {
                let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
                let file = OpenOptions::new().write(true).custom_flags(flags).open(format!("/proc/self/fd/{fd}"));
                file.map_or(Outlet::Shared(fd), Outlet::Own)
            }
            _ => Outlet::Shared(fd),
        }
    }

    /// The end of a file, which is made if it is not there.
    pub(super) fn end_of(path: &Path) -> io::Result<Outlet> {
        OpenOptions::new().append(true).create(true).custom_flags(libc::O_NONBLOCK).open(path).map(Outlet::Own)
    }

    /// Writes a line of no more than `PIPE_BUF` bytes. False if that would wait, or fails.
    pub(super) fn write(&self, line: &[u8]) -> bool {
        match self {
            Outlet::Own(file) => (&*file).write(line).is_ok(),
            Outlet::Socket(fd) => {
                let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
                // SAFETY: the bytes live until the call is over.
                (unsafe { libc::send(*fd, line.as_ptr().cast(), line.len(), flags) }) > 0
            }
            Outlet::Shared(fd) => {
                // SAFETY: as above.
                sys::is_writable(*fd) && unsafe { libc::write(*fd, line.as_ptr().cast(), line.len()) } > 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::{fd::AsFd, unix::net::UnixDatagram};

    use super::*;
    use crate::testing::fork;

    /// Fills `standard error` of a child to the brim and then some; counts what it takes.
    fn fill(other: impl AsFd) -> Result<i32, i32> {
        let mut child = fork(|| {
            // SAFETY: both are open; what owns the second does not use it here.
            assert_eq!(unsafe { libc::dup2(other.as_fd().as_raw_fd(), 2) }, 2);
            let outlet = Outlet::standard_error();
            assert!(!matches!(outlet, Outlet::Shared(_)));
            let taken = (0..10_000).take_while(|_| outlet.write(&[b'.'; 1024])).count();
            assert!(taken > 0 && taken < 10_000, "{taken}");
            // The instance's way is as it was.
            // SAFETY: takes no pointers.
            assert_eq!(unsafe { libc::fcntl(2, libc::F_GETFL) } & libc::O_NONBLOCK, 0);
        });
        child.wait()
    }

    #[test]
    fn what_is_full_is_not_waited_for() {
        let (_reader, writer) = io::pipe().unwrap();
        assert_eq!(fill(writer), Ok(0));
        let (_reader, writer) = UnixDatagram::pair().unwrap();
        assert_eq!(fill(writer), Ok(0));
    }

    #[test]
    fn a_file_is_written_where_others_write_it() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before ").unwrap();
        let mut child = fork(|| {
            // SAFETY: both are open; what owns the second does not use it here.
            assert_eq!(unsafe { libc::dup2(file.as_raw_fd(), 2) }, 2);
            assert!(Outlet::standard_error().write(b"between "));
        });
        assert_eq!(child.wait(), Ok(0));
        file.write_all(b"after").unwrap();
        let mut text = [0; 32];
        let len = std::os::unix::fs::FileExt::read_at(&file, &mut text, 0).unwrap();
        assert_eq!(text[..len], *b"before between after");
    }
}
