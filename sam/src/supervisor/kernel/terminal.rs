//! The controlling terminal, if there is one.
//!
//! An instance has a process group of its own, so that all of it can be killed. To a terminal that is a job
//! in the background. So Ctrl-C and Ctrl-Z go to the supervisor, which takes them for an operator's
//! signals and passes them on. If an instance reads from the terminal or changes its settings, the kernel
//! stops the instance (SIGTTIN, SIGTTOU). The supervisor then lends the foreground to the instance, as a
//! shell would, and takes it back when the instance ends. While the foreground is lent, the operator's
//! signals go to the instance alone.
//!
//! Where no process could continue the supervisor, it must not stop. So it looks whether its process group
//! is orphaned (POSIX, 3.279), as the kernel does when a terminal would stop a process.

use std::{ffi::CStr, os::fd::RawFd};

use crate::supervisor::{
    kernel::sys::{group_lives, read_proc},
    text::Text,
};

/// The terminal of standard input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// The terminal's descriptor and this process's group, if the terminal controls this process.
    own: Option<(RawFd, i32)>,
    /// The group that has the foreground in place of this process's group.
    lent: Option<i32>,
}

impl Terminal {
    pub(crate) fn open() -> Terminal {
        let is_there = foreground(libc::STDIN_FILENO).is_some();
        Terminal { own: is_there.then_some((libc::STDIN_FILENO, own_group())), lent: None }
    }

    pub(crate) fn is_there(&self) -> bool {
        self.own.is_some()
    }

    /// Whether there was a terminal that has hung up.
    pub(crate) fn is_gone(&self) -> bool {
        self.own.is_some_and(|(fd, _)| foreground(fd).is_none())
    }

    /// Puts the instance's group in the foreground, if the foreground is this process's. False if another group
    /// has it: a shell has put this process in the background, or the instance has put a group of its own in
    /// the foreground.
    pub(crate) fn lend(&mut self, group: i32) -> bool {
        let Some((fd, own)) = self.own else { return false };
        let lends = match foreground(fd) {
            Some(front) if front == own || !group_lives(front) => set_foreground(fd, group),
            // The group may have come there meanwhile.
            front => front == Some(group),
        };
        if lends {
            self.lent = Some(group);
        }
        lends
    }

    /// Puts this process's group in the foreground again, unless another process has put a group there that
    /// lives. Every signal is blocked here, so SIGTTOU does not stop this process.
    pub(crate) fn take_back(&mut self) {
        let (Some((fd, own)), Some(group)) = (self.own, self.lent) else { return };
        match foreground(fd) {
            Some(front) if front != own && front != group && group_lives(front) => {}
            _ => {
                set_foreground(fd, own);
                self.lent = None;
            }
        }
    }

    pub(crate) fn is_lent(&self) -> bool {
        self.lent.is_some()
    }
}

fn own_group() -> i32 {
    // SAFETY: takes no pointers.
    unsafe { libc::getpgrp() }
}

fn foreground(fd: RawFd) -> Option<i32> {
    // SAFETY: takes no pointers; answers -1 if `fd` is no terminal that controls this process.
    let group = unsafe { libc::tcgetpgrp(fd) };
    (group > 0).then_some(group)
}

fn set_foreground(fd: RawFd, group: i32) -> bool {
    // SAFETY: takes no pointers.
    unsafe { libc::tcsetpgrp(fd, group) == 0 }
}

/// Whether this process's group is orphaned: no process of the session outside the group could continue it,
/// because this process, and each of its ancestors in the group, has a parent in the group or in another
/// session. (This does not look at the parents of the group's other members.)
pub(crate) fn is_group_orphaned() -> bool {
    // SAFETY: takes no pointers.
    let session = unsafe { libc::getsid(0) };
    // SAFETY: takes no pointers.
    let mut parent = unsafe { libc::getppid() };
    // Bounded, because ancestors may come and go meanwhile.
    for _ in 0..32 {
        // SAFETY: takes no pointers; -1 for a process that does not exist or cannot be seen.
        if parent <= 0 || unsafe { libc::getsid(parent) } != session {
            return true;
        }
        // SAFETY: as above.
        if unsafe { libc::getpgid(parent) } != own_group() {
            return false;
        }
        parent = parent_of(parent);
    }
    true
}

/// The parent of a process; 0 if it has none, or if there is no such process.
fn parent_of(pid: i32) -> i32 {
    let path = Text::<40>::of(format_args!("/proc/{pid}/stat\0"));
    let Ok(path) = CStr::from_bytes_with_nul(path.as_bytes()) else { return 0 };
    let mut buffer = [0; 512];
    let stat = read_proc(path, &mut buffer);
    // Behind the name, which may be any bytes: `) S PPID ...`.
    let fields = stat.iter().rposition(|&byte| byte == b')').map_or(&[][..], |end| &stat[end + 1..]);
    let fields = str::from_utf8(fields).unwrap_or_default();
    fields.split_ascii_whitespace().nth(1).and_then(|parent| parent.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_found() {
        assert_eq!(parent_of(std::process::id().cast_signed()), std::os::unix::process::parent_id().cast_signed());
        assert_eq!(parent_of(0), 0);
    }
}
