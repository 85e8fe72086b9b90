//! Strays: processes of an instance that have lost their parent. As a subreaper, or as process 1, the
//! supervisor becomes the parent of each.

use std::{fs::File, io, mem, os::unix::fs::FileExt as _};

use crate::supervisor::kernel::sys;

/// The children of this process, among which the supervisor tells strays from others.
pub(crate) struct Children {
    /// The kernel's list, opened once, because opening a path in `/proc` costs more than the rest of a
    /// restart. `None` if the kernel has none (`CONFIG_PROC_CHILDREN`); strays cannot be seen then.
    list: Option<File>,
    /// The children that this process had before its first instance, such as those of a wrapper that executed
    /// this program. They are no strays. A number stays here until its process is reaped.
    preexisting: Vec<i32>,
}

impl Children {
    pub(crate) fn now() -> io::Result<Children> {
        let own = std::process::id();
        let list = match File::open(format!("/proc/{own}/task/{own}/children")) {
            Ok(list) => Some(list),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut children = Children { list, preexisting: Vec::new() };
        let mut preexisting = Vec::new();
        children.for_each(|pid| preexisting.push(pid));
        children.preexisting = preexisting;
        Ok(children)
    }

    pub(crate) fn reaped(&mut self, pid: i32) {
        self.preexisting.retain(|preexisting_pid| *preexisting_pid != pid);
    }

    /// Sends SIGKILL to every child but those that are preexisting or in `keep`. True if there were any, dead or
    /// alive. A child that dies may leave more children; its end (SIGCHLD) is the occasion to kill those.
    pub(crate) fn kill_strays(&self, keep: [Option<i32>; 3]) -> bool {
        let mut found = false;
        self.for_each(|pid| {
            if !keep.contains(&Some(pid)) && !self.preexisting.contains(&pid) {
                found = true;
                let _ = sys::send(pid, libc::SIGKILL);
            }
        });
        found
    }

    /// How many children run that are neither preexisting nor in `keep`. If a group is given, only its members
    /// count.
    pub(crate) fn count_running(&self, keep: [Option<i32>; 3], group: Option<i32>) -> u32 {
        let mut count = 0;
        self.for_each(|pid| {
            let is_theirs = !keep.contains(&Some(pid)) && !self.preexisting.contains(&pid);
            let is_meant = group.is_none_or(|group| sys::group_of(pid) == Some(group));
            count += u32::from(is_theirs && is_meant && sys::runs(pid));
        });
        count
    }

    /// Calls `each` with the number of each child. The buffer is small: between an instance and the next, a
    /// page of the stack that is touched for the first time costs more than a second read.
    fn for_each(&self, mut each: impl FnMut(i32)) {
        let Some(list) = &self.list else { return };
        let mut buffer = [0; 512];
        let (mut at, mut pid) = (0, 0);
        while let Ok(read @ 1..) = list.read_at(&mut buffer, at) {
            for byte in &buffer[..read] {
                match byte {
                    b'0'..=b'9' => pid = pid * 10 + i32::from(byte - b'0'),
                    // A space follows each number.
                    _ if pid > 0 => each(mem::take(&mut pid)),
                    _ => {}
                }
            }
            at += read as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::fork;

    #[test]
    fn children_are_told_however_many_there_are_and_the_elders_are_spared() {
        // Alone: other tests have children, too.
        let mut child = fork(|| {
            let instance = || fork(|| drop(sys::wait(&mut [], Some(Duration::from_secs(60)))));
            let mut preexisting: Vec<_> = (0..3).map(|_| instance()).collect();
            let children = Children::now().unwrap();
            let (mut strays, kept): (Vec<_>, _) = ((0..300).map(|_| instance()).collect(), instance());
            let mut seen = Vec::new();
            children.for_each(|pid| seen.push(pid));
            let expected = preexisting.iter().chain(&strays).chain([&kept]).map(|child| child.pid);
            assert_eq!(seen, expected.collect::<Vec<_>>(), "in several reads");
            assert!(children.kill_strays([Some(kept.pid), None, None]));
            assert!(strays.iter_mut().all(|stray| stray.wait() == Err(libc::SIGKILL)));
            assert!(!children.kill_strays([None, None, Some(kept.pid)]));
            assert!(preexisting.iter_mut().all(|preexisting_pid| preexisting_pid.ended().is_none()));
        });
        assert_eq!(child.wait(), Ok(0));
    }
}
