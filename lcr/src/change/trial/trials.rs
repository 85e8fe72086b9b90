//! [`Trials`]: what a runtime keeps of its trials, behind one leaf lock.
//!
//! | field | written by |
//! |---|---|
//! | `running` | the commit that begins a trial, under the state lock; the thread of the trial, which ends it |
//! | `inbox` of it | any thread: threads that looked, operators, transactions that ran out of time |
//! | `view` of it | the thread of the trial |
//! | `last`, `quarantine` | the thread of the trial; operators who release |
//! | `telling` | the thread of the trial |
//!
//! The lock is taken inside the state lock or alone, and nothing but copies is done under it. A fork holds it. In the
//! child there is no thread that could end the trial: what serves goes on, and no trial is under way.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    component::{answers::Answers, identity::ComponentId},
    host::{
        deadline::Deadline,
        ids::ThreadId,
        image::content_hash::ContentHash,
        objects::{component::Implementation, faults::Faults},
        service::{
            guest::{Guest, HeldGuest},
            inner::RuntimeInner,
        },
        worlds::records,
    },
};

#[cfg(feature = "reflect")]
use crate::change::canary::standing::{self as canary, Canaries};

use super::{
    end::{TrialCalls, TrialCause, TrialEnd, TrialMember, TrialStatus, Why},
    machine::Event,
    quarantine::Quarantine,
    way_back::WayBack,
};

/// How many events wait for the thread of a trial: more than one of each kind say nothing new.
const INBOX: usize = 64;

/// How long the end of a runtime waits for the end of its trial to be recorded.
const CLOSING: Duration = Duration::from_secs(10);

/// The trials of one runtime: the one that is under way, what came of the last one, and the quarantine.
#[derive(Default)]
pub(crate) struct Trials {
    standing: Mutex<Standing>,
    changed: Condvar,
    #[cfg(feature = "reflect")]
    canaries: Canaries,
}

/// What the lock protects.
#[derive(Default)]
pub(super) struct Standing {
    pub(super) running: Option<Running>,
    pub(super) last: Option<TrialEnd>,
    pub(super) quarantine: Quarantine,
    /// The thread of a trial that has ended, until it has told that.
    pub(super) telling: Option<thread::ThreadId>,
}

/// The trial that is under way.
pub(super) struct Running {
    pub(super) generation: u64,
    pub(super) members: Arc<[OnTrial]>,
    pub(super) way_back: WayBack,
    pub(super) began: SystemTime,
    pub(super) since: Instant,
    /// How long it lasts, at most.
    lasts: Option<Duration>,
    /// The calls that it waits for, if it does.
    answers: Option<Arc<Answers>>,
    pub(super) faults_allowed: u64,
    inbox: Vec<Event>,
    /// Whether something happened that the inbox does not have: a fault, or the last call that was wanted.
    is_nudged: bool,
    pub(super) view: View,
    /// The thread of the trial, once it runs.
    thread: Option<ThreadId>,
}

/// What the thread of a trial shows of its machine.
#[derive(Default)]
pub(super) struct View {
    pub(super) rolling_back: Option<String>,
    pub(super) refused_tries: u32,
}

/// One component on trial.
pub(super) struct OnTrial {
    pub(super) before: Option<ComponentId>,
    pub(super) after: Option<ComponentId>,
    pub(super) hash: Option<ContentHash>,
    /// The hash of its file together with the libraries that came with it.
    pub(super) whole: Option<ContentHash>,
    /// That of the version before: it is that of the new one if only the configuration changed.
    pub(super) whole_before: Option<ContentHash>,
    /// The faults of each of its implementations, with their number when the trial began.
    pub(super) faults: Vec<(Arc<Faults>, u64)>,
}

impl OnTrial {
    /// How many faults there were since the trial began.
    pub(super) fn new_faults(&self) -> u64 {
        self.faults.iter().map(|(faults, before)| faults.total().saturating_sub(*before)).sum()
    }

    /// Why it is faulty: the method with the most faults, of all that it ever had.
    pub(super) fn why_faulty(&self, inner: &RuntimeInner, place: usize) -> Why {
        let _state = inner.state();
        let of = |(faults, _): &(Arc<Faults>, u64)| {
            faults.by_method(|method, count, last| (count, method.clone(), last.to_owned()))
        };
        let worst = self.faults.iter().flat_map(of).max_by_key(|(count, ..)| *count);
        let name = self.after.as_ref().map_or_else(String::new, ToString::to_string);
        match worst {
            Some((count, method, last)) => {
                let text = format!("`{name}` panicked in {method} ({count} times): {last}");
                Why { method: Some(method), ..Why::new(TrialCause::Fault, text).of(place) }
            }
            None => Why::new(TrialCause::Fault, format!("a callback of `{name}` panicked")).of(place),
        }
    }

    /// Whether this is one of its implementations.
    pub(super) fn has(&self, implementation: &Implementation) -> bool {
        self.faults.iter().any(|(faults, _)| Arc::ptr_eq(faults, implementation.faults()))
    }

    /// Whether the name is that of the component before or after.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.before.iter().chain(&self.after).any(|id| id.name == name)
    }
}

impl Running {
    pub(super) fn new(
        generation: u64,
        (members, way_back): (Arc<[OnTrial]>, WayBack),
        since: Instant,
        lasts: Option<Duration>,
        answers: Option<Arc<Answers>>,
        faults_allowed: u64,
    ) -> Running {
        let (began, inbox, view) = (SystemTime::now(), Vec::new(), View::default());
        let (is_nudged, thread) = (false, None);
        Running {
            generation,
            members,
            way_back,
            began,
            since,
            lasts,
            answers,
            faults_allowed,
            inbox,
            is_nudged,
            view,
            thread,
        }
    }

    /// Whether the calling thread is that of the trial.
    pub(super) fn is_of_this_thread(&self) -> bool {
        self.thread == Some(records::mine().thread_id())
    }

    pub(super) fn status(&self) -> TrialStatus {
        let members = self.members.iter().map(|member| TrialMember {
            before: member.before.clone(),
            after: member.after.clone(),
            hash: member.hash,
            faults: member.new_faults(),
        });
        TrialStatus {
            generation: self.generation,
            members: members.collect(),
            began: self.began,
            left: self.lasts.map(|lasts| lasts.saturating_sub(self.since.elapsed())),
            calls: self.answers.as_ref().map(|answers| {
                let (wanted, answered) = (answers.wanted(), answers.given());
                TrialCalls { wanted, answered, left: wanted.saturating_sub(answered) }
            }),
            faults_allowed: self.faults_allowed,
            rolling_back: self.view.rolling_back.clone(),
            refused_tries: self.view.refused_tries,
        }
    }
}

impl RuntimeInner {
    /// The trials of this runtime.
    pub(crate) fn trials(&self) -> Arc<Trials> {
        self.guest_of_type()
    }
}

impl Trials {
    /// The canaries of the runtime.
    #[cfg(feature = "reflect")]
    pub(in crate::change) fn canaries(&self) -> &Canaries {
        &self.canaries
    }

    /// Whether a trial is under way.
    #[cfg(feature = "reflect")]
    pub(in crate::change) fn is_running(&self) -> bool {
        self.lock().running.is_some()
    }

    /// Puts files into quarantine.
    #[cfg(feature = "reflect")]
    pub(in crate::change) fn quarantine(&self, quarantined: super::quarantine::Quarantined) {
        self.lock().quarantine.add(quarantined);
    }

    /// The names of the components on trial, before and after.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn names_on_trial(&self) -> Vec<String> {
        let standing = self.lock();
        let members = standing.running.iter().flat_map(|running| running.members.iter());
        members.flat_map(|member| member.before.iter().chain(&member.after)).map(|id| id.name.clone()).collect()
    }

    /// The generation of the trial that is under way, if its rollback sets the configuration of this component.
    pub(in crate::change) fn configuration_on_trial(&self, component: &str) -> Option<u64> {
        let standing = self.lock();
        let running = standing.running.as_ref()?;
        let is_member = running.members.iter().any(|on_trial| on_trial.is_named(component));
        (is_member || running.way_back.has_configured(component)).then_some(running.generation)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever waits that something changed.
    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Has the thread of the trial look at what it does not get as an event. Returns soon.
    pub(super) fn nudge(&self) {
        let mut standing = self.lock();
        let Some(running) = &mut standing.running else { return };
        running.is_nudged = true;
        drop(standing);
        self.notify();
    }

    /// Waits until something changes, at most until the deadline.
    pub(super) fn wait<'a>(&self, standing: MutexGuard<'a, Standing>, until: Deadline) -> MutexGuard<'a, Standing> {
        self.changed.wait_timeout(standing, until.left()).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Puts an event into the inbox of the trial of that generation. Returns false if that is not under way.
    pub(super) fn post(&self, generation: u64, event: Event) -> bool {
        let mut standing = self.lock();
        let running = standing.running.as_mut().filter(|running| running.generation == generation);
        let Some(running) = running else { return false };
        if running.inbox.len() < INBOX {
            running.inbox.push(event);
        }
        drop(standing);
        self.notify();
        true
    }

    /// For the thread of a trial: waits until something happens, at most until `until`. Returns what did; `None` if
    /// the trial is not under way any more.
    pub(super) fn take(&self, generation: u64, until: Deadline) -> Option<Vec<Event>> {
        let mut standing = self.lock();
        loop {
            let running = standing.running.as_mut().filter(|running| running.generation == generation)?;
            running.thread.get_or_insert_with(|| records::mine().thread_id());
            if mem::take(&mut running.is_nudged) || !running.inbox.is_empty() || until.has_passed() {
                return Some(mem::take(&mut running.inbox));
            }
            standing = self.wait(standing, until);
        }
    }
}

impl Guest for Trials {
    fn note_fault(&self) {
        self.nudge();
    }

    fn watches(&self, implementation: &Implementation) -> bool {
        let standing = self.lock();
        standing.running.as_ref().is_some_and(|running| running.members.iter().any(|member| member.has(implementation)))
    }

    fn close(&self) {
        let deadline = Deadline::after(Instant::now(), CLOSING);
        // First: a canary that is promoted at this moment may begin a trial.
        #[cfg(feature = "reflect")]
        self.canaries.close(deadline);
        let generation = self.lock().running.as_ref().map(|running| running.generation);
        if let Some(generation) = generation {
            self.post(generation, Event::Close);
        }
        let own = thread::current().id();
        let mut standing = self.lock();
        let is_open = |standing: &Standing| {
            let runs = standing.running.as_ref().is_some_and(|running| Some(running.generation) == generation);
            // Who follows the events is told of the end before there are no more.
            runs || standing.telling.is_some_and(|telling| telling != own)
        };
        while is_open(&standing) && !deadline.has_passed() {
            standing = self.wait(standing, deadline);
        }
    }

    fn hold(&self) -> Box<dyn HeldGuest + '_> {
        Box::new(HeldTrials {
            standing: self.lock(),
            #[cfg(feature = "reflect")]
            canaries: self.canaries.lock(),
        })
    }
}

/// The locks, across a fork.
struct HeldTrials<'a> {
    standing: MutexGuard<'a, Standing>,
    #[cfg(feature = "reflect")]
    canaries: MutexGuard<'a, canary::Standing>,
}

impl HeldGuest for HeldTrials<'_> {
    fn lose_threads(&mut self) {
        // Leaked: its parts may be in use by threads that are not here.
        mem::forget(self.standing.running.take());
        self.standing.telling = None;
        #[cfg(feature = "reflect")]
        self.canaries.lose_threads();
    }
}
