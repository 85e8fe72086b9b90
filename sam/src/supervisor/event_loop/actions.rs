//! Executes the state machine's actions.

use std::ops::ControlFlow;

use super::{Supervisor, standby_child::StandbyChild};
use crate::{
    state::{Action, Event, Exit, SignalTarget},
    supervisor::kernel::{signals, sys},
    time::Time,
};

impl Supervisor {
    /// Executes one action. If the machine wants an answer, it goes into the ring.
    pub(super) fn execute(&mut self, action: Action, now: Time) -> ControlFlow<StandbyChild> {
        match action {
            Action::Spawn { instance } => match self.spawn(instance, now)? {
                Ok(instance) => {
                    self.instance = Some(instance);
                    self.events.push(Event::Spawned);
                }
                Err(error) => self.events.push(Event::NotSpawned(error.raw_os_error().unwrap_or(libc::EIO))),
            },
            Action::Send { signal, to } => self.send(signal, to),
            Action::Warn { signal } => {
                if let Some(instance) = &mut self.instance {
                    instance.warn(&self.state, now);
                }
                let own = self.instance.as_ref().and_then(|instance| instance.board.warn_signal());
                self.send(own.unwrap_or(signal), SignalTarget::Main);
            }
            Action::Kill => self.kill(),
            Action::Ask(nonce) => {
                if let Some(instance) = &self.instance {
                    instance.ask(nonce);
                }
            }
            Action::Probe => {
                self.probe = self.start_probe();
                if self.probe.is_none() {
                    self.events.push(Event::Unprobed);
                }
            }
            Action::StopProbe => {
                if let Some(mut probe) = self.probe.take() {
                    probe.stop();
                }
            }
            Action::Suspend => {
                self.terminal.take_back();
                let _ = sys::send(self.pid, libc::SIGSTOP);
            }
            Action::Failed => self.run_failure_command(now),
            Action::Exit(exit) => self.exit(exit),
        }
        ControlFlow::Continue(())
    }

    /// Ends this process as its last instance ended.
    fn exit(&mut self, exit: Exit) -> ! {
        if let Some(mut probe) = self.probe.take() {
            probe.stop();
        }
        if let Some(standby) = self.standby.take() {
            standby.stop();
        }
        self.terminal.take_back();
        if let Some(cgroups) = self.cgroups.take() {
            cgroups.remove();
        }
        self.update_status_file();
        self.await_failure_command();
        self.journal.close();
        match exit {
            Exit::Code(code) => sys::exit(code),
            Exit::Signal { signal, .. } => signals::die_of(signal),
        }
    }
}
