//! Kills the instance: all of it when the machine asks for that, and what its main process has left when
//! that has ended. The machine hears of an end once nothing of the instance is left.
//!
//! If the supervisor itself dies, the standby child kills the instance: `guard`.

use std::time::Duration;

use super::{Predecessor, Supervisor};
use crate::{
    options::KillMode,
    state::{Exit, SignalTarget, Stage},
    supervisor::kernel::{cgroup::InstanceCgroup, sys},
    time::Time,
};

/// How long the loop waits for the rest of an instance that was killed.
const REAP_TIMEOUT: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Sends SIGKILL to everything of the instance; under `KillMode::Main` to its main process alone.
    pub(super) fn kill(&self) {
        if self.options.kill_mode != KillMode::Main {
            self.send(libc::SIGKILL, SignalTarget::Group);
        }
        self.send(libc::SIGKILL, SignalTarget::Main);
        // Last: the kernel may have this wait for another process that moves processes.
        let cgroup = self.instance.as_ref().and_then(|instance| instance.cgroup.as_ref());
        cgroup.into_iter().for_each(InstanceCgroup::kill);
    }

    /// Signals the instance. If its main process was reaped, only a signal to the group is sent.
    pub(super) fn send(&self, signal: i32, to: SignalTarget) {
        let Some(instance) = &self.instance else { return };
        match (to, instance.main.group()) {
            // If the kernel refuses, the group is gone or runs as another user.
            (SignalTarget::Group, Some(group)) => drop(sys::send(-group, signal)),
            _ if instance.ended.is_some() => {}
            // While a successor lives beside the old main process, a stop and a kill are for both.
            _ if matches!(self.state.stage(), Stage::Stopping { .. } | Stage::Killing { .. }) => {
                instance.main.send_to_both(signal);
            }
            _ => instance.main.send(signal),
        }
    }

    /// Kills what is left of an instance whose main process was reaped. Returns the exit once nothing is left.
    /// As long as the operator's stop has time left, the group lives on.
    pub(super) fn reap_group(&mut self, now: Time) -> Option<Exit> {
        let instance = self.instance.as_mut()?;
        let (exit, at) = instance.ended?;
        // Under `KillMode::Main` what lives on is not the instance's any more.
        let group = instance.main.group().filter(|_| self.options.kill_mode != KillMode::Main);
        let has_time =
            self.options.kill_mode == KillMode::Group && matches!(self.state.stage(), Stage::Stopping { .. });
        if has_time && group.is_some_and(sys::group_lives) {
            return None;
        }
        let since = *instance.killed.get_or_insert(now);
        let _ = group.map(|group| sys::send(-group, libc::SIGKILL));
        let instance = self.instance.as_ref()?;
        let ours = self.own_children();
        // The group first: what its last process leaves is a child of this process then.
        let has_group = group.is_some_and(sys::group_lives);
        let has_strays = self.kills_strays() && self.children.kill_strays(ours);
        // An orphan in another PID namespace is no stray, but a child of that namespace's first process.
        let has_rest = instance.cgroup.as_ref().is_some_and(InstanceCgroup::kill_rest);
        if (has_group || has_strays || has_rest) && now.since(since) < REAP_TIMEOUT {
            return None;
        }
        // A group that the instance has made may have had the terminal until now.
        self.terminal.take_back();
        let instance = self.instance.take()?;
        let record = instance.exit_record(exit, &self.state, now);
        let (board, rest) = instance.into_parts();
        let before = self.predecessor.replace(Predecessor { record, board, ended: at });
        self.remains = Some((before, rest));
        Some(exit)
    }

    /// The children of the supervisor that do not belong to the instance.
    pub(super) fn own_children(&self) -> [Option<i32>; 3] {
        let (probe, standby, command) = (self.probe.as_ref(), self.standby.as_ref(), self.failure_command.as_ref());
        [probe.map(|probe| probe.pid), standby.map(|standby| standby.pid), command.map(|command| command.pid)]
    }

    /// Whether the supervisor kills strays.
    pub(super) fn kills_strays(&self) -> bool {
        !self.options.keeps_strays() && self.pid != 1
    }
}
