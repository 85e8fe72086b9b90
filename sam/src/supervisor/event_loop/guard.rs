//! What is killed when the supervisor is gone: the instance that serves, with all that can be found of
//! it, by the child that stands by.
//!
//! The kernel itself kills an instance whose parent dies (`PR_SET_PDEATHSIG`), but forgets that wish
//! when the instance changes its user, its group or its capabilities. The child that stands by was
//! forked before the instance could, so it has the supervisor's rights, and keeps them for this.
//!
//! # What is found
//! 1. The cgroup of the instance, if it has one: everything.
//! 2. Its process group.
//! 3. Its descendants, whatever group or session they have made for themselves, as long as each
//!    of their ancestors up to the instance lives: they are stopped from the top before any is killed.
//!
//! Without a cgroup a process is not found that has left the group and whose parent has ended; nor
//! is one killed that the supervisor may not signal (a set-user-ID program under a supervisor without
//! privileges).

use std::{fs, time::Duration};

use crate::supervisor::kernel::{cgroup::InstanceCgroup, sys};

/// How often descendants are looked for that were forked while others were being stopped.
const ROUNDS: u32 = 64;

/// How often it is looked whether the supervisor has gone.
const SUPERVISOR_POLL: Duration = Duration::from_millis(1);

/// The instance that serves while another stands by, as that one knows it.
pub(super) struct Guard {
    /// Its main process, and its process group.
    pid: i32,
    group: i32,
    /// Only the main process is killed.
    is_alone: bool,
    cgroup: Option<InstanceCgroup>,
}

impl Guard {
    pub(super) fn new(pid: i32, group: i32, is_alone: bool, cgroup: Option<InstanceCgroup>) -> Guard {
        Guard { pid, group, is_alone, cgroup }
    }

    /// Kills what is found. The supervisor is gone, so that no process has reaped the instance since but
    /// the process that has inherited it, a moment ago at most.
    pub(super) fn kill(&self, supervisor: i32) {
        // Its descriptors are closed before its children are given away. At that moment the kernel sends
        // SIGHUP to groups with a process that is stopped, which would end ancestors of what is found here.
        // SAFETY: takes no pointers.
        while unsafe { libc::getppid() } == supervisor {
            let _ = sys::wait(&mut [], Some(SUPERVISOR_POLL));
        }
        if self.is_alone {
            let _ = sys::send(self.pid, libc::SIGKILL);
            return;
        }
        self.cgroup.iter().for_each(InstanceCgroup::kill);
        // Of one that was handed over the first process is gone: its group is there if this one is in it.
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

/// Adds the children of those that are there, and theirs.
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
