//! The instance that lives, as its supervisor holds it.

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

/// For how long after the start of an instance the loop leaves undone what is not urgent.
pub(super) const QUIET_AFTER_START: Duration = Duration::from_millis(1);

/// An instance, from its fork until nothing of its process group is left.
pub(super) struct Instance {
    pub(super) main: MainProcess,
    pub(super) board: Board,
    /// Ours of the two ends; closed when the instance closed its own.
    socket: Option<OwnedFd>,
    /// Rung with each question.
    bell: Bell,
    pub(super) cgroup: Option<InstanceCgroup>,
    began: Time,
    /// What it gets of a processor.
    share: CpuShare,
    /// The check that it was last warned for, by its place on the board. An instance drops its checks on
    /// its way out, and the board then forgets their names.
    warned_for: Option<(u8, Label)>,
    /// How its main process ended, and when.
    pub(super) ended: Option<(Exit, Time)>,
    /// Since when what is left of it is being killed.
    pub(super) killed: Option<Time>,
    usage: Usage,
}

/// What an instance that has ended leaves beside its board. Nothing uses these, and closing them takes
/// a while.
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

    /// Answers its messages; did that change the names that are kept? An instance that closes
    /// its end lives on.
    pub(super) fn serve(&mut self, kept: &mut Kept) -> bool {
        let Some(socket) = &self.socket else { return false };
        let turn = kept.serve(socket.as_fd());
        if turn.closed {
            self.socket = None;
        }
        turn.renamed
    }

    /// What its board says. An excuse is looked for when something is overdue.
    pub(super) fn reading(&mut self, now: Time, due: Time, policy: &Policy) -> Reading {
        let mut reading = self.board.reading(now, main_of(policy), |_| self.share.excuse(self.main.pid(), now));
        // An answer that is overdue, too, or its start.
        if due <= now && reading.excuse.is_none() {
            reading.excuse = self.share.excuse(self.main.pid(), now);
        }
        let owed = if reading.due == Time::NEVER { due } else { reading.due };
        // Not while it begins, perhaps on this very processor: to read files of /proc takes as long as
        // all the rest.
        if now >= self.began.after(QUIET_AFTER_START) {
            self.share.note(self.main.pid(), owed, now);
        }
        reading
    }

    /// What the board of one that has ended says of itself: that it had failed, finished, or
    /// recovered, which may have been its last deed. It owes nothing any more, but if it was
    /// `warned`, it may not have made that good.
    pub(super) fn last_reading(&self, now: Time, policy: &Policy, warned: bool) -> Reading {
        let reading = self.board.reading(now, main_of(policy), |_| None);
        Reading { due: if warned { reading.due } else { Time::NEVER }, ..reading }
    }

    /// Asks a question, and rings where the application may be waiting for one.
    pub(super) fn ask(&self, nonce: u64) {
        self.board.ask(nonce);
        self.bell.ring();
    }

    /// Its main process.
    pub(super) fn pid(&self) -> i32 {
        self.main.pid()
    }

    /// Another process is its main one.
    pub(super) fn was_handed_over(&mut self, now: Time) {
        self.share = CpuShare::new(now);
    }

    /// It is warned for what the machine says.
    pub(super) fn warn(&mut self, state: &State, now: Time) {
        let Some(Cause::Overdue { check }) = state.cause(now) else { return };
        self.warned_for = self.board.check(check.into(), now).map(|its| (check, its.label));
    }

    /// Its main process was reaped.
    pub(super) fn end(&mut self, exit: Exit, usage: Usage, now: Time) {
        self.ended = Some((exit, now));
        self.usage = usage;
    }

    /// What the journal tells of it.
    pub(super) fn running<'a>(&'a self, cgroups: Option<&'a Cgroups>, now: Time) -> Running<'a> {
        let cgroup = cgroups.zip(self.cgroup.as_ref()).and_then(|(cgroups, its)| cgroups.shown(its));
        Running { pid: self.pid(), lived: now.since(self.began), board: &self.board, cgroup }
    }

    /// As what `sd_notify` hears it.
    pub(super) fn speaker(&mut self) -> Speaker<'_> {
        Speaker { main: &mut self.main, board: &self.board, has_ended: self.ended.is_some() }
    }

    pub(super) fn began(&self) -> Time {
        self.began
    }

    /// Takes apart what was buried.
    pub(super) fn into_parts(self) -> (Board, Rest) {
        (self.board, (self.socket, self.bell, self.cgroup))
    }

    /// How it ended, for the next instance.
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

/// The main check's interval, if it is judged by beats.
fn main_of(policy: &Policy) -> Option<Duration> {
    (!policy.interval.is_zero() && policy.checks == Checks::Beats).then_some(policy.interval)
}
