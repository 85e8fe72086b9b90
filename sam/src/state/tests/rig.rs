//! A state, its clock and what its board would say, for tests of six lines.

use std::time::Duration;

use super::*;
use crate::time::Time;

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const S: Duration = Duration::from_secs(1);
pub(super) const NONE: Duration = Duration::ZERO;

pub(super) struct Rig {
    pub(super) state: State,
    pub(super) now: Time,
    pub(super) reading: Reading,
}

/// A second between beats, a second of grace, no jitter.
pub(super) fn policy() -> Policy {
    Policy {
        interval: S,
        grace: S,
        stop_limit: 5 * S,
        backoff: Backoff { at_once: 1, first: 100 * MS, max: S, jitter: 0 },
        healthy_after: 10 * S,
        budget: Budget { restarts: 5, window: 60 * S },
        ..Policy::default()
    }
}

pub(super) const PARKED: Reading =
    Reading { phase: Phase::Running, failed: false, due: Time::NEVER, check: 0, answered: 0, excuse: None };

pub(super) fn crash(signal: i32) -> Exit {
    Exit::Signal { signal, core: false }
}

impl Rig {
    /// Nothing lives yet.
    pub(super) fn new(policy: Policy) -> Rig {
        let now = Time(1_000_000_000_000);
        Rig { state: State::new(policy, now), now, reading: PARKED }
    }

    /// Instance 1 lives and runs.
    pub(super) fn running(policy: Policy) -> Rig {
        let mut rig = Rig::new(policy);
        assert_eq!(rig.tell(Event::Tick), [Action::Spawn { instance: 1 }]);
        rig.tell(Event::Spawned);
        rig.wake();
        rig
    }

    pub(super) fn tell(&mut self, event: Event) -> Vec<Action> {
        let (state, actions) = step(&self.state, event, self.now);
        self.state = state;
        actions.to_vec()
    }

    /// A wake-up now.
    pub(super) fn wake(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.state.lives() {
            actions = self.tell(Event::Look(self.reading));
        }
        actions.extend(self.tell(Event::Tick));
        actions
    }

    /// Sleeps until the deadline, and wakes.
    pub(super) fn sleep(&mut self) -> Vec<Action> {
        assert_ne!(self.state.deadline(), Time::NEVER, "sleeps for ever: {:?}", self.state);
        self.now = self.now.max(self.state.deadline());
        self.wake()
    }

    pub(super) fn pass(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
    }

    /// The main check beats now.
    pub(super) fn beat(&mut self) {
        self.reading.due = self.now.after(S);
        self.wake();
    }

    /// It beats once more and hangs; ends with the warning.
    pub(super) fn hang_until_warned(&mut self) {
        self.beat();
        assert_eq!(self.sleep(), [Action::Warn { signal: libc::SIGTERM }]);
    }

    /// It ends; how long does the next take to be made? `None` if the supervisor leaves.
    pub(super) fn end(&mut self, exit: Exit) -> Option<Duration> {
        let actions = self.tell(Event::Ended(exit));
        if let Stage::Left { exit } = self.state.stage() {
            assert_eq!(actions.last(), Some(&Action::Exit(exit)));
            return None;
        }
        assert_eq!(actions, []);
        let from = self.now;
        let instance = self.state.instance();
        assert_eq!(self.sleep(), [Action::Spawn { instance }]);
        let delay = self.now.since(from);
        self.tell(Event::Spawned);
        self.reading = PARKED;
        self.wake();
        Some(delay)
    }

    pub(super) fn left(&self) -> Option<Exit> {
        match self.state.stage() {
            Stage::Left { exit } => Some(exit),
            _ => None,
        }
    }
}
