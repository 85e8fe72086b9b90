//! What the loop reads, apart from changes of children: signals, the board, and `sd_notify` messages.

use super::{Instance, Supervisor};
use crate::{
    state::{Checks, Event, SignalTarget},
    supervisor::{
        kernel::{main_process::Refusal, signals::Signal, terminal},
        restart_request,
    },
    time::Time,
};

impl Supervisor {
    /// The next thing of a source that may have many. A turn reads only so many, so that a process that makes
    /// them as fast as the loop reads them does not keep the machine from its deadlines.
    pub(super) fn next_in_batch<T>(
        &mut self,
        left: &mut u32,
        next: impl FnOnce(&Supervisor) -> Option<T>,
    ) -> Option<T> {
        self.is_behind |= *left == 0;
        *left = left.checked_sub(1)?;
        next(self)
    }

    /// Takes in a signal that came to the supervisor.
    pub(super) fn read_signal(&mut self, Signal { number: signal, sender, word }: Signal) {
        if (signal, word) == restart_request() {
            return self.events.push(Event::Restart);
        }
        let is_own = sender == self.pid && signal != libc::SIGCONT;
        // The kernel would not stop a group that no process could continue, either.
        let is_void = signal == libc::SIGTSTP && terminal::is_group_orphaned();
        if signal == self.options.reopen_signal {
            self.journal.reopen();
        }
        if signal == libc::SIGWINCH && sender == 0 {
            // A terminal sends this to the whole foreground group, which would be the instance's without a
            // supervisor.
            self.send(signal, SignalTarget::Group);
        } else if signal != libc::SIGCHLD && !is_own && !is_void {
            self.events.push(Event::Signal(signal));
        }
    }

    /// Reads the board of the instance, and answers its messages.
    pub(super) fn read_board(&mut self, now: Time) {
        let Some(instance) = self.instance.as_mut().filter(|instance| instance.ended.is_none()) else { return };
        if instance.serve(&mut self.kept) {
            self.journal.outdate();
        }
        self.tsc.settle(&instance.board);
        let by_asking = instance.board.by_asking();
        self.state.set_checks(if by_asking { Checks::Asks } else { self.options.checks });
        self.events.push(Event::Look(instance.reading(now, self.state.due(), self.state.policy())));
    }

    /// Reads the messages that a supervised program has sent by `sd_notify`.
    pub(super) fn read_notifications(&mut self, now: Time) {
        let Some(notify_server) = &mut self.notify_server else { return };
        let heard = notify_server.serve(self.instance.as_mut().map(Instance::speaker), now);
        if let Some(watchdog) = heard.watchdog {
            self.state.set_interval(watchdog);
        }
        if let Some(by) = heard.start {
            self.state.extend_start(now.after(by));
        }
        if let Some((pid, Err(refusal))) = heard.main {
            let why = match refusal {
                Refusal::NotThere => "there is no such process",
                Refusal::OfAnotherGroup => "that process is not of the process group of the instance",
            };
            self.journal.say(format_args!(
                "instance {} said MAINPID={pid}: {why}, so the main process stays; name one that lives in that group",
                self.state.instance(),
            ));
        }
        if heard.said {
            self.notify_client.pass_on(&self.state, notify_server.said(), now);
            self.journal.outdate();
        }
        if let Some((_, Ok(()))) = heard.main {
            self.hand_over(now);
        }
    }
}
