//! What programs and operators ask of trials: [`Runtime::trial`], [`Runtime::confirm`], [`Runtime::abandon`],
//! [`Runtime::wait_trial`], and of the quarantine.
//!
//! All of it is a message to the thread of the trial, and a wait for what comes of that. The thread may be about to
//! roll back already. Then a confirmation comes too late, and says so.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{
        actor::Actor,
        deadline::Deadline,
        image::content_hash::ContentHash,
        runtime::Runtime,
        serial,
        service::{events::kind::EventKind, inner::RuntimeInner},
        worlds::records,
    },
};

use super::{
    end::{TrialCause, TrialEnd, TrialOutcome, TrialStatus, Why},
    machine::Event,
    quarantine::Quarantined,
    trials::Trials,
};

/// How many bytes of an operator's reason are kept.
const LONGEST_REASON: usize = 4_096;

impl Runtime {
    /// How the trial stands that is under way; `None` if none is. Takes no lock that is held for longer than a copy.
    pub fn trial(&self) -> Option<TrialStatus> {
        self.inner().trials().lock().running.as_ref().map(|running| running.status())
    }

    /// Ends the trial that is under way: the new versions serve for good. Blocks until that is recorded.
    ///
    /// # Errors
    /// `NotFound` if no trial is under way; `Unhealthy` if the new versions are about to be rolled back, or were; the
    /// text says why. `Reentrant` if the calling thread is inside a component, holds a pin, or is the thread of the
    /// trial.
    pub fn confirm(&self) -> Result<TrialEnd> {
        self.confirm_by(&Actor::this_process())
    }

    /// As [`confirm`](Runtime::confirm), where `actor` asks.
    ///
    /// # Errors
    /// As for [`confirm`](Runtime::confirm).
    pub fn confirm_by(&self, actor: &Actor) -> Result<TrialEnd> {
        let why = Why::new(TrialCause::Operator, format!("confirmed by {actor}"));
        let end = self.ask(Event::Confirm(why))?;
        match end.outcome {
            TrialOutcome::Confirmed => Ok(end),
            _ => Err(Error::new(ErrorKind::Unhealthy, format!("the confirmation came too late: {end}"))),
        }
    }

    /// Ends the trial that is under way: what served before serves again. Blocks until that is committed and recorded,
    /// or refused for good. The files of the new versions do not get into quarantine, since they did not fail.
    ///
    /// # Errors
    /// `NotFound` if no trial is under way; `Invalid` if it was confirmed at the same time, or if the rollback was
    /// refused for good: the text says why, and the new versions serve on. `Reentrant` as for
    /// [`confirm`](Runtime::confirm).
    pub fn abandon(&self, reason: &str) -> Result<TrialEnd> {
        self.abandon_by(&Actor::this_process(), reason)
    }

    /// As [`abandon`](Runtime::abandon), where `actor` asks.
    ///
    /// # Errors
    /// As for [`abandon`](Runtime::abandon).
    pub fn abandon_by(&self, actor: &Actor, reason: &str) -> Result<TrialEnd> {
        let mut reason = reason.to_owned();
        serial::cut(&mut reason, LONGEST_REASON);
        let why = Why::new(TrialCause::Abandoned, format!("abandoned by {actor}: {reason}"));
        let end = self.ask(Event::Abandon(why))?;
        match end.outcome {
            TrialOutcome::RolledBack => Ok(end),
            _ => Err(Error::new(ErrorKind::Invalid, format!("nothing was rolled back: {end}"))),
        }
    }

    /// Blocks until the trial that is under way has ended, at most for `timeout` (`None`: without limit), and returns
    /// what came of it. If none is under way, returns at once what came of the last one; `None` if there was none.
    /// `None` also if the time is over.
    ///
    /// Returns `None` at once if a trial is under way and the calling thread is inside a component, holds a pin, or is
    /// the thread of the trial: the end may have to wait for that thread. Such a thread asks [`trial`](Runtime::trial).
    pub fn wait_trial(&self, timeout: impl Into<Option<Duration>>) -> Option<TrialEnd> {
        let trials = self.inner().trials();
        let standing = trials.lock();
        let Some(running) = &standing.running else { return standing.last.clone() };
        let (generation, is_of_trial) = (running.generation, running.is_of_this_thread());
        drop(standing);
        if is_of_trial || self.inner().hinders_end() {
            return None;
        }
        wait(&trials, generation, Deadline::after(Instant::now(), timeout))
    }

    /// The files that no plan brings back, because they failed a trial; the oldest first.
    pub fn quarantine(&self) -> Vec<Quarantined> {
        self.inner().trials().lock().quarantine.all()
    }

    /// Releases a file: plans may bring it again. `hash` is that of the file, which releases it whatever came with it,
    /// or that of the file [together](Quarantined::whole) with the libraries that came with it.
    ///
    /// # Errors
    /// `NotFound` if no file of that hash is in quarantine.
    pub fn release(&self, hash: &ContentHash) -> Result<()> {
        let is_there = self.inner().trials().lock().quarantine.release(hash);
        if !is_there {
            let text = format!("no file {} is in quarantine; Runtime::quarantine lists those that are", hash.short());
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        if let Some(recorder) = self.inner().recorder() {
            recorder.note_release(hash);
        }
        self.inner().tell(EventKind::Released { hash: *hash });
        Ok(())
    }

    /// Gives the thread of the trial a message, and waits for the end.
    fn ask(&self, event: Event) -> Result<TrialEnd> {
        if self.inner().hinders_end() {
            let text = "the calling thread is inside a component or holds a pin, and the end of a trial may have to \
                        wait for it; drop the pin, or ask from another thread";
            return Err(Error::new(ErrorKind::Reentrant, text));
        }
        let trials = self.inner().trials();
        let standing = trials.lock();
        let Some(running) = &standing.running else {
            let text = match &standing.last {
                None => "no trial is under way".to_owned(),
                Some(last) => format!("no trial is under way; {last}"),
            };
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        if running.is_of_this_thread() {
            let text = "the calling thread is that of the trial itself; ask from another thread";
            return Err(Error::new(ErrorKind::Reentrant, text));
        }
        let generation = running.generation;
        if let (Event::Confirm(_), Some(why)) = (&event, &running.view.rolling_back) {
            let text = format!("the trial of generation {generation} is about to be rolled back: {why}");
            return Err(Error::new(ErrorKind::Unhealthy, text));
        }
        drop(standing);
        trials.post(generation, event);
        wait(&trials, generation, Deadline::after(Instant::now(), None))
            .ok_or_else(|| Error::new(ErrorKind::Closed, "the runtime is gone"))
    }
}

impl RuntimeInner {
    /// Whether the rollback of a trial may have to wait for the calling thread.
    fn hinders_end(&self) -> bool {
        let me = records::mine();
        me.record().depth() > 0 || self.has_pin_of(me.thread_id())
    }

    /// Puts files into quarantine that failed in an earlier process.
    #[cfg_attr(not(feature = "history"), allow(dead_code, reason = "only a history has them"))]
    pub(crate) fn put_into_quarantine(&self, quarantined: impl IntoIterator<Item = Quarantined>) {
        let trials = self.trials();
        let mut standing = trials.lock();
        quarantined.into_iter().for_each(|quarantined| standing.quarantine.add(quarantined));
    }
}

/// Waits for the end of the trial of that generation. `None` if the time is over, or the trial was lost in a fork.
fn wait(trials: &Arc<Trials>, generation: u64, deadline: Deadline) -> Option<TrialEnd> {
    let mut standing = trials.lock();
    loop {
        let is_running = standing.running.as_ref().is_some_and(|running| running.generation == generation);
        if !is_running {
            return standing.last.clone().filter(|last| last.generation >= generation);
        }
        if deadline.has_passed() {
            return None;
        }
        standing = trials.wait(standing, deadline);
    }
}
