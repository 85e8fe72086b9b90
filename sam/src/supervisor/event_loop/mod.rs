//! The loop: it waits, reads what has happened, steps the state machine and executes its actions.
//!
//! ```text
//!        +------------------------------------------------------------------+
//!        v                                                                  |
//!   wait (ppoll) --> for each source, in order:                             |
//!                      read one occurrence --> ring of events               |
//!                                                | pop                      |
//!                                                v                          |
//!                                      step(state, event) --> actions       |
//!                                                ^               | execute  |
//!                                                +--- answers ---+          |
//!                    ring empty: the next occurrence, the next source ------+
//! ```
//!
//! The loop is flat: [`Supervisor::drain`] is the only place that steps the machine and the only
//! caller of `execute`. No action and no source does either. What they have to tell the
//! machine goes into the ring ([`ring::Events`]).
//!
//! # The argument
//! **Who puts events in.** The sources (`sources`, `children`), one occurrence at a time, while the
//! ring is empty; and the actions that the machine wants an answer to: `Spawn` (`Spawned` or
//! `NotSpawned`) and `Probe` (`Unprobed`).
//!
//! **Bound.** One occurrence is at most [`ring::FROM_ONE_SOURCE`] events: the end of a main process
//! is a last look at its board and, where a terminal was lent, the signal that the instance got in the
//! supervisor's place. Every other occurrence is at most one. Only `Tick` makes the machine ask for an
//! answer, and only for one (`only_a_tick_asks_for_an_answer_and_for_one` searches random histories for
//! another). A step pops its event before its answer is pushed, so the ring never holds more than
//! what one source put in, and has room for twice as much.
//!
//! **Order.** First in, first out. An answer comes behind the actions of the step that asked for it
//! and before the next occurrence is read. So each source reads the world as the machine has left
//! it: the board is judged by the deadlines of now, and a child's end is read behind its last words.
//! Within one turn all events have one time; what is overdue at that time has been looked into before
//! the `Tick`.
//!
//! **Nothing is lost.** Nothing is read from the kernel unless the ring is empty, so that there is
//! room; what a turn does not read stays in the kernel (signals in the descriptor, ends of children as
//! zombies, messages in sockets), and [`Supervisor::wait`] returns at once where [`BATCH`] left
//! something. A step whose action makes a child leaves the loop in the child only; the parent goes on.
//!
//! **It ends.** An answer never asks again, so an occurrence costs at most `FROM_ONE_SOURCE` steps and
//! one answer. A turn reads at most [`BATCH`] signals and as many children, and each other source once.

mod actions;
mod children;
pub(super) mod exec;
mod failure_command;
mod guard;
mod instance;
mod kill;
mod probe;
mod ring;
mod shell;
mod sources;
mod spawn;
mod standby;
mod standby_child;
mod start;

use std::{
    ffi::CString,
    ops::ControlFlow,
    os::fd::{AsRawFd, OwnedFd},
    time::Duration,
};

use crate::{
    options::Options,
    shared::{Board, ExitRecord, Vault, now},
    state::{Actions, Event, State, step},
    supervisor::{
        kernel::{
            cgroup::{Cgroups, InstanceCgroup},
            file_pages::FilePages,
            signals,
            subreaper::Children,
            surroundings::Prepared,
            sys,
            terminal::Terminal,
            tsc::Tsc,
        },
        protocols::{
            journal::{Facts, Journal},
            notify_client::NotifyClient,
            notify_server::NotifyServer,
        },
    },
    time::Time,
    wire::Kept,
};
use instance::{Instance, Rest};
use ring::Events;
use shell::ShellCommand;
use standby::Standby;
pub(super) use standby_child::StandbyChild;

/// How often the loop looks whether a killed group is empty: the kernel reports only children.
const GROUP_POLL: Duration = Duration::from_millis(10);

/// How many signals, and how many changes of children, one turn reads.
const BATCH: u32 = 256;

/// How often the loop reads the board of an instance that has closed its socket.
const BOARD_POLL: Duration = Duration::from_millis(100);

/// What the journal needs to know, borrowed field by field, so that the journal can be borrowed mutably at the
/// same time.
macro_rules! facts {
    ($supervisor:ident, $now:ident) => {
        Facts {
            running: $supervisor.instance.as_ref().map(|it| it.running($supervisor.cgroups.as_ref(), $now)),
            previous: $supervisor.predecessor.as_ref().map(|it| &it.record),
            kept: &$supervisor.kept,
            said: $supervisor.notify_server.as_ref().map_or(&[], NotifyServer::said),
            now: $now,
        }
    };
}

/// The instance that ended last, for the report to the next one.
struct Predecessor {
    record: ExitRecord,
    board: Board,
    ended: Time,
}

/// What a supervisor has beside the machine's state.
pub(super) struct Supervisor {
    state: State,
    /// The events that the machine has not heard of yet; empty between two occurrences.
    events: Events,
    options: Options,
    pid: i32,
    /// The signals that were blocked when supervision began, as instances have them.
    mask: signals::Mask,
    /// The disposition of SIGCHLD before supervision.
    child_signal: Option<signals::Disposition>,
    signals: OwnedFd,
    /// Whether a source may have more than this turn has read.
    is_behind: bool,
    terminal: Terminal,
    children: Children,
    cgroups: Option<Cgroups>,
    vault: Vault,
    kept: Kept,
    tsc: Tsc,
    file_pages: FilePages,
    instance: Option<Instance>,
    /// The standby child, if there is one.
    standby: Option<Standby>,
    /// The newest instance for which the supervisor has tried to fork a standby child.
    newest_standby: u32,
    predecessor: Option<Predecessor>,
    /// What else is left of the predecessor, and of the one before it. Closing these takes a while, so
    /// they are closed once the next instance has begun.
    remains: Option<(Option<Predecessor>, Rest)>,
    /// From when on there is time again for what is not urgent.
    idle_after: Time,
    probe: Option<ShellCommand>,
    failure_command: Option<ShellCommand>,
    journal: Journal,
    notify_client: NotifyClient,
    notify_server: Option<NotifyServer>,
    /// The surroundings of a supervised program.
    surroundings: Prepared,
    /// The file that names the successor of a main process that has ended.
    pid_file: Option<CString>,
}

impl Supervisor {
    /// Supervises until the end. Returns in a child that is to be an instance.
    pub(super) fn run(mut self) -> StandbyChild {
        loop {
            if let ControlFlow::Break(child) = self.turn() {
                return child;
            }
            self.update_status_file();
            // An instance that has just been started may be waiting for this very processor.
            let is_quiet = self.instance.is_some() && now() < self.idle_after;
            if !is_quiet {
                self.remains = None;
            }
            self.wait(if is_quiet { self.idle_after } else { Time::NEVER });
        }
    }

    /// Reads each source once and tells the machine, all as of one moment.
    fn turn(&mut self) -> ControlFlow<StandbyChild> {
        let now = now();
        self.is_behind = false;
        let mut left = BATCH;
        while let Some(signal) = self.next_in_batch(&mut left, |this| signals::next_signal(&this.signals)) {
            self.read_signal(signal);
            self.drain(now)?;
        }
        if let Some(instance) = &mut self.instance {
            instance.main.look_at_group();
        }
        left = BATCH;
        while let Some((pid, change, usage)) = self.next_in_batch(&mut left, |_| sys::next_change()) {
            // An instance's last words come before its end.
            self.read_notifications(now);
            self.drain(now)?;
            self.child_changed(pid, change, usage, now);
            self.drain(now)?;
        }
        self.look_for_lost_successor(now);
        self.drain(now)?;
        self.read_notifications(now);
        self.drain(now)?;
        if let Some(exit) = self.reap_group(now) {
            self.events.push(Event::Ended(exit));
            self.drain(now)?;
        }
        self.limit_failure_command(now);
        self.read_board(now);
        self.drain(now)?;
        let was_there = self.instance.is_some();
        self.events.push(Event::Tick);
        self.drain(now)?;
        if !was_there && self.options.program.is_some() {
            // An instance that the tick has started may be ready already, and no message says so.
            self.read_board(now);
            self.drain(now)?;
        }
        self.stand_by(now)
    }

    /// Steps the machine by each event in the ring and executes its actions, until the ring is empty.
    fn drain(&mut self, now: Time) -> ControlFlow<StandbyChild> {
        debug_assert!(self.events.len() <= ring::FROM_ONE_SOURCE, "a source put in more than its bound");
        while let Some(event) = self.events.pop() {
            for &action in &self.step(event, now) {
                self.execute(action, now)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// One step of the machine. The journal, the service manager and the instance hear of what has changed.
    fn step(&mut self, event: Event, now: Time) -> Actions {
        let (after, actions) = step(&self.state, event, now);
        let facts = facts!(self, now);
        self.journal.note(&self.state, &after, facts);
        self.notify_client.tell(&self.state, &after, facts.said, now);
        let ends = |state: &State| state.stop_signal().is_some() || (state.lives() && state.is_restart_asked());
        if let (false, true, Some(instance)) = (ends(&self.state), ends(&after), &self.instance) {
            instance.board.set_stop_asked();
        }
        self.state = after;
        actions
    }

    fn update_status_file(&mut self) {
        let now = now();
        let facts = facts!(self, now);
        self.journal.bring_up_to_date(&self.state, facts);
    }

    /// Waits until a source has something or something is due, until `most` at the latest.
    fn wait(&mut self, most: Time) {
        let instance = self.instance.as_ref().filter(|instance| instance.ended.is_none());
        let socket = instance.and_then(Instance::socket);
        let notify_server = self.notify_server.as_ref().map(NotifyServer::socket);
        let dying = self.instance.as_ref().filter(|instance| instance.ended.is_some());
        let successor = instance.and_then(|instance| instance.main.successor_fd());
        let cgroup = dying.and_then(|instance| instance.cgroup.as_ref()).map(InstanceCgroup::events);
        let mut fds = [
            (self.signals.as_raw_fd(), libc::POLLIN),
            (socket.unwrap_or(-1), libc::POLLIN),
            (notify_server.unwrap_or(-1), libc::POLLIN),
            (successor.unwrap_or(-1), libc::POLLIN),
            (cgroup.unwrap_or(-1), libc::POLLPRI),
        ]
        .map(|(fd, events)| libc::pollfd { fd, events, revents: 0 });
        let due = self.state.deadline().min(self.notify_client.due(&self.state)).min(self.stands_by_at());
        let due = due.min(self.journal.due());
        let due = due.min(self.failure_command.as_ref().map_or(Time::NEVER, |command| command.until));
        let until = match &self.instance {
            _ if self.is_behind => Time(0),
            // The main process has ended; the machine hears of it when the group is gone.
            Some(instance) if instance.ended.is_some() => now().after(GROUP_POLL),
            // The instance has closed its end, so no message tells of a change of its board. (The board of an
            // executed program changes by the supervisor alone.)
            Some(instance) if instance.socket().is_none() && self.options.program.is_none() => {
                due.min(now().after(BOARD_POLL))
            }
            Some(_) => due.min(self.tsc.due()),
            None => due,
        };
        let until = until.min(most);
        let timeout = (until != Time::NEVER).then(|| until.since(now()));
        // If the kernel is short of memory, the next turn may succeed.
        let _ = sys::wait(&mut fds, timeout);
    }
}
