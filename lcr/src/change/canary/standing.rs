//! [`Canaries`]: what a runtime keeps of its canaries, behind one leaf lock.
//!
//! The lock is taken inside the state lock or alone, and nothing but copies is done under it. A fork holds it. In the
//! child there is no thread that could end the canary: the old version serves all calls, and no canary is under way.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use crate::{
    change::{
        member::Member,
        request::{Options, Refusal},
    },
    component::identity::ComponentId,
    error::ErrorKind,
    host::{actor::Actor, deadline::Deadline, image::content_hash::ContentHash, watching::comparison::Comparison},
};

use super::end::{CanaryEnd, CanaryLeftOut, CanaryStatus};

/// The canaries of one runtime: the one that is under way, and what came of the last one.
#[derive(Default)]
pub(in crate::change) struct Canaries {
    standing: Mutex<Standing>,
    changed: Condvar,
}

/// What the lock protects.
#[derive(Default)]
pub(in crate::change) struct Standing {
    pub(super) running: Option<Running>,
    pub(super) last: Option<CanaryEnd>,
    count: u64,
}

/// The canary that is under way.
pub(super) struct Running {
    pub(super) about: About,
    pub(super) comparison: Arc<Comparison>,
    pub(super) began: SystemTime,
    pub(super) since: Instant,
    pub(super) lasts: Duration,
    asked: Option<Asked>,
    is_nudged: bool,
    pub(super) ending: Option<String>,
}

/// What a canary is about.
#[derive(Clone)]
pub(super) struct About {
    pub(super) number: u64,
    pub(super) before: ComponentId,
    pub(super) after: ComponentId,
    pub(super) hash: Option<ContentHash>,
    pub(super) whole: Option<ContentHash>,
    /// That of the old version.
    pub(super) whole_before: Option<ContentHash>,
    pub(super) methods: Vec<String>,
    pub(super) left_out: Vec<CanaryLeftOut>,
    pub(super) share: f64,
    /// What the calls have that are drawn for; all are, if there is none.
    pub(super) matching: Vec<String>,
    /// The same without the values.
    pub(super) matching_of: Vec<String>,
    /// Whether the unit is the request.
    pub(super) of_requests: bool,
    /// Whether the candidate gets copies, and serves nobody.
    pub(super) is_shadow: bool,
    pub(super) wanted: u64,
    pub(super) actor: Actor,
    pub(super) reason: Option<String>,
}

/// What somebody asks of a canary.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Promote(String),
    Withdraw(String),
    /// The runtime is about to end.
    Close,
}

impl About {
    /// Whether the canary is of the component of that name.
    fn is_of(&self, name: &str) -> bool {
        self.before.name == name || self.after.name == name
    }
}

impl Running {
    pub(super) fn new(about: About, comparison: Arc<Comparison>, lasts: Duration) -> Running {
        let (began, since) = (SystemTime::now(), Instant::now());
        // Its thread looks once before it waits.
        Running { about, comparison, began, since, lasts, asked: None, is_nudged: true, ending: None }
    }

    pub(super) fn status(&self) -> CanaryStatus {
        let About { number, before, after, hash, methods, left_out, share, matching, .. } = self.about.clone();
        let About { is_shadow, of_requests, wanted, actor, reason, .. } = self.about.clone();
        let (old, new) = self.comparison.now();
        let (taken, under_way) = self.comparison.under_way();
        CanaryStatus {
            number,
            before,
            after,
            hash,
            methods,
            left_out,
            share,
            matching,
            of_requests,
            outside: self.comparison.outside(),
            wanted,
            taken,
            under_way,
            enough: self.comparison.fewest(),
            shadow: is_shadow.then(|| self.comparison.differences().into()),
            old: old.into(),
            new: new.into(),
            began: self.began,
            left: self.lasts.saturating_sub(self.since.elapsed()),
            ending: self.ending.clone(),
            actor,
            reason,
        }
    }
}

impl Canaries {
    pub(in crate::change) fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The canary that is under way from now on.
    pub(super) fn begin(&self, running: Running) {
        self.lock().running = Some(running);
    }

    /// The canary that has just begun could not be put in.
    pub(super) fn call_off(&self) {
        let running = self.lock().running.take();
        self.changed.notify_all();
        drop(running);
    }

    /// How the canary stands that is under way.
    pub(super) fn status(&self) -> Option<CanaryStatus> {
        self.lock().running.as_ref().map(Running::status)
    }

    /// What came of the last canary.
    pub(super) fn last(&self) -> Option<CanaryEnd> {
        self.lock().last.clone()
    }

    /// Since when the canary of that number is under way, and how long it lasts.
    pub(super) fn span(&self, number: u64) -> Option<(Instant, Duration)> {
        let standing = self.lock();
        let running = standing.running.as_ref().filter(|running| running.about.number == number)?;
        Some((running.since, running.lasts))
    }

    /// The number of the next canary.
    pub(super) fn next_number(&self) -> u64 {
        let mut standing = self.lock();
        standing.count += 1;
        standing.count
    }

    /// Has the thread of the canary look at the comparison. Returns soon.
    pub(super) fn nudge(&self) {
        let mut standing = self.lock();
        let Some(running) = &mut standing.running else { return };
        running.is_nudged = true;
        drop(standing);
        self.changed.notify_all();
    }

    /// Asks something of the canary of that number. What was asked first counts. Returns whether it is under way.
    pub(super) fn ask(&self, number: u64, asked: Asked) -> bool {
        let mut standing = self.lock();
        let running = standing.running.as_mut().filter(|running| running.about.number == number);
        let Some(running) = running else { return false };
        running.asked.get_or_insert(asked);
        drop(standing);
        self.changed.notify_all();
        true
    }

    /// For the thread of a canary: waits until there is something to decide, at most until the deadline. Returns what
    /// is asked; `None` if the canary is not under way any more.
    pub(super) fn take(&self, number: u64, until: Deadline) -> Option<Option<Asked>> {
        let mut standing = self.lock();
        loop {
            let running = standing.running.as_mut().filter(|running| running.about.number == number)?;
            if mem::take(&mut running.is_nudged) || running.asked.is_some() || until.has_passed() {
                return Some(running.asked.clone());
            }
            standing = self.wait_until(standing, until);
        }
    }

    /// Shows others why the canary is about to end.
    pub(super) fn show_ending(&self, why: &str) {
        if let Some(running) = &mut self.lock().running {
            running.ending = Some(why.to_owned());
        }
    }

    /// The canary is over. Returns what was kept of it, to be dropped behind the lock.
    pub(super) fn end(&self, end: CanaryEnd) -> Option<Running> {
        let mut standing = self.lock();
        let running = standing.running.take();
        standing.last = Some(end);
        drop(standing);
        self.changed.notify_all();
        running
    }

    /// Waits for the end of the canary of that number. `None` if the time is over, or it was lost in a fork.
    pub(super) fn wait(&self, number: u64, deadline: Deadline) -> Option<CanaryEnd> {
        let mut standing = self.lock();
        loop {
            if standing.running.as_ref().is_none_or(|running| running.about.number != number) {
                return standing.last.clone().filter(|last| last.number >= number);
            }
            if deadline.has_passed() {
                return None;
            }
            standing = self.wait_until(standing, deadline);
        }
    }

    fn wait_until<'a>(&self, standing: MutexGuard<'a, Standing>, until: Deadline) -> MutexGuard<'a, Standing> {
        self.changed.wait_timeout(standing, until.left()).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Ends the canary, if one is under way: the runtime is about to end.
    pub(in crate::change) fn close(&self, deadline: Deadline) {
        let number = self.lock().running.as_ref().map(|running| running.about.number);
        if let Some(number) = number.filter(|&number| self.ask(number, Asked::Close)) {
            self.wait(number, deadline);
        }
    }

    /// The candidate, if a canary of the component of that name is under way.
    pub(in crate::change) fn candidate_of(&self, component: &str) -> Option<ComponentId> {
        let standing = self.lock();
        let running = standing.running.as_ref().filter(|running| running.about.is_of(component))?;
        Some(running.about.after.clone())
    }

    /// What plans must not do meanwhile: change the component, or begin a trial, whose ends are the same commands.
    pub(in crate::change) fn refuse(&self, members: &[Member], options: &Options) -> Vec<Refusal> {
        let standing = self.lock();
        let Some(Running { about, .. }) = &standing.running else { return Vec::new() };
        let ends = "promote or withdraw it first (Runtime::promote_canary, Runtime::withdraw_canary; `lcr confirm`, \
                    `lcr abandon`)";
        let touched = members.iter().filter_map(|member| {
            let mut names = member.before.iter().chain(&member.after).map(|id| &id.name);
            let name = names.find(|name| about.is_of(name))?;
            let text = format!("component `{name}` has a canary, {}; {ends}", about.after);
            Some(Refusal::new(Some(member.step), ErrorKind::OnTrial, text))
        });
        let mut refusals: Vec<Refusal> = touched.collect();
        let configured = options.configurations_after().map(|(component, _)| component);
        refusals.extend(configured.filter(|name| about.is_of(name)).map(|name| {
            let text = format!("component `{name}` has a canary, {}, with its configuration; {ends}", about.after);
            Refusal::new(None, ErrorKind::OnTrial, text)
        }));
        if options.trial.is_some() {
            let text = format!("a canary is under way, {}, and there is one trial at a time; {ends}", about.after);
            refusals.push(Refusal::new(None, ErrorKind::OnTrial, text));
        }
        refusals
    }
}

impl Standing {
    /// In the child of a fork.
    pub(in crate::change) fn lose_threads(&mut self) {
        // Leaked: its parts may be in use by threads that are not here.
        mem::forget(self.running.take());
    }
}
