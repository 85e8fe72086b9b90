//! Turns changes of children into events: of the probe, of the command for a failure, of the standby child,
//! and of the instance. `kill` kills what is left of an instance before the machine hears of its end.

use std::time::Duration;

use super::{Supervisor, shell::ShellCommand, standby::Standby};
use crate::{
    options::KillMode,
    state::{Event, Exit, Phase, SignalTarget, Stage},
    supervisor::{
        kernel::{
            main_process::Reaped,
            sys::{self, Change, Usage},
            terminal,
        },
        protocols::notify_server::begin_to_serve,
    },
    time::Time,
};

impl Supervisor {
    /// Takes in that another process is the main one of the instance.
    pub(super) fn hand_over(&mut self, now: Time) {
        if let Some(instance) = &mut self.instance {
            instance.was_handed_over(now);
        }
        // The standby child knows the instance by the process that was the main one.
        self.standby.take().into_iter().for_each(Standby::stop);
        self.newest_standby = self.newest_standby.min(self.state.instance());
        self.journal.outdate();
        self.events.push(Event::HandedOver);
    }

    /// Looks whether the successor of a main process has ended unseen, as the child of another process.
    pub(super) fn look_for_lost_successor(&mut self, now: Time) {
        if self.instance.as_mut().is_some_and(|instance| instance.ended.is_none() && instance.main.is_back()) {
            self.hand_over(now);
        }
    }

    /// The process that the file names. Its writer may be about to replace the file.
    fn named_by_file(&self) -> Option<i32> {
        let mut buffer = [0; 32];
        let text = sys::read_proc(self.pid_file.as_deref()?, &mut buffer);
        str::from_utf8(text).ok()?.trim().parse().ok().filter(|pid| *pid > 0)
    }

    /// Takes in that a child has ended, was stopped or was continued.
    pub(super) fn child_changed(&mut self, pid: i32, change: Change, usage: Usage, now: Time) {
        if self.probe.as_ref().is_some_and(|probe| probe.pid == pid) {
            if let Change::Ended(exit) = change {
                // Kills what the probe has left in its group.
                self.probe.take().into_iter().for_each(ShellCommand::stop_rest);
                let is_well = exit == Exit::Code(0);
                if let Some(instance) = self.instance.as_ref().filter(|_| is_well && self.options.ready_by_probe)
                    && instance.board.phase() == Phase::Starting
                {
                    begin_to_serve(&instance.board, Duration::ZERO, now);
                }
                self.events.push(Event::Probed(is_well));
            }
            return;
        }
        if self.failure_command.as_ref().is_some_and(|command| command.pid == pid) {
            if let Change::Ended(_) = change {
                self.failure_command.take().into_iter().for_each(ShellCommand::stop_rest);
            }
            return;
        }
        if self.standby.as_ref().is_some_and(|standby| standby.pid == pid) {
            match change {
                Change::Ended(_) => self.standby = None,
                // The child would become an instance that does not run, and the machine would not hear of that.
                Change::Stopped(_) => self.standby.take().into_iter().for_each(Standby::stop),
                Change::Continued => {}
            }
            return;
        }
        let Some(instance) = self.instance.as_mut().filter(|instance| instance.ended.is_none()) else {
            if let Change::Ended(_) = change {
                self.children.reaped(pid);
            }
            return;
        };
        match change {
            Change::Ended(exit) => match instance.main.reaped(pid, exit, usage) {
                Reaped::Nothing => {}
                Reaped::Back => self.hand_over(now),
                Reaped::Ended(exit, usage) => self.main_ended(exit, usage, now),
                Reaped::Another => self.children.reaped(pid),
            },
            _ if instance.pid() != pid => {}
            Change::Stopped(libc::SIGTTIN | libc::SIGTTOU) if self.terminal.lend(instance.main.first_group()) => {
                self.send(libc::SIGCONT, SignalTarget::Group);
            }
            // Where no process could continue the supervisor, this is no terminal's stop, but a hang.
            Change::Stopped(_) if terminal::is_group_orphaned() => self.events.push(Event::Halted(libc::SIGSTOP)),
            Change::Stopped(signal) => self.events.push(Event::Halted(signal)),
            Change::Continued => self.events.push(Event::Resumed),
        }
    }

    /// Takes in that the main process of the instance was reaped and no other has taken its place.
    fn main_ended(&mut self, exit: Exit, usage: Usage, now: Time) {
        let serves = matches!(self.state.stage(), Stage::Living | Stage::Warned { .. });
        let named = if serves { self.named_by_file() } else { None };
        let Some(instance) = self.instance.as_mut() else { return };
        if named.is_some_and(|pid| instance.main.succeed(pid)) {
            return self.hand_over(now);
        }
        let (pid, group) = (instance.pid(), instance.main.first_group());
        instance.end(exit, usage, now);
        self.tell_of_the_rest(pid, group, exit);
        let Some(instance) = self.instance.as_ref() else { return };
        self.tsc.settle(&instance.board);
        let warned = matches!(self.state.stage(), Stage::Warned { .. });
        if warned || self.state.stage() == Stage::Living {
            let last = instance.last_reading(now, self.state.policy(), warned);
            self.events.push(Event::Look(last));
        }
        match exit {
            // A Ctrl-C that went to the instance alone.
            Exit::Signal { signal: signal @ (libc::SIGINT | libc::SIGQUIT), .. } if self.terminal.is_lent() => {
                self.events.push(Event::Signal(signal));
            }
            // The next instance would have no terminal.
            Exit::Signal { signal: libc::SIGHUP, .. } if self.terminal.is_gone() => {
                self.events.push(Event::Signal(libc::SIGTERM));
            }
            _ => {}
        }
        self.terminal.take_back();
    }

    /// Says in the log if the main process has exited with 0 while processes that it had started run on: most
    /// likely the program went into the background, and the service is over now.
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
                 ran on ({count}); they are killed. If the program goes into the background, have it stay in the \
                 foreground (nginx: `daemon off;`); if it hands over to another process, have it name that process \
                 (MAINPID= with --notify, or --pid-file)",
                self.state.instance(),
            ));
        }
    }
}
