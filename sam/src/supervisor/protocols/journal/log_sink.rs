//! Writes lines and never waits for a reader.
//!
//! The supervisor shares the open file of standard error with the instance. So it cannot make the file
//! non-blocking for itself alone; and if the file has room now, the instance may fill that before the
//! supervisor writes. Therefore the supervisor opens a pipe or a terminal anew, by its name in `/proc`.

use std::{
    cell::Cell,
    ffi::CStr,
    fs::{File, OpenOptions},
    io::{self, Seek as _, Write as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::fs::{FileExt as _, OpenOptionsExt as _},
    },
    path::Path,
};

use nix::sys::stat::{SFlag, fstat};

use crate::supervisor::kernel::sys;

/// Where lines go.
#[derive(Debug)]
pub(crate) struct LogSink {
    way: Way,
    /// Whether the last line was cut off (by a full disk) and could not be removed.
    is_torn: Cell<bool>,
    /// How many lines could not be written since the last that was written.
    lost: Cell<u32>,
}

#[derive(Debug)]
enum Way {
    /// An open file of this process's own, that does not block.
    Own(File),
    /// A socket: each write says that it does not wait.
    Socket(RawFd),
    /// A file that other processes have open, too. A write to it never waits for long.
    Shared(RawFd),
}

impl From<Way> for LogSink {
    fn from(way: Way) -> LogSink {
        LogSink { way, is_torn: Cell::new(false), lost: Cell::new(0) }
    }
}

impl LogSink {
    /// Standard error. If it cannot be opened anew, because it is another user's, each write first looks whether
    /// there is room.
    pub(crate) fn standard_error() -> LogSink {
        let fd = io::stderr().as_raw_fd();
        let kind = fstat(io::stderr()).map_or(SFlag::empty(), |stat| SFlag::from_bits_truncate(stat.st_mode));
        LogSink::from(match kind & SFlag::S_IFMT {
            SFlag::S_IFSOCK => Way::Socket(fd),
            SFlag::S_IFIFO | SFlag::S_IFCHR => {
                let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
                let file = OpenOptions::new().write(true).custom_flags(flags).open(format!("/proc/self/fd/{fd}"));
                file.map_or(Way::Shared(fd), Way::Own)
            }
            _ => Way::Shared(fd),
        })
    }

    /// The end of a file; if the file does not exist, this creates it. If it ends in the middle of a line, as
    /// after a crash of the machine, the next line begins on a line of its own.
    pub(crate) fn end_of(path: &Path) -> io::Result<LogSink> {
        let file = OpenOptions::new().append(true).create(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let meta = file.metadata()?;
        let mut last = [b'\n'];
        if meta.is_file() && meta.len() > 0 {
            // A file that cannot be read counts as whole.
            let _ = File::open(path).and_then(|file| file.read_exact_at(&mut last, meta.len() - 1));
        }
        let sink = LogSink::from(Way::Own(file));
        sink.is_torn.set(last != *b"\n");
        Ok(sink)
    }

    /// Goes on with the file that has the name now.
    pub(crate) fn reopen(&mut self, path: &CStr) -> io::Result<()> {
        let kind = libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
        // SAFETY: the path ends with a zero byte.
        let fd = sys::checked(unsafe {
            libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | kind, 0o644)
        })?;
        // SAFETY: it is new, and nothing else owns it.
        let file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        let place = |file: &File| fstat(file).map(|stat| (stat.st_dev, stat.st_ino)).ok();
        if let Way::Own(old) = &self.way
            && place(old) != place(&file)
        {
            self.is_torn.set(false);
        }
        self.way = Way::Own(file);
        Ok(())
    }

    /// How many lines could not be written since the last that was written.
    pub(crate) fn lost(&self) -> u32 {
        self.lost.get()
    }

    /// What the next line must begin with: a line end, after a torn line.
    pub(crate) fn start(&self) -> &'static str {
        if self.is_torn.get() { "\n" } else { "" }
    }

    /// Writes a line of at most `PIPE_BUF` bytes, whole or not at all. A line that fails, or for which the
    /// supervisor would have to wait, counts as lost.
    pub(crate) fn write(&self, line: &[u8]) -> bool {
        let written = match &self.way {
            Way::Own(file) => (&*file).write(line).unwrap_or(0),
            Way::Socket(fd) => {
                let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
                // SAFETY: the bytes live until the call is over.
                usize::try_from(unsafe { libc::send(*fd, line.as_ptr().cast(), line.len(), flags) }).unwrap_or(0)
            }
            Way::Shared(fd) if sys::is_writable(*fd) => {
                // SAFETY: as above.
                usize::try_from(unsafe { libc::write(*fd, line.as_ptr().cast(), line.len()) }).unwrap_or(0)
            }
            Way::Shared(_) => 0,
        };
        let is_whole = written == line.len();
        if is_whole {
            self.is_torn.set(false);
            self.lost.set(0);
        } else {
            // If only the line end before the line was written, it has ended the torn line.
            if written > 0 && !self.takes_back(written) {
                self.is_torn.set(line[..written] != *b"\n");
            }
            self.lost.set(self.lost.get().saturating_add(1));
        }
        is_whole
    }

    /// Removes the bytes that were written last from a file that is this process's own, if no process has
    /// written after them.
    fn takes_back(&self, written: usize) -> bool {
        let Way::Own(file) = &self.way else { return false };
        let (Ok(end), Ok(meta)) = ((&*file).stream_position(), file.metadata()) else { return false };
        meta.is_file() && meta.len() == end && file.set_len(end.saturating_sub(written as u64)).is_ok()
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
            let sink = LogSink::standard_error();
            assert!(!matches!(sink.way, Way::Shared(_)));
            let taken = (0..10_000).take_while(|_| sink.write(&[b'.'; 1024])).count();
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
    fn a_line_that_a_file_has_no_room_for_is_not_there_and_counted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut child = fork(|| {
            let limit = |bytes| {
                let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
                // SAFETY: ignoring needs no handler.
                unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
                // SAFETY: the limit is initialised.
                assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
            };
            let sink = LogSink::end_of(file.path()).unwrap();
            limit(10);
            assert!(sink.write(b"first\n"));
            assert!(!sink.write(b"second\n") && !sink.write(b"third\n"));
            assert_eq!((sink.lost(), sink.start()), (2, ""));
            limit(1000);
            assert!(sink.write(b"fourth\n"));
            assert_eq!(sink.lost(), 0);
        });
        assert_eq!(child.wait(), Ok(0));
        assert_eq!(std::fs::read(file.path()).unwrap(), b"first\nfourth\n");
    }

    #[test]
    fn a_line_that_others_were_cut_off_in_is_not_continued() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"whole\ntor").unwrap();
        let sink = LogSink::end_of(file.path()).unwrap();
        let line = |text: &str| sink.write(format!("{}{text}\n", sink.start()).as_bytes());
        assert!(line("next") && line("last"));
        assert_eq!(std::fs::read(file.path()).unwrap(), b"whole\ntor\nnext\nlast\n");
    }

    #[test]
    fn a_file_is_written_where_others_write_it() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before ").unwrap();
        let mut child = fork(|| {
            // SAFETY: both are open; what owns the second does not use it here.
            assert_eq!(unsafe { libc::dup2(file.as_raw_fd(), 2) }, 2);
            assert!(LogSink::standard_error().write(b"between "));
        });
        assert_eq!(child.wait(), Ok(0));
        file.write_all(b"after").unwrap();
        let mut text = [0; 32];
        let len = file.read_at(&mut text, 0).unwrap();
        assert_eq!(text[..len], *b"before between after");
    }
}
