//! The loop and its actions.

mod actions;
pub(super) mod exec;
mod failure_command;
mod guard;
mod instance;
mod probe;
mod spawn;

use std::{
    ffi::CString,
    io::{self, Write as _},
    ops::ControlFlow,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    time::Duration,
};

use super::restart_request;
use crate::{
    app::app,
    error::{Error, Result},
    options::Options,
    shared::{self, Board, Ended, Vault, now},
    state::{Checks, Event, SignalTarget, State, step},
    supervisor::{
        kernel::{
            cgroup::{Cgroups, InstanceCgroup},
            file_pages::FilePages,
            huge_pages,
            main_process::Refusal,
            subreaper::Children,
            surroundings::Prepared,
            sys::{self, Signal},
            terminal::{self, Terminal},
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
use failure_command::Failure;
use instance::{Instance, Rest};
use probe::Probe;
use spawn::Standby;
pub(super) use spawn::StandbyChild;

/// How often the rest of a group that was killed is looked after: the end of what is no child
/// is not told.
const GROUP_POLL: Duration = Duration::from_millis(10);

/// How many signals, and how many children that changed, are taken in at a turn.
const BATCH: u32 = 256;

/// How often the board of an instance is looked at that has closed its socket.
const BOARD_POLL: Duration = Duration::from_millis(100);

/// For how long after a bell what is not urgent is left undone.
pub(crate) const QUIET_AFTER_START: Duration = Duration::from_millis(1);

/// What is at hand for the journal, as a borrow of everything else.
macro_rules! facts {
    ($supervisor:ident, $now:ident) => {
        Facts {
            running: $supervisor.instance.as_ref().map(|it| it.running($supervisor.cgroups.as_ref(), $now)),
            past: $supervisor.past.as_ref().map(|(ended, ..)| ended),
            kept: &$supervisor.kept,
            said: $supervisor.notify_server.as_ref().map_or(&[], NotifyServer::said),
            now: $now,
        }
    };
}

type Past = (Ended, Board, Time);

/// What a supervisor has beside the machine's state.
pub(super) struct Supervisor {
    state: State,
    options: Options,
    pid: i32,
    /// The signals that were blocked when supervision began, as instances have them.
    mask: sys::Mask,
    /// What SIGCHLD did before.
    child_signal: Option<sys::Disposition>,
    signals: OwnedFd,
    /// More may be there than a turn takes in.
    is_behind: bool,
    terminal: Terminal,
    children: Children,
    cgroups: Option<Cgroups>,
    vault: Vault,
    kept: Kept,
    tsc: Tsc,
    file_pages: FilePages,
    instance: Option<Instance>,
    /// The next one, if it has been made ahead of time; and the number of the newest for
    /// which that was tried.
    standby: Option<Standby>,
    newest_standby: u32,
    /// How the instance before ended, its board and when that was.
    past: Option<Past>,
    /// What else was left by it, and the past of before: closed once the next has begun.
    remains: Option<(Option<Past>, Rest)>,
    /// From when on there is time for what is not urgent.
    idle_after: Time,
    probe: Option<Probe>,
    failure: Option<Failure>,
    journal: Journal,
    notify_client: NotifyClient,
    notify_server: Option<NotifyServer>,
    /// What a program finds around itself.
    surroundings: Prepared,
    /// Which process follows a main process that has ended.
    pid_file: Option<CString>,
}

impl Supervisor {
    pub(super) fn new(options: Options) -> Result<Supervisor> {
        let mut policy = options.policy(sys::random())?;
        if options.probe.is_some() {
            probe::look_for_shell("probes")?;
        }
        if options.on_failure.is_some() {
            probe::look_for_shell("commands on a failure")?;
        }
        shared::look_at_limit()?;
        let failed = |what| move |error| Error::io(what, error);
        let vault = Vault::create(options.store_limit).map_err(failed("create the memory of stored data"))?;
        vault.fill(&app().stored()?).map_err(failed("store what was stored before"))?;
        let notify_server = NotifyServer::open(&options).map_err(failed("create a socket for sd_notify"))?;
        let pid_file = options.pid_file.as_ref().map(|file| CString::new(file.as_os_str().as_bytes())).transpose();
        let pid_file = pid_file.map_err(|error| Error::io("use that name for --pid-file", error))?;
        let surroundings = Prepared::new(&options.surroundings);
        let journal = Journal::open(&options)?;
        if policy.is_endless() {
            journal.say(format_args!(
                "the budget cannot be spent with that backoff, so a program that fails at once is restarted for \
                 ever; give a shorter longest delay, or fewer restarts in a longer time"
            ));
        }
        // Neither the supervisor nor a second instance is to write it again.
        let _ = io::stdout().flush();
        // SAFETY: all streams of C, in a process of one thread.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        // Orphans of an instance become this process's children, not those of process 1.
        sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1).map_err(failed("become a subreaper"))?;
        let signals = sys::signal_fd().map_err(failed("create a descriptor for signals"))?;
        let children = Children::now().map_err(failed("read the list of this process's children"))?;
        let cgroups = Cgroups::open(&options)?;
        // Last of what can fail: who goes on without a supervisor has its signals as before.
        let mask = sys::block_all().map_err(failed("block signals"))?;
        let terminal = Terminal::open();
        policy.terminal = terminal.is_there();
        policy.ignored = [libc::SIGINT, libc::SIGQUIT].map(|signal| (signal, sys::is_ignored(signal)));
        app().forget_own();
        if options.gathers() {
            huge_pages::gather();
        }
        let file_pages = FilePages::look();
        file_pages.give_back();
        Ok(Supervisor {
            state: State::new(policy, now()),
            pid: std::process::id().cast_signed(),
            mask,
            // An inherited SIG_IGN would have children vanish unseen.
            child_signal: sys::set_default(libc::SIGCHLD),
            signals,
            is_behind: false,
            terminal,
            children,
            cgroups,
            vault,
            kept: Kept::new(),
            tsc: Tsc::new(),
            file_pages,
            instance: None,
            standby: None,
            newest_standby: 0,
            past: None,
            remains: None,
            idle_after: Time(0),
            probe: None,
            failure: None,
            journal,
            notify_client: NotifyClient::open(),
            notify_server,
            pid_file,
            surroundings,
            options,
        })
    }

    /// Supervises until the end. Returns in a child that is to be an instance.
    pub(super) fn run(mut self) -> StandbyChild {
        loop {
            if let ControlFlow::Break(fresh) = self.turn() {
                return fresh;
            }
            self.show();
            // An instance that was just rung for may be waiting for this very processor.
            let is_busy = self.instance.is_some() && now() < self.idle_after;
            if !is_busy {
                self.remains = None;
            }
            self.sleep(if is_busy { self.idle_after } else { Time::NEVER });
        }
    }

    /// Tells the machine everything that has happened, as of one moment: what is overdue at
    /// it was looked into before.
    fn turn(&mut self) -> ControlFlow<StandbyChild> {
        let now = now();
        self.is_behind = false;
        let mut left = BATCH;
        while let Some(came) = self.one_of(&mut left, |this| sys::next_signal(&this.signals)) {
            let Signal { number: signal, sender, word } = came;
            if (signal, word) == restart_request() {
                self.tell(Event::Restart, now)?;
                continue;
            }
            let is_own = sender == self.pid && signal != libc::SIGCONT;
            // What the kernel would not do to a group that nobody could continue.
            let is_void = signal == libc::SIGTSTP && terminal::is_group_orphaned();
            if signal == self.options.reopen_signal {
                self.journal.reopen();
            }
            if signal == libc::SIGWINCH && sender == 0 {
                // A terminal tells its whole foreground, where the instance's group would be if it
                // had not a supervisor.
                self.send(signal, SignalTarget::Group);
            } else if signal != libc::SIGCHLD && !is_own && !is_void {
                self.tell(Event::Signal(signal), now)?;
            }
        }
        if let Some(instance) = &mut self.instance {
            instance.main.look_at_group();
        }
        left = BATCH;
        while let Some((pid, change, usage)) = self.one_of(&mut left, |_| sys::next_change()) {
            // An instance's last words are heard before its end is told.
            self.listen(now)?;
            self.child_changed(pid, change, usage, now)?;
        }
        if self.instance.as_mut().is_some_and(|instance| instance.ended.is_none() && instance.main.is_back()) {
            self.hand_over(now)?;
        }
        self.listen(now)?;
        if let Some(exit) = self.reap_group(now) {
            self.tell(Event::Ended(exit), now)?;
        }
        self.limit_failure_command(now);
        self.look(now)?;
        self.tell(Event::Tick, now)?;
        self.stand_by(now)
    }

    /// The next of many things, of which a turn takes in so many and no more: whoever makes
    /// them as fast as they are read must not keep the machine from its deadlines.
    fn one_of<T>(&mut self, left: &mut u32, next: impl FnOnce(&Supervisor) -> Option<T>) -> Option<T> {
        self.is_behind |= *left == 0;
        *left = left.checked_sub(1)?;
        next(self)
    }

    /// Tells what the board of the living instance says.
    fn look(&mut self, now: Time) -> ControlFlow<StandbyChild> {
        let Some(instance) = self.instance.as_mut().filter(|instance| instance.ended.is_none()) else {
            return ControlFlow::Continue(());
        };
        if instance.serve(&mut self.kept) {
            self.journal.outdate();
        }
        self.tsc.settle(&instance.board);
        let by_asking = instance.board.by_asking();
        self.state.set_checks(if by_asking { Checks::Asks } else { self.options.checks });
        let reading = instance.reading(now, self.state.due(), self.state.policy());
        self.tell(Event::Look(reading), now)
    }

    /// Takes in what a program that is supervised says by `sd_notify`.
    fn listen(&mut self, now: Time) -> ControlFlow<StandbyChild> {
        let Some(notify_server) = &mut self.notify_server else { return ControlFlow::Continue(()) };
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
                "instance {} said MAINPID={pid}: {why}, so it is not followed; name one that lives in that group",
                self.state.instance(),
            ));
        }
        if heard.said {
            self.notify_client.pass_on(&self.state, notify_server.said(), now);
            self.journal.outdate();
        }
        if let Some((_, Ok(()))) = heard.main { self.hand_over(now) } else { ControlFlow::Continue(()) }
    }

    /// Waits for the next occasion, and not beyond that time.
    fn sleep(&mut self, most: Time) {
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
        let due = due.min(self.failure.as_ref().map_or(Time::NEVER, |failure| failure.until));
        let until = match &self.instance {
            _ if self.is_behind => Time(0),
            // Nothing is decided before its group is gone.
            Some(instance) if instance.ended.is_some() => now().after(GROUP_POLL),
            // It closed its end, so it does not tell when its board changes; another program
            // has no board of its own.
            Some(instance) if instance.socket().is_none() && self.options.program.is_none() => {
                due.min(now().after(BOARD_POLL))
            }
            Some(_) => due.min(self.tsc.due()),
            None => due,
        };
        let until = until.min(most);
        let timeout = (until != Time::NEVER).then(|| until.since(now()));
        // What fails here (no memory in the kernel) may succeed at the next turn.
        let _ = sys::wait(&mut fds, timeout);
    }

    fn show(&mut self) {
        let now = now();
        let facts = facts!(self, now);
        self.journal.bring_up_to_date(&self.state, facts);
    }

    /// One step of the machine, with what it asks for.
    fn tell(&mut self, event: Event, now: Time) -> ControlFlow<StandbyChild> {
        let (after, actions) = step(&self.state, event, now);
        let facts = facts!(self, now);
        self.journal.note(&self.state, &after, facts);
        self.notify_client.tell(&self.state, &after, facts.said, now);
        let ends = |state: &State| state.stop_signal().is_some() || (state.lives() && state.is_restart_asked());
        if let (false, true, Some(instance)) = (ends(&self.state), ends(&after), &self.instance) {
            instance.board.set_stop_asked();
        }
        self.state = after;
        for &action in &actions {
            self.execute(action, now)?;
        }
        ControlFlow::Continue(())
    }
}
