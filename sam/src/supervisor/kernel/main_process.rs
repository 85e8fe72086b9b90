//! Which process is an instance's main one: whose end is the instance's, and which gets the signals
//! that are meant for it.
//!
//! That is its first process until that hands over. A server that upgrades itself starts the new
//! version beside the old one (nginx and gunicorn at SIGUSR2), and the old one ends some time later.
//! The *successor* is named by `MAINPID=` of `sd_notify(3)`; or, when the one before it has ended, by
//! a file. Both live for a while, and either may end first:
//!
//! | the one before | its successor | what follows |
//! |---|---|---|
//! | lives | lives | the successor is signalled; no end is the instance's yet |
//! | ends | lives, by then as a child of the supervisor | the successor is the main process |
//! | lives | ends | the one before is the main process again |
//! | ends | has ended behind it | the instance has ended as its successor did |
//! | ends | lives as a child of another | the instance has ended as the one before did |
//!
//! # Invariants
//! 1. A successor is of the instance's process group when it is named.
//! 2. While a successor is the child of another process its number may become a stranger's, so it is
//!    held by a descriptor and signalled by way of that.
//! 3. The group has the number of the first process. That number is the group's own while a member
//!    lives; the first process does not pin it any more once it was reaped. So before anything is
//!    reaped, the main process is asked whether it is still in the group; if it is not, the group is
//!    never used again.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::{
    state::Exit,
    supervisor::kernel::sys::{self, Child, Usage},
};

/// The main process of an instance, and its successor.
pub(crate) struct MainProcess {
    /// The child of the supervisor whose end is the instance's, unless it has a successor.
    child: i32,
    /// The number of the first process.
    group: i32,
    is_in_group: bool,
    successor: Option<Successor>,
}

struct Successor {
    pid: i32,
    fd: OwnedFd,
    /// It was reaped before the process that it succeeds, behind which it has ended.
    ended: Option<(Exit, Usage)>,
}

/// Why a process is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotThere,
    OfAnotherGroup,
}

/// What it means for an instance that a child was reaped.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) enum Reaped {
    /// Its end is not the instance's: a successor lives, or the one before it has ended and was not
    /// reaped yet.
    Nothing,
    /// The successor has ended, and the one before is the main process again.
    Back,
    /// The instance has ended, like this.
    Ended(Exit, Usage),
    /// The child was none of its main processes.
    Another,
}

impl MainProcess {
    /// That of an instance that begins.
    pub(crate) fn first(pid: i32) -> MainProcess {
        MainProcess { child: pid, group: pid, is_in_group: true, successor: None }
    }

    /// The one that is signalled and watched.
    pub(crate) fn pid(&self) -> i32 {
        self.successor.as_ref().map_or(self.child, |successor| successor.pid)
    }

    /// The instance's process group, unless its number may be another's by now.
    pub(crate) fn group(&self) -> Option<i32> {
        self.is_in_group.then_some(self.group)
    }

    /// The number of the instance's process group, as it was made.
    pub(crate) fn first_group(&self) -> i32 {
        self.group
    }

    /// Readable when the successor has ended.
    pub(crate) fn successor_fd(&self) -> Option<RawFd> {
        self.successor.as_ref().filter(|successor| successor.ended.is_none()).map(|successor| successor.fd.as_raw_fd())
    }

    /// Has another process be the main one; false if it is already.
    pub(crate) fn name(&mut self, pid: i32) -> Result<bool, Refusal> {
        if pid == self.pid() {
            return Ok(false);
        }
        if pid == self.child {
            self.successor = None;
            return Ok(true);
        }
        let fd = sys::open_process(pid).map_err(|_| Refusal::NotThere)?;
        // Of the process that the descriptor holds: it has the number as long as it has not been
        // reaped, and it has not ended by the time that both are known.
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

    /// Asks whether the main process is still in the group (invariant 3).
    pub(crate) fn look_at_group(&mut self) {
        if self.child != self.group && self.is_in_group {
            self.is_in_group = sys::group_of(self.child) == Some(self.group);
        }
    }

    /// Whether the successor has ended unseen, as the child of another process, so that the one before
    /// it is the main process again.
    pub(crate) fn is_back(&mut self) -> bool {
        let has_ended = |successor: &Successor| {
            let is_over = successor.ended.is_none() && sys::is_readable(successor.fd.as_raw_fd());
            // The end of a child is told by its reaping.
            is_over && sys::look_at_child(successor.pid) == Child::None
        };
        self.successor.take_if(|successor| has_ended(successor)).is_some()
    }

    /// A child was reaped.
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

    /// The main process has ended and named no successor; the process of that number may be one.
    pub(crate) fn succeed(&mut self, pid: i32) -> bool {
        let is_taken = pid != self.child && sys::look_at_child(pid) != Child::None && self.name(pid) == Ok(true);
        if is_taken {
            self.child = pid;
            self.successor = None;
        }
        is_taken
    }

    /// Signals it.
    pub(crate) fn send(&self, signal: i32) {
        // What cannot be signalled is gone, or not this user's any more.
        let _ = match &self.successor {
            Some(successor) => sys::send_by(&successor.fd, signal),
            None => sys::send(self.child, signal),
        };
    }

    /// Signals it, and the one before that lives beside it.
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
