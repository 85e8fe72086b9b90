//! What the supervisor tells people and programs: lines on standard error, events in JSON,
//! and a status file.
//!
//! Lines and events are functions of two states of the machine, before a step and after it. The status file
//! is a function of the state at the end of a turn. Nothing here waits for a reader: the supervisor drops a
//! line that a full pipe does not take, and the next event says how many it has dropped (`lost`).

mod facts;
mod lines;
mod log_sink;
mod status;
mod transition;

use std::{
    ffi::CString,
    fmt,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::errno::Errno;

use crate::{
    error::{Error, ErrorKind, Result},
    options::{Options, environment::nearest},
    state::State,
    supervisor::text::Text,
    time::Time,
};
use facts::calendar;
pub(crate) use facts::{Facts, Running};
use lines::{Event, Plain};
pub(crate) use lines::{cause_name, decision_name};
use log_sink::LogSink;
use status::{Own, Status, StatusFile};
use transition::Transition;

/// One line. A longer line is cut off, which only a long name of a check could bring about.
type Line = Text<1024>;

/// How long the supervisor waits before it tries again to write the status file.
const AGAIN: Duration = Duration::from_secs(1);

/// Where the supervisor writes.
pub(crate) struct Journal {
    log: Option<LogSink>,
    events: Option<(LogSink, CString)>,
    status: Option<StatusFile>,
    /// When the stage last changed, on the calendar.
    since: Duration,
    own: Own,
    /// Whether the status file says what was and no longer is.
    is_stale: bool,
    /// When to try again to write the status file, if that has failed.
    again: Option<Time>,
}

impl Journal {
    pub(crate) fn open(options: &Options) -> Result<Journal> {
        if options.events.is_some() && options.events == options.status {
            let text = "events and status are one file; give each a file of its own";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let open = |path: &PathBuf| {
            let failed = |error| Error::io(format!("cannot open {} for events", path.display()), error);
            let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| failed(error.into()))?;
            LogSink::end_of(path).map(|sink| (sink, name)).map_err(failed)
        };
        let journal = Journal {
            log: options.log.then(LogSink::standard_error),
            events: options.events.as_ref().map(open).transpose()?,
            status: options.status.as_deref().map(StatusFile::open).transpose()?,
            since: calendar(),
            own: Own::look(),
            is_stale: false,
            again: None,
        };
        if let Some(status) = &journal.status
            && let Err(error) = status.replace("{}")
        {
            let path = options.status.as_deref().unwrap_or(Path::new("")).display();
            return Err(Error::io(format!("cannot write the status file {path}"), error));
        }
        for name in &options.unknown {
            journal.say(format_args!("{}", Unknown(name)));
        }
        Ok(journal)
    }

    /// Writes a line for people about something that is no step of the machine.
    #[inline(never)]
    pub(crate) fn say(&self, text: fmt::Arguments<'_>) {
        let Some(log) = &self.log else { return };
        let line = match log.lost() {
            0 => Line::of(format_args!("{}sam: {text}\n", log.start())),
            lost => Line::of(format_args!("{}sam: (lines lost before this: {lost}) {text}\n", log.start())),
        };
        log.write(line.as_bytes());
    }

    /// Appends events from now on to the file that has the name now: an operator may have moved the old file
    /// aside.
    pub(crate) fn reopen(&mut self) {
        if let Some((events, name)) = &mut self.events
            && let Err(error) = events.reopen(name)
        {
            let error = Errno::from_raw(error.raw_os_error().unwrap_or(0)).desc();
            let path = Text::<160>::plain(name.as_bytes());
            let path = str::from_utf8(path.as_bytes()).unwrap_or("");
            self.say(format_args!("cannot reopen {path} for events: {error}; events go on to the old file"));
        }
    }

    /// Tells what a step has changed.
    pub(crate) fn note(&mut self, before: &State, after: &State, facts: Facts<'_>) {
        if let Some(transition) = Transition::of(before, after) {
            self.write(transition, after, facts);
        }
        if Standing::of(before) != Standing::of(after) {
            self.since = calendar();
            self.is_stale = true;
        }
    }

    /// Writes the line and the event of a transition. A function of its own, so that a step without a transition
    /// needs no stack for it.
    #[inline(never)]
    fn write(&mut self, transition: Transition, state: &State, facts: Facts<'_>) {
        if self.log.is_some() && transition.is_for_people(state) {
            self.say(format_args!("{}", Plain { transition, state, facts }));
        }
        if let Some((events, _)) = &self.events {
            let event = Event { transition, state, facts, lost: events.lost() };
            events.write(Line::of(format_args!("{}{event}\n", events.start())).as_bytes());
        }
    }

    /// Notes that the status file is out of date although no stage has changed.
    pub(crate) fn outdate(&mut self) {
        self.is_stale = true;
    }

    /// When to try again to write the status file.
    pub(crate) fn due(&self) -> Time {
        self.again.unwrap_or(Time::NEVER)
    }

    /// Brings the status file up to date. A file system may make this process wait for its disk at a rename, so
    /// the loop calls this when there is nothing more urgent to do, and not at each step. A full disk does not
    /// end supervision: the file says that it is old, the log says so once, and the supervisor tries again at
    /// each turn, a second later at the latest.
    pub(crate) fn bring_up_to_date(&mut self, state: &State, facts: Facts<'_>) {
        let Some(status) = self.status.as_ref().filter(|_| self.is_stale) else { return };
        let standing = Status { state, facts, since: self.since, own: self.own };
        let result = status.replace(standing);
        self.is_stale = result.is_err();
        let was_told = self.again.is_some();
        self.again = result.is_err().then(|| facts.now.after(AGAIN));
        if let Err(error) = result
            && !was_told
        {
            status.mark_old();
            let path = status.shown();
            let path = str::from_utf8(path.as_bytes()).unwrap_or("");
            let error = Errno::from_raw(error.raw_os_error().unwrap_or(0)).desc();
            self.say(format_args!(
                "cannot write the status file {path}: {error}; what it says is old until that succeeds"
            ));
        }
    }

    /// Gives the status file up, so that another supervisor may keep it.
    pub(crate) fn close(&mut self) {
        self.status.take().into_iter().for_each(StatusFile::close);
    }
}

/// A variable of the environment that looks like an option but is not.
struct Unknown<'a>(&'a str);

impl fmt::Display for Unknown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} in the environment is no option of sam's and has no effect", self.0)?;
        match nearest(self.0) {
            Some(name) => write!(out, "; the nearest is {name}"),
            None => Ok(()),
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
