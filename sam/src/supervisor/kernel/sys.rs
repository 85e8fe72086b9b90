//! System calls of which `nix` has no safe or no complete form: it knows no real-time signals, and an
//! instance may die of one.

use std::{
    fs::File,
    io::{self, Read},
    mem,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
    time::Duration,
};

use nix::unistd::{ForkResult, Pid};

use crate::state::Exit;

/// The result of a call that returns -1 and sets `errno` if it fails.
pub(crate) fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Ended(Exit),
    Stopped(i32),
    Continued,
}

/// The resources that a child, with the children that it waited for, had used when it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// The most resident memory that one of them had at once, in KiB.
    pub(crate) max_rss: u64,
}

/// The next child of this process that has changed, and how. A child that has ended is reaped.
pub(crate) fn next_change() -> Option<(i32, Change, Usage)> {
    // SAFETY: all-zero bytes are a valid siginfo_t.
    let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
    // SAFETY: all-zero bytes are a valid rusage.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    let flags = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOHANG;
    loop {
        // The C library's function does not return the usage.
        // SAFETY: `info` and `usage` are writable.
        let result = unsafe { libc::syscall(libc::SYS_waitid, libc::P_ALL, 0, &raw mut info, flags, &raw mut usage) };
        match result {
            0 => break,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
    // SAFETY: the kernel filled in the fields of a SIGCHLD, or left them zero.
    let pid = unsafe { info.si_pid() };
    if pid == 0 {
        return None;
    }
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    let change = match info.si_code {
        libc::CLD_EXITED => Change::Ended(Exit::Code(status)),
        libc::CLD_KILLED => Change::Ended(Exit::Signal { signal: status, core: false }),
        libc::CLD_DUMPED => Change::Ended(Exit::Signal { signal: status, core: true }),
        libc::CLD_CONTINUED => Change::Continued,
        // CLD_STOPPED and, if this process traces, CLD_TRAPPED.
        _ => Change::Stopped(status),
    };
    let duration = |time: libc::timeval| {
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_usec).unwrap_or(0) * 1000)
    };
    let usage = Usage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        max_rss: usage.ru_maxrss.unsigned_abs(),
    };
    Some((pid, change, usage))
}

/// Sends a signal to a process, or to a group if `pid` is negative.
pub(crate) fn send(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: takes no pointers.
    checked(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Opens a descriptor that holds a process: a signal through it reaches no other process of that number
/// (`pidfd_open(2)`, Linux 5.3).
pub(crate) fn open_process(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match i32::try_from(fd) {
        // SAFETY: it is new, and nothing else owns it.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends a signal to a process that a descriptor holds.
pub(crate) fn send_by(process: &OwnedFd, signal: i32) -> io::Result<()> {
    let none: *const libc::siginfo_t = ptr::null();
    // SAFETY: the descriptor is open; there is no siginfo.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, none, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether a process is a child of this one, and whether it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Child {
    /// It is no child of this process.
    None,
    Runs,
    /// It has ended and was not reaped.
    Ended,
}

/// Looks at a child without reaping it.
pub(crate) fn look_at_child(pid: i32) -> Child {
    // SAFETY: all-zero bytes are a valid siginfo_t.
    let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is writable.
    let result = unsafe { libc::waitid(libc::P_PID, pid.unsigned_abs(), &raw mut info, flags) };
    // SAFETY: the kernel filled in the fields of a SIGCHLD, or left them zero.
    match (result, unsafe { info.si_pid() }) {
        (0, 0) => Child::Runs,
        (0, _) => Child::Ended,
        _ => Child::None,
    }
}

/// `fork`, with the child in a cgroup from its first moment. (To move it there later, the kernel waits for
/// all processes that fork at that time.) Unlike the C library's `fork` this leaves that library's record
/// of the thread's number as it was, so `raise` would signal the parent.
///
/// # Safety
/// This process has one thread, and the child goes on to `exec` or `_exit`.
pub(crate) unsafe fn fork_into(cgroup: BorrowedFd<'_>) -> io::Result<ForkResult> {
    /// The first 11 fields of the kernel's struct, all that `CLONE_INTO_CGROUP` (Linux 5.7) needs.
    #[repr(C, align(8))]
    struct CloneArgs([u64; 11]);
    let mut arguments = CloneArgs([0; 11]);
    arguments.0[0] = 1 << 33;
    arguments.0[4] = libc::SIGCHLD.unsigned_abs().into();
    arguments.0[10] = cgroup.as_raw_fd().unsigned_abs().into();
    // SAFETY: without CLONE_VM it is a fork; the caller vouches for what the child does.
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of_val(&arguments)) };
    match i32::try_from(result) {
        Ok(0) => Ok(ForkResult::Child),
        Ok(child @ 1..) => Ok(ForkResult::Parent { child: Pid::from_raw(child) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The process group of a process. `None` if there is no such process.
pub(crate) fn group_of(pid: i32) -> Option<i32> {
    // SAFETY: takes no pointers; fails for processes that are gone.
    checked(unsafe { libc::getpgid(pid) }).ok()
}

/// Whether a process exists and is no zombie.
pub(crate) fn runs(pid: i32) -> bool {
    let path = crate::supervisor::text::Text::<40>::of(format_args!("/proc/{pid}/stat\0"));
    let mut buffer = [0; 512];
    let Ok(path) = std::ffi::CStr::from_bytes_with_nul(path.as_bytes()) else { return false };
    let stat = read_proc(path, &mut buffer);
    // The name, in parentheses, may have any bytes; the state follows it.
    let state = stat.windows(3).rposition(|three| three.starts_with(b") ")).and_then(|at| stat.get(at + 2));
    state.is_some_and(|state| !b"ZX".contains(state))
}

/// Whether a process group has a member.
pub(crate) fn group_lives(group: i32) -> bool {
    // A member that this process may not signal (another user's) lives, too.
    send(-group, 0).map_err(|error| error.raw_os_error()) != Err(Some(libc::ESRCH))
}

/// Opens `/dev/null` for each standard stream that is closed, as the runtime of Rust does before `main`, so
/// that every later descriptor has a number above theirs. Otherwise what the program writes to a closed
/// stream would end in whatever descriptor has got its number, such as the memory of stored data.
pub(crate) fn fill_standard_streams() -> io::Result<()> {
    for stream in 0..=2 {
        // SAFETY: takes no pointers.
        if unsafe { libc::fcntl(stream, libc::F_GETFD) } == -1 {
            // SAFETY: the path ends with a zero byte. The lowest free number is this stream's.
            checked(unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) })?;
        }
    }
    Ok(())
}

/// Waits until one of the descriptors is ready, or that time has passed. The call skips entries of -1.
pub(crate) fn wait(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<()> {
    let limit = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the slice is writable, the limit is null or lives until the call is over.
    let result = unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, limit, ptr::null()) };
    match checked(result) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// Waits for the end of a child that was killed.
pub(crate) fn reap(pid: i32) {
    // SAFETY: nothing is written where there is no pointer.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), 0) } == -1
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

/// Copies a value's pages, which this process shares with a forked child, now and not at the next write,
/// where the kernel (Linux 5.14) can do that.
pub(crate) fn populate<T>(value: &T) {
    const LEAST: usize = 4096;
    let start = ptr::from_ref(value).addr();
    let first = start & !(LEAST - 1);
    let at = ptr::from_ref(value).cast::<libc::c_void>().cast_mut().with_addr(first);
    // SAFETY: changes no byte of the pages, whatever else lies there. Where pages are larger
    // it fails.
    unsafe { libc::madvise(at, start + size_of::<T>() - first, libc::MADV_POPULATE_WRITE) };
}

/// Whether a write of up to `PIPE_BUF` bytes would not wait.
pub(crate) fn is_writable(fd: RawFd) -> bool {
    let mut one = [libc::pollfd { fd, events: libc::POLLOUT, revents: 0 }];
    wait(&mut one, Some(Duration::ZERO)).is_ok() && one[0].revents & libc::POLLOUT != 0
}

/// Whether a descriptor can be read. One that holds a process can be read once the process has ended.
pub(crate) fn is_readable(fd: RawFd) -> bool {
    let mut one = [libc::pollfd { fd, events: libc::POLLIN, revents: 0 }];
    wait(&mut one, Some(Duration::ZERO)).is_ok() && one[0].revents & libc::POLLIN != 0
}

/// `prctl` with one number.
pub(crate) fn prctl(option: libc::c_int, value: libc::c_ulong) -> io::Result<()> {
    let none: libc::c_ulong = 0;
    // SAFETY: the options used here take no pointers.
    checked(unsafe { libc::prctl(option, value, none, none, none) }).map(drop)
}

/// Has the kernel kill this process when its parent dies. `parent` is the parent's number.
pub(crate) fn die_with(parent: i32) {
    let _ = prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL.unsigned_abs().into());
    // The parent may have died before that.
    // SAFETY: takes no pointers.
    if unsafe { libc::getppid() } != parent {
        exit(libc::EXIT_FAILURE);
    }
}

/// Ends this process at once. What the application has registered to run at exit is for the instances.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: always sound; the instances flush the application's buffers.
    unsafe { libc::_exit(code) }
}

/// Reads a small file, such as those of `/proc`, into a buffer, and returns what it has read: nothing if the
/// file cannot be read. The call does not wait for the writer of a pipe.
pub(crate) fn read_proc<'a>(path: &std::ffi::CStr, buffer: &'a mut [u8]) -> &'a [u8] {
    // SAFETY: the path ends with a zero byte.
    let Ok(fd) = checked(unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK) })
    else {
        return &[];
    };
    // SAFETY: it is new, and nothing else owns it.
    let mut file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    let mut len = 0;
    while let Ok(read @ 1..) = file.read(&mut buffer[len..]) {
        len += read;
    }
    &buffer[..len]
}

/// A number that cannot be foreseen, unless the kernel has no entropy yet.
pub(crate) fn random() -> u64 {
    let mut number = 0_u64;
    // SAFETY: the number is writable for that many bytes.
    unsafe { libc::getrandom((&raw mut number).cast(), size_of_val(&number), libc::GRND_NONBLOCK) };
    number ^ u64::from(std::process::id())
}
