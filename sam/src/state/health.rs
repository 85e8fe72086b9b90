//! Whether the instance is well: the signs of life that it owes, until when, and what excuses it.

use std::time::Duration;

use super::{
    action::{Action, Actions, SignalTarget},
    event::{Excuse, Phase, Reading},
    machine::State,
    policy::{Checks, Policy, Probing},
    stage::{Cause, Stage},
};
use crate::time::Time;

/// How often in a row a starved instance is excused.
const MAX_STARVED: u8 = 10;
/// The longest time between probes while they wait for an instance to be ready.
const BOOTING: Duration = Duration::from_secs(1);
/// The shortest time between two probes, and the shortest limit of one.
const BRIEFEST: Duration = Duration::from_millis(1);

/// One instance's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Health {
    /// What the board said last.
    pub(super) reading: Reading,
    /// When the instance was made.
    pub(super) spawned: Time,
    /// Since when it serves without a complaint; `NEVER` while it does not.
    well_since: Time,
    /// When the instance must be ready.
    start_due: Time,
    /// Until when a miss is excused.
    excused_until: Time,
    /// How often in a row starvation was the excuse.
    starved: u8,
    /// The supervisor's own lateness has excused a miss, and the instance was not well since.
    late: bool,
    /// What was due when the instance was warned: it has recovered once what is due is later than this.
    missed: Time,
    /// While the instance is warned: when to look whether it has recovered.
    pub(super) look_at: Time,
    /// The cause of a warning that the instance has recovered from, and when it did, until the warning is
    /// forgiven.
    recovered: Option<(Cause, Time)>,
    asking: Asking,
    probing: Probes,
}

/// The question that has no answer yet, or when the supervisor asks the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    Idle,
    Next { at: Time },
    Open { number: u64, asked: Time },
}

/// The probe that runs, or when the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probes {
    next: Time,
    /// When the probe that runs has had its time; `None` if none runs.
    limit: Option<Time>,
    failures: u32,
}

impl Health {
    pub(super) fn new(policy: &Policy, now: Time) -> Health {
        Health {
            reading: Reading {
                phase: Phase::Starting,
                failed: false,
                due: Time::NEVER,
                check: 0,
                answered: 0,
                excuse: None,
            },
            spawned: now,
            well_since: if policy.start_limit.is_some() { Time::NEVER } else { now },
            start_due: policy.start_limit.map_or(Time::NEVER, |limit| now.after(limit)),
            excused_until: Time(0),
            starved: 0,
            late: false,
            missed: Time::NEVER,
            look_at: Time::NEVER,
            recovered: None,
            asking: Asking::Idle,
            probing: Probes { next: Time::NEVER, limit: None, failures: 0 },
        }
    }

    /// When the first check, answer or start is overdue, before any excuse.
    pub(super) fn due(&self, policy: &Policy) -> Time {
        self.first_due(policy).0
    }

    fn first_due(&self, policy: &Policy) -> (Time, Cause) {
        let Reading { due, check, .. } = self.reading;
        let counts = check != 0 || !policy.interval.is_zero();
        let board = (if counts { due } else { Time::NEVER }, Cause::Overdue { check });
        let answer = match self.asking {
            Asking::Open { asked, .. } => asked.after(policy.interval),
            Asking::Idle | Asking::Next { .. } => Time::NEVER,
        };
        let others = [(answer, Cause::Unanswered), (self.start_due, Cause::Start)];
        others.into_iter().fold(board, |first, other| if other.0 < first.0 { other } else { first })
    }

    /// When a miss would count.
    pub(super) fn miss_at(&self, policy: &Policy) -> Time {
        self.due(policy).max(self.excused_until)
    }

    /// When there is something to ask, to probe, or to stop probing.
    pub(super) fn errand_at(&self) -> Time {
        let ask = match self.asking {
            Asking::Next { at } => at,
            Asking::Idle | Asking::Open { .. } => Time::NEVER,
        };
        ask.min(self.probing.limit.unwrap_or(self.probing.next))
    }

    /// Takes in what the board says, and draws the conclusions for questions and probes.
    fn observe(&mut self, policy: &Policy, reading: Reading, now: Time, actions: &mut Actions) {
        self.reading = reading;
        if reading.phase >= Phase::Ready {
            self.start_due = Time::NEVER;
        }
        let asks = policy.checks == Checks::Asks && !policy.interval.is_zero();
        self.asking = match self.asking {
            _ if !asks || reading.phase != Phase::Running => Asking::Idle,
            Asking::Idle => Asking::Next { at: now },
            Asking::Open { number, asked } if reading.answered == number => {
                Asking::Next { at: asked.after(policy.interval) }
            }
            asking => asking,
        };
        let serves = match reading.phase {
            Phase::Starting => {
                let counts_as_ready = policy.start_limit.is_none() && !policy.says_ready;
                counts_as_ready || policy.probe.is_some_and(|probe| probe.tells_ready)
            }
            Phase::Ready | Phase::Running => true,
            Phase::Stopping => false,
        };
        match policy.probe {
            Some(probe) if serves => {
                if self.probing.limit.is_none() && self.probing.next == Time::NEVER {
                    self.probing.next = now.after(self.period(probe));
                }
            }
            _ => {
                self.stop_probe(actions);
                self.probing.next = Time::NEVER;
            }
        }
    }

    pub(super) fn stop_probe(&mut self, actions: &mut Actions) {
        if self.probing.limit.take().is_some() {
            actions.push(Action::StopProbe);
        }
    }

    /// The time from the start of one probe to the start of the next. Probes that tell when the instance is
    /// ready come more often until then.
    fn period(&self, probe: Probing) -> Duration {
        let every = if self.awaits_probe(probe) { probe.every.min(BOOTING) } else { probe.every };
        every.max(BRIEFEST)
    }

    /// Whether the instance is ready as soon as this probe finds it well.
    fn awaits_probe(&self, probe: Probing) -> bool {
        probe.tells_ready && self.reading.phase == Phase::Starting
    }

    fn probes_fail(&self, policy: &Policy) -> bool {
        policy.probe.is_some_and(|probe| self.probing.failures >= probe.failures.max(1))
    }

    /// What is wrong with the instance, unless it is excused. `late`: the supervisor woke up later than it had
    /// planned.
    fn complaint(&mut self, policy: &Policy, now: Time, late: bool) -> Option<Cause> {
        if self.reading.failed {
            return Some(Cause::Failed);
        }
        if self.probes_fail(policy) {
            return Some(Cause::Probe);
        }
        let (due, cause) = self.first_due(policy);
        if now < due {
            self.starved = 0;
            self.late = false;
            return None;
        }
        if now < self.excused_until {
            return None;
        }
        match self.reading.excuse {
            Some(Excuse::Traced) => {}
            Some(Excuse::Starved) if self.starved < MAX_STARVED => self.starved += 1,
            _ if late && !self.late => self.late = true,
            _ => return Some(cause),
        }
        self.excused_until = now.after(respite(policy));
        None
    }

    /// The cause of an end at this time although nothing is wrong any more: that of a warning which the
    /// instance has recovered from, until it was healthy for `healthy_after`. A program that shuts down
    /// because of the warning may go on beating on its way out, and end with status 0.
    pub(super) fn unforgiven(&self, policy: &Policy, now: Time) -> Option<Cause> {
        let (cause, at) = self.recovered?;
        let is_blamed = match self.reading.phase {
            // The instance wants no further one; or it is on its way out, which is not health.
            Phase::Stopping => !policy.finalizes,
            _ => now.since(at) < policy.healthy_after,
        };
        is_blamed.then_some(cause)
    }

    /// Whether the instance has made good what it was warned of.
    fn made_good(&self, policy: &Policy, cause: Cause) -> bool {
        match cause {
            Cause::Failed => !self.reading.failed,
            Cause::Probe => !self.probes_fail(policy),
            Cause::Overdue { .. } | Cause::Unanswered | Cause::Start => self.due(policy) > self.missed,
        }
    }

    /// Makes everything due anew that was due: the supervisor and the instance were stopped and go on.
    pub(super) fn rearm(&mut self, policy: &Policy, now: Time) {
        self.excused_until = now.after(respite(policy));
        if let (Some(limit), true) = (policy.start_limit, self.start_due != Time::NEVER) {
            self.start_due = now.after(limit);
        }
        if let Asking::Open { asked, .. } = &mut self.asking {
            *asked = now;
        }
        if let (Some(probe), Some(limit)) = (policy.probe, &mut self.probing.limit) {
            *limit = now.after(probe.limit.max(BRIEFEST));
        }
        self.look_at = look_after(policy, now);
    }
}

/// How long an excuse holds.
fn respite(policy: &Policy) -> Duration {
    if policy.interval.is_zero() { Duration::from_secs(1) } else { policy.interval }
}

/// When to look at a warned instance. No message tells of a beat, so the supervisor looks once an interval:
/// it sees the next miss on time even where the grace is longer.
fn look_after(policy: &Policy, now: Time) -> Time {
    if policy.interval.is_zero() { Time::NEVER } else { now.after(policy.interval) }
}

/// How late the supervisor may wake up before a miss that it finds may be its own doing.
fn slack(policy: &Policy) -> Duration {
    (policy.interval / 4).max(Duration::from_millis(50))
}

impl State {
    /// Takes in a reading of the board.
    pub(super) fn look(&mut self, reading: Reading, now: Time, actions: &mut Actions) {
        // Judged by the phase that the instance was in until now.
        if self.health.unforgiven(&self.policy, now).is_none() {
            self.health.recovered = None;
        }
        let attended = matches!(self.stage, Stage::Living | Stage::Warned { .. });
        if !attended || self.job.suspended {
            self.health.reading = reading;
            return;
        }
        let late = now.since(self.deadline()) > slack(&self.policy);
        self.health.observe(&self.policy, reading, now, actions);
        if let Stage::Warned { cause, .. } = self.stage {
            if !self.health.made_good(&self.policy, cause) {
                return;
            }
            self.stage = Stage::Living;
            self.health.recovered = Some((cause, now));
        }
        match self.health.complaint(&self.policy, now, late) {
            Some(cause) => self.warn(cause, now, actions),
            None => self.serve(now),
        }
    }

    /// Notes that nothing is wrong. An instance that serves earns a new backoff from now on.
    fn serve(&mut self, now: Time) {
        let ready = self.policy.start_limit.is_none() || self.health.start_due == Time::NEVER;
        if ready && self.health.well_since == Time::NEVER {
            self.health.well_since = now;
        }
    }

    /// Begins the backoff anew if the instance has served without a complaint for long enough until then.
    pub(super) fn credit(&mut self, until: Time) {
        let since = self.health.well_since;
        if since != Time::NEVER && until >= since && until.since(since) >= self.policy.healthy_after {
            self.delays.reset();
        }
    }

    fn warn(&mut self, cause: Cause, now: Time, actions: &mut Actions) {
        let due = self.health.due(&self.policy);
        let well_until = match cause {
            Cause::Failed | Cause::Probe => now,
            // The last sign of life came one interval before the next was overdue.
            _ => Time(0).after(due.since(Time(0).after(self.policy.interval))),
        };
        self.credit(well_until);
        self.health.well_since = Time::NEVER;
        self.health.recovered = None;
        self.health.missed = due;
        self.health.starved = 0;
        self.health.late = false;
        self.health.look_at = look_after(&self.policy, now);
        self.stage = Stage::Warned { cause, kill_at: now.after(self.policy.grace) };
        actions.push(Action::Warn { signal: self.policy.warn });
        if self.job.halted {
            actions.push(Action::Send { signal: libc::SIGCONT, to: SignalTarget::Main });
        }
    }

    /// Lets the instance take until then to be ready. It never has less time than before.
    pub(crate) fn extend_start(&mut self, until: Time) {
        if self.health.start_due != Time::NEVER {
            self.health.start_due = self.health.start_due.max(until);
        }
    }

    /// Asks a question, begins a probe, and gives up on a probe, each when it is time.
    pub(super) fn errands(&mut self, now: Time, actions: &mut Actions) {
        if self.health.look_at <= now {
            self.health.look_at = look_after(&self.policy, now);
        }
        if let Asking::Next { at } = self.health.asking
            && at <= now
        {
            // Zero is what the board of an instance says that has never answered.
            let number = self.delays.random() | 1;
            self.health.asking = Asking::Open { number, asked: now };
            actions.push(Action::Ask(number));
        }
        let Some(probe) = self.policy.probe else { return };
        match self.health.probing.limit {
            Some(limit) if limit <= now => {
                self.health.stop_probe(actions);
                self.judge_probe(false, now, actions);
            }
            None if self.health.probing.next <= now => {
                self.health.probing.limit = Some(now.after(probe.limit.max(BRIEFEST)));
                self.health.probing.next = now.after(self.health.period(probe));
                actions.push(Action::Probe);
            }
            _ => {}
        }
    }

    /// Takes in the end of the probe that runs.
    pub(super) fn probed(&mut self, well: bool, now: Time, actions: &mut Actions) {
        if self.health.probing.limit.take().is_some() {
            self.judge_probe(well, now, actions);
        }
    }

    /// Takes in that the probe could not be started, which says nothing about the instance.
    pub(super) fn unprobed(&mut self, now: Time) {
        let probing = &mut self.health.probing;
        if probing.limit.take().is_some() {
            probing.next = probing.next.max(now.after(BRIEFEST));
        }
    }

    fn judge_probe(&mut self, well: bool, now: Time, actions: &mut Actions) {
        let boots = self.policy.probe.is_some_and(|probe| self.health.awaits_probe(probe));
        let probing = &mut self.health.probing;
        probing.next = probing.next.max(now.after(BRIEFEST));
        if well {
            probing.failures = 0;
        } else if !self.job.suspended && !boots {
            probing.failures = probing.failures.saturating_add(1);
        }
        if self.stage == Stage::Living && !self.job.suspended && self.health.probes_fail(&self.policy) {
            self.warn(Cause::Probe, now, actions);
        }
    }
}
