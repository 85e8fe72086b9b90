//! Kills the instance when its supervisor has died: the standby child does it, for everything of the
//! instance that it can find.
//!
//! The kernel itself kills an instance whose parent dies (`PR_SET_PDEATHSIG`). But it forgets that wish
//! when the instance changes its user, its group or its capabilities. The standby child is a fork of the
//! supervisor and runs nothing of the application, so it still has the supervisor's rights.
//!
//! # What the child finds
//! 1. The cgroup of the instance, if there is one: everything.
//! 2. The instance's process group.
//! 3. The instance's descendants, whatever groups and sessions they have made, if each ancestor up to the
//!    instance lives. The child stops them from the top before it kills any.
//!
//! Without a cgroup the child does not find a process that has left the group and whose parent has ended.
//! Nor can it kill a process that the supervisor may not signal, such as a set-user-ID program under a
//! supervisor without privileges.

use std::{fs, time::Duration};

use crate::supervisor::kernel::{cgroup::InstanceCgroup, sys};

/// How often the child looks for descendants that were forked while it stopped others.
const ROUNDS: u32 = 64;

/// How often the child looks whether the supervisor has gone.
const SUPERVISOR_POLL: Duration = Duration::from_millis(1);

/// The instance that serves while another stands by, as the standby child knows it.
pub(super) struct Guard {
    /// The instance's main process, and its process group.
    pid: i32,
    group: i32,
    /// Whether only the main process is killed.
    is_alone: bool,
    cgroup: Option<InstanceCgroup>,
}

impl Guard {
    pub(super) fn new(pid: i32, group: i32, is_alone: bool, cgroup: Option<InstanceCgroup>) -> Guard {
        Guard { pid, group, is_alone, cgroup }
    }

    /// Kills what can be found of the instance. The supervisor is gone, so only the process that has inherited
    /// the instance may have reaped it, a moment ago at most.
    pub(super) fn kill(&self, supervisor: i32) {
        // The kernel closes the descriptors of a dead process before it gives its children away. At that
        // moment it sends SIGHUP to groups with a stopped process, which would end ancestors of what this
        // looks for.
        // SAFETY: takes no pointers.
        while unsafe { libc::getppid() } == supervisor {
            let _ = sys::wait(&mut [], Some(SUPERVISOR_POLL));
        }
        if self.is_alone {
            let _ = sys::send(self.pid, libc::SIGKILL);
            return;
        }
        self.cgroup.iter().for_each(InstanceCgroup::kill);
        // After a hand-over the first process is gone: the group exists if the main process is in it.
        let group = Some(self.group).filter(|group| *group == self.pid || sys::group_of(self.pid) == Some(*group));
        let _ = sys::send(self.pid, libc::SIGSTOP);
        let _ = group.map(|group| sys::send(-group, libc::SIGSTOP));
        let mut found = vec![self.pid];
        for _ in 0..ROUNDS {
            let known = found.len();
            add_descendants(&mut found);
            if found.len() == known {
                break;
            }
            for &pid in &found[known..] {
                let _ = sys::send(pid, libc::SIGSTOP);
            }
        }
        let _ = group.map(|group| sys::send(-group, libc::SIGKILL));
        for &pid in &found {
            let _ = sys::send(pid, libc::SIGKILL);
        }
    }
}

/// Adds the children of the processes in `found`, and the children of those.
fn add_descendants(found: &mut Vec<i32>) {
    let parents: Vec<(i32, i32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| Some((pid, parent_of(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect();
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        for &(pid, _) in parents.iter().filter(|(_, its)| *its == parent) {
            if !found.contains(&pid) {
                found.push(pid);
            }
        }
        at += 1;
    }
}

/// The parent, by `/proc/PID/stat`: the second field behind the name, which may have anything in it.
fn parent_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent_of("7 (sh) S 42 7 7 0"), Some(42));
        assert_eq!(parent_of("7 (a) R 9 (b) S 42 7 7 0"), Some(42));
        assert_eq!(parent_of("7 (sh)"), None);
    }
}
