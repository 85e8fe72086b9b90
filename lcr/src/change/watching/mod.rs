//! Watches: an operator's look at the calls of any component, as long as it is wanted.
//!
//! [`Runtime::watch`] puts [hooks](crate::host::watching) around methods that are named by patterns, and returns a
//! [`Watching`], which reads what they note. No type of the interface is needed, and no preparation by its author: the
//! thunks are the component's own, and values are read by their shapes.
//!
//! A watch is put in as a patch is, in the turn of a transaction, but it is no change of the program: it has no
//! generation of its own, no rollback goes over it, and [`Runtime::patches`] does not list it. It is linked anew at
//! each replacement, method by method.
//!
//! # How it ends
//!
//! A thread of each watch, `lcr-watch`, waits until the [`Watching`] is dropped, or the time of the watch is over. It
//! turns the watch off, so that its hooks only pass calls on, and takes them off as soon as no transaction runs. So
//! whoever drops a `Watching` waits for nothing, and a watch whose reader hangs ends all the same.

mod noted;
pub(in crate::change) mod pattern;
pub(in crate::change) mod place;
mod request;

use std::{
    fmt, mem,
    sync::{
        Arc, Weak,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{
        runtime::Runtime,
        service::inner::{AUTHORS_STACK, RuntimeInner},
        sys,
        watching::{slow::SlowCall, stats::MethodStats},
    },
};

pub use noted::{LeftOut, WatchedMethod};
pub use request::Watch;

use noted::Notes;

/// How long a watch that begins waits for a transaction that runs.
const TURN: Duration = Duration::from_secs(5);

/// The pause between two attempts to have a turn.
const PAUSE: Duration = Duration::from_millis(5);

/// A watch that is on: see [`Runtime::watch`]. Dropping it ends the watch; that waits for nothing.
#[must_use = "dropping it ends the watch"]
pub struct Watching {
    methods: Vec<WatchedMethod>,
    left_out: Vec<LeftOut>,
    notes: Notes,
    runtime: Weak<RuntimeInner>,
    until: Instant,
    /// Whoever waits for the end waits for this to be dropped.
    ends: Option<SyncSender<()>>,
}

/// The child of a fork leaks what threads of its parent may have held.
impl Drop for Watching {
    fn drop(&mut self) {
        if !self.notes.switch.is_here() {
            let Notes { lines, slowest, .. } = &self.notes;
            mem::forget((self.ends.take(), Arc::clone(lines), Arc::clone(slowest)));
        }
    }
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").field("methods", &self.methods.len()).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Watches the calls of methods, whoever wrote their component, until the returned value is dropped or the watch's
    /// time is over.
    ///
    /// ```
    /// # #[lcr::interface(name = "watch.store", version = 1)]
    /// # pub trait Store {
    /// #     fn get(&self, key: &str) -> Option<u64>;
    /// # }
    /// # #[derive(Default)]
    /// # struct Lengths;
    /// # #[lcr::component(name = "lengths")]
    /// # impl Store for Lengths {
    /// #     fn get(&self, key: &str) -> Option<u64> {
    /// #         Some(key.len() as u64)
    /// #     }
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// let store = rt.service::<dyn Store>()?;
    /// let watching = rt.watch(lcr::watch::Watch::trace("watch.store.*").values())?;
    /// store.get("key");
    /// let line = watching.next_line().unwrap();
    /// assert!(line.contains("\"result\":\"Some(3)\""), "{line}");
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// What it costs: the methods that are not watched, nothing. A watched call, two reads of the clock and what is
    /// written of it. No caller waits for the reader: what it does not take in time is lost, and counted.
    ///
    /// A component's protection does not keep it from being watched; only calls that are to fail need
    /// [`Watch::override_protected`].
    ///
    /// # Errors
    /// `NotFound` if a pattern means no method; `Invalid` if a method that is named in full cannot be watched, or none
    /// of those of a pattern, or an option is out of its range; `Protected`; `Busy` if a transaction runs for longer
    /// than 5 s; `Io` if no thread can be started; `Closed` if the runtime is gone.
    pub fn watch(&self, watch: Watch) -> Result<Watching> {
        watch.check()?;
        let inner = self.inner();
        let patient_until = Instant::now() + TURN;
        let placed = loop {
            match place::put(inner, &watch) {
                Err(error) if error.kind() == ErrorKind::Busy && Instant::now() < patient_until => thread::sleep(PAUSE),
                placed => break placed?,
            }
        };
        let place::Placed { numbers, methods, left_out, notes } = placed;
        let (ends, ended) = sync_channel(0);
        let (weak, switch) = (Arc::downgrade(inner), Arc::clone(&notes.switch));
        // One moment for both sides: a watch whose hooks are gone is over for its reader, too.
        let until = Instant::now() + watch.time();
        let (runtime, taken_off) = (weak.clone(), numbers.clone());
        let wait = move || {
            wait_for_end(&ended, until);
            switch.turn_off();
            // Whatever else runs, the hooks only pass calls on from now on.
            while let Some(inner) = weak.upgrade() {
                match place::take_off(&inner, &numbers) {
                    Err(error) if error.kind() == ErrorKind::Busy => {
                        drop(inner);
                        thread::sleep(PAUSE);
                    }
                    Err(error) if error.kind() != ErrorKind::Closed => {
                        tracing::error!(%error, "the hooks of a watch stay; they only pass calls on");
                        return;
                    }
                    _ => return,
                }
            }
        };
        if let Err(error) = sys::start(c"lcr-watch", AUTHORS_STACK, wait) {
            notes.switch.turn_off();
            drop(place::take_off(inner, &taken_off));
            return Err(Error::io("no thread can be started to end the watch", error));
        }
        Ok(Watching { methods, left_out, notes, runtime, until, ends: Some(ends) })
    }
}

/// Waits until the sender is dropped, at most until that moment.
fn wait_for_end(ended: &Receiver<()>, until: Instant) {
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        if ended.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

impl Watching {
    /// The methods that are watched.
    pub fn methods(&self) -> &[WatchedMethod] {
        &self.methods
    }

    /// The methods that a pattern means and that are not watched.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The next line of a trace or record, which is one JSON object; `None` if there is none now. The child of a fork
    /// has none: the lines are its parent's.
    pub fn next_line(&self) -> Option<String> {
        self.notes.switch.is_here().then(|| self.notes.lines.next())?
    }

    /// How many calls a trace or record left out, because they came faster than they were read or than the limit of
    /// lines a second allows, or were too long; and how many may be missing among the slowest.
    pub fn lost(&self) -> u64 {
        self.notes.lines.lost() + self.notes.slowest.missed() + self.notes.switch.panics()
    }

    /// The statistics of each method at this moment; empty if the watch makes none, and in the child of a fork. When
    /// the watch is over, each thread may still count a few hundred calls.
    pub fn stats(&self) -> Vec<MethodStats> {
        if !self.notes.switch.is_here() {
            return Vec::new();
        }
        self.notes.counts.iter().map(|counts| counts.now()).collect()
    }

    /// The slowest calls so far, the slowest first; empty if the watch does not look for them, and in the child of a
    /// fork.
    pub fn slowest(&self) -> Vec<SlowCall> {
        if self.notes.switch.is_here() { self.notes.slowest.now() } else { Vec::new() }
    }

    /// Of a watch that has calls fail: how many calls there were, and how many of them failed.
    pub fn failed(&self) -> (u64, u64) {
        self.notes.share.counts()
    }

    /// Whether nothing more is noted: the watch's time is over, the runtime is gone, it has as many lines as it was to
    /// have, or this is the child of a fork. Lines that were not read yet are still there, but not in such a child.
    pub fn is_over(&self) -> bool {
        let is_gone = || self.runtime.upgrade().is_none_or(|runtime| runtime.is_closed());
        let is_elsewhere = !self.notes.switch.is_here();
        is_elsewhere || self.notes.lines.is_complete() || Instant::now() >= self.until || is_gone()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
