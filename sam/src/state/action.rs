//! What the supervisor is to do.

use super::exit::Exit;

/// One thing to do. The supervisor executes actions in order, and none of them blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Make the next instance. The answer is `Spawned` or `NotSpawned`.
    Spawn { instance: u32 },
    /// Send a signal.
    Send { signal: i32, to: SignalTarget },
    /// Warn the instance's main process, by the signal that its board names, else by this signal. A
    /// `Send` of SIGCONT follows if the process is halted.
    Warn { signal: i32 },
    /// Send SIGKILL to everything of the instance; under `KillMode::Main` to its main process alone.
    /// `Ended` follows.
    Kill,
    /// Ask the instance for an answer with this number.
    Ask(u64),
    /// Run the probe command. The answer is `Probed`, or `Unprobed`.
    Probe,
    /// Stop the probe that runs. `Probed` does not follow.
    StopProbe,
    /// Run the command that an operator gave for a failure.
    Failed,
    /// Stop the supervisor itself, as a terminal's Ctrl-Z would, now that the instance has stopped. The
    /// answer is `Signal(SIGCONT)`, when that signal continues the supervisor.
    Suspend,
    /// End the supervisor with this status, or by this signal. No action follows.
    Exit(Exit),
}

/// Which processes of an instance get a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SignalTarget {
    /// The instance's main process. A program that has helpers knows what to tell them, as at a service
    /// manager's reload.
    #[default]
    Main,
    /// Every process of the instance's process group, as with a terminal's signals.
    Group,
}

/// What one event asks for, in order. A list without a heap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actions {
    list: [Action; Actions::CAPACITY],
    len: usize,
}

impl Actions {
    /// No single event asks for more: the longest list is that of a `Tick` that asks, stops a probe, warns,
    /// continues and kills.
    pub(crate) const CAPACITY: usize = 6;

    pub(super) const fn none() -> Actions {
        Actions { list: [Action::Kill; Actions::CAPACITY], len: 0 }
    }

    pub(super) fn push(&mut self, action: Action) {
        self.list[self.len] = action;
        self.len += 1;
    }
}

impl std::ops::Deref for Actions {
    type Target = [Action];

    fn deref(&self) -> &[Action] {
        &self.list[..self.len]
    }
}

impl<'a> IntoIterator for &'a Actions {
    type Item = &'a Action;
    type IntoIter = std::slice::Iter<'a, Action>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
