//! The supervisor: effects around the state machine.
//!
//! The process that calls [`supervise`] becomes it. It is one thread in one loop: it waits
//! until a signal or a message comes or the machine's deadline does, tells the machine what
//! happened, and does what that says. [`Supervisor::run`] returns only in children, each a
//! fork of this process as it was before the first; there, everything of the supervisor is
//! dropped on the way out, and the child waits until it is to be an instance (`spawn`).
//!
//! # Invariants
//! 1. Between the first fork and its end the supervisor allocates nothing, takes no lock,
//!    starts no thread, and waits for nothing but in [`sys::wait`], and for a child that stood
//!    by and was just killed: on its way out, where an instance is executed in its place, and
//!    where somebody had stopped it.
//! 2. Every signal is blocked and read from a descriptor, so no handler of the application
//!    ever runs here. What the kernel sends for this process's own deeds (SIGPIPE) is
//!    dropped; SIGCHLD is the occasion to look after children; others go to the machine.
//! 3. A process is signalled only between its fork and its reaping, so its number is its
//!    own, or by a descriptor (`main_process`); its group only while `Living` is there, which
//!    outlasts the group, and its main process was in it.
//! 4. An end is told to the machine when the instance is reaped *and* its process group is
//!    empty (and, under [`crate::Strays::Kill`], no stray is left, and nothing lives in its cgroup):
//!    two instances never overlap, but for what [`crate::KillMode::Main`] lets go on.
//!    What SIGKILL itself does not end within [`deeds::PATIENCE`] (a system call that never
//!    returns, a dead process that its parent does not wait for) is no longer waited for.
//! 5. A child that stands by runs no code of the application until its bell is rung, which
//!    is after the end of the instance before it was told to the machine.
//! 6. No descriptor of sam's has the number of a standard stream: one that is closed is opened
//!    before any other is made, as `/dev/null`, which the instances have there then, too.
//! 7. An instance that lost its supervisor before it asked to die with it (PR_SET_PDEATHSIG)
//!    sees another parent and leaves.

mod cgroup;
mod counter;
mod deeds;
mod dispositions;
mod downward;
mod excuse;
mod failure;
mod gather;
mod guard;
mod journal;
mod lean;
mod living;
mod main_process;
mod mappings;
mod notice;
mod orphans;
mod outlet;
mod probe;
mod program;
mod seat;
mod spawn;
mod surroundings;
mod sys;
mod terminal;
mod text;
mod threads;
mod upward;

use std::{
    convert::Infallible,
    ffi::{CString, OsStr},
    io::{self, Write as _},
    ops::ControlFlow,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    time::Duration,
};

use crate::{
    app::{app, attach},
    error::{Error, ErrorKind, Result},
    options::Options,
    shared::{self, Board, Ended, Vault, now},
    state::{Checks, Event, State, Whom, step},
    time::Time,
    wire::Kept,
};
use cgroup::{Cell, Cgroups};
use counter::Counter;
use downward::Downward;
use failure::Failure;
use journal::{Journal, Seen};
use lean::Lean;
use living::{Living, Rest};
use main_process::Refusal;
use orphans::Children;
use probe::Probe;
use spawn::{Fresh, Standby};
use surroundings::Prepared;
use sys::Signal;
use terminal::Terminal;
use upward::Upward;

/// How often the rest of a group that was killed is looked after: the end of what is no child
/// is not told.
const GLANCE: Duration = Duration::from_millis(10);

/// How many signals, and how many children that changed, are taken in at a turn.
const MOST: u32 = 256;

/// How often the board of an instance is looked at that has closed its socket.
const UNTOLD: Duration = Duration::from_millis(100);

/// For how long after a bell what is not urgent is left undone.
const HASTE: Duration = Duration::from_millis(1);

/// What is at hand for the journal, as a borrow of everything else.
macro_rules! seen {
    ($supervisor:ident, $now:ident) => {
        Seen {
            living: $supervisor.living.as_ref(),
            past: $supervisor.past.as_ref().map(|(ended, ..)| ended),
            kept: &$supervisor.kept,
            cgroups: $supervisor.cgroups.as_ref(),
            said: $supervisor.downward.as_ref().map_or(&[], Downward::said),
            now: $now,
        }
    };
}

/// The signal that asks for a restart, and the word that is queued with it. Others send real-time
/// signals, too, which are passed on.
pub(crate) fn restart_request() -> (i32, Option<i32>) {
    (libc::SIGRTMAX(), Some(i32::from_be_bytes(*b"next")))
}

type Past = (Ended, Board, Time);

/// What a supervisor has beside the machine's state.
struct Supervisor {
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
    counter: Counter,
    lean: Lean,
    living: Option<Living>,
    /// The next one, if it has been made ahead of time; and the number of the newest for
    /// which that was tried.
    standby: Option<Standby>,
    stood_by: u32,
    /// How the instance before ended, its board and when that was.
    past: Option<Past>,
    /// What else was left by it, and the past of before: closed once the next has begun.
    remains: Option<(Option<Past>, Rest)>,
    /// From when on there is time for what is not urgent.
    leisure: Time,
    probe: Option<Probe>,
    failure: Option<Failure>,
    journal: Journal,
    upward: Upward,
    downward: Option<Downward>,
    /// What a program finds around itself.
    surroundings: Prepared,
    /// Which process follows a main process that has ended.
    pid_file: Option<CString>,
}

/// Makes this process a supervisor; returns in its instances.
pub(crate) fn supervise(options: Options) -> Result<()> {
    fill_standard_streams()?;
    if let Some(seat) = seat::inherited() {
        return attach(seat);
    }
    if app().is_supervised() {
        return Err(Error::new(ErrorKind::Exists, "this process is an instance already; begin supervision once"));
    }
    threads::refuse_others()?;
    fresh(options)?.begin();
    Ok(())
}

/// Makes this process the supervisor of instances of `options.program`.
pub(crate) fn supervise_program(options: Options) -> Result<Infallible> {
    fill_standard_streams()?;
    threads::refuse_others()?;
    let program = options.program.as_deref().and_then(<[_]>::first);
    let program = program.map_or(OsStr::new(""), |name| name);
    if options.surroundings.are_given() && !program.is_empty() {
        Prepared::new(&options.surroundings).try_out(program)?;
    } else {
        program::look_for(program)?;
    }
    fresh(options)?.begin();
    // An instance executes the program, or leaves.
    sys::leave(libc::EXIT_FAILURE)
}

fn fill_standard_streams() -> Result<()> {
    let what = "open /dev/null for a standard stream that is closed";
    sys::fill_standard_streams().map_err(|error| Error::io(what, error))
}

/// A child that is to be an instance. Apart from its callers, so that its large frame is gone when
/// that one waits, which then touches the pages of the stack that the application has next.
#[inline(never)]
fn fresh(options: Options) -> Result<Fresh> {
    Ok(Supervisor::new(options)?.run())
}

impl Supervisor {
    fn new(options: Options) -> Result<Supervisor> {
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
        let downward = Downward::open(&options).map_err(failed("create a socket for sd_notify"))?;
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
            gather::gather();
        }
        let lean = Lean::look();
        lean.give_back();
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
            counter: Counter::new(),
            lean,
            living: None,
            standby: None,
            stood_by: 0,
            past: None,
            remains: None,
            leisure: Time(0),
            probe: None,
            failure: None,
            journal,
            upward: Upward::open(),
            downward,
            pid_file,
            surroundings,
            options,
        })
    }

    /// Supervises until the end. Returns in a child that is to be an instance.
    fn run(mut self) -> Fresh {
        loop {
            if let ControlFlow::Break(fresh) = self.turn() {
                return fresh;
            }
            self.show();
            // An instance that was just rung for may be waiting for this very processor.
            let is_busy = self.living.is_some() && now() < self.leisure;
            if !is_busy {
                self.remains = None;
            }
            self.sleep(if is_busy { self.leisure } else { Time::NEVER });
        }
    }

    /// Tells the machine everything that has happened, as of one moment: what is overdue at
    /// it was looked into before.
    fn turn(&mut self) -> ControlFlow<Fresh> {
        let now = now();
        self.is_behind = false;
        let mut left = MOST;
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
                self.send(signal, Whom::Group);
            } else if signal != libc::SIGCHLD && !is_own && !is_void {
                self.tell(Event::Signal(signal), now)?;
            }
        }
        if let Some(living) = &mut self.living {
            living.main.look_at_group();
        }
        left = MOST;
        while let Some((pid, change, usage)) = self.one_of(&mut left, |_| sys::next_change()) {
            // An instance's last words are heard before its end is told.
            self.listen(now)?;
            self.look_after(pid, change, usage, now)?;
        }
        if self.living.as_mut().is_some_and(|living| living.ended.is_none() && living.main.is_back()) {
            self.hand_over(now)?;
        }
        self.listen(now)?;
        if let Some(exit) = self.bury(now) {
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
    fn look(&mut self, now: Time) -> ControlFlow<Fresh> {
        let Some(living) = self.living.as_mut().filter(|living| living.ended.is_none()) else {
            return ControlFlow::Continue(());
        };
        if living.serve(&mut self.kept) {
            self.journal.outdate();
        }
        self.counter.settle(&living.board);
        let by_asking = living.board.by_asking();
        self.state.set_checks(if by_asking { Checks::Asks } else { self.options.checks });
        let sight = living.sight(now, self.state.due(), self.state.policy());
        self.tell(Event::Look(sight), now)
    }

    /// Takes in what a program that is supervised says by `sd_notify`.
    fn listen(&mut self, now: Time) -> ControlFlow<Fresh> {
        let Some(downward) = &mut self.downward else { return ControlFlow::Continue(()) };
        let heard = downward.serve(self.living.as_mut(), now);
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
            self.upward.pass_on(&self.state, downward.said(), now);
            self.journal.outdate();
        }
        if let Some((_, Ok(()))) = heard.main { self.hand_over(now) } else { ControlFlow::Continue(()) }
    }

    /// Waits for the next occasion, and not beyond that time.
    fn sleep(&mut self, most: Time) {
        let living = self.living.as_ref().filter(|living| living.ended.is_none());
        let socket = living.and_then(Living::socket);
        let downward = self.downward.as_ref().map(Downward::socket);
        let dying = self.living.as_ref().filter(|living| living.ended.is_some());
        let successor = living.and_then(|living| living.main.successor_fd());
        let cell = dying.and_then(|living| living.cell.as_ref()).map(Cell::events);
        let mut fds = [
            (self.signals.as_raw_fd(), libc::POLLIN),
            (socket.unwrap_or(-1), libc::POLLIN),
            (downward.unwrap_or(-1), libc::POLLIN),
            (successor.unwrap_or(-1), libc::POLLIN),
            (cell.unwrap_or(-1), libc::POLLPRI),
        ]
        .map(|(fd, events)| libc::pollfd { fd, events, revents: 0 });
        let due = self.state.deadline().min(self.upward.due(&self.state)).min(self.stands_by_at());
        let due = due.min(self.journal.due());
        let due = due.min(self.failure.as_ref().map_or(Time::NEVER, |failure| failure.until));
        let until = match &self.living {
            _ if self.is_behind => Time(0),
            // Nothing is decided before its group is gone.
            Some(living) if living.ended.is_some() => now().after(GLANCE),
            // It closed its end, so it does not tell when its board changes; another program
            // has no board of its own.
            Some(living) if living.socket().is_none() && self.options.program.is_none() => due.min(now().after(UNTOLD)),
            Some(_) => due.min(self.counter.due()),
            None => due,
        };
        let until = until.min(most);
        let timeout = (until != Time::NEVER).then(|| until.since(now()));
        // What fails here (no memory in the kernel) may succeed at the next turn.
        let _ = sys::wait(&mut fds, timeout);
    }

    fn show(&mut self) {
        let now = now();
        let seen = seen!(self, now);
        self.journal.bring_up_to_date(&self.state, seen);
    }

    /// One step of the machine, with what it asks for.
    fn tell(&mut self, event: Event, now: Time) -> ControlFlow<Fresh> {
        let (after, actions) = step(&self.state, event, now);
        let seen = seen!(self, now);
        self.journal.note(&self.state, &after, seen);
        self.upward.tell(&self.state, &after, seen.said, now);
        let ends = |state: &State| state.stop_signal().is_some() || (state.lives() && state.is_renewed());
        if let (false, true, Some(living)) = (ends(&self.state), ends(&after), &self.living) {
            living.board.set_stop_asked();
        }
        self.state = after;
        for &action in &actions {
            self.act(action, now)?;
        }
        ControlFlow::Continue(())
    }
}

/// How many lines of a datagram of `sd_notify(3)` say something.
#[cfg(feature = "fuzzing")]
pub(crate) fn understood(bytes: &[u8]) -> usize {
    notice::notices(bytes).count()
}
