//! The state of the machine, and which of its rules takes each event.

use std::time::Duration;

use super::{
    action::{Action, Actions},
    backoff::Delays,
    budget::Restarts,
    event::Event,
    exit::Exit,
    health::Health,
    policy::Policy,
    stage::{Cause, Decision, End, Job, Stage},
};
use crate::time::Time;

/// All that the supervisor remembers. A value: copied, compared, printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(super) policy: Policy,
    pub(super) stage: Stage,
    /// The newest instance, or the one to come. The first is 1.
    pub(super) instance: u32,
    pub(super) health: Health,
    pub(super) job: Job,
    pub(super) restarts: Restarts,
    pub(super) delays: Delays,
    /// An operator asked for a restart, and the next instance has not been made yet.
    pub(super) restart_asked: bool,
    /// The operator's first stop signal.
    pub(super) stop: Option<(i32, Time)>,
    pub(super) last: Option<End>,
    /// How often an instance's main process became another.
    pub(super) handed_over: u32,
}

/// One step of the machine: the state that an event makes of `state`, and what the supervisor is to do.
pub(crate) fn step(state: &State, event: Event, now: Time) -> (State, Actions) {
    let mut next = *state;
    let mut actions = Actions::none();
    let live = next.lives();
    match event {
        _ if matches!(next.stage, Stage::Left { .. }) => {}
        Event::Spawned if next.stage == Stage::Spawning => next.spawned(now, &mut actions),
        Event::NotSpawned(errno) if next.stage == Stage::Spawning => {
            next.ended(Err(errno), now, &mut actions);
        }
        Event::Look(reading) if live => next.look(reading, now, &mut actions),
        Event::Ended(exit) if live => next.ended(Ok(exit), now, &mut actions),
        Event::Halted(signal) if live => next.halted(signal, now, &mut actions),
        Event::Resumed if live => next.resumed(now),
        Event::HandedOver if live => next.handed_over(),
        Event::Restart => next.restart(now, &mut actions),
        Event::Signal(signal) => next.signal(signal, now, &mut actions),
        Event::Probed(well) => next.probed(well, now, &mut actions),
        Event::Unprobed => next.unprobed(now),
        Event::Tick => next.tick(now, &mut actions),
        // Answers to questions that the machine did not ask, and news of an instance that has ended.
        Event::Spawned
        | Event::NotSpawned(_)
        | Event::Look(_)
        | Event::Ended(_)
        | Event::Halted(_)
        | Event::Resumed
        | Event::HandedOver => {}
    }
    (next, actions)
}

impl State {
    /// The state in which nothing lives; the first `Tick` makes instance 1.
    pub(crate) fn new(policy: Policy, now: Time) -> State {
        State {
            policy,
            stage: Stage::Waiting { at: now },
            instance: 1,
            health: Health::new(&policy, now),
            job: Job::default(),
            restarts: Restarts::default(),
            delays: Delays::new(policy.seed),
            restart_asked: false,
            stop: None,
            last: None,
            handed_over: 0,
        }
    }

    /// When a `Tick` (with a `Look` before it, if an instance lives) must come.
    pub(crate) fn deadline(&self) -> Time {
        match self.stage {
            Stage::Waiting { at } => at,
            Stage::Stopping { kill_at } => kill_at,
            Stage::Spawning | Stage::Killing { .. } | Stage::Left { .. } => Time::NEVER,
            Stage::Living | Stage::Warned { .. } if self.job.suspended => Time::NEVER,
            Stage::Living => self.health.miss_at(&self.policy).min(self.health.errand_at()),
            Stage::Warned { kill_at, .. } => kill_at.min(self.health.look_at).min(self.health.errand_at()),
        }
    }

    fn spawned(&mut self, now: Time, actions: &mut Actions) {
        self.health = Health::new(&self.policy, now);
        self.job = Job::default();
        self.stage = match self.stop {
            None => Stage::Living,
            Some((signal, asked)) => {
                let signal = self.policy.stop_signal.unwrap_or(signal);
                actions.push(Action::Send { signal, to: self.policy.stop_to });
                Stage::Stopping { kill_at: asked.after(self.policy.stop_limit) }
            }
        };
    }

    fn tick(&mut self, now: Time, actions: &mut Actions) {
        match self.stage {
            Stage::Waiting { at } if at <= now => {
                // The first instance is no restart.
                match (self.last.is_some(), std::mem::take(&mut self.restart_asked)) {
                    (true, true) => self.restarts.record_asked(),
                    (true, false) => self.restarts.record(now),
                    (false, _) => {}
                }
                self.stage = Stage::Spawning;
                actions.push(Action::Spawn { instance: self.instance });
            }
            Stage::Stopping { kill_at } if kill_at <= now => self.kill(None, actions),
            Stage::Living | Stage::Warned { .. } if self.job.suspended => {}
            Stage::Warned { cause, kill_at } if kill_at <= now => self.kill(Some(cause), actions),
            Stage::Living | Stage::Warned { .. } => {
                self.errands(now, actions);
                // A probe may just have failed once too often, and the grace may be zero.
                if let Stage::Warned { cause, kill_at } = self.stage
                    && kill_at <= now
                {
                    self.kill(Some(cause), actions);
                }
            }
            _ => {}
        }
    }

    /// Another process is the main one. Whether it is stopped is unknown, except after a Ctrl-Z, which
    /// stops all.
    fn handed_over(&mut self) {
        self.job.halted &= self.job.suspended;
        self.handed_over = self.handed_over.wrapping_add(1);
    }

    pub(super) fn kill(&mut self, cause: Option<Cause>, actions: &mut Actions) {
        self.health.stop_probe(actions);
        self.stage = Stage::Killing { cause };
        actions.push(Action::Kill);
    }

    /// What the machine would give as the cause of an end at this time, if no operator stops the instance.
    pub(crate) fn cause(&self, now: Time) -> Option<Cause> {
        match self.stage {
            Stage::Warned { cause, .. } => Some(cause),
            Stage::Killing { cause } => cause,
            _ if self.health.reading.failed => Some(Cause::Failed),
            _ => self.health.unforgiven(&self.policy, now),
        }
    }

    /// Decides what follows the end of an instance, or of the attempt to make one.
    fn ended(&mut self, exit: Result<Exit, i32>, now: Time, actions: &mut Actions) {
        let mut lived = Duration::ZERO;
        let mut cause = None;
        if exit.is_ok() {
            lived = now.since(self.health.spawned);
            cause = self.cause(now);
            if self.stage == Stage::Living {
                self.credit(now);
            }
            self.health.stop_probe(actions);
        }
        let is_asked = self.restart_asked;
        let decision = self.decide(exit, cause, now);
        if self.policy.tells_failures && !is_asked && self.is_failure(exit, cause, decision) {
            actions.push(Action::Failed);
        }
        self.last = Some(End { instance: self.instance, exit, cause, lived, decision });
        self.job = Job::default();
        match decision {
            Decision::Restart { after } => {
                if exit.is_ok() {
                    self.instance = self.instance.saturating_add(1);
                }
                self.stage = Stage::Waiting { at: now.after(after) };
            }
            _ => self.exit(self.exit_of_supervisor(exit, decision), actions),
        }
    }

    pub(super) fn exit(&mut self, exit: Exit, actions: &mut Actions) {
        self.stage = Stage::Left { exit };
        actions.push(Action::Exit(exit));
    }
}
