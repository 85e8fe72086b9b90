//! What the supervisor tells people and programs: lines on standard error, events in JSON,
//! and a status file.
//!
//! Lines and events are functions of two states of the machine, the one before a step and the
//! one after it; the status file is one of the state at the end of a turn. Nothing here waits
//! for a reader: what a full pipe does not take is dropped, and the next event says how many
//! were (`lost`).

use std::{
    ffi::CString,
    fmt::{self, Write as _},
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    cgroup::Cgroups,
    living::Living,
    outlet::Outlet,
    sys,
    text::{Json, Text},
};
use crate::{
    error::{Error, Result},
    options::Options,
    shared::{Ended, Label},
    state::{Cause, Exit, How, Stage, State, Then},
    time::Time,
    wire::Kept,
};

/// One line. Longer ones are cut off, which only a check's name could bring about.
type Line = Text<1024>;

/// Where the supervisor writes.
pub(super) struct Journal {
    log: Option<Outlet>,
    events: Option<Outlet>,
    status: Option<StatusFile>,
    /// When the stage last changed, on the calendar.
    since: Duration,
    own: Own,
    /// The status file says what was.
    is_stale: bool,
    lost: u32,
}

/// By what a reader of the status file can tell whether the supervisor still lives.
#[derive(Clone, Copy, Debug)]
struct Own {
    pid: u32,
    /// When it began, in the kernel's ticks since the machine did: numbers are used again.
    began: u64,
    /// The namespace that its number is of, as an inode.
    namespace: u64,
}

impl Own {
    fn look() -> Own {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The name, in parentheses, may have any bytes; the 20th field behind it is the time.
        let began = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19)?.parse().ok());
        let namespace = fs::metadata("/proc/self/ns/pid").map_or(0, |file| file.ino());
        Own { pid: std::process::id(), began: began.unwrap_or(0), namespace }
    }
}

fn calendar() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A file that is replaced as a whole.
struct StatusFile {
    path: CString,
    next: CString,
}

impl Journal {
    pub(super) fn open(options: &Options) -> Result<Journal> {
        let open = |path: &PathBuf| {
            Outlet::end_of(path).map_err(|error| Error::io(format!("open {} for events", path.display()), error))
        };
        let mut journal = Journal {
            log: options.log.then(Outlet::standard_error),
            events: options.events.as_ref().map(open).transpose()?,
            status: options.status.as_deref().and_then(StatusFile::new),
            since: calendar(),
            own: Own::look(),
            is_stale: false,
            lost: 0,
        };
        if let Some(status) = &journal.status
            && let Err(error) = status.replace(b"{}\n")
        {
            let path = options.status.as_deref().unwrap_or(Path::new("")).display();
            return Err(Error::io(format!("write the status file {path}"), error));
        }
        journal.lost = 0;
        Ok(journal)
    }

    /// Tells what a step has changed.
    pub(super) fn note(&mut self, before: &State, after: &State, seen: Seen<'_>) {
        if let Some(what) = What::of(before, after) {
            if let Some(log) = self.log.as_ref().filter(|_| what.is_for_people(after)) {
                let line = Line::of(format_args!("sam: {}\n", Plain { what, state: after, seen }));
                self.lost += u32::from(!log.write(line.as_bytes()));
            }
            if let Some(events) = &self.events {
                let line = Line::of(format_args!("{}\n", Event { what, state: after, seen, lost: self.lost }));
                self.lost = if events.write(line.as_bytes()) { 0 } else { self.lost + 1 };
            }
        }
        if Standing::of(before) != Standing::of(after) {
            self.since = calendar();
            self.is_stale = true;
        }
    }

    /// The status file says what was, though no stage has changed.
    pub(super) fn outdate(&mut self) {
        self.is_stale = true;
    }

    /// Brings the status file up to date. A file system may have this process wait for its disk
    /// at a rename, so it is called when there is nothing more urgent to do, and not at each step.
    pub(super) fn bring_up_to_date(&mut self, state: &State, seen: Seen<'_>) {
        let is_stale = std::mem::take(&mut self.is_stale);
        if let Some(status) = self.status.as_ref().filter(|_| is_stale) {
            let line = Text::<8192>::of(format_args!("{}\n", Status { state, seen, since: self.since, own: self.own }));
            // A full disk must not end supervision.
            let _ = status.replace(line.as_bytes());
        }
    }
}

impl StatusFile {
    fn new(path: &Path) -> Option<StatusFile> {
        let mut next = path.as_os_str().as_bytes().to_vec();
        let path = CString::new(next.clone()).ok()?;
        next.extend_from_slice(b".next");
        Some(StatusFile { path, next: CString::new(next).ok()? })
    }

    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_CLOEXEC | libc::O_NOFOLLOW;
        // SAFETY: the path ends with a zero byte.
        let fd = sys::checked(unsafe { libc::open(self.next.as_ptr(), flags, 0o644) })?;
        // SAFETY: the bytes live until the call is over.
        let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        // SAFETY: it was opened above and is used no more.
        unsafe { libc::close(fd) };
        if usize::try_from(written) != Ok(bytes.len()) {
            return Err(std::io::Error::last_os_error());
        }
        // SAFETY: both paths end with a zero byte.
        sys::checked(unsafe { libc::rename(self.next.as_ptr(), self.path.as_ptr()) }).map(drop)
    }
}

/// What a step has changed that somebody wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Started,
    Ready,
    Warned(Cause),
    Recovered,
    Killed,
    Stopping(i32),
    Ended,
    NotStarted,
    Left(Exit),
}

impl What {
    fn of(before: &State, after: &State) -> Option<What> {
        if before.last() != after.last()
            && let Some(end) = after.last()
        {
            return Some(if matches!(end.how, How::NotMade(_)) { What::NotStarted } else { What::Ended });
        }
        match (before.stage(), after.stage()) {
            (old, Stage::Left { exit }) if !matches!(old, Stage::Left { .. }) => Some(What::Left(exit)),
            (Stage::Spawning, Stage::Living | Stage::Stopping { .. }) => Some(What::Started),
            (Stage::Living, Stage::Warned { cause, .. }) => Some(What::Warned(cause)),
            (Stage::Warned { cause: old, .. }, Stage::Warned { cause, .. }) if old != cause => {
                Some(What::Warned(cause))
            }
            (Stage::Warned { .. }, Stage::Living) => Some(What::Recovered),
            (old, Stage::Killing { .. }) if !matches!(old, Stage::Killing { .. }) => Some(What::Killed),
            _ if before.stop_signal() != after.stop_signal() => after.stop_signal().map(What::Stopping),
            (Stage::Living, Stage::Living) if !before.serves() && after.serves() => Some(What::Ready),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            What::Started => "started",
            What::Ready => "ready",
            What::Warned(_) => "warned",
            What::Recovered => "recovered",
            What::Killed => "killed",
            What::Stopping(_) => "stopping",
            What::Ended => "ended",
            What::NotStarted => "not started",
            What::Left(_) => "left",
        }
    }

    /// Whether an operator wants to read it: not what goes well from the first instance to
    /// a clean end.
    fn is_for_people(self, after: &State) -> bool {
        match self {
            What::Started | What::Ready | What::Stopping(_) | What::Left(_) => false,
            What::Ended => !after.last().is_some_and(|end| end.then == Then::Clean),
            _ => true,
        }
    }
}

/// What decides whether the status file changes.
#[derive(PartialEq, Eq)]
struct Standing(&'static str, u32, u64);

impl Standing {
    fn of(state: &State) -> Standing {
        Standing(state.stage_name(), state.instance(), state.restarts())
    }
}

/// What is at hand beside the machine's state.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) living: Option<&'a Living>,
    /// How the instance before ended.
    pub(super) past: Option<&'a Ended>,
    pub(super) kept: &'a Kept,
    pub(super) cgroups: Option<&'a Cgroups>,
    /// What a program said of itself by `sd_notify`.
    pub(super) said: &'a [u8],
    pub(super) now: Time,
}

impl Seen<'_> {
    fn pid(&self) -> i32 {
        self.living.map_or(0, |living| living.pid)
    }

    /// The name of a check of the instance that lives, or of the one that has just ended;
    /// and how long it has been silent.
    fn check(&self, index: u8) -> Option<(Label, Option<Duration>)> {
        match self.living {
            Some(living) => living.board.check(index.into(), self.now).map(|check| (check.label, Some(check.silent))),
            None => self.past.and_then(|past| past.hung).map(|label| (label, None)),
        }
    }
}

/// `its check main is overdue`.
struct CauseText<'a>(Cause, Seen<'a>);

impl fmt::Display for CauseText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Cause::Failed => out.write_str("it marked itself failed"),
            Cause::Overdue { check } => match self.1.check(check) {
                Some((label, _)) => write!(out, "its check {} is overdue", label.as_str()),
                None => write!(out, "its check {check} is overdue"),
            },
            Cause::Unanswered => out.write_str("it did not answer"),
            Cause::Probe => out.write_str("its probe failed"),
            Cause::Start => out.write_str("it was not ready in time"),
        }
    }
}

struct ExitText(Exit);

impl fmt::Display for ExitText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Exit::Code(code) => write!(out, "ended with status {code}"),
            Exit::Signal { signal, core } => {
                match nix::sys::signal::Signal::try_from(signal) {
                    Ok(signal) => write!(out, "died of {signal}")?,
                    Err(_) => write!(out, "died of signal {signal}")?,
                }
                if core { out.write_str(" and left a core") } else { Ok(()) }
            }
        }
    }
}

/// One line for people.
struct Plain<'a> {
    what: What,
    state: &'a State,
    seen: Seen<'a>,
}

impl fmt::Display for Plain<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.state.last();
        match (self.what, end) {
            (What::Ended | What::NotStarted, Some(end)) => {
                match end.how {
                    How::Exited(exit) => write!(out, "instance {} {}", end.instance, ExitText(exit))?,
                    How::NotMade(error) => {
                        write!(out, "instance {} could not be made, error {error}", end.instance)?;
                    }
                }
                if let Some(cause) = end.cause {
                    write!(out, " ({})", CauseText(cause, self.seen))?;
                }
                if !self.seen.said.is_empty() {
                    write!(out, ", having said {}", Json(self.seen.said))?;
                }
                write!(out, " after {:.3?}; ", end.lived)?;
                match end.then {
                    Then::Restart { after: Duration::ZERO } => out.write_str("the next begins"),
                    Then::Restart { after } => write!(out, "the next begins in {after:.1?}"),
                    Then::Stopped => out.write_str("stopped as asked"),
                    Then::Clean => out.write_str("done"),
                    Then::Fatal => out.write_str("another would fare no better"),
                    Then::Finished => out.write_str("it had finished"),
                    Then::Quit => out.write_str("the policy is to quit"),
                    Then::Spent => out.write_str("no restart is left in the budget"),
                }
            }
            (What::Warned(cause), _) => {
                let instance = self.state.instance();
                write!(out, "instance {instance} (pid {}) was warned: ", self.seen.pid())?;
                write!(out, "{}", CauseText(cause, self.seen))
            }
            (what, _) => write!(out, "instance {} (pid {}): {}", self.state.instance(), self.seen.pid(), what.name()),
        }
    }
}

/// One line for programs.
struct Event<'a> {
    what: What,
    state: &'a State,
    seen: Seen<'a>,
    lost: u32,
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = calendar();
        write!(out, "{{\"time\":{}.{:03}", time.as_secs(), time.subsec_millis())?;
        let instance = match (self.what, self.state.last()) {
            (What::Ended | What::NotStarted, Some(end)) => end.instance,
            _ => self.state.instance(),
        };
        write!(out, ",\"event\":\"{}\",\"instance\":{instance}", self.what.name())?;
        if self.seen.pid() != 0 {
            write!(out, ",\"pid\":{}", self.seen.pid())?;
        }
        match self.what {
            What::Warned(cause) => write_cause(out, cause, self.seen)?,
            What::Stopping(signal) => write!(out, ",\"signal\":{signal}")?,
            What::Left(exit) => write_exit(out, exit)?,
            What::Ended | What::NotStarted => {
                if let Some(end) = self.state.last() {
                    match end.how {
                        How::Exited(exit) => write_exit(out, exit)?,
                        How::NotMade(error) => write!(out, ",\"error\":{error}")?,
                    }
                    if let Some(cause) = end.cause {
                        write_cause(out, cause, self.seen)?;
                    }
                    write_said(out, self.seen.said)?;
                    write!(out, ",\"lived_ms\":{},\"decision\":", end.lived.as_millis())?;
                    match end.then {
                        Then::Restart { after } => write!(out, "\"restart\",\"delay_ms\":{}", after.as_millis())?,
                        then => write!(out, "\"{}\"", then_name(then))?,
                    }
                }
            }
            _ => {}
        }
        if self.lost > 0 {
            write!(out, ",\"lost\":{}", self.lost)?;
        }
        out.write_char('}')
    }
}

fn then_name(then: Then) -> &'static str {
    match then {
        Then::Restart { .. } => "restart",
        Then::Stopped => "stopped",
        Then::Clean => "clean",
        Then::Fatal => "fatal",
        Then::Finished => "finished",
        Then::Quit => "quit",
        Then::Spent => "budget spent",
    }
}

fn write_exit(out: &mut fmt::Formatter<'_>, exit: Exit) -> fmt::Result {
    match exit {
        Exit::Code(code) => write!(out, ",\"status\":{code}"),
        Exit::Signal { signal, core } => write!(out, ",\"signal\":{signal},\"core\":{core}"),
    }
}

fn write_said(out: &mut fmt::Formatter<'_>, said: &[u8]) -> fmt::Result {
    if said.is_empty() { Ok(()) } else { write!(out, ",\"said\":{}", Json(said)) }
}

fn write_cause(out: &mut fmt::Formatter<'_>, cause: Cause, seen: Seen<'_>) -> fmt::Result {
    let name = match cause {
        Cause::Failed => "failed",
        Cause::Overdue { .. } => "overdue",
        Cause::Unanswered => "unanswered",
        Cause::Probe => "probe",
        Cause::Start => "start",
    };
    write!(out, ",\"cause\":\"{name}\"")?;
    if let Cause::Overdue { check } = cause
        && let Some((label, silent)) = seen.check(check)
    {
        write!(out, ",\"check\":{}", Json(label.as_str().as_bytes()))?;
        if let Some(silent) = silent {
            write!(out, ",\"silent_ms\":{}", silent.as_millis())?;
        }
    }
    Ok(())
}

/// How things stand.
struct Status<'a> {
    state: &'a State,
    seen: Seen<'a>,
    since: Duration,
    own: Own,
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
