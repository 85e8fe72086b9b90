//! A runtime in an instance under [`sam`]: states that survive the process, and what the instance before died of.
//!
//! sam's supervisor keeps two descriptors of memory for the runtime, beside what the program has it keep. It holds them
//! by name, so no end of the process loses them, and the runtime leaves the program's
//! [stored data](sam::App::store) alone.
//!
//! | descriptor | holds | is written |
//! |---|---|---|
//! | `lcr.states` | what [`Runtime::save_states`] returned last | never: each save is a new file |
//! | `lcr.marks` | what is being restored, and what is on trial ([`marks`]) | in place, before that step and after it |
//!
//! If the supervisor warns this process during a trial, the trial rolls back ([`warnings`]).
//!
//! The supervisor puts a new file in the place of the one before in one step.
//!
//! A state that takes the process down as it is restored would do so in each instance. So the mark comes first: an
//! instance that finds one begins without that state, sets it aside, and says so ([`Runtime::last_instance`]). The same
//! happens where the instance before ended because the component refused its state.
//!
//! 1. States come from the last save that succeeded, or from none, never from half a save.
//! 2. A child of `fork` touches neither descriptor.
//! 3. While a version is on trial, the states that the version before can take stay, beside those of the version on
//!    trial: the instance after this one begins with what its version takes.
//! 4. No state is lost silently: what cannot be read is kept as `lcr.damaged`, and said.

use std::{
    any::Any,
    fs::File,
    os::unix::fs::FileExt as _,
    process,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use sam::report::WarningCause;

use crate::{
    change::save_states,
    error::{Error, ErrorKind, Result},
    host::{
        builder::RuntimeBuilder,
        runtime::Runtime,
        service::{
            events::{Events, kind::EventKind},
            inner::{AUTHORS_STACK, RuntimeInner},
            keeper::Keeper,
        },
        state_bytes, sys,
    },
};

mod files;
mod last;
mod marks;
mod options;
mod warnings;

pub use last::LastInstance;
pub use options::Under;

use files::{memory, read_all};
use marks::{Marked, PAGE};
use warnings::Warnings;

const STATES: &str = "lcr.states";
const MARKS: &str = "lcr.marks";
const DAMAGED: &str = "lcr.damaged";

/// How long a save at an interval or at the end waits for calls that are inside, and the last one for another
/// transaction.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long the next save is put off if a transaction was in its way.
const PAUSE: Duration = Duration::from_millis(100);

impl RuntimeBuilder {
    /// Has the states of components survive this process: sam's supervisor keeps them, and they are restored in its
    /// next instance, as [`restore_states`](RuntimeBuilder::restore_states) does. Takes `sam::app()`, or an [`Under`].
    ///
    /// States are saved every second, after each commit and when the runtime is dropped, as [`Runtime::save_states`]
    /// does; what changed since the last save is lost with a process that is killed. If an instance ends while a state
    /// is restored, the next one begins without that state. Without a supervisor the states last as long as the
    /// process.
    ///
    /// One runtime of a process may be under sam: several would take each other's states. Building is refused with `Io`
    /// if the supervisor does not answer.
    pub fn under(self, under: impl Into<Under>) -> RuntimeBuilder {
        let under = under.into();
        self.begin_with(move |inner| UnderSam::begin(under, inner))
    }
}

impl Runtime {
    /// How the instance before this one ended. `None` in the first instance, and in a runtime that is not
    /// [under](RuntimeBuilder::under) sam.
    pub fn last_instance(&self) -> Option<LastInstance> {
        under(self.inner())?.last.clone()
    }

    /// Saves the states now, and has sam keep them: a program that is about to do something dangerous need not wait for
    /// the next save.
    ///
    /// # Errors
    /// Those of [`Runtime::save_states`]; `State` if the states have more bytes than [`Under::max_bytes`]; `Io` if the
    /// supervisor does not take them; `Invalid` if the runtime is not [under](RuntimeBuilder::under) sam.
    pub fn keep_states(&self) -> Result<()> {
        let Some(under) = under(self.inner()) else {
            let text = "the runtime is not under sam, and nobody keeps its states; build it with `under`";
            return Err(Error::new(ErrorKind::Invalid, text));
        };
        under.save(self.inner(), None)
    }
}

/// What the runtime keeps with sam.
struct UnderSam {
    under: Under,
    /// The process that this was made in; a child of `fork` has a copy.
    process: u32,
    runtime: Weak<RuntimeInner>,
    marks: File,
    marked: Mutex<Marked>,
    warnings: Arc<Warnings>,
    last: Option<LastInstance>,
    /// The transaction whose states are kept: of two saves at one time the later one stays.
    newest: Mutex<u64>,
    /// The problem that was told last, and what it was about: one that lasts is told once.
    told: Mutex<String>,
}

fn under(inner: &RuntimeInner) -> Option<&UnderSam> {
    let keeper: &dyn Any = inner.keeper()?;
    keeper.downcast_ref()
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn io(what: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Io, format!("sam cannot keep the states: {what}")).with_source(error)
}

impl UnderSam {
    /// Takes what the instance before left, and begins to keep.
    fn begin(under: Under, inner: &Arc<RuntimeInner>) -> Result<()> {
        let app = under.app;
        let (marks, found) = open_marks(app)?;
        let kept = app.take_fd(STATES).map_err(|error| io("the kept ones cannot be had", error))?;
        let read = kept.map(File::from).map(|kept| {
            read_all(&kept, under.max_bytes)
                .and_then(|bytes| state_bytes::decode(&bytes))
                .map_err(|error| (kept, error))
        });
        let mut problem = None;
        let states = match read.transpose() {
            Ok(states) => states.unwrap_or_default(),
            Err((kept, error)) => {
                problem = Some(format!("what was kept of the states cannot be used: {error}"));
                app.keep_fd(DAMAGED, kept).map_err(|error| io("the damaged ones are not taken", error))?;
                Vec::new()
            }
        };
        let is_first = app.instance() == 1;
        let report = app.previous_exit();
        let warned = report.as_ref().and_then(|report| match &report.hung {
            Some(check) => Some(WarningCause::Overdue(check.clone())),
            None => report.failed.then_some(WarningCause::Failed),
        });
        let exit = report.map(|report| report.exit);
        let restoring: Vec<_> = found.restoring.into_iter().collect();
        let last = LastInstance { exit, warned, restoring, on_trial: found.on_trial, problem };
        inner.state().kept_states_mut().set(states, &last.restoring, &last.to_string());
        if last.problem.is_some() || !last.restoring.is_empty() || !last.on_trial.is_empty() {
            tracing::error!("{last}");
            inner.emit(EventKind::Recorded { problem: last.to_string() });
        }
        let last = Some(last).filter(|last| !is_first || last.problem.is_some());
        let every = under.every;
        let no_thread = |error| io("no thread could be started", error);
        let sam = Arc::new(UnderSam {
            under,
            process: process::id(),
            runtime: Arc::downgrade(inner),
            marks,
            marked: Mutex::default(),
            warnings: Arc::new(Warnings::new(app)),
            last,
            newest: Mutex::default(),
            told: Mutex::default(),
        });
        sam.mark(|_| ());
        let keeper = Arc::clone(&sam);
        if !inner.set_keeper(keeper) {
            return Err(Error::new(ErrorKind::Invalid, "the runtime is under sam already; call `under` once"));
        }
        sam.warnings.start(Arc::downgrade(inner)).map_err(no_thread)?;
        if every.is_some() || sam.under.at_commits {
            let events = inner.follow();
            sys::start(c"lcr-states", AUTHORS_STACK, move || sam.save_again_and_again(events)).map_err(no_thread)?;
        }
        Ok(())
    }

    fn is_of_parent(&self) -> bool {
        self.process != process::id()
    }

    /// Saves the states at intervals and after commits, until the runtime ends.
    fn save_again_and_again(&self, mut events: Events) {
        let mut due = self.under.every.map(|every| Instant::now() + every);
        loop {
            let left = due.map_or(Duration::from_secs(3600), |due| due.saturating_duration_since(Instant::now()));
            let event = events.next_timeout(left);
            if event.is_none() && events.is_closed() {
                return;
            }
            let is_commit = event.is_some_and(|event| matches!(event.kind, EventKind::Committed(_)));
            if !(is_commit && self.under.at_commits) && due.is_none_or(|due| Instant::now() < due) {
                continue;
            }
            let Some(inner) = self.runtime.upgrade() else { return };
            let result = self.save(&inner, Some(TIMEOUT));
            let is_busy = result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Busy);
            due = if is_busy { Some(PAUSE) } else { self.under.every }.map(|pause| Instant::now() + pause);
            if !is_busy {
                self.tell_problem(&inner, result.err().map(|error| error.to_string()).unwrap_or_default());
            }
        }
    }

    /// Tells a problem once for as long as it lasts.
    fn tell_problem(&self, inner: &RuntimeInner, problem: String) {
        let mut told = lock(&self.told);
        let is_new = *told != problem;
        told.clone_from(&problem);
        drop(told);
        if is_new && !problem.is_empty() && !inner.is_closed() {
            tracing::warn!("the states were not kept: {problem}");
            inner.emit(EventKind::Recorded { problem: format!("the states were not kept: {problem}") });
        }
    }

    /// Saves the states, and has the supervisor keep them. Waits for calls that are inside at most for `timeout`.
    fn save(&self, inner: &Arc<RuntimeInner>, timeout: Option<Duration>) -> Result<()> {
        if self.is_of_parent() {
            return Err(Error::new(ErrorKind::Closed, "this process was forked from the instance; keep nothing in it"));
        }
        let mut on_trial = inner.trials().names_on_trial();
        let mut saved = save_states::save(inner, self.under.hold, timeout)?;
        on_trial.extend(inner.trials().names_on_trial());
        // No component's code runs under this lock.
        let mut newest = lock(&self.newest);
        if saved.transaction < *newest {
            // A later save was kept meanwhile.
            return Ok(());
        }
        if !on_trial.is_empty() {
            self.keep_those_before(&mut saved.bytes, &on_trial)?;
        }
        let (len, most) = (saved.bytes.len(), self.under.max_bytes);
        if len > most {
            let text = format!("the states have {len} bytes, and {most} may be kept; raise Under::max_bytes");
            return Err(Error::new(ErrorKind::State, text));
        }
        let file = memory(&saved.bytes).map_err(|error| io("no memory for them", error))?;
        self.under.app.keep_fd(STATES, &file).map_err(|error| io("they are not taken", error))?;
        *newest = saved.transaction;
        drop(newest);
        match &saved.left_out[..] {
            [] => Ok(()),
            left_out => {
                let names: Vec<_> = left_out.iter().map(|(component, why)| format!("{component}: {why}")).collect();
                self.tell_problem(inner, format!("some were left out: {}", names.join("; ")));
                Ok(())
            }
        }
    }

    /// Adds the states of components on trial that are kept so far and have another version than the ones in `bytes`.
    /// If a version on trial takes the process down, the version before begins again, and it may not know the states of
    /// its successor.
    fn keep_those_before(&self, bytes: &mut Vec<u8>, on_trial: &[String]) -> Result<()> {
        let kept = self.under.app.take_fd(STATES).map_err(|error| io("the kept ones cannot be had", error))?;
        let before = kept.map(|kept| read_all(&kept.into(), self.under.max_bytes));
        // From what is damaged there is nothing to keep.
        let Some(Ok(before)) = before.map(|before| state_bytes::decode(&before?)) else { return Ok(()) };
        let mut states = state_bytes::decode(bytes)?;
        let saved = states.len();
        for state in before {
            let is_there = states.iter().any(|other| !other.is_aside && other.is_of_form(&state));
            if !state.is_aside && !is_there && on_trial.contains(&state.component) {
                states.push(state);
            }
        }
        if states.len() > saved {
            *bytes = state_bytes::encode(&states);
        }
        Ok(())
    }

    /// Changes the marks.
    fn mark(&self, change: impl FnOnce(&mut Marked)) {
        if self.is_of_parent() {
            return;
        }
        let mut marked = lock(&self.marked);
        change(&mut marked);
        // To memory that is there: it does not fail.
        let _ = self.marks.write_all_at(&marked.to_page(), 0);
    }
}

impl Keeper for UnderSam {
    fn restoring(&self, component: &str, is_begun: bool) {
        self.mark(|marked| {
            if is_begun {
                marked.restoring.insert(component.to_owned());
            } else {
                marked.restoring.remove(component);
            }
        });
    }

    fn tell(&self, event: &EventKind) {
        if self.is_of_parent() {
            return;
        }
        match event {
            EventKind::TrialBegan { generation, members, .. } => {
                self.mark(|marked| {
                    marked.generation = *generation;
                    marked.on_trial = members.iter().map(ToString::to_string).collect();
                });
                self.warnings.trial_began(*generation);
            }
            // The next trial may have begun by now.
            EventKind::TrialEnded { generation, .. } => {
                self.warnings.trial_ended(*generation);
                self.mark(|marked| {
                    if marked.generation == *generation {
                        marked.on_trial.clear();
                    }
                });
            }
            _ => {}
        }
    }

    fn ending(&self) {
        let Some(inner) = self.runtime.upgrade().filter(|_| !self.is_of_parent()) else { return };
        let end = Instant::now() + TIMEOUT;
        if self.under.at_end {
            let mut result = self.save(&inner, Some(TIMEOUT));
            while result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Busy) && Instant::now() < end {
                thread::sleep(Duration::from_millis(10));
                result = self.save(&inner, Some(TIMEOUT));
            }
            self.tell_problem(&inner, result.err().map(|error| error.to_string()).unwrap_or_default());
        }
        self.mark(|marked| marked.on_trial.clear());
        self.warnings.close();
    }
}

/// The marks that the instance before left, or fresh ones.
fn open_marks(app: &sam::App) -> Result<(File, Marked)> {
    let failed = |error| io("the marks cannot be had", error);
    if let Some(found) = app.take_fd(MARKS).map_err(failed)? {
        let file = File::from(found);
        let mut page = vec![0; PAGE];
        let found = file.read_exact_at(&mut page, 0).map(|()| Marked::of_page(&page));
        return Ok((file, found.unwrap_or_default()));
    }
    let file = memory(&Marked::default().to_page()).map_err(|error| io("no memory for marks", error))?;
    app.keep_fd(MARKS, &file).map_err(failed)?;
    Ok((file, Marked::default()))
}
