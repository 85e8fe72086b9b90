//! What the supervisor tells people and programs: lines on standard error, events in JSON,
//! and a status file.
//!
//! Lines and events are functions of two states of the machine, the one before a step and the
//! one after it; the status file is one of the state at the end of a turn. Nothing here waits
//! for a reader: what a full pipe does not take is dropped, and the next event says how many
//! were (`lost`).

mod lines;
mod status;
mod what;

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{cgroup::Cgroups, living::Living, outlet::Outlet, text::Text};
use crate::{
    error::{Error, Result},
    options::Options,
    shared::{Ended, Label},
    state::State,
    time::Time,
    wire::Kept,
};
use lines::{Event, Plain};
use status::{Own, Status, StatusFile};
use what::What;

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
            && let Err(error) = status.replace("{}")
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
            self.write(what, after, seen);
        }
        if Standing::of(before) != Standing::of(after) {
            self.since = calendar();
            self.is_stale = true;
        }
    }

    /// Apart, so that a step of which nobody is told needs no room for it.
    #[inline(never)]
    fn write(&mut self, what: What, state: &State, seen: Seen<'_>) {
        if let Some(log) = self.log.as_ref().filter(|_| what.is_for_people(state)) {
            let line = Line::of(format_args!("sam: {}\n", Plain { what, state, seen }));
            self.lost += u32::from(!log.write(line.as_bytes()));
        }
        if let Some(events) = &self.events {
            let line = Line::of(format_args!("{}\n", Event { what, state, seen, lost: self.lost }));
            self.lost = if events.write(line.as_bytes()) { 0 } else { self.lost + 1 };
        }
    }

    /// The status file says what was, though no stage has changed.
    pub(super) fn outdate(&mut self) {
        self.is_stale = true;
    }

    /// Brings the status file up to date. A file system may have this process wait for its disk
    /// at a rename, so it is called when there is nothing more urgent to do, and not at each step.
    pub(super) fn bring_up_to_date(&mut self, state: &State, seen: Seen<'_>) {
        if let Some(status) = self.status.as_ref().filter(|_| self.is_stale) {
            let standing = Status { state, seen, since: self.since, own: self.own };
            // A full disk must not end supervision. There may be room at the next turn.
            self.is_stale = status.replace(standing).is_err();
        }
    }
}

fn calendar() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
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
