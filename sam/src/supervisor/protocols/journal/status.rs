//! The status file: the supervisor and its instance, described in JSON. The supervisor replaces the file as a
//! whole.

use std::{
    ffi::{CStr, CString, OsStr},
    fmt::{self, Write as _},
    fs::{self, File},
    io::{self, Write as _},
    os::{
        fd::{FromRawFd as _, OwnedFd},
        unix::{
            ffi::OsStrExt as _,
            fs::{FileExt as _, MetadataExt as _},
        },
    },
    path::Path,
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
};

use super::{
    facts::{Facts, calendar},
    lines::{decision_name, write_cause, write_exit, write_said},
};
use crate::{
    error::{Error, ErrorKind, Result},
    state::{Stage, State},
    supervisor::{
        kernel::sys,
        text::{Json, Text},
    },
};

/// How the file begins: with five characters for `true` or `false`, so that `false` can take the place of
/// `true` where the disk has no room for a new file.
const CURRENT: &[u8; 16] = b"{\"current\":true ";

/// A file that the supervisor replaces as a whole. Only one supervisor at a time keeps it: it holds a lock on
/// a second file beside the first, which the kernel releases when this process ends in whatever way.
#[derive(Debug)]
pub(super) struct StatusFile {
    path: CString,
    next: CString,
    lock: CString,
    /// The file that holds the lock while it is open. The lock is this process's alone: a fork does not have
    /// it.
    _locked: Option<File>,
}

impl StatusFile {
    pub(super) fn open(path: &Path) -> Result<StatusFile> {
        let failed = |error| Error::io(format!("cannot write the status file {}", path.display()), error);
        let name = |end: &[u8]| {
            CString::new([path.as_os_str().as_bytes(), end].concat()).map_err(|error| failed(error.into()))
        };
        if fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_symlink()) {
            let text = format!("{} is no regular file, and the status would take its place", path.display());
            return Err(Error::new(ErrorKind::Invalid, format!("{text}; give another path")));
        }
        let mut file = StatusFile { path: name(b"")?, next: name(b".next")?, lock: name(b".lock")?, _locked: None };
        file._locked = lock(&file.lock).map_err(|refusal| match refusal {
            Refusal::Held(0) => held(path, "another supervisor"),
            Refusal::Held(pid) => held(path, &format!("another supervisor, process {pid}")),
            Refusal::Failed(error) => failed(error),
        })?;
        Ok(file)
    }

    /// Writes a new file beside the old one, and puts it in the old one's place once it is whole.
    pub(super) fn replace(&self, content: impl fmt::Display) -> io::Result<()> {
        let result = self.try_replace(content);
        if result.is_err() {
            // A file that is not whole only takes room.
            // SAFETY: the path ends with a zero byte.
            unsafe { libc::unlink(self.next.as_ptr()) };
        }
        result
    }

    fn try_replace(&self, content: impl fmt::Display) -> io::Result<()> {
        let mut pieces =
            Pieces { file: open(&self.next, libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC)?, piece: Text::new() };
        if writeln!(pieces, "{content}").is_err() || !pieces.flush() {
            return Err(io::Error::last_os_error());
        }
        drop(pieces);
        // SAFETY: both paths end with a zero byte.
        sys::checked(unsafe { libc::rename(self.next.as_ptr(), self.path.as_ptr()) }).map(drop)
    }

    /// Makes the present file say that it is old, if the file system allows that: this only changes bytes that
    /// the file has already.
    pub(super) fn mark_old(&self) {
        let Ok(file) = open(&self.path, libc::O_RDWR) else { return };
        let mut start = [0; CURRENT.len()];
        if file.read_exact_at(&mut start, 0).is_ok() && start == *CURRENT {
            let _ = file.write_all_at(b"false", (CURRENT.len() - b"false".len()) as u64);
        }
    }

    /// The path, for people.
    pub(super) fn shown(&self) -> Text<160> {
        Text::plain(self.path.as_bytes())
    }

    /// Gives the file up. This removes the file of the lock before it releases the lock: a supervisor that comes
    /// now makes a new one.
    pub(super) fn close(self) {
        if self._locked.is_some() {
            // SAFETY: the path ends with a zero byte.
            unsafe { libc::unlink(self.lock.as_ptr()) };
        }
    }
}

/// Opens a file in a folder where other users may write, too: it follows no link and waits for no reader of a
/// pipe.
fn open(path: &CStr, flags: libc::c_int) -> io::Result<File> {
    let kind = libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    // SAFETY: the path ends with a zero byte.
    let fd = sys::checked(unsafe { libc::open(path.as_ptr(), flags | kind, 0o644) })?;
    // SAFETY: it is new, and nothing else owns it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(fd) }))
}

fn held(path: &Path, by: &str) -> Error {
    let text = format!("the status file {} is kept by {by}; give another file, or stop that one", path.display());
    Error::new(ErrorKind::Exists, text)
}

/// Why there is no lock.
enum Refusal {
    /// That process holds the lock; 0 if this one cannot see it.
    Held(i32),
    Failed(io::Error),
}

/// Locks that file; if it does not exist, this creates it. `None` if the file system has no locks.
fn lock(path: &CStr) -> std::result::Result<Option<File>, Refusal> {
    loop {
        let file = open(path, libc::O_RDWR | libc::O_CREAT).map_err(Refusal::Failed)?;
        let mut whole = libc::flock { l_type: libc::F_WRLCK as _, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
        match fcntl(&file, FcntlArg::F_SETLK(&whole)) {
            Ok(_) => {}
            Err(Errno::EACCES | Errno::EAGAIN) => {
                let is_told = fcntl(&file, FcntlArg::F_GETLK(&mut whole)).is_ok();
                return Err(Refusal::Held(if is_told && whole.l_type == libc::F_WRLCK as libc::c_short {
                    whole.l_pid
                } else {
                    0
                }));
            }
            Err(_) => return Ok(None),
        }
        // The supervisor before may have removed the file meanwhile: no other process sees this lock then.
        let place = |meta: io::Result<fs::Metadata>| meta.map(|meta| (meta.dev(), meta.ino())).ok();
        if place(file.metadata()) == place(fs::symlink_metadata(OsStr::from_bytes(path.to_bytes()))) {
            return Ok(Some(file));
        }
    }
}

/// Writes text of any length in pieces.
struct Pieces {
    file: File,
    piece: Text<1024>,
}

impl Pieces {
    fn flush(&mut self) -> bool {
        let is_written = self.file.write_all(self.piece.as_bytes()).is_ok();
        self.piece = Text::new();
        is_written
    }
}

impl fmt::Write for Pieces {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        while !text.is_empty() {
            let taken = self.piece.take(text);
            text = text.get(taken..).unwrap_or("");
            if !text.is_empty() && !self.flush() {
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

/// What lets a reader of the status file tell whether the supervisor still lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    pid: u32,
    /// When the supervisor began, in the kernel's ticks since the machine did. The kernel uses numbers of
    /// processes again.
    began: u64,
    /// The PID namespace of the number, as an inode.
    namespace: u64,
}

impl Own {
    pub(super) fn look() -> Own {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The name, in parentheses, may have any bytes; the 20th field behind it is the time.
        let began = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19)?.parse().ok());
        let namespace = fs::metadata("/proc/self/ns/pid").map_or(0, |file| file.ino());
        Own { pid: std::process::id(), began: began.unwrap_or(0), namespace }
    }
}

/// The content of the file.
pub(super) struct Status<'a> {
    pub(super) state: &'a State,
    pub(super) facts: Facts<'a>,
    pub(super) since: Duration,
    pub(super) own: Own,
}

impl fmt::Display for Status<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, Own { pid, began, namespace }) = (self.state, self.own);
        out.write_str(str::from_utf8(CURRENT).unwrap_or(""))?;
        write!(out, ",\"supervisor\":{pid},\"began\":{began},\"namespace\":{namespace}")?;
        for (name, time) in [("time", calendar()), ("since", self.since)] {
            write!(out, ",\"{name}\":{}.{:03}", time.as_secs(), time.subsec_millis())?;
        }
        write!(out, ",\"stage\":\"{}\"", state.stage_name())?;
        if let Stage::Warned { cause, .. } | Stage::Killing { cause: Some(cause) } = state.stage() {
            write_cause(out, cause, self.facts)?;
        }
        write_said(out, self.facts.said)?;
        write!(out, ",\"instance\":{},\"restarts\":{}", state.instance(), state.restarts())?;
        if let Some(running) = self.facts.running {
            write!(out, ",\"pid\":{},\"lived_ms\":{}", running.pid, running.lived.as_millis())?;
            if let Some(path) = running.cgroup {
                write!(out, ",\"cgroup\":{}", Json(path))?;
            }
        }
        if let Stage::Waiting { at } = state.stage() {
            write!(out, ",\"next_ms\":{}", at.since(self.facts.now).as_millis())?;
        }
        if let Some(end) = state.last() {
            write!(out, ",\"last\":{{\"instance\":{},\"decision\":\"{}\"", end.instance, decision_name(end.decision))?;
            match end.exit {
                Ok(exit) => write_exit(out, exit)?,
                Err(error) => write!(out, ",\"error\":{error}")?,
            }
            if let Some(cause) = end.cause {
                write_cause(out, cause, Facts { running: None, ..self.facts })?;
            }
            write!(out, ",\"lived_ms\":{}}}", end.lived.as_millis())?;
        }
        for (index, (name, _)) in self.facts.kept.iter().enumerate() {
            let start = if index == 0 { ",\"kept\":[" } else { "," };
            write!(out, "{start}{}", Json(name.as_bytes()))?;
        }
        if self.facts.kept.iter().next().is_some() {
            out.write_char(']')?;
        }
        out.write_char('}')
    }
}
