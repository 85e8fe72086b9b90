//! Making instances, one ahead of time.
//!
//! The child of a fork drops everything of the supervisor and then waits for its bell, with
//! every signal still blocked: it is *fresh*. Ringing makes it the instance. While an
//! instance serves, the next one stands by like that, so that a fork's cost, which grows
//! with the memory that the application had when supervision began, is paid before it
//! matters; and so is whatever else need not wait for the bell. A fresh process runs no line of
//! the application, holds none of the kept descriptors, and ends when its supervisor does: its
//! bell has nobody who could ring it then. It kills the instance that serves before it goes, with all
//! that can be found of it (`guard`), as nobody else could that is left.
//! Signals that others send it are for no instance: it drops them.

use std::{
    hint, io,
    ops::ControlFlow,
    os::fd::{AsFd as _, AsRawFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use nix::{
    errno::Errno,
    unistd::{ForkResult, Pid, fork, setpgid},
};

use super::{exec, instance::Instance};
use crate::{
    app::{InstanceFds, app, attach},
    error::{Error, Result},
    options::{KillMode, Options},
    shared::Board,
    supervisor::{
        event_loop::{QUIET_AFTER_START, Supervisor, guard::Guard},
        kernel::{
            cgroup::InstanceCgroup,
            surroundings::Prepared,
            sys::{self, Signal},
        },
        protocols::notify_server::{NotifyEnvironment, NotifyServer, begin_to_serve},
    },
    time::Time,
    wire::{self, Bell, heard},
};

/// How long an instance has had for its own start when the next is made to stand by.
const SETTLING: Duration = Duration::from_millis(10);

/// How much of the stack the loop uses below itself, in bytes, from the end of an instance to the
/// next: two steps of the machine, one within the other.
const STACK: usize = 8 << 10;

/// A child that waits for its bell, as its supervisor holds it.
pub(super) struct Standby {
    pub(super) pid: i32,
    executes: bool,
    board: Board,
    socket: OwnedFd,
    bell: Bell,
    cgroup: Option<InstanceCgroup>,
}

impl Standby {
    /// Ends it.
    pub(super) fn stop(self) {
        let _ = sys::send(self.pid, libc::SIGKILL);
        sys::reap(self.pid);
    }
}

/// The same, as it sees itself: all that is left of the supervisor there.
pub(crate) struct StandbyChild {
    instance: u32,
    fds: InstanceFds,
    /// Whether the instance is a program, this one or another, from its first line.
    executes: bool,
    options: Options,
    supervisor: i32,
    mask: sys::Mask,
    child_signal: Option<sys::Disposition>,
    notify_server: Option<NotifyEnvironment>,
    surroundings: Prepared,
    /// The instance that serves meanwhile.
    before: Option<Guard>,
}

impl StandbyChild {
    /// Waits for the bell and becomes the instance. What can be done before is done before;
    /// if that fails it leaves, as one that ended at once.
    pub(crate) fn begin(self) {
        // Attaching gives the instance's end away, so this is a copy.
        let bell = match self.fds.bell.try_clone() {
            Ok(bell) => bell,
            Err(error) => leave_over(&Error::io("copy the bell of the instance", error)),
        };
        let program = self.options.program.as_deref();
        let dies = self.options.dies_with_supervisor;
        let program = program.map(|program| {
            let mut command = exec::command(program, self.instance, self.notify_server.as_ref());
            self.surroundings.give(&mut command, dies.then_some(self.supervisor));
            command
        });
        let fds = match attach_unless(self.executes, self.fds) {
            Ok(fds) => fds,
            Err(error) => leave_over(&error),
        };
        // Its first calls read the board.
        hint::black_box(app().instance());
        crate::supervisor::protocols::notify_client::hide();
        exec::readdress(self.supervisor, self.options.hidden);
        if let Some(before) = &self.child_signal {
            sys::set_back(before);
        }
        if !is_started(bell.as_fd(), self.supervisor) {
            self.before.iter().filter(|_| dies).for_each(|before| before.kill(self.supervisor));
            sys::exit(libc::EXIT_FAILURE);
        }
        if dies {
            sys::die_with(self.supervisor);
        }
        sys::set_mask(&self.mask);
        match (program, fds) {
            (Some(program), _) => exec::execute(program),
            (None, Some(fds)) => exec::execute_self(&fds, self.supervisor),
            (None, None) => {}
        }
    }
}

/// Waits for the bell; false if nobody can ring it any more. What somebody sends meanwhile, who
/// signals all that have this program's name, is for no instance and is dropped: one by one, so
/// that nothing that comes behind the ring is.
fn is_started(bell: BorrowedFd<'_>, supervisor: i32) -> bool {
    // Without it they reach the instance.
    let signals = sys::signal_fd().ok();
    let mut fds = [bell.as_raw_fd(), signals.as_ref().map_or(-1, AsRawFd::as_raw_fd)].map(|fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    });
    while fds[0].revents == 0 {
        // What fails here (no memory in the kernel) may succeed at the next turn.
        if sys::wait(&mut fds, None).is_err() || fds[0].revents != 0 {
            continue;
        }
        if let Some(Signal { number: signal, sender, .. }) = signals.as_ref().and_then(sys::next_signal)
            && sender == supervisor
        {
            // It has rung meanwhile, and this is for the instance.
            let _ = sys::send(std::process::id().cast_signed(), signal);
            break;
        }
    }
    heard(bell)
}

/// Attaches, unless the descriptors are for the program that is executed.
fn attach_unless(executes: bool, fds: InstanceFds) -> Result<Option<InstanceFds>> {
    if executes { Ok(Some(fds)) } else { attach(fds).map(|()| None) }
}

/// To standard error, as where an instance is not executed; the supervisor sees the status.
fn leave_over(error: &Error) -> ! {
    eprintln!("sam: an instance cannot begin: {error}");
    sys::exit(libc::EXIT_FAILURE)
}

impl Supervisor {
    /// Makes an instance of the process that stands by, or of a new one. Breaks out in the
    /// new one.
    pub(super) fn spawn(&mut self, instance: u32, now: Time) -> ControlFlow<StandbyChild, io::Result<Instance>> {
        let executes = self.options.executes(self.past.as_ref().map(|(ended, ..)| ended.exit));
        let standby = match self.standby.take() {
            Some(standby) if standby.executes == executes => standby,
            other => {
                if let Some(copy) = other {
                    copy.stop();
                }
                match self.prepare(instance, executes) {
                    Ok(prepared) => prepared?,
                    Err(error) => return ControlFlow::Continue(Err(error)),
                }
            }
        };
        let Standby { pid, board, socket, bell, cgroup, .. } = standby;
        if let Some((ended, its, end)) = &self.past {
            board.set_report(ended, its, *end);
        }
        if self.options.program.is_some() && self.options.ready_at_start {
            // It does not say so itself; and it is not heard without `notify`.
            let watchdog = self.options.notify.map_or(Duration::ZERO, |_| self.options.interval);
            begin_to_serve(&board, watchdog, now);
        }
        if let Some(notify_server) = &mut self.notify_server {
            notify_server.begin();
            self.state.set_interval(self.options.interval);
        }
        bell.ring();
        self.idle_after = now.after(QUIET_AFTER_START);
        ControlFlow::Continue(Ok(Instance::new(pid, board, socket, bell, cgroup, now)))
    }

    /// When the next instance is to stand by, once for each that serves: not at once, as
    /// the fork would have the instance wait for a processor that it needs itself now.
    pub(super) fn stands_by_at(&self) -> Time {
        let is_wanted = self.newest_standby <= self.state.instance() && self.options.forks_ahead();
        match &self.instance {
            Some(instance) if is_wanted && self.state.serves() => instance.began().after(SETTLING),
            _ => Time::NEVER,
        }
    }

    /// Has the next instance stand by, if it is time. One that cannot be made is made when
    /// it is needed, if it can be made then.
    pub(super) fn stand_by(&mut self, now: Time) -> ControlFlow<StandbyChild> {
        if self.stands_by_at() > now {
            return ControlFlow::Continue(());
        }
        let next = self.state.instance().saturating_add(1);
        self.newest_standby = next;
        if let Ok(prepared) = self.prepare(next, self.options.executes_ahead()) {
            self.standby = Some(prepared?);
            self.touch();
            if self.options.program.is_some() {
                // What is executed shares none of this process's file.
                self.file_pages.give_back();
            }
        }
        ControlFlow::Continue(())
    }

    /// Touches what is written to on the way from the end of an instance to the next. After a fork
    /// the kernel copies each page at its first write, which takes as long as a step of the machine.
    #[inline(never)]
    fn touch(&self) {
        sys::populate(self);
        hint::black_box(&mut [0_u8; STACK]);
        Errno::clear();
    }

    /// Forks a child that waits for its bell. Breaks out in the child.
    fn prepare(&mut self, instance: u32, executes: bool) -> io::Result<ControlFlow<StandbyChild, Standby>> {
        let board = Board::create(instance, self.options.interval, self.tsc.is_trusted())?;
        if !self.options.ready_at_start {
            board.set_waits_for_ready();
        }
        let (ours, theirs) = wire::pair()?;
        let (bell, its_bell) = Bell::new()?;
        // All that can fail comes before the fork: a child that went on as a supervisor would be
        // a second one.
        let fds = InstanceFds {
            board: board.as_fd().try_clone_to_owned()?,
            vault: self.vault.as_fd().try_clone_to_owned()?,
            socket: theirs,
            bell: its_bell,
        };
        let cgroup = self.cgroups.as_ref().map_or(Ok(None), |cgroups| cgroups.cgroup(instance))?;
        let born_inside = cgroup.as_ref().filter(|_| executes).and_then(|cgroup| {
            // SAFETY: this process has one thread, and `StandbyChild::begin` ends with `exec` where
            // `executes` says so, or leaves.
            unsafe { sys::fork_into(cgroup.as_fd()) }.ok()
        });
        let is_inside = born_inside.is_some();
        let result = match born_inside {
            Some(result) => result,
            // SAFETY: this process has one thread, so the child may do whatever a process may.
            None => unsafe { fork() }?,
        };
        match result {
            ForkResult::Parent { child } => {
                // The child does the same; whoever is first.
                let _ = setpgid(child, child);
                Ok(ControlFlow::Continue(Standby { pid: child.as_raw(), executes, board, socket: ours, bell, cgroup }))
            }
            ForkResult::Child => {
                let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
                if let (Some(cgroup), Some(cgroups), false) = (&cgroup, &self.cgroups, is_inside)
                    && let Err(error) = cgroup.enter()
                    && cgroups.is_needed()
                {
                    leave_over(&Error::io("enter the cgroup of the instance", error));
                }
                Ok(ControlFlow::Break(StandbyChild {
                    instance,
                    fds,
                    executes,
                    options: self.options.clone(),
                    supervisor: self.pid,
                    mask: self.mask,
                    child_signal: self.child_signal,
                    notify_server: self.notify_server.as_ref().map(NotifyServer::introduction),
                    surroundings: self.surroundings.clone(),
                    before: self.instance.as_mut().map(|instance| {
                        let is_alone = self.options.kill_mode == KillMode::Main;
                        Guard::new(instance.pid(), instance.main.first_group(), is_alone, instance.cgroup.take())
                    }),
                }))
            }
        }
    }
}
