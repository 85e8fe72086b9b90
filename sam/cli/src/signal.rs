//! `sam stop`, `sam restart` and `sam signal`: signals to a supervisor, by its status file.
//!
//! The number in the file may be that of another process by now. So this opens a descriptor of the process
//! first, which holds it, and then compares the process with what the file says of the supervisor.

use std::{
    fs, io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    path::{Path, PathBuf},
    process::ExitCode,
    ptr,
};

use lexopt::{
    Arg::{Long, Short, Value},
    Parser,
};
use sam::__private as private;
use serde_json::Value as Json;

use crate::{Refusal, help, print, status::supervisor_lives};

/// The exit status if the file does not exist or says nothing.
const UNREADABLE: u8 = 2;

/// The exit status if the supervisor has ended, or cannot be seen from here.
const GONE: u8 = 3;

/// How often a restart reads the status file until it shows the next instance, in milliseconds.
const LOOK_AGAIN: i32 = 20;

/// Stops a supervisor and its program, and waits for the end.
pub(crate) fn stop(mut parser: Parser) -> Result<ExitCode, Refusal> {
    let (mut file, mut waits) = (None, true);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return print(help::STOP),
            Long("no-wait") => waits = false,
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            other => return Err(other.unexpected().into()),
        }
    }
    let file = file.ok_or_else(no_file)?;
    Ok(send(&file, Request::Stop, waits))
}

/// Has a supervisor end its instance and begin the next, and waits until the next has begun.
pub(crate) fn restart(mut parser: Parser) -> Result<ExitCode, Refusal> {
    let (mut file, mut waits) = (None, true);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return print(help::RESTART),
            Long("no-wait") => waits = false,
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            other => return Err(other.unexpected().into()),
        }
    }
    let file = file.ok_or_else(no_file)?;
    Ok(send(&file, Request::Restart, waits))
}

/// Sends a signal to a supervisor, which passes it on.
pub(crate) fn signal(mut parser: Parser) -> Result<ExitCode, Refusal> {
    let (mut file, mut signal) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return print(help::SIGNAL),
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            Value(name) if signal.is_none() => {
                let number = name.to_str().and_then(private::read_signal);
                let refusal = || Refusal(format!("{name:?} is no signal; give one such as SIGHUP, HUP or 1"));
                signal = Some(number.ok_or_else(refusal)?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let file = file.ok_or_else(no_file)?;
    let signal = signal.ok_or_else(|| Refusal::new("no signal; give one such as SIGHUP behind the file"))?;
    Ok(send(&file, Request::Signal(signal), false))
}

fn no_file() -> Refusal {
    Refusal::new("no status file; give the one of `sam run --status FILE`")
}

/// What an operator wants of a supervisor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    Stop,
    Restart,
    Signal(i32),
}

/// The first fields of the kernel's `siginfo_t` for a signal with a word (`sigqueue(3)`), and room for the
/// rest.
#[repr(C)]
struct Queued {
    number: i32,
    error: i32,
    code: i32,
    sender: Sender,
    rest: [usize; 16],
}

#[repr(C)]
struct Sender {
    pid: i32,
    user: u32,
    word: usize,
}

impl Queued {
    fn new(number: i32, word: i32) -> Queued {
        // SAFETY: takes no pointers.
        let user = unsafe { libc::getuid() };
        // `union sigval` has an int at its start.
        let mut bytes = [0; size_of::<usize>()];
        bytes[..4].copy_from_slice(&word.to_ne_bytes());
        let sender = Sender { pid: std::process::id().cast_signed(), user, word: usize::from_ne_bytes(bytes) };
        Queued { number, error: 0, code: libc::SI_QUEUE, sender, rest: [0; 16] }
    }
}

/// What the status file says of the instance: its number, and its process.
fn instance(status: &Json) -> (Option<u64>, Option<u64>) {
    (status["instance"].as_u64(), status["pid"].as_u64())
}

fn send(file: &Path, request: Request, waits: bool) -> ExitCode {
    let fail = |status: u8, why: &str| {
        eprintln!("sam: {}: {why}", file.display());
        ExitCode::from(status)
    };
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return fail(UNREADABLE, &format!("cannot be read: {error}")),
    };
    let status: Json = serde_json::from_str(&text).unwrap_or_default();
    let Some(pid) = status["supervisor"].as_u64().and_then(|pid| i32::try_from(pid).ok()) else {
        return fail(UNREADABLE, "is no status file, or its supervisor has not begun");
    };
    let gone = "its supervisor has ended; there is nothing to signal";
    let process = match open(pid) {
        Ok(process) => process,
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return fail(GONE, gone),
        Err(error) => return fail(sam::ErrorKind::Io.exit_status(), &format!("its supervisor, {pid}: {error}")),
    };
    match supervisor_lives(&status) {
        Some(true) => {}
        Some(false) => return fail(GONE, gone),
        None => return fail(GONE, "its supervisor is of another process namespace; run this command there"),
    }
    let (signal, queued) = match request {
        Request::Stop => (libc::SIGTERM, None),
        Request::Signal(signal) => (signal, None),
        Request::Restart => {
            let (signal, word) = private::restart_request();
            (signal, word.map(|word| Queued::new(signal, word)))
        }
    };
    let info: *const Queued = queued.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the descriptor is open; the siginfo is null, or as large as the kernel's and lives on.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, info, 0) };
    if sent != 0 {
        let error = io::Error::last_os_error();
        if error.raw_os_error() == Some(libc::ESRCH) {
            return fail(GONE, gone);
        }
        return fail(sam::ErrorKind::Io.exit_status(), &format!("its supervisor, {pid}, cannot be signalled: {error}"));
    }
    let mut end = libc::pollfd { fd: process.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    while waits && end.revents == 0 {
        let limit = if request == Request::Restart { LOOK_AGAIN } else { -1 };
        // SAFETY: one entry, which is writable.
        unsafe { libc::poll(&raw mut end, 1, limit) };
        let now: Json =
            fs::read_to_string(file).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        if request == Request::Restart && now["pid"].is_u64() && instance(&now) != instance(&status) {
            return ExitCode::SUCCESS;
        }
    }
    match request {
        Request::Restart if waits => fail(GONE, "its supervisor has ended instead"),
        _ => ExitCode::SUCCESS,
    }
}

/// Opens a descriptor that holds a process: a signal through it reaches no other process of that number.
fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match i32::try_from(fd) {
        // SAFETY: it is new, and nothing else owns it.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
