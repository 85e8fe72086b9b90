//! Which process is an instance's main one: its end is the instance's, and it gets the signals that are
//! meant for the instance.
//!
//! The first process is the main one until it hands over. A server that upgrades itself starts the new
//! version beside the old one (nginx and gunicorn at SIGUSR2), and the old version ends some time later.
//! The program names this *successor* by `MAINPID=` of `sd_notify(3)`, or in a file, which the supervisor
//! reads when the old main process has ended. Both live for a while, and either may end first:
//!
//! | the old main process | its successor | what follows |
//! |---|---|---|
//! | lives | lives | the successor gets the signals; neither end would be the instance's |
//! | ends | lives, by then as a child of the supervisor | the successor is the main process |
//! | lives | ends | the old main process is the main process again |
//! | ends | has ended before | the instance has ended as the successor did |
//! | ends | lives as a child of another process | the instance has ended as the old main process did |
//!
//! # Invariants
//! 1. A successor is of the instance's process group when the program names it.
//! 2. While a successor is the child of another process, its number may become another process's. So the
//!    supervisor holds it by a descriptor and signals it through that.
//! 3. The group has the number of the first process. That number is the group's own while a member lives,
//!    but the first process no longer pins it once it was reaped. So before the supervisor reaps anything
//!    it looks whether the main process is still in the group. If not, it never uses the group again.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::{
    state::Exit,
    supervisor::kernel::sys::{self, Child, Usage},
};

/// The main process of an instance, and its successor.
pub(crate) struct MainProcess {
    /// The child of the supervisor whose end is the instance's, unless there is a successor.
    child: i32,
    /// The number of the first process.
    group: i32,
    is_in_group: bool,
    successor: Option<Successor>,
}

struct Successor {
    pid: i32,
    fd: OwnedFd,
    /// How it ended, if the supervisor has reaped it before the process that it succeeds, which has ended,
    /// too.
    ended: Option<(Exit, Usage)>,
}

/// Why the supervisor does not take a process for the main one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotThere,
    OfAnotherGroup,
}

/// What the end of a reaped child means for an instance.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) enum Reaped {
    /// The end is not the instance's: a successor lives, or the old main process has ended and was not
    /// reaped yet.
    Nothing,
    /// The successor has ended, and the old main process is the main process again.
    Back,
    /// The instance has ended in this way.
    Ended(Exit, Usage),
    /// The child was neither the main process nor its successor.
    Another,
}

impl MainProcess {
    /// The main process of an instance that begins.
    pub(crate) fn first(pid: i32) -> MainProcess {
        MainProcess { child: pid, group: pid, is_in_group: true, successor: None }
    }

    /// The process that the supervisor signals and watches.
    pub(crate) fn pid(&self) -> i32 {
        self.successor.as_ref().map_or(self.child, |successor| successor.pid)
    }

    /// The instance's process group, unless its number may be that of another group by now.
    pub(crate) fn group(&self) -> Option<i32> {
        self.is_in_group.then_some(self.group)
    }

    /// The number of the instance's process group, whether or not that may be used.
    pub(crate) fn first_group(&self) -> i32 {
        self.group
    }

    /// A descriptor that is readable when the successor has ended.
    pub(crate) fn successor_fd(&self) -> Option<RawFd> {
        self.successor.as_ref().filter(|successor| successor.ended.is_none()).map(|successor| successor.fd.as_raw_fd())
    }

    /// Makes another process the main one. False if it is that already.
    pub(crate) fn name(&mut self, pid: i32) -> Result<bool, Refusal> {
        if pid == self.pid() {
            return Ok(false);
        }
        if pid == self.child {
            self.successor = None;
            return Ok(true);
        }
        let fd = sys::open_process(pid).map_err(|_| Refusal::NotThere)?;
        // This is the group of the process that the descriptor holds. The process has the number until it
        // is reaped, and the look below finds that it had not ended by then.
        let is_of_group = self.group().is_some() && sys::group_of(pid) == self.group();
        if sys::is_readable(fd.as_raw_fd()) {
            return Err(Refusal::NotThere);
        }
        if !is_of_group {
            return Err(Refusal::OfAnotherGroup);
        }
        self.successor = Some(Successor { pid, fd, ended: None });
        Ok(true)
    }

    /// Looks whether the main process is still in the group (invariant 3).
    pub(crate) fn look_at_group(&mut self) {
        if self.child != self.group && self.is_in_group {
            self.is_in_group = sys::group_of(self.child) == Some(self.group);
        }
    }

    /// Whether the successor has ended unseen, as the child of another process, so that the old main process
    /// is the main process again.
    pub(crate) fn is_back(&mut self) -> bool {
        let has_ended = |successor: &Successor| {
            let is_over = successor.ended.is_none() && sys::is_readable(successor.fd.as_raw_fd());
            // If it is a child of the supervisor, its reaping tells of the end.
            is_over && sys::look_at_child(successor.pid) == Child::None
        };
        self.successor.take_if(|successor| has_ended(successor)).is_some()
    }

    /// Takes in that the supervisor has reaped a child.
    pub(crate) fn reaped(&mut self, pid: i32, exit: Exit, usage: Usage) -> Reaped {
        if let Some(successor) = self.successor.as_mut().filter(|successor| successor.pid == pid) {
            if sys::look_at_child(self.child) == Child::Runs {
                self.successor = None;
                return Reaped::Back;
            }
            successor.ended = Some((exit, usage));
            return Reaped::Nothing;
        }
        if pid != self.child {
            return Reaped::Another;
        }
        match self.successor.take() {
            Some(Successor { ended: Some((exit, usage)), .. }) => Reaped::Ended(exit, usage),
            Some(successor) if sys::look_at_child(successor.pid) != Child::None => {
                self.child = successor.pid;
                Reaped::Nothing
            }
            _ => Reaped::Ended(exit, usage),
        }
    }

    /// Makes the process of that number the main one, after the main process has ended and named no
    /// successor. False if the process is no child of the supervisor, or not of the group.
    pub(crate) fn succeed(&mut self, pid: i32) -> bool {
        let is_taken = pid != self.child && sys::look_at_child(pid) != Child::None && self.name(pid) == Ok(true);
        if is_taken {
            self.child = pid;
            self.successor = None;
        }
        is_taken
    }

    /// Signals the main process.
    pub(crate) fn send(&self, signal: i32) {
        // If the kernel refuses, the process is gone or runs as another user.
        let _ = match &self.successor {
            Some(successor) => sys::send_by(&successor.fd, signal),
            None => sys::send(self.child, signal),
        };
    }

    /// Signals the main process, and the old one that may live beside it.
    pub(crate) fn send_to_both(&self, signal: i32) {
        self.send(signal);
        if self.successor.is_some() {
            let _ = sys::send(self.child, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Child as Forked, fork};
    use std::time::Duration;

    const KILLED: Exit = Exit::Signal { signal: libc::SIGKILL, core: false };

    fn sleeper() -> Forked {
        fork(|| drop(sys::wait(&mut [], Some(Duration::from_secs(60)))))
    }

    fn reap(child: &mut Forked) {
        child.kill();
        assert_eq!(child.wait(), Err(libc::SIGKILL));
    }

    /// A main process and a child of this process that has been named its successor.
    fn pair() -> (MainProcess, Forked, Forked) {
        // Of this process's group, both.
        let (first, next) = (sleeper(), sleeper());
        let mut main = MainProcess::first(first.pid);
        main.group = sys::group_of(first.pid).unwrap();
        assert_eq!(main.name(next.pid), Ok(true));
        assert_eq!(main.name(next.pid), Ok(false));
        assert_eq!(main.pid(), next.pid);
        (main, first, next)
    }

    #[test]
    fn a_successor_is_the_main_process_when_the_one_before_has_ended() {
        let (mut main, mut first, mut next) = pair();
        reap(&mut first);
        assert!(matches!(main.reaped(first.pid, KILLED, Usage::default()), Reaped::Nothing));
        assert_eq!(main.pid(), next.pid);
        reap(&mut next);
        assert!(matches!(main.reaped(next.pid, Exit::Code(9), Usage::default()), Reaped::Ended(Exit::Code(9), _)));
    }

    #[test]
    fn when_a_successor_ends_the_one_before_is_the_main_process_again() {
        let (mut main, mut first, mut next) = pair();
        reap(&mut next);
        assert!(matches!(main.reaped(next.pid, KILLED, Usage::default()), Reaped::Back));
        assert_eq!(main.pid(), first.pid);
        reap(&mut first);
        assert!(matches!(main.reaped(first.pid, KILLED, Usage::default()), Reaped::Ended(KILLED, _)));
    }

    #[test]
    fn of_two_that_have_ended_the_successors_end_counts_in_whatever_order_they_are_reaped() {
        let (mut main, mut first, mut next) = pair();
        first.kill();
        while sys::look_at_child(first.pid) == Child::Runs {
            std::hint::spin_loop();
        }
        reap(&mut next);
        assert!(matches!(main.reaped(next.pid, Exit::Code(9), Usage::default()), Reaped::Nothing));
        reap(&mut first);
        assert!(matches!(main.reaped(first.pid, Exit::Code(0), Usage::default()), Reaped::Ended(Exit::Code(9), _)));
    }

    #[test]
    fn what_is_gone_or_of_another_group_is_not_followed() {
        let (mut main, first, next) = pair();
        let mut stranger = fork(|| {
            // SAFETY: takes no pointers.
            unsafe { libc::setpgid(0, 0) };
            drop(sys::wait(&mut [], Some(Duration::from_secs(60))));
        });
        while sys::group_of(stranger.pid) != Some(stranger.pid) {
            std::hint::spin_loop();
        }
        assert_eq!(main.name(stranger.pid), Err(Refusal::OfAnotherGroup));
        reap(&mut stranger);
        assert_eq!(main.name(stranger.pid), Err(Refusal::NotThere));
        assert_eq!(main.pid(), next.pid, "what was refused changes nothing");
        // Where the main process has left it, the group may be a stranger's.
        main.is_in_group = false;
        assert_eq!((main.group(), main.name(first.pid)), (None, Ok(true)));
        assert_eq!(main.name(next.pid), Err(Refusal::OfAnotherGroup));
    }
}
