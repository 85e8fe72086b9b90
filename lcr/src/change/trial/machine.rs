//! The state machine of a trial: what becomes of it is a function of its state, of what happened, and of the time.
//!
//! The thread of a trial ([`watcher`](super::watcher)) tells the machine what happened and does what it decides. Here
//! no clock is read, no lock taken and no thread started.
//!
//! ```text
//!        time over or calls answered, nothing wrong    a last look passed
//!  watching ---------------------------> last look -------------------> confirmed
//!     |  |                                   |
//!     |  | confirmed by the operator         | something is wrong
//!     |  +-----------------> confirmed       |
//!     | something is wrong, too few          v
//!     | calls came in time, or abandoned     |
//!     +------------------------------> rolling back --- done ---------> rolled back
//!                                       ^      |
//!                                       +------+ refused, tries left
//!                                              +------ none left -----> failed
//!  (any of these) --- the runtime is dropped --> interrupted
//! ```
//!
//! Invariants
//! 1. An end is final: after it the machine decides nothing any more.
//! 2. What has gone wrong is never forgotten: from then on the machine rolls back, and neither time nor an operator
//!    confirms. The first reason stays.
//! 3. A trial confirms by itself only when a health check and a check that *began* after its time was over, or its
//!    calls were answered, passed. It is confirmed by one of both: by the one that its rules name.
//! 4. A rollback is tried a bounded number of times, each with a growing pause behind it. `Busy` says nothing about
//!    the rollback, and costs no try; the number of such answers is bounded, too.
//! 5. A look that does not return within its limit has failed, and no further look of its kind begins. A machine that
//!    was called too late gives every look that runs its limit anew, a few times: where the machine got no processor,
//!    the look may have got none either.
//!
//! *Look* is the word for both: a health check of all members, and the program's check.

use std::time::{Duration, Instant};

use super::{
    end::{TrialCause, TrialOutcome, Why},
    rules::{Calls, Trial},
};

/// How long after `Busy` a rollback is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
/// How often in a row that may be: ten minutes of transactions of others.
const BUSY_TRIES: u32 = 12_000;
/// The pause behind the first refused try, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// The machine is called in time if it is called no later than that.
const PUNCTUAL: Duration = Duration::from_millis(100);

/// How often a look gets its limit anew.
const ANEW: u32 = 3;

/// The two kinds of looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    Health,
    Check,
}

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Time went on.
    Tick,
    /// The new versions have given so many panics by now; the text says which the last one was.
    Faults(u64, Why),
    /// A look ended well.
    Passed(Look),
    /// A look ended badly.
    Refused(Look, Why),
    /// A transaction ran out of time because of a new version.
    Gate(Why),
    /// A supervisor has warned the process.
    Warned(Why),
    /// The operator confirms.
    Confirm(Why),
    /// The operator abandons.
    Abandon(Why),
    /// The rollback is committed.
    RolledBack,
    /// The rollback was refused; `true` if only because another transaction runs.
    RollbackRefused(bool),
    /// The runtime ends.
    Close,
}

/// What to do next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// Looks to begin now.
    pub(super) looks: Vec<Look>,
    /// Whether to try the rollback now. One of the events about it must follow.
    pub(super) roll_back: bool,
    /// The end.
    pub(super) end: Option<(TrialOutcome, Why)>,
    /// When to call again, if nothing happens before.
    pub(super) until: Option<Instant>,
}

/// How one kind of looks stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Looking {
    /// There is nothing to look at.
    Off,
    /// The next look is due then. The last one that passed began at this moment.
    Due { at: Instant, passed: Option<Instant> },
    /// A look runs since `since`. Its limit counts from `from`, and was given anew `again` times.
    Runs { since: Instant, from: Instant, again: u32 },
}

/// One kind of looks, with its times.
#[derive(Clone, Copy, Debug)]
struct Looks {
    kind: Look,
    every: Duration,
    limit: Duration,
    standing: Looking,
}

#[derive(Clone, Debug)]
enum Phase {
    Watching,
    /// Something is wrong. `next`: when the next try is due; `None` while one runs.
    RollingBack {
        why: Why,
        refused: u32,
        busy: u32,
        next: Option<Instant>,
    },
    Ended,
}

/// The machine.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    phase: Phase,
    looks: [Looks; 2],
    ends: Option<Instant>,
    calls: Option<Awaited>,
    faults_allowed: u64,
    tries: u32,
    /// When the machine wanted to be called.
    until: Option<Instant>,
}

/// The calls that a trial waits for.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    calls: Calls,
    answered: u64,
    /// Since when they are enough.
    enough: Option<Instant>,
    /// When the trial waits for them no more.
    gives_up: Option<Instant>,
}

impl Awaited {
    fn note(&mut self, answered: u64, now: Instant) {
        self.answered = answered;
        if answered >= self.calls.wanted {
            self.enough.get_or_insert(now);
        }
    }

    /// Why the trial is to roll back, if too few have come by now.
    fn are_late(&self, now: Instant) -> Option<Why> {
        let is_late = self.enough.is_none() && self.gives_up.is_some_and(|until| now >= until);
        let Awaited { calls: Calls { wanted, within }, answered, .. } = self;
        let text = || format!("{answered} of {wanted} calls were answered within {within:?}");
        is_late.then(|| Why::new(TrialCause::TooFewCalls, text()))
    }
}

impl Looks {
    fn new(kind: Look, is_on: bool, every: Duration, limit: Duration, now: Instant) -> Looks {
        let standing = if is_on { Looking::Due { at: now, passed: None } } else { Looking::Off };
        Looks { kind, every, limit, standing }
    }

    /// Whether a look that began at `time` or later has passed, or there is nothing to look at.
    fn has_passed_since(&self, time: Instant) -> bool {
        match self.standing {
            Looking::Off => true,
            Looking::Due { passed, .. } => passed.is_some_and(|passed| passed >= time),
            Looking::Runs { .. } => false,
        }
    }

    /// Notes that a look passed.
    fn pass(&mut self) {
        if let Looking::Runs { since, .. } = self.standing {
            let at = later(since, self.every).unwrap_or(since);
            self.standing = Looking::Due { at, passed: Some(since) };
        }
    }

    /// The reason why a look that runs has failed by now.
    fn is_late(&self, now: Instant) -> Option<Why> {
        let Looking::Runs { from, .. } = self.standing else { return None };
        let limit = self.limit;
        (now.saturating_duration_since(from) >= limit).then(|| match self.kind {
            Look::Health => Why::new(TrialCause::Health, format!("a health check has not returned within {limit:?}")),
            Look::Check => {
                Why::new(TrialCause::Check, format!("the program's check has not returned within {limit:?}"))
            }
        })
    }

    /// Begins a look if one is due, or wanted since `wanted`.
    fn begin(&mut self, now: Instant, wanted: Option<Instant>) -> bool {
        let is_due = match self.standing {
            Looking::Due { at, passed } => {
                now >= at || wanted.is_some_and(|wanted| passed.is_none_or(|passed| passed < wanted))
            }
            Looking::Off | Looking::Runs { .. } => false,
        };
        if is_due {
            self.standing = Looking::Runs { since: now, from: now, again: 0 };
        }
        is_due
    }

    fn next(&self) -> Option<Instant> {
        match self.standing {
            Looking::Off => None,
            Looking::Due { at, .. } => Some(at),
            Looking::Runs { from, .. } => later(from, self.limit),
        }
    }
}

/// `None` if the clock does not reach that far.
fn later(time: Instant, by: Duration) -> Option<Instant> {
    time.checked_add(by)
}

impl Machine {
    /// A trial that begins now. `has_health`: whether a new version can be asked for its health.
    pub(super) fn new(rules: &Trial, has_health: bool, now: Instant) -> Machine {
        let health = Looks::new(Look::Health, has_health, rules.every, rules.limit, now);
        let check = Looks::new(Look::Check, rules.check.is_some(), rules.check_every, rules.check_limit, now);
        Machine {
            phase: Phase::Watching,
            looks: [health, check],
            ends: rules.time.and_then(|time| later(now, time)),
            calls: rules.calls.map(|calls| Awaited {
                calls,
                answered: 0,
                enough: None,
                gives_up: later(now, calls.within),
            }),
            faults_allowed: rules.faults_allowed,
            tries: rules.tries.get(),
            until: None,
        }
    }

    /// Why the machine rolls back, and how many tries were refused; `None` if it does not roll back.
    pub(super) fn rolling_back(&self) -> Option<(&Why, u32)> {
        match &self.phase {
            Phase::RollingBack { why, refused, .. } => Some((why, *refused)),
            Phase::Watching | Phase::Ended => None,
        }
    }

    /// Whether the machine has decided the end.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Notes that the new versions have answered so many calls by now. What follows from it is decided at the next
    /// event, so that what else has happened comes first.
    pub(super) fn note_answered(&mut self, answered: u64, now: Instant) {
        if let Some(calls) = &mut self.calls {
            calls.note(answered, now);
        }
    }

    /// Takes an event at a time that is not before that of the last one, and decides what to do.
    pub(super) fn step(&mut self, event: Event, now: Instant) -> Decision {
        let is_late = self.until.is_some_and(|until| now.saturating_duration_since(until) > PUNCTUAL);
        for looks in &mut self.looks {
            if let Looking::Runs { from, again, .. } = &mut looks.standing
                && is_late
                && *again < ANEW
            {
                (*from, *again) = (now, *again + 1);
            }
        }
        let decision = self.decide(event, now);
        self.until = decision.until;
        decision
    }

    fn decide(&mut self, event: Event, now: Instant) -> Decision {
        match (&mut self.phase, event) {
            (Phase::Ended, _) => return Decision::default(),
            (_, Event::Close) => {
                let why = Why::new(TrialCause::Closed, "the runtime was dropped before the trial was over");
                return self.end(TrialOutcome::Interrupted, why);
            }
            (Phase::Watching, Event::Confirm(why)) => return self.end(TrialOutcome::Confirmed, why),
            (Phase::Watching, Event::Faults(faults, why)) if faults > self.faults_allowed => self.fail(why, now),
            (Phase::Watching, Event::Refused(look, why)) => {
                self.looks_of(look).standing = Looking::Off;
                self.fail(why, now);
            }
            (Phase::Watching, Event::Gate(why) | Event::Warned(why) | Event::Abandon(why)) => self.fail(why, now),
            (Phase::Watching, Event::Passed(look)) => self.looks_of(look).pass(),
            (Phase::RollingBack { why, .. }, Event::RolledBack) => {
                let why = why.clone();
                return self.end(TrialOutcome::RolledBack, why);
            }
            (Phase::RollingBack { why, refused, busy, next }, Event::RollbackRefused(is_busy)) => {
                let [shortest, longest] = PAUSES;
                if is_busy {
                    *busy += 1;
                } else {
                    *refused += 1;
                }
                if *refused >= self.tries || *busy >= BUSY_TRIES {
                    let why = why.clone();
                    return self.end(TrialOutcome::Failed, why);
                }
                let pause = shortest.saturating_mul(1 << (2 * refused.saturating_sub(1)).min(16)).min(longest);
                *next = later(now, if is_busy { BUSY_PAUSE } else { pause });
            }
            // A look that ends while the machine rolls back changes nothing, and so does every other second event.
            (Phase::RollingBack { .. } | Phase::Watching, _) => {}
        }
        self.go_on(now)
    }

    /// What time asks for.
    fn go_on(&mut self, now: Instant) -> Decision {
        if let Phase::Watching = self.phase
            && let Some(why) = self.looks.iter().find_map(|looks| looks.is_late(now)).or_else(|| self.lacks_calls(now))
        {
            self.fail(why, now);
        }
        match &mut self.phase {
            Phase::Ended => Decision::default(),
            Phase::RollingBack { next, .. } => {
                let is_due = next.is_some_and(|next| now >= next);
                if is_due {
                    *next = None;
                }
                Decision { roll_back: is_due, until: *next, ..Decision::default() }
            }
            Phase::Watching => {
                let enough = self.calls.and_then(|calls| calls.enough);
                let over = self.ends.filter(|ends| now >= *ends).or(enough);
                if let Some(over) = over
                    && self.looks.iter().all(|looks| looks.has_passed_since(over))
                {
                    let why = match self.calls {
                        Some(calls) => Why::new(TrialCause::Calls, format!("{} calls were answered", calls.answered)),
                        None => Why::new(TrialCause::Time, "its time is over"),
                    };
                    return self.end(TrialOutcome::Confirmed, why);
                }
                let begun = self.looks.iter_mut().filter_map(|looks| looks.begin(now, over).then_some(looks.kind));
                let looks = begun.collect();
                let ends = self.ends.or(self.calls.and_then(|calls| calls.gives_up)).filter(|_| over.is_none());
                let until = self.looks.iter().filter_map(Looks::next).chain(ends).min();
                Decision { looks, until, ..Decision::default() }
            }
        }
    }

    fn lacks_calls(&self, now: Instant) -> Option<Why> {
        self.calls.and_then(|calls| calls.are_late(now))
    }

    fn looks_of(&mut self, kind: Look) -> &mut Looks {
        match kind {
            Look::Health => &mut self.looks[0],
            Look::Check => &mut self.looks[1],
        }
    }

    fn fail(&mut self, why: Why, now: Instant) {
        self.phase = Phase::RollingBack { why, refused: 0, busy: 0, next: Some(now) };
    }

    fn end(&mut self, outcome: TrialOutcome, why: Why) -> Decision {
        self.phase = Phase::Ended;
        Decision { end: Some((outcome, why)), ..Decision::default() }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
