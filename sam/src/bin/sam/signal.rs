//! `sam stop` and `sam signal`: signals to a supervisor, by its status file.
//!
//! A number may be another process's by the time that it is used, so the process is held by a
//! descriptor first and compared with what the file says of it then.

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

/// The file is not there or says nothing.
const UNREADABLE: u8 = 2;

/// There is no such supervisor any more, or it cannot be seen from here.
const GONE: u8 = 3;

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
    Ok(send(&file, libc::SIGTERM, waits))
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
    Ok(send(&file, signal, false))
}

fn no_file() -> Refusal {
    Refusal::new("no status file; give the one of `sam run --status FILE`")
}

fn send(file: &Path, signal: i32, waits: bool) -> ExitCode {
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
    let gone = "its supervisor is gone; there is nothing to signal";
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
    let none: *const libc::siginfo_t = ptr::null();
    // SAFETY: the descriptor is open; there is no siginfo.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, none, 0) };
    if sent != 0 {
        let error = io::Error::last_os_error();
        if error.raw_os_error() == Some(libc::ESRCH) {
            return fail(GONE, gone);
        }
        return fail(sam::ErrorKind::Io.exit_status(), &format!("its supervisor, {pid}, cannot be signalled: {error}"));
    }
    let mut end = libc::pollfd { fd: process.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    while waits && end.revents == 0 {
        // SAFETY: one entry, which is writable.
        unsafe { libc::poll(&raw mut end, 1, -1) };
    }
    ExitCode::SUCCESS
}

/// Holds a process: its number is no other's as far as this descriptor is concerned.
fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match i32::try_from(fd) {
        // SAFETY: it is new and nobody else's.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
