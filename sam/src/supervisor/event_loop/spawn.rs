//! Makes instances: forks a standby child ahead of time, and starts it when the next instance is needed.
//!
//! The cost of a fork grows with the memory that the application had when supervision began. So the
//! supervisor forks the next instance while one serves. The child stands by (`standby_child`), with
//! everything prepared that need not wait for the end of the instance before it. The supervisor starts it
//! by a ring of its bell.

use std::{hint, io, ops::ControlFlow, os::fd::AsFd as _, time::Duration};

use nix::{
    errno::Errno,
    unistd::{ForkResult, Pid, fork, setpgid},
};

use super::{
    Predecessor, Supervisor,
    guard::Guard,
    instance::{Instance, QUIET_AFTER_START},
    standby::Standby,
    standby_child::{StandbyChild, exit_over},
};
use crate::{
    app::InstanceFds,
    error::Error,
    options::KillMode,
    shared::Board,
    supervisor::{
        kernel::sys,
        protocols::notify_server::{NotifyServer, begin_to_serve},
    },
    time::Time,
    wire::{self, Bell},
};

/// How long an instance has for its own start before the next one is forked.
const SETTLING: Duration = Duration::from_millis(10);

/// How many bytes of the stack below its own frame the loop uses between the end of an instance and the start
/// of the next.
const STACK: usize = 8 << 10;

impl Supervisor {
    /// Starts the standby child, or a new child. In a new child it breaks out of the loop.
    pub(super) fn spawn(&mut self, instance: u32, now: Time) -> ControlFlow<StandbyChild, io::Result<Instance>> {
        let executes = self.options.executes(self.predecessor.as_ref().map(|before| before.record.exit));
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
        if let Some(Predecessor { record, board: its, ended }) = &self.predecessor {
            board.set_report(record, its, *ended);
        }
        if self.options.program.is_some() && self.options.ready_at_start {
            // The program does not say itself that it is ready; and without `notify` its beats are not heard.
            let watchdog = self.options.notify.and(self.options.interval).unwrap_or(Duration::ZERO);
            begin_to_serve(&board, watchdog, now);
        }
        if let Some(notify_server) = &mut self.notify_server {
            notify_server.begin();
            self.state.set_interval(self.options.interval.unwrap_or(Duration::ZERO));
        }
        bell.ring();
        self.idle_after = now.after(QUIET_AFTER_START);
        ControlFlow::Continue(Ok(Instance::new(pid, board, socket, bell, cgroup, now)))
    }

    /// When the supervisor forks the next standby child, once for each instance that serves. It does not do so
    /// at once, because the new instance needs the processor that the fork would take.
    pub(super) fn stands_by_at(&self) -> Time {
        let is_wanted = self.newest_standby <= self.state.instance() && self.options.forks_ahead();
        match &self.instance {
            Some(instance) if is_wanted && self.state.serves() => instance.began().after(SETTLING),
            _ => Time::NEVER,
        }
    }

    /// Forks a standby child, if it is time. If the fork fails, `spawn` forks when the instance is needed.
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
                // An executed program shares no page of this process's file.
                self.file_pages.give_back();
            }
        }
        ControlFlow::Continue(())
    }

    /// Touches the memory that the loop writes to between the end of an instance and the start of the
    /// next. After a fork the kernel copies each page at its first write, which takes as long as a step
    /// of the machine.
    #[inline(never)]
    fn touch(&self) {
        sys::populate(self);
        hint::black_box(&mut [0_u8; STACK]);
        Errno::clear();
    }

    /// Forks a child that waits for its bell. In the child it breaks out of the loop.
    fn prepare(&mut self, instance: u32, executes: bool) -> io::Result<ControlFlow<StandbyChild, Standby>> {
        let board = Board::create(instance, self.options.interval.unwrap_or(Duration::ZERO), self.tsc.is_trusted())?;
        if !self.options.ready_at_start {
            board.set_waits_for_ready();
        }
        let (ours, theirs) = wire::pair()?;
        let (bell, its_bell) = Bell::new()?;
        // Everything that can fail comes before the fork: a child that returned an error from here would go
        // on as a second supervisor.
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
                // The child does the same: whichever process is first, the group exists from then on.
                let _ = setpgid(child, child);
                Ok(ControlFlow::Continue(Standby { pid: child.as_raw(), executes, board, socket: ours, bell, cgroup }))
            }
            ForkResult::Child => {
                let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
                if let (Some(cgroup), Some(cgroups), false) = (&cgroup, &self.cgroups, is_inside)
                    && let Err(error) = cgroup.enter()
                    && cgroups.is_needed()
                {
                    exit_over(&Error::io("cannot enter the cgroup of the instance", error));
                }
                Ok(ControlFlow::Break(StandbyChild {
                    instance,
                    fds,
                    executes,
                    options: self.options.clone(),
                    supervisor: self.pid,
                    mask: self.mask,
                    child_signal: self.child_signal,
                    notify_server: self.notify_server.as_ref().map(NotifyServer::environment),
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
