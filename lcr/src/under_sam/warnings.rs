//! The thread that looks, for as long as a trial lasts, whether the supervisor has warned this process.
//!
//! sam's warn signal is the program's: it may have a handler for it, block it, or die of it. So nothing is done with
//! signals here. The supervisor writes each warning to memory that it shares with this process, ahead of the signal
//! ([`App::last_warning`](sam::App::last_warning)), and this thread looks there every [`PAUSE`]. Between trials the
//! thread sleeps.
//!
//! What counts is a warning that came during the trial: the last one before it is noted when the trial begins.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use crate::{
    change::trial::warned,
    host::{
        service::inner::{AUTHORS_STACK, RuntimeInner},
        sys,
    },
};

/// The pause between two looks: short beside any time that a supervisor leaves between its warning and the kill.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks for warnings during trials.
pub(super) struct Warnings {
    app: &'static sam::App,
    watched: Mutex<Watched>,
    changed: Condvar,
}

#[derive(Default)]
struct Watched {
    /// The generation of the trial that is under way, and the number of the last warning before it.
    trial: Option<(u64, Option<u16>)>,
    is_closed: bool,
}

impl Warnings {
    pub(super) fn new(app: &'static sam::App) -> Warnings {
        Warnings { app, watched: Mutex::default(), changed: Condvar::new() }
    }

    /// Starts the thread, if there is a supervisor.
    pub(super) fn start(self: &Arc<Warnings>, runtime: Weak<RuntimeInner>) -> io::Result<()> {
        if !self.app.is_supervised() {
            return Ok(());
        }
        let own = Arc::clone(self);
        sys::start(c"lcr-warnings", AUTHORS_STACK, move || own.look(&runtime)).map(drop)
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> Option<u16> {
        self.app.last_warning().map(|warning| warning.number)
    }

    /// A trial begins.
    pub(super) fn trial_began(&self, generation: u64) {
        let before = self.last();
        self.lock().trial = Some((generation, before));
        self.changed.notify_all();
    }

    /// A trial is over. The next one may have begun by now.
    pub(super) fn trial_ended(&self, generation: u64) {
        self.lock().trial.take_if(|(of, _)| *of == generation);
    }

    /// The runtime ends, and the thread with it.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn look(&self, runtime: &Weak<RuntimeInner>) {
        let mut watched = self.lock();
        while !watched.is_closed {
            let Some((generation, before)) = watched.trial else {
                watched = self.changed.wait(watched).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            watched = self.changed.wait_timeout(watched, PAUSE).unwrap_or_else(PoisonError::into_inner).0;
            let Some(warning) = self.app.last_warning().filter(|warning| Some(warning.number) != before) else {
                continue;
            };
            watched.trial.take_if(|(of, _)| *of == generation);
            drop(watched);
            let Some(inner) = runtime.upgrade() else { return };
            warned::note(&inner, generation, &warning.cause.to_string());
            drop(inner);
            watched = self.lock();
        }
    }
}
