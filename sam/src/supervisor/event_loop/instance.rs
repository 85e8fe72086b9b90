//! What the supervisor has of the instance that lives.

use std::{
    os::fd::{AsFd, AsRawFd, OwnedFd, RawFd},
    time::Duration,
};

use crate::{
    shared::{Board, ExitRecord, Label},
    state::{Cause, Checks, Exit, Policy, Reading, State},
    supervisor::{
        kernel::{
            cgroup::{Cgroups, InstanceCgroup},
            main_process::MainProcess,
            starvation::CpuShare,
            sys::Usage,
        },
        protocols::{journal::Running, notify_server::Speaker},
    },
    time::Time,
    wire::{Bell, Kept},
};

/// For how long after the start of an instance the loop puts off what is not urgent.
pub(super) const QUIET_AFTER_START: Duration = Duration::from_millis(1);

/// An instance, from its fork until nothing of its process group is left.
pub(super) struct Instance {
    pub(super) main: MainProcess,
    pub(super) board: Board,
    /// The supervisor's end. `None` once the instance has closed its own.
    socket: Option<OwnedFd>,
    /// Rung with each question.
    bell: Bell,
    pub(super) cgroup: Option<InstanceCgroup>,
    began: Time,
    /// The instance's share of a processor.
    share: CpuShare,
    /// The overdue check of the last warning: its place on the board, and its name. An instance drops its checks
    /// on its way out, and the board then forgets their names.
    warned_for: Option<(u8, Label)>,
    /// How the main process ended, and when.
    pub(super) ended: Option<(Exit, Time)>,
    /// Since when the supervisor kills what is left of the instance.
    pub(super) killed: Option<Time>,
    usage: Usage,
}

/// What an instance that has ended leaves beside its board. The supervisor has no use for these, and closing
/// them takes a while.
pub(super) type Rest = (Option<OwnedFd>, Bell, Option<InstanceCgroup>);

impl Instance {
    pub(super) fn new(
        pid: i32,
        board: Board,
        socket: OwnedFd,
        bell: Bell,
        cgroup: Option<InstanceCgroup>,
        now: Time,
    ) -> Instance {
        Instance {
            main: MainProcess::first(pid),
            board,
            socket: Some(socket),
            bell,
            cgroup,
            began: now,
            share: CpuShare::new(now),
            warned_for: None,
            ended: None,
            killed: None,
            usage: Usage::default(),
        }
    }

    pub(super) fn socket(&self) -> Option<RawFd> {
        self.socket.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Answers the instance's messages. True if that has changed the names of kept descriptors. An instance that
    /// closes its end lives on.
    pub(super) fn serve(&mut self, kept: &mut Kept) -> bool {
        let Some(socket) = &self.socket else { return false };
        let turn = kept.serve(socket.as_fd());
        if turn.closed {
            self.socket = None;
        }
        turn.renamed
    }

    /// What the instance's board says, with an excuse if something is overdue and there is one.
    pub(super) fn reading(&mut self, now: Time, due: Time, policy: &Policy) -> Reading {
        let mut reading = self.board.reading(now, main_of(policy), |_| self.share.excuse(self.main.pid(), now));
        // An answer may be overdue, too, or the start.
        if due <= now && reading.excuse.is_none() {
            reading.excuse = self.share.excuse(self.main.pid(), now);
        }
        let owed = if reading.due == Time::NEVER { due } else { reading.due };
        // Not while the instance begins, perhaps on this very processor: reading files of /proc takes as long
        // as all the rest.
        if now >= self.began.after(QUIET_AFTER_START) {
            self.share.note(self.main.pid(), owed, now);
        }
        reading
    }

    /// What the board of an instance that has ended says: that it had failed, finished or recovered, which may
    /// have been the last thing that it did. The instance owes nothing any more; but if it was `warned`, it may
    /// not have made that good.
    pub(super) fn last_reading(&self, now: Time, policy: &Policy, warned: bool) -> Reading {
        let reading = self.board.reading(now, main_of(policy), |_| None);
        Reading { due: if warned { reading.due } else { Time::NEVER }, ..reading }
    }

    /// Asks a question, and rings the bell for an application that waits for one.
    pub(super) fn ask(&self, nonce: u64) {
        self.board.ask(nonce);
        self.bell.ring();
    }

    /// The number of the main process.
    pub(super) fn pid(&self) -> i32 {
        self.main.pid()
    }

    /// Takes in that another process is the main one.
    pub(super) fn was_handed_over(&mut self, now: Time) {
        self.share = CpuShare::new(now);
    }

    /// Tells the instance why the machine warns it, and notes the overdue check.
    pub(super) fn warn(&mut self, state: &State, now: Time) {
        let Some(cause) = state.cause(now) else { return };
        self.board.set_warned(cause);
        let Cause::Overdue { check } = cause else { return };
        self.warned_for = self.board.check(check.into(), now).map(|its| (check, its.label));
    }

    /// Takes in that the main process was reaped.
    pub(super) fn end(&mut self, exit: Exit, usage: Usage, now: Time) {
        self.ended = Some((exit, now));
        self.usage = usage;
    }

    /// What the journal tells of the instance.
    pub(super) fn running<'a>(&'a self, cgroups: Option<&'a Cgroups>, now: Time) -> Running<'a> {
        let cgroup = cgroups.zip(self.cgroup.as_ref()).and_then(|(cgroups, its)| cgroups.shown(its));
        Running { pid: self.pid(), lived: now.since(self.began), board: &self.board, cgroup }
    }

    /// The instance as the sender of `sd_notify` messages.
    pub(super) fn speaker(&mut self) -> Speaker<'_> {
        Speaker { main: &mut self.main, board: &self.board, has_ended: self.ended.is_some() }
    }

    pub(super) fn began(&self) -> Time {
        self.began
    }

    /// The board of an instance that has ended, and what else it leaves.
    pub(super) fn into_parts(self) -> (Board, Rest) {
        (self.board, (self.socket, self.bell, self.cgroup))
    }

    /// How the instance ended, for the next one.
    pub(super) fn exit_record(&self, exit: Exit, state: &State, now: Time) -> ExitRecord {
        let cause = state.cause(now);
        let at = self.ended.map_or(self.began, |(_, at)| at);
        let hung = match (cause, self.warned_for) {
            (Some(Cause::Overdue { check }), Some((its, label))) if its == check => Some(label),
            (Some(Cause::Overdue { check }), _) => self.board.check(check.into(), at).map(|check| check.label),
            _ => None,
        };
        ExitRecord {
            exit,
            hung,
            failed: cause == Some(Cause::Failed),
            lived: at.since(self.began),
            user: self.usage.user,
            system: self.usage.system,
            max_rss: self.usage.max_rss,
        }
    }
}

/// The main check's interval, if beats are its signs of life.
fn main_of(policy: &Policy) -> Option<Duration> {
    (!policy.interval.is_zero() && policy.checks == Checks::Beats).then_some(policy.interval)
}
