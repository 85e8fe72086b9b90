//! What the machine asks for, done; and what children do, told to the machine.

use std::{ops::ControlFlow, time::Duration};

use super::{
    Supervisor,
    cgroup::Cell,
    downward::begin_to_serve,
    failure::Failure,
    main_process::Reaped,
    probe::Probe,
    spawn::{Fresh, Standby},
    sys::{self, Change, Usage},
    terminal,
};
use crate::{
    options::KillMode,
    state::{Action, Event, Exit, Phase, Stage, Whom},
    time::Time,
};

/// How long the rest of a group that was killed is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Does what the machine asks for.
    pub(super) fn act(&mut self, action: Action, now: Time) -> ControlFlow<Fresh> {
        match action {
            Action::Spawn { instance } => match self.spawn(instance, now)? {
                Ok(living) => {
                    self.living = Some(living);
                    self.tell(Event::Spawned, now)?;
                    if self.options.program.is_some() {
                        // Nobody else tells that it may be ready already.
                        self.look(now)?;
                    }
                }
                Err(error) => self.tell(Event::NotSpawned(error.raw_os_error().unwrap_or(libc::EIO)), now)?,
            },
            Action::Send { signal, to } => self.send(signal, to),
            Action::Warn { signal } => {
                let own = self.living.as_ref().and_then(|living| living.board.warn_signal());
                self.send(own.unwrap_or(signal), Whom::Instance);
            }
            Action::Kill => {
                if self.options.kill_mode != KillMode::Main {
                    self.send(libc::SIGKILL, Whom::Group);
                }
                self.send(libc::SIGKILL, Whom::Instance);
                // Behind the others: the kernel may have this wait for one that moves processes.
                self.living.as_ref().and_then(|living| living.cell.as_ref()).into_iter().for_each(Cell::kill);
            }
            Action::Ask(nonce) => {
                if let Some(living) = &self.living {
                    living.ask(nonce);
                }
            }
            Action::Probe => {
                self.probe = self.start_probe();
                if self.probe.is_none() {
                    self.tell(Event::Unprobed, now)?;
                }
            }
            Action::StopProbe => {
                if let Some(probe) = self.probe.take() {
                    probe.stop();
                }
            }
            Action::Suspend => {
                self.terminal.take_back();
                let _ = sys::send(self.pid, libc::SIGSTOP);
            }
            Action::Failed => self.run_failure_command(now),
            Action::Leave(exit) => self.leave(exit),
        }
        ControlFlow::Continue(())
    }

    /// Signals the living instance, if its main process has not been reaped.
    pub(super) fn send(&self, signal: i32, to: Whom) {
        let Some(living) = &self.living else { return };
        match (to, living.main.group()) {
            // What cannot be signalled is gone, or not this user's any more.
            (Whom::Group, Some(group)) => drop(sys::send(-group, signal)),
            _ if living.ended.is_some() => {}
            // What one of two that live would leave to the other is for both.
            _ if matches!(self.state.stage(), Stage::Stopping { .. } | Stage::Killing { .. }) => {
                living.main.send_to_both(signal);
            }
            _ => living.main.send(signal),
        }
    }

    /// Another process is the main one of the instance.
    pub(super) fn hand_over(&mut self, now: Time) -> ControlFlow<Fresh> {
        if let Some(living) = &mut self.living {
            living.was_handed_over(now);
        }
        // It knows the instance by the process that was the main one.
        self.standby.take().into_iter().for_each(Standby::stop);
        self.stood_by = self.stood_by.min(self.state.instance());
        self.journal.outdate();
        self.tell(Event::HandedOver, now)
    }

    /// The process that the file names, which its writer may be about to replace.
    fn named_by_file(&self) -> Option<i32> {
        let mut buffer = [0; 32];
        let text = sys::read_proc(self.pid_file.as_deref()?, &mut buffer);
        str::from_utf8(text).ok()?.trim().parse().ok().filter(|pid| *pid > 0)
    }

    /// A child changed.
    pub(super) fn look_after(&mut self, pid: i32, change: Change, usage: Usage, now: Time) -> ControlFlow<Fresh> {
        if self.probe.as_ref().is_some_and(|probe| probe.pid == pid) {
            if let Change::Ended(exit) = change {
                // What it has left behind; none of it is asked for any more.
                self.probe.take().into_iter().for_each(Probe::stop_rest);
                let is_well = exit == Exit::Code(0);
                if let Some(living) = self.living.as_ref().filter(|_| is_well && self.options.ready_by_probe)
                    && living.board.phase() == Phase::Starting
                {
                    begin_to_serve(&living.board, Duration::ZERO, now);
                }
                self.tell(Event::Probed(is_well), now)?;
            }
            return ControlFlow::Continue(());
        }
        if self.failure.as_ref().is_some_and(|failure| failure.pid == pid) {
            if let Change::Ended(_) = change {
                self.failure.take().into_iter().for_each(Failure::stop_rest);
            }
            return ControlFlow::Continue(());
        }
        if self.standby.as_ref().is_some_and(|standby| standby.pid == pid) {
            match change {
                Change::Ended(_) => self.standby = None,
                // It would become an instance that does not run, without anybody being told.
                Change::Stopped(_) => self.standby.take().into_iter().for_each(Standby::stop),
                Change::Continued => {}
            }
            return ControlFlow::Continue(());
        }
        let Some(living) = self.living.as_mut().filter(|living| living.ended.is_none()) else {
            if let Change::Ended(_) = change {
                self.children.reaped(pid);
            }
            return ControlFlow::Continue(());
        };
        match change {
            Change::Ended(exit) => match living.main.reaped(pid, exit, usage) {
                Reaped::Nothing => {}
                Reaped::Back => return self.hand_over(now),
                Reaped::Ended(exit, usage) => return self.main_ended(exit, usage, now),
                Reaped::Another => self.children.reaped(pid),
            },
            _ if living.pid() != pid => {}
            Change::Stopped(libc::SIGTTIN | libc::SIGTTOU) if self.terminal.lend(living.main.first_group()) => {
                self.send(libc::SIGCONT, Whom::Group);
            }
            // Where nobody could continue us it is no terminal's stop, but a hang.
            Change::Stopped(_) if terminal::is_group_orphaned() => self.tell(Event::Halted(libc::SIGSTOP), now)?,
            Change::Stopped(signal) => self.tell(Event::Halted(signal), now)?,
            Change::Continued => self.tell(Event::Resumed, now)?,
        }
        ControlFlow::Continue(())
    }

    /// The main process of the instance was reaped, and no other has taken its place.
    fn main_ended(&mut self, exit: Exit, usage: Usage, now: Time) -> ControlFlow<Fresh> {
        let serves = matches!(self.state.stage(), Stage::Living | Stage::Warned { .. });
        let named = if serves { self.named_by_file() } else { None };
        let Some(living) = self.living.as_mut() else { return ControlFlow::Continue(()) };
        if named.is_some_and(|pid| living.main.succeed(pid)) {
            return self.hand_over(now);
        }
        let (pid, group) = (living.pid(), living.main.first_group());
        living.end(exit, usage, now);
        self.tell_of_the_rest(pid, group, exit);
        let Some(living) = self.living.as_ref() else { return ControlFlow::Continue(()) };
        self.counter.settle(&living.board);
        let warned = matches!(self.state.stage(), Stage::Warned { .. });
        if warned || self.state.stage() == Stage::Living {
            let last = living.last_sight(now, self.state.policy(), warned);
            self.tell(Event::Look(last), now)?;
        }
        match exit {
            // Ctrl-C, which came to the instance alone.
            Exit::Signal { signal: signal @ (libc::SIGINT | libc::SIGQUIT), .. } if self.terminal.is_lent() => {
                self.tell(Event::Signal(signal), now)?;
            }
            // The next would have no terminal.
            Exit::Signal { signal: libc::SIGHUP, .. } if self.terminal.is_gone() => {
                self.tell(Event::Signal(libc::SIGTERM), now)?;
            }
            _ => {}
        }
        self.terminal.take_back();
        ControlFlow::Continue(())
    }

    /// The main process left as if all were done, and what it had started runs on: most likely it
    /// went into the background. One line, as the service is over with it.
    fn tell_of_the_rest(&self, pid: i32, group: i32, exit: Exit) {
        let go_on = self.options.kill_mode == KillMode::Main;
        if exit != Exit::Code(0) || self.state.stop_signal().is_some() || go_on {
            return;
        }
        let ours = self.own_children();
        let count = self.children.count_running(ours, (!self.kills_strays()).then_some(group));
        if count > 0 {
            self.journal.say(format_args!(
                "the main process of instance {} (pid {pid}) ended with status 0 while others that it had started \
                 ran on ({count}); they are killed. A program that goes into the background is to stay in the \
                 foreground (nginx: `daemon off;`); one that hands over to another process is to name that one \
                 (MAINPID= with --notify, or --pid-file)",
                self.state.instance(),
            ));
        }
    }

    /// Ends what is left of an instance whose main process was reaped; its exit, once
    /// there is nothing. While the operator's stop has time left, so has the group.
    pub(super) fn bury(&mut self, now: Time) -> Option<Exit> {
        let living = self.living.as_mut()?;
        let (exit, at) = living.ended?;
        // What goes on is nobody's of the instance any more.
        let group = living.main.group().filter(|_| self.options.kill_mode != KillMode::Main);
        let has_time =
            self.options.kill_mode == KillMode::Group && matches!(self.state.stage(), Stage::Stopping { .. });
        if has_time && group.is_some_and(sys::group_lives) {
            return None;
        }
        let since = *living.killed.get_or_insert(now);
        let _ = group.map(|group| sys::send(-group, libc::SIGKILL));
        let living = self.living.as_ref()?;
        let ours = self.own_children();
        // In this order: what the last of the group leaves is a child then.
        let has_group = group.is_some_and(sys::group_lives);
        let has_strays = self.kills_strays() && self.children.kill_strays(ours);
        // Without a stray there may still be one: an orphan in another PID namespace is the child of
        // that one's first process.
        let has_rest = living.cell.as_ref().is_some_and(Cell::kill_rest);
        if (has_group || has_strays || has_rest) && now.since(since) < PATIENCE {
            return None;
        }
        // A group of the instance's own making may have had it until now.
        self.terminal.take_back();
        let living = self.living.take()?;
        let report = living.report(exit, &self.state, now);
        let (board, rest) = living.into_parts();
        let before = self.past.replace((report, board, at));
        self.remains = Some((before, rest));
        Some(exit)
    }

    /// Children of the supervisor that are nothing of an instance.
    fn own_children(&self) -> [Option<i32>; 3] {
        let (probe, standby, failure) = (self.probe.as_ref(), self.standby.as_ref(), self.failure.as_ref());
        [probe.map(|probe| probe.pid), standby.map(|standby| standby.pid), failure.map(|failure| failure.pid)]
    }

    fn kills_strays(&self) -> bool {
        !self.options.keeps_strays() && self.pid != 1
    }

    /// Ends this process as its last instance ended.
    fn leave(&mut self, exit: Exit) -> ! {
        if let Some(probe) = self.probe.take() {
            probe.stop();
        }
        if let Some(standby) = self.standby.take() {
            standby.stop();
        }
        self.terminal.take_back();
        if let Some(cgroups) = self.cgroups.take() {
            cgroups.remove();
        }
        self.show();
        self.await_failure_command();
        self.journal.close();
        match exit {
            Exit::Code(code) => sys::leave(code),
            Exit::Signal { signal, .. } => sys::die_of(signal),
        }
    }
}
