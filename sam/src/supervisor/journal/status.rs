//! The status file: how things stand, in JSON, replaced as a whole.

use std::{
    ffi::CString,
    fmt::{self, Write as _},
    fs::{self, File},
    io::{self, Write as _},
    os::{
        fd::{FromRawFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    },
    path::Path,
    time::Duration,
};

use super::{
    Seen, calendar,
    lines::{then_name, write_cause, write_exit, write_said},
};
use crate::{
    state::{How, Stage, State},
    supervisor::{
        sys,
        text::{Json, Text},
    },
};

/// A file that is replaced as a whole.
pub(super) struct StatusFile {
    path: CString,
    next: CString,
}

impl StatusFile {
    pub(super) fn new(path: &Path) -> Option<StatusFile> {
        let mut next = path.as_os_str().as_bytes().to_vec();
        let path = CString::new(next.clone()).ok()?;
        next.extend_from_slice(b".next");
        Some(StatusFile { path, next: CString::new(next).ok()? })
    }

    /// Writes the new one beside it, and puts that in its place once it is whole.
    pub(super) fn replace(&self, content: impl fmt::Display) -> io::Result<()> {
        // Where others may write, too, this is to follow no link and to wait for no pipe's reader.
        let kind = libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | kind;
        // SAFETY: the path ends with a zero byte.
        let fd = sys::checked(unsafe { libc::open(self.next.as_ptr(), flags, 0o644) })?;
        // SAFETY: it is new and nobody else's.
        let mut pieces = Pieces { file: File::from(unsafe { OwnedFd::from_raw_fd(fd) }), piece: Text::new() };
        if writeln!(pieces, "{content}").is_err() || !pieces.flush() {
            return Err(io::Error::last_os_error());
        }
        drop(pieces);
        // SAFETY: both paths end with a zero byte.
        sys::checked(unsafe { libc::rename(self.next.as_ptr(), self.path.as_ptr()) }).map(drop)
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

/// By what a reader of the status file can tell whether the supervisor still lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    pid: u32,
    /// When it began, in the kernel's ticks since the machine did: numbers are used again.
    began: u64,
    /// The namespace that its number is of, as an inode.
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

/// How things stand.
pub(super) struct Status<'a> {
    pub(super) state: &'a State,
    pub(super) seen: Seen<'a>,
    pub(super) since: Duration,
    pub(super) own: Own,
}

impl fmt::Display for Status<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, Own { pid, began, namespace }) = (self.state, self.own);
        write!(out, "{{\"supervisor\":{pid},\"began\":{began},\"namespace\":{namespace}")?;
        for (name, time) in [("time", calendar()), ("since", self.since)] {
            write!(out, ",\"{name}\":{}.{:03}", time.as_secs(), time.subsec_millis())?;
        }
        write!(out, ",\"stage\":\"{}\"", state.stage_name())?;
        if let Stage::Warned { cause, .. } | Stage::Killing { cause: Some(cause) } = state.stage() {
            write_cause(out, cause, self.seen)?;
        }
        write_said(out, self.seen.said)?;
        write!(out, ",\"instance\":{},\"restarts\":{}", state.instance(), state.restarts())?;
        if let Some(living) = self.seen.living {
            write!(out, ",\"pid\":{},\"lived_ms\":{}", living.pid, living.lived(self.seen.now).as_millis())?;
        }
        if let (Some(cgroups), Some(cell)) =
            (self.seen.cgroups, self.seen.living.and_then(|living| living.cell.as_ref()))
            && let Some(path) = cgroups.shown(cell)
        {
            write!(out, ",\"cgroup\":{}", Json(path))?;
        }
        if let Stage::Waiting { at } = state.stage() {
            write!(out, ",\"next_ms\":{}", at.since(self.seen.now).as_millis())?;
        }
        if let Some(end) = state.last() {
            write!(out, ",\"last\":{{\"instance\":{},\"decision\":\"{}\"", end.instance, then_name(end.then))?;
            match end.how {
                How::Exited(exit) => write_exit(out, exit)?,
                How::NotMade(error) => write!(out, ",\"error\":{error}")?,
            }
            if let Some(cause) = end.cause {
                write_cause(out, cause, Seen { living: None, ..self.seen })?;
            }
            write!(out, ",\"lived_ms\":{}}}", end.lived.as_millis())?;
        }
        for (index, (name, _)) in self.seen.kept.iter().enumerate() {
            let start = if index == 0 { ",\"kept\":[" } else { "," };
            write!(out, "{start}{}", Json(name.as_bytes()))?;
        }
        if self.seen.kept.iter().next().is_some() {
            out.write_char(']')?;
        }
        out.write_char('}')
    }
}
