//! The thread of a canary: it waits until the comparison, an operator or the clock decides, and does what was decided.
//!
//! The thread holds no count of the runtime while it waits, and no lock while it does anything.
//!
//! Order of an end: (1) the candidate gets no further call: the first caller who sees that it does worse turns it off,
//! so no call waits for this thread; (2) the layers leave the tables, in the turn of a transaction; (3) the candidate
//! retires, as an instance of the slots in which the layers stood; (4) the plan is committed, if the candidate was
//! good, which loads the file once more: the instance that was tried has answered calls, and what replaces the old
//! version is made as every replacement is; (5) the file is in quarantine, if it was bad, and the end is visible.
//! Until (5) the component has its canary for every other plan.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    change::{
        description::of::text_of,
        plan::Plan,
        report::Report,
        request::{Options, Step},
        resolve::Resolution,
        trial::{quarantine::Quarantined, trials::Trials},
        watching::place,
    },
    error::{Error, ErrorKind, Result},
    host::{
        deadline::Deadline,
        objects::instances::Instance,
        service::{events::kind::EventKind, inner::RuntimeInner},
        watching::{
            comparison::{Comparison, Worse},
            differences::Uncompared,
            second_call::SecondCalls,
        },
    },
};

use super::{
    end::{CanaryCause, CanaryEnd, CanaryOutcome, unit},
    standing::{About, Asked},
};

/// The pause between two attempts to have a turn.
const PAUSE: Duration = Duration::from_millis(5);

/// How long the commit is tried while other transactions run.
const TURN: Duration = Duration::from_secs(60);

/// The plan of a canary, without a count of its runtime.
pub(super) struct Promotion {
    steps: Vec<Step>,
    options: Options,
    resolution: Resolution,
    generation: u64,
}

impl Promotion {
    pub(super) fn of(plan: Plan) -> Promotion {
        let Plan { steps, options, resolution, generation, .. } = plan;
        Promotion { steps, options, resolution, generation }
    }

    /// Commits the plan.
    fn commit(self, inner: &Arc<RuntimeInner>, why: &str) -> Result<Report> {
        let Promotion { steps, mut options, resolution, generation } = self;
        options.ends_canary = true;
        options.reason.get_or_insert_with(|| why.to_owned());
        let plan = Plan { inner: Arc::clone(inner), steps, options, resolution, generation };
        plan.execute(false)
    }
}

/// The thread's part of a canary.
pub(super) struct Watcher {
    pub(super) inner: Weak<RuntimeInner>,
    pub(super) trials: Arc<Trials>,
    pub(super) about: About,
    pub(super) comparison: Arc<Comparison>,
    /// Of a shadow: the queue of its second calls.
    pub(super) copies: Option<Arc<SecondCalls>>,
    pub(super) candidates: Vec<Arc<Instance>>,
    /// The numbers of the layers' patches.
    pub(super) patches: Vec<u64>,
    pub(super) promotion: Promotion,
}

/// What becomes of the candidate.
struct Decision {
    cause: CanaryCause,
    why: String,
    promotes: bool,
}

impl Watcher {
    pub(super) fn run(self) {
        if let Some(inner) = self.inner.upgrade() {
            let About { number, before, after, share, matching, is_shadow, of_requests, wanted, .. } =
                self.about.clone();
            let is_matching = !matching.is_empty();
            inner.tell(EventKind::CanaryBegan {
                number,
                before,
                after,
                share,
                is_matching,
                of_requests,
                is_shadow,
                wanted,
            });
        }
        let Some(decision) = self.decide() else {
            // In the child of a fork, or without a runtime, there is nothing to end.
            return mem::forget(self.candidates);
        };
        self.comparison.end();
        // A call that is inside the candidate goes on, and keeps it.
        self.copies.iter().for_each(|copies| copies.close());
        self.trials.canaries().show_ending(&decision.why);
        self.end(decision);
    }

    /// Waits until something is decided. `None` if the canary is not under way any more.
    fn decide(&self) -> Option<Decision> {
        let (since, lasts) = self.trials.canaries().span(self.about.number)?;
        let until = Deadline::after(since, lasts);
        loop {
            if let Some(worse) = self.comparison.worse() {
                return Some(self.worse(worse));
            }
            let asked = self.trials.canaries().take(self.about.number, until)?;
            let (cause, why, promotes) = match asked {
                _ if self.comparison.worse().is_some() => continue,
                Some(Asked::Close) => (CanaryCause::Closed, "the runtime was dropped".to_owned(), false),
                Some(Asked::Promote(why)) => (CanaryCause::Operator, why, true),
                Some(Asked::Withdraw(why)) => (CanaryCause::Operator, why, false),
                None if self.comparison.is_complete() => {
                    // Once more: the last call that was wanted may have ended since, and may have been one too many.
                    if self.comparison.worse().is_some() {
                        continue;
                    }
                    if self.comparison.differences().count() > 0 {
                        return Some(self.worse(Worse::Results));
                    }
                    match self.unknown() {
                        Some(why) => (CanaryCause::TooFewCalls, why, false),
                        None => {
                            let which = match self.about.matching.is_empty() {
                                true => unit(self.about.of_requests),
                                false => "calls that match",
                            };
                            let text = format!("it has answered {} {which} and did no worse", self.about.wanted);
                            (CanaryCause::Calls, text, true)
                        }
                    }
                }
                None if until.has_passed() && self.comparison.differences().count() > 0 => {
                    return Some(self.worse(Worse::Results));
                }
                None if until.has_passed() => (CanaryCause::TooFewCalls, self.too_few(lasts), false),
                None => continue,
            };
            return Some(Decision { cause, why, promotes });
        }
    }

    /// The methods of a shadow of which nothing is known, though they were called.
    fn unknown(&self) -> Option<String> {
        let differences = self.comparison.differences();
        let uncompared = differences.uncompared();
        if uncompared.unconstructed > 0 {
            return Some(self.unconstructed(&uncompared));
        }
        let methods = differences.never_compared();
        if methods.is_empty() {
            return None;
        }
        let methods = methods.join(", ");
        Some(format!("no call of {methods:.500} could be compared; {uncompared}"))
    }

    /// Why nothing is known of calls that came out differently.
    fn unconstructed(&self, uncompared: &Uncompared) -> String {
        let Uncompared { unconstructed, constructor_error, .. } = uncompared;
        format!(
            "{unconstructed} of its calls came out differently, and why is not known: nobody has a handle on {}, and \
             it could not be constructed to be called again: {}; have the program keep a handle, or see to what its \
             constructor needs",
            self.about.before,
            constructor_error.as_deref().unwrap_or("its constructor failed")
        )
    }

    fn too_few(&self, lasts: Duration) -> String {
        let (taken, under_way) = self.comparison.under_way();
        let returned = taken - under_way;
        let About { wanted, of_requests, .. } = self.about;
        let mut text = format!("it has answered {returned} of {wanted} {} within {lasts:?}", unit(of_requests));
        if under_way > 0 {
            text += &format!(", and {under_way} have not {}", if of_requests { "ended" } else { "returned" });
        }
        if of_requests {
            let outside = self.comparison.outside();
            text += &match self.comparison.begun() {
                0 => format!(
                    "; no request came, and {outside} calls that belong to none: a request is what a thread calls \
                     while it holds a `Runtime::pin` that it took during the canary"
                ),
                _ => format!("; {outside} calls belong to no request"),
            };
        }
        if !self.about.matching.is_empty() {
            let (old, new) = self.comparison.now();
            text += &match old.calls + new.calls {
                0 => "; no call matched, so the values that were asked for may be wrong".to_owned(),
                matched => format!("; {matched} calls matched"),
            };
        }
        if self.about.is_shadow {
            text += &format!("; {}", self.comparison.differences().uncompared());
        }
        text
    }

    fn worse(&self, worse: Worse) -> Decision {
        let (old, new) = self.comparison.now();
        let (cause, of_old, of_new, verb) = match worse {
            Worse::Faults => (CanaryCause::Faults, old.faults, new.faults, "faulted"),
            Worse::Errors => (CanaryCause::Errors, old.errors, new.errors, "returned an error"),
            Worse::Times => (CanaryCause::Times, old.slow, new.slow, "were slow"),
            Worse::Results => return self.different(new.calls),
            // What is known counts.
            Worse::Unknown if self.comparison.differences().count() > 0 => return self.different(new.calls),
            Worse::Unknown => {
                let why = self.unconstructed(&self.comparison.differences().uncompared());
                return Decision { cause: CanaryCause::TooFewCalls, why, promotes: false };
            }
        };
        let (unit, has) = match (self.about.of_requests, worse) {
            (false, _) => ("calls", ""),
            (true, Worse::Times | Worse::Results | Worse::Unknown) => ("requests", ""),
            (true, Worse::Faults | Worse::Errors) => ("requests", "had a call that "),
        };
        let mut why = format!(
            "{of_new} of its {} {unit} {has}{verb}, and {of_old} of {} of the old version",
            new.calls, old.calls
        );
        let last = self.comparison.last();
        if !last.is_empty() {
            why += &format!("; the last one: {last}");
        }
        Decision { cause, why, promotes: false }
    }

    /// Without values: this goes into logs, events and the quarantine.
    fn different(&self, calls: u64) -> Decision {
        let differences = self.comparison.differences();
        let mut methods: Vec<String> = differences.first().into_iter().map(|difference| difference.method).collect();
        methods.sort_unstable();
        methods.dedup();
        let methods = methods.join(", ");
        let why = format!("{} of {calls} calls came out differently, of {methods}", differences.count());
        Decision { cause: CanaryCause::Results, why, promotes: false }
    }

    fn end(self, decision: Decision) {
        let Decision { mut cause, mut why, promotes } = decision;
        let Watcher { inner, trials, about, comparison, candidates, patches, promotion, .. } = self;
        let Some(inner) = inner.upgrade() else { return mem::forget(candidates) };
        let retired = retire(&inner, &about, candidates, &patches);
        let mut outcome =
            if cause == CanaryCause::Closed { CanaryOutcome::Interrupted } else { CanaryOutcome::Withdrawn };
        let mut generation = None;
        if promotes {
            let why_committed = format!("the canary of {} is over: {why}", about.after);
            match promote(&inner, promotion, &why_committed) {
                Ok(report) => {
                    outcome = CanaryOutcome::Promoted;
                    generation = Some(report.generation);
                }
                Err(error) => {
                    why = format!("{why}, and the commit was refused: {}", text_of(&error));
                    cause = CanaryCause::Refused;
                }
            }
        }
        let at = SystemTime::now();
        // The file serves: what did worse is another configuration.
        let is_same_file = about.whole_before.is_some() && about.whole_before == about.whole;
        let quarantined = about.hash.filter(|_| cause.is_bad() && !is_same_file).map(|hash| Quarantined {
            hash,
            whole: about.whole,
            component: about.after.clone(),
            since: at,
            why: format!("as a canary, {why}"),
        });
        let lasted = trials.canaries().span(about.number).map_or(Duration::ZERO, |(since, _)| since.elapsed());
        let (old, new) = comparison.now();
        let end = CanaryEnd {
            number: about.number,
            outcome,
            cause,
            why,
            before: about.before,
            after: about.after,
            matching: about.matching_of,
            of_requests: about.of_requests,
            outside: comparison.outside(),
            old: old.into(),
            new: new.into(),
            shadow: about.is_shadow.then(|| comparison.differences().into()),
            at,
            lasted,
            generation,
            quarantined: quarantined.as_ref().map(|quarantined| quarantined.hash),
        };
        if let Some(quarantined) = quarantined {
            let (component, hash, why) = (quarantined.component.clone(), quarantined.hash, quarantined.why.clone());
            if let Some(recorder) = inner.recorder() {
                // What cannot be written waits in the recorder: the end stands.
                drop(catch_unwind(AssertUnwindSafe(|| recorder.note_quarantined(&quarantined))));
            }
            trials.quarantine(quarantined);
            inner.tell(EventKind::Quarantined { component, hash, why });
        }
        let (number, outcome, why) = (end.number, end.outcome.name().to_owned(), end.why.clone());
        // Who waits for the end finds the event told.
        inner.tell(EventKind::CanaryEnded { number, outcome, why });
        let text = end.to_string();
        drop(trials.canaries().end(end));
        // Said last: what a subscriber does must not leave the canary under way.
        drop(catch_unwind(AssertUnwindSafe(|| {
            let leaked = retired.err().into_iter();
            leaked.for_each(|error| tracing::error!(number, %error, "layers of a canary stay, and its candidate"));
        })));
        drop(catch_unwind(AssertUnwindSafe(|| match outcome_is_bad(cause) {
            true => tracing::warn!(number, "{text}"),
            false => tracing::info!(number, "{text}"),
        })));
    }
}

fn outcome_is_bad(cause: CanaryCause) -> bool {
    !matches!(cause, CanaryCause::Calls | CanaryCause::Operator | CanaryCause::Closed)
}

/// Takes the layers off, and has the reaper destroy the candidates once no call can reach them.
///
/// # Errors
/// Why the layers stay, and pass calls on; the candidates are leaked then.
fn retire(inner: &Arc<RuntimeInner>, about: &About, candidates: Vec<Arc<Instance>>, patches: &[u64]) -> Result<()> {
    loop {
        match place::take_off(inner, patches) {
            Err(error) if error.kind() == ErrorKind::Busy => thread::sleep(PAUSE),
            Err(error) => {
                mem::forget(candidates);
                return Err(error);
            }
            Ok(()) => break,
        }
    }
    let mut state = inner.latest_state();
    let services = state.objects().services().iter();
    let old =
        services.filter(|(_, service)| service.instance().implementation().component.id.name == about.before.name);
    let slots: Vec<_> = old.flat_map(|(_, service)| service.slots().iter().copied()).collect();
    // All are objects of one file.
    let component = candidates.first().map(|candidate| Arc::clone(&candidate.implementation().component));
    for candidate in candidates {
        state.retire_candidate(candidate, slots.clone());
    }
    component.into_iter().for_each(|component| state.images_mut().retain(component));
    drop(state);
    inner.wake_reaper();
    Ok(())
}

/// Commits the plan, when it has its turn.
fn promote(inner: &Arc<RuntimeInner>, promotion: Promotion, why: &str) -> Result<Report> {
    let patient_until = Instant::now() + TURN;
    // A turn is a moment's look: whoever takes it in between is waited for by the plan's own refusal.
    while let Err(error) = crate::change::transaction::in_turn(inner, true, 0, || Ok(())) {
        if error.kind() != ErrorKind::Busy || Instant::now() >= patient_until {
            return Err(error);
        }
        thread::sleep(PAUSE);
    }
    let committed = catch_unwind(AssertUnwindSafe(|| promotion.commit(inner, why)));
    committed.unwrap_or_else(|panic| Err(Error::internal("the commit of a canary was given up", &*panic)))
}
