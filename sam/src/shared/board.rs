//! The board: an instance's health in shared memory, fresh for each instance.
//!
//! | word | who writes it, when | who reads it |
//! |---|---|---|
//! | `layout`, `instance`, `interval`, `waits_for_ready` | the supervisor, before the instance begins | the instance |
//! | `previous`, `past` | the same | the instance |
//! | `by_counter` | the supervisor, from true to false at any time | the instance |
//! | `asked` | the supervisor, with each question | the instance |
//! | `stop_asked` | the supervisor, once | the instance |
//! | `warned` | the supervisor, ahead of each warn signal | the instance |
//! | `phase`, `failed`, `warn_signal`, `by_asking`, `answered` | the instance, whenever | the supervisor |
//! | a check's `last` | its owner, with each beat; the supervisor, from a count to its time | the supervisor |
//! | a check's `state`, `deadline`, `label`; `used` | the instance, under its own lock | the supervisor |
//!
//! A **beat** is a read of the clock, or of the counter below it, and one relaxed store to `last`.
//! It publishes nothing else, so it needs no order: the supervisor wakes when the newest beat that
//! it saw has run out, looks again, and only then believes; by then the store of a live beat has
//! long arrived. The highest bit of the word tells a count from a time. Before it judges, the supervisor
//! [settles](Board::settle) counts: it puts the time that a count stands for in its place, unless there has
//! been another beat since, which counts as one of now. So no count is older than one look, whatever becomes
//! of the counter later.
//!
//! A check's `state` is `generation << 2 | kind` and works as a sequence lock. The instance writes
//! `last`, `deadline` and `label` while the kind is free or parked, then makes it active with
//! `Release`; the supervisor's `Acquire` of that word pairs with it, so that it never judges a
//! check by the time of before it was un-parked. A slot that is dropped and used again between
//! the supervisor's reads has another generation: the second read of `state`, behind an `Acquire`
//! fence, differs, and a check that changes right now is alive right now.
//!
//! After a store that may bring a deadline nearer the instance sends a `Look` message. The system call orders
//! both, so the supervisor looks at an un-parked check without any timer.
//!
//! **A hostile instance** may write any bytes here at any time. What the supervisor reads is
//! bounded for that reason: indices come from a constant and not from the board, additions
//! saturate, a beat of the future counts as one of now, unknown kinds are free, an unknown phase
//! is the one that is supervised, names are made printable ([`Label`]), signals are checked. No
//! loop here goes beyond a constant, whatever the board says (`used`). So such an instance can
//! look alive, or hung, at will, as it could by beating or not; it cannot harm the supervisor.
//! The size is sealed, so truncation cannot make a read fault; a hole punched into it reads as
//! zeros.

mod instance;

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use super::exit_record::ExitRecord;
use super::label::Label;
use super::layout::{BoardLayout, CHECKS, CheckLayout, LAYOUT_VERSION, MAIN};
use super::memory::{self, Mapping, PAGE};
use super::warning::Warned;
use crate::state::{Cause, Excuse, Phase, Reading};
use crate::time::Time;

const NAME: &CStr = c"sam-board";
pub(super) const LEN: usize = size_of::<BoardLayout>().next_multiple_of(PAGE);

const KIND: u32 = 0b11;
const FREE: u32 = 0;
const ACTIVE: u32 = 1;
const PARKED: u32 = 2;
const GENERATION: u32 = 0b100;

/// Marks a count among the times. No clock reaches this bit.
const COUNTED: u64 = 1 << 63;

/// A mapped board, on either side.
#[derive(Debug)]
pub(crate) struct Board {
    mapping: Mapping,
    fd: OwnedFd,
}

/// One check, as the supervisor or the next instance sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckReading {
    pub(crate) label: Label,
    /// Whether the check was parked, so that silence was no failure.
    pub(crate) parked: bool,
    /// How long the check has been silent.
    pub(crate) silent: Duration,
    /// How long the check may be silent.
    pub(crate) deadline: Duration,
}

impl Board {
    /// A new board for the instance of that number. The supervisor calls it; it does not allocate.
    ///
    /// `interval` is the policy's; the instance can ask for it. `by_counter` lets beats be counts, which the
    /// supervisor must [settle](Self::settle).
    pub(crate) fn create(instance: u32, interval: Duration, by_counter: bool) -> io::Result<Board> {
        let fd = memory::sealed(NAME, LEN)?;
        // If memory is short, this is an error here and not a fault at the first access.
        memory::reserve(&fd, 0, size_of::<BoardLayout>())?;
        let board = Board { mapping: Mapping::new(&fd, 0, LEN)?, fd };
        let layout = board.layout();
        layout.layout.store(LAYOUT_VERSION, Ordering::Relaxed);
        layout.instance.store(instance, Ordering::Relaxed);
        layout.interval.store(nanos(interval), Ordering::Relaxed);
        layout.by_counter.store(by_counter.into(), Ordering::Relaxed);
        let main = &layout.checks[MAIN];
        main.deadline.store(nanos(interval), Ordering::Relaxed);
        if let Some(label) = Label::new("main") {
            main.label.write(&label);
        }
        main.state.store(PARKED, Ordering::Release);
        layout.used.store(MAIN as u32 + 1, Ordering::Release);
        Ok(board)
    }

    /// The board behind a descriptor that `create` made, in this or another process. `InvalidInput` if there is
    /// none behind it, or a board of another version.
    pub(crate) fn map(fd: OwnedFd) -> io::Result<Board> {
        if memory::sealed_len(&fd)? != LEN {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let board = Board { mapping: Mapping::new(&fd, 0, LEN)?, fd };
        let layout = board.layout().layout.load(Ordering::Relaxed);
        if layout == LAYOUT_VERSION { Ok(board) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    fn layout(&self) -> &BoardLayout {
        // SAFETY: the mapping is page-aligned, at least as long as `BoardLayout` and lives as long as
        // `self`; any bytes are valid atomics, and only atomics are touched by either side.
        unsafe { self.mapping.address().cast::<BoardLayout>().as_ref() }
    }
}

impl AsFd for Board {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The supervisor's side.
impl Board {
    /// Puts the time that a count stands for in its place, for each beat that is a count. Call this before each
    /// look: a beat that is still a count then has come since, and counts as a beat of now.
    pub(crate) fn settle(&self, mut time_of: impl FnMut(u64) -> Time) {
        for check in self.used() {
            let word = check.last.load(Ordering::Relaxed);
            if word & COUNTED != 0 {
                let time = time_of(word & !COUNTED).0 & !COUNTED;
                // If the word has changed, there was another beat since.
                let _ = check.last.compare_exchange(word, time, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }

    /// Has beats be times from now on. A beat that has begun before may still be a count.
    pub(crate) fn count_no_more(&self) {
        self.layout().by_counter.store(0, Ordering::Relaxed);
    }

    /// What the board says at `now`. `main` is the interval of the main check; `None` if its signs of life are
    /// not beats (the supervisor asks, or checks nothing). If a check is due, this calls `excuse` once, with the
    /// number of that check.
    pub(crate) fn reading(
        &self,
        now: Time,
        main: Option<Duration>,
        excuse: impl FnOnce(u8) -> Option<Excuse>,
    ) -> Reading {
        let layout = self.layout();
        let phase = match layout.phase.0.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            3 => Phase::Stopping,
            // 2, or a word that was overwritten.
            _ => Phase::Running,
        };
        let (mut due, mut check) = (Time::NEVER, MAIN as u8);
        for (index, layout) in self.used().iter().enumerate() {
            let deadline = match (index, main) {
                (MAIN, None) => continue,
                (MAIN, Some(interval)) => Some(interval),
                _ => None,
            };
            let this = due_of(layout, now, deadline);
            if this < due {
                (due, check) = (this, index as u8);
            }
        }
        Reading {
            phase,
            failed: layout.failed.load(Ordering::Acquire) != 0,
            due,
            check,
            answered: layout.answered.load(Ordering::Acquire),
            excuse: if due <= now { excuse(check) } else { None },
        }
    }

    /// Puts a question: a number that is not 0 and that no earlier question of this board had. Ring the bell
    /// afterwards.
    pub(crate) fn ask(&self, nonce: u64) {
        self.layout().asked.0.store(nonce, Ordering::Release);
    }

    /// Whether the instance has said that it wants to be asked.
    pub(crate) fn by_asking(&self) -> bool {
        self.layout().by_asking.load(Ordering::Acquire) != 0
    }

    /// The warn signal that the instance has chosen; `None` if there is none, or if it cannot warn.
    pub(crate) fn warn_signal(&self) -> Option<i32> {
        let signal = self.layout().warn_signal.load(Ordering::Relaxed);
        i32::try_from(signal).ok().filter(|&signal| can_warn(signal))
    }

    /// Tells the instance that an operator stops it.
    pub(crate) fn set_stop_asked(&self) {
        self.layout().stop_asked.store(1, Ordering::Release);
    }

    /// Tells the instance that it is warned, and why. Send the signal afterwards.
    pub(crate) fn set_warned(&self, cause: Cause) {
        let warned = Warned::next(self.warned(), cause);
        self.layout().warned.store(warned.to_word(), Ordering::Release);
    }

    /// Tells the instance that it counts as ready only once it says so, even if its beats have begun.
    pub(crate) fn set_waits_for_ready(&self) {
        self.layout().waits_for_ready.store(1, Ordering::Relaxed);
    }

    /// Tells how the instance before this one ended, and the state of `its` checks at `end`. The supervisor
    /// calls it before this instance begins.
    pub(crate) fn set_report(&self, ended: &ExitRecord, its: &Board, end: Time) {
        for (index, layout) in self.layout().checks[..its.used().len()].iter().enumerate() {
            let past = &layout.past;
            let (kind, check) = its.read_check(index, end);
            past.kind.store(kind, Ordering::Relaxed);
            past.silent.store(nanos(check.silent), Ordering::Relaxed);
            past.deadline.store(nanos(check.deadline), Ordering::Relaxed);
            past.label.write(&check.label);
        }
        self.layout().previous.write(ended);
    }

    /// The check of that number, for events and the status file; `None` if there is none.
    pub(crate) fn check(&self, index: usize, now: Time) -> Option<CheckReading> {
        if index >= CHECKS {
            return None;
        }
        let (kind, check) = self.read_check(index, now);
        (kind != FREE).then_some(check)
    }

    /// The checks that may be in use.
    fn used(&self) -> &[CheckLayout] {
        let layout = self.layout();
        let used = layout.used.load(Ordering::Acquire) as usize;
        &layout.checks[..used.min(CHECKS)]
    }

    fn read_check(&self, index: usize, now: Time) -> (u32, CheckReading) {
        let layout = &self.layout().checks[index];
        let kind = match layout.state.load(Ordering::Acquire) & KIND {
            kind @ (ACTIVE | PARKED) => kind,
            _ => FREE,
        };
        let check = CheckReading {
            label: layout.label.read(),
            parked: kind == PARKED,
            silent: now.since(Time(layout.last.load(Ordering::Relaxed))),
            deadline: Duration::from_nanos(layout.deadline.load(Ordering::Relaxed)),
        };
        (kind, check)
    }
}

/// When a check is, or was, overdue; `NEVER` if it is not active.
fn due_of(check: &CheckLayout, now: Time, deadline: Option<Duration>) -> Time {
    due_when(check, now, deadline, || {})
}

/// The same. A test lets `meanwhile` happen in the middle.
fn due_when(check: &CheckLayout, now: Time, deadline: Option<Duration>, meanwhile: impl FnOnce()) -> Time {
    let state = check.state.load(Ordering::Acquire);
    if state & KIND != ACTIVE {
        return Time::NEVER;
    }
    meanwhile();
    let deadline = deadline.unwrap_or(Duration::from_nanos(check.deadline.load(Ordering::Relaxed)));
    let last = Time(check.last.load(Ordering::Relaxed)).min(now);
    fence(Ordering::Acquire);
    let changed = check.state.load(Ordering::Relaxed) != state;
    (if changed { now } else { last }).after(deadline)
}

/// Whether a signal can warn: it exists, and the application can catch it; or it is SIGKILL, which
/// leaves it no time.
pub(crate) fn can_warn(signal: i32) -> bool {
    (1..=libc::SIGRTMAX()).contains(&signal) && signal != libc::SIGSTOP
}

fn nanos(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
