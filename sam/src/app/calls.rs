//! The calls of an application to its supervisor.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    attach::{self, Supervision},
    local_fds::LocalFds,
    lock::lock,
};
use crate::{
    error::{Error, ErrorKind, Result},
    shared::{MAIN, can_warn, now},
    state::Phase,
};

/// The application's side of its supervision; see [`app`].
///
/// Every call may be made from every thread. [`beat`](Self::beat) is async-signal-safe; the others
/// are not. In a child that the application forks all of them do nothing: calls that return a
/// `Result` say `BadState` there.
///
/// Without a supervisor (`SAM_DISABLE=1`, or nothing was registered) every call works within this
/// process: it is instance 1, data and descriptors are kept until its end, and nothing is checked.
#[derive(Debug)]
pub struct App {
    /// What is stored where there is no supervisor, or not yet.
    pub(super) data: Mutex<Vec<u8>>,
    pub(super) local_fds: LocalFds,
    pub(super) stopping: AtomicBool,
    /// Which helper thread answers, if one does: see `helper`.
    pub(super) helper: AtomicU64,
}

static APP: App = App {
    data: Mutex::new(Vec::new()),
    local_fds: LocalFds::new(),
    stopping: AtomicBool::new(false),
    helper: AtomicU64::new(0),
};

/// This process, as its supervisor sees it.
///
/// ```
/// let app = sam::app();
/// app.resume_checks();
/// for request in ["a", "b"] {
///     app.beat();
///     app.store(request.as_bytes())?;
/// }
/// app.pause_checks();
/// assert_eq!(app.stored()?, b"b");
/// # Ok::<(), sam::Error>(())
/// ```
pub fn app() -> &'static App {
    &APP
}

/// Health and phases.
impl App {
    /// This instance's number, from 1: how many there have been. 1 where there is no supervisor, and
    /// in a child that an instance forked.
    pub fn instance(&self) -> u32 {
        match attach::supervision() {
            Supervision::Attached(attached) => attached.board.instance(),
            Supervision::Unsupervised | Supervision::ForkedChild => 1,
        }
    }

    /// Whether this process is supervised: not a plain run, and not a forked child.
    pub fn is_supervised(&self) -> bool {
        matches!(attach::supervision(), Supervision::Attached(_))
    }

    /// The supervisor's interval: how long the application may go without a [`beat`](Self::beat).
    /// `None` where nothing is checked.
    pub fn interval(&self) -> Option<Duration> {
        match attach::supervision() {
            Supervision::Attached(attached) => Some(attached.board.interval()).filter(|interval| !interval.is_zero()),
            Supervision::Unsupervised | Supervision::ForkedChild => None,
        }
    }

    /// The application serves. Needed only if its beats do not begin at once, or under
    /// [`ready_at_start(false)`](crate::Builder::ready_at_start): [`resume_checks`](Self::resume_checks) says it
    /// too.
    pub fn ready(&self) {
        if let Supervision::Attached(attached) = attach::supervision() {
            let _order = lock(&attached.claimed);
            if attached.board.phase() == Phase::Starting {
                let beats = attached.board.is_active(MAIN);
                attached.board.set_phase(if beats { Phase::Running } else { Phase::Ready });
                attached.client.look();
            }
        }
    }

    /// From here on the application beats at least once in an interval; more silence is a hang.
    pub fn resume_checks(&self) {
        if let Supervision::Attached(attached) = attach::supervision() {
            let _order = lock(&attached.claimed);
            let phase = attached.board.phase();
            if phase != Phase::Stopping {
                attached.board.unpark(MAIN, now());
                if phase != Phase::Starting || !attached.board.waits_for_ready() {
                    attached.board.set_phase(Phase::Running);
                }
                attached.client.look();
            }
        }
    }

    /// From here on silence is no hang, until the next [`resume_checks`](Self::resume_checks). Named checks count
    /// on.
    pub fn pause_checks(&self) {
        if let Supervision::Attached(attached) = attach::supervision() {
            let _order = lock(&attached.claimed);
            if matches!(attached.board.phase(), Phase::Starting | Phase::Running) {
                attached.board.park(MAIN);
                if attached.board.phase() == Phase::Running {
                    attached.board.set_phase(Phase::Ready);
                }
                attached.client.look();
            }
        }
    }

    /// The application is alive. Reads the clock, or the processor's counter where the kernel
    /// trusts it, and writes one word: no system call, no lock;
    /// async-signal-safe.
    #[inline]
    pub fn beat(&self) {
        if let Supervision::Attached(attached) = attach::supervision() {
            attached.board.beat(MAIN);
        }
    }

    /// The application is on its way to an end of its own, and however it ends, the supervisor ends
    /// so, too, and makes no further instance. Its beats are checked no longer, and
    /// [`is_stopping`](Self::is_stopping) says so. Named checks count until they are dropped; data and
    /// descriptors can still be stored.
    pub fn finalize(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Supervision::Attached(attached) = attach::supervision() {
            let _order = lock(&attached.claimed);
            attached.board.park(MAIN);
            attached.board.set_phase(Phase::Stopping);
            attached.client.look();
        }
    }

    /// Whether this instance is to end: it called [`finalize`](Self::finalize), or its operator
    /// stops it (a signal comes too). To be asked in loops: one load.
    pub fn is_stopping(&self) -> bool {
        let asked = match attach::supervision() {
            Supervision::Attached(attached) => attached.board.stop_asked(),
            Supervision::Unsupervised | Supervision::ForkedChild => false,
        };
        asked || self.stopping.load(Ordering::Relaxed)
    }

    /// Whether it called [`finalize`](Self::finalize).
    #[cfg(feature = "tokio")]
    pub(super) fn is_finalized(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// This instance cannot go on, by its own judgement: the supervisor warns it and ends it as if
    /// it hung. Returns at once.
    pub fn mark_failed(&self) {
        if let Supervision::Attached(attached) = attach::supervision() {
            attached.board.set_failed();
            attached.client.look();
        }
    }

    /// The signal that warns this instance before it is killed, from now on; `None` for the one of
    /// [`Builder::warn_signal`](crate::Builder::warn_signal). SIGKILL leaves it no time.
    ///
    /// # Errors
    /// `Invalid` for a number that is no signal, and for SIGSTOP, which would not end it; `BadState` in a forked child.
    pub fn set_warn_signal(&self, signal: impl Into<Option<i32>>) -> Result<()> {
        let signal = signal.into();
        if let Some(signal) = signal.filter(|signal| !can_warn(*signal)) {
            let text = format!("signal {signal} cannot warn; give one from 1 to 64, but not SIGSTOP");
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        match attach::supervision() {
            Supervision::Attached(attached) => attached.board.set_warn_signal(signal.unwrap_or(0)),
            Supervision::Unsupervised => {}
            Supervision::ForkedChild => return Err(attach::detached()),
        }
        Ok(())
    }
}

/// A question of the supervisor's: got by [`App::asked`], given back to [`App::answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the supervisor waits for `App::answer`"]
pub struct Question(pub(in crate::app) u64);

/// Questions: for an application that waits in an event loop of its own. The supervisor asks, and
/// the application answers on the path that its events take, which shows that the path works.
impl App {
    /// From here on the supervisor asks, and expects answers instead of beats: poll this descriptor
    /// for reading beside the application's own, and then [`answer`](Self::answer) what is
    /// [`asked`](Self::asked). `None` where there is no supervisor.
    pub fn questions(&self) -> Option<BorrowedFd<'static>> {
        let Supervision::Attached(attached) = attach::supervision() else { return None };
        attached.board.set_by_asking(true);
        attached.client.look();
        Some(attached.bell.as_fd())
    }

    /// The supervisor's newest question, if it has no answer yet. Makes the descriptor of
    /// [`questions`](Self::questions) unreadable until the next.
    pub fn asked(&self) -> Option<Question> {
        let Supervision::Attached(attached) = attach::supervision() else { return None };
        crate::wire::silence(attached.bell.as_fd());
        attached.board.asked().map(Question)
    }

    /// Answers `question`, and with it all earlier ones.
    pub fn answer(&self, question: Question) {
        if let Supervision::Attached(attached) = attach::supervision() {
            attached.board.answer(question.0, now());
            attached.client.look();
        }
    }

    /// From here on the supervisor expects [`beat`](Self::beat)s again.
    pub fn end_questions(&self) {
        if let Supervision::Attached(attached) = attach::supervision() {
            attached.board.beat(MAIN);
            attached.board.set_by_asking(false);
            attached.client.look();
        }
    }
}

/// Stored data: bytes that outlive the instance.
impl App {
    /// Stores `data` in place of what was stored. When this returns, the next instance finds `data`;
    /// if the process ends before, it finds what was stored before, whole. Threads may store at
    /// once: one after the other.
    ///
    /// It survives this process and not the supervisor or the machine. What is stored before
    /// supervision begins is there in the instances, too.
    ///
    /// # Errors
    /// `NoSpace` (longer than the vault's slots, or the kernel has no memory for it: what was stored
    /// stays), `BadState` in a forked child.
    pub fn store(&self, data: &[u8]) -> Result<()> {
        match attach::supervision() {
            Supervision::Attached(attached) => {
                lock(&attached.vault).store(data).map_err(|error| no_space(data.len(), error))
            }
            Supervision::ForkedChild => Err(attach::detached()),
            Supervision::Unsupervised => {
                let mut copy = Vec::new();
                copy.try_reserve_exact(data.len())
                    .map_err(|_| no_space(data.len(), io::ErrorKind::OutOfMemory.into()))?;
                copy.extend_from_slice(data);
                *lock(&self.data) = copy;
                Ok(())
            }
        }
    }

    /// Reads what is stored into the beginning of `into`, and says how many bytes that is; 0 if
    /// nothing was ever stored.
    ///
    /// # Errors
    /// `Invalid` if `into` is shorter than [`stored_len`](Self::stored_len), `Damaged` if an
    /// earlier instance has overwritten the vault, `BadState` in a forked child.
    pub fn restore(&self, into: &mut [u8]) -> Result<usize> {
        match attach::supervision() {
            Supervision::Attached(attached) => {
                lock(&attached.vault).restore(into).map_err(|error| unreadable(error, into.len()))
            }
            Supervision::ForkedChild => Err(attach::detached()),
            Supervision::Unsupervised => {
                let stored = lock(&self.data);
                let short = || unreadable(io::ErrorKind::InvalidInput.into(), into.len());
                match into.len() < stored.len() {
                    true => Err(short()),
                    false => {
                        into[..stored.len()].copy_from_slice(&stored);
                        Ok(stored.len())
                    }
                }
            }
        }
    }

    /// What is stored; nothing if nothing was ever stored.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn stored(&self) -> Result<Vec<u8>> {
        match attach::supervision() {
            Supervision::Attached(attached) => {
                // One lock for both, so that no store comes between the length and the bytes.
                let vault = lock(&attached.vault);
                let len = vault.stored_len().map_err(|error| unreadable(error, 0))?;
                let mut data = vec![0; len];
                vault.restore(&mut data).map_err(|error| unreadable(error, len))?;
                Ok(data)
            }
            Supervision::ForkedChild => Err(attach::detached()),
            Supervision::Unsupervised => Ok(lock(&self.data).clone()),
        }
    }

    /// How many bytes are stored.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn stored_len(&self) -> Result<usize> {
        match attach::supervision() {
            Supervision::Attached(attached) => lock(&attached.vault).stored_len().map_err(|error| unreadable(error, 0)),
            Supervision::ForkedChild => Err(attach::detached()),
            Supervision::Unsupervised => Ok(lock(&self.data).len()),
        }
    }

    /// Forgets what was stored before there was a supervisor, which has it now.
    pub(crate) fn forget_own(&self) {
        *lock(&self.data) = Vec::new();
    }
}

#[cold]
fn no_space(len: usize, error: io::Error) -> Error {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::StorageFull | io::ErrorKind::OutOfMemory, _) | (_, Some(libc::ENOMEM | libc::ENOSPC)) => {
            Error::new(ErrorKind::NoSpace, format!("no room to store {len} bytes; what was stored stays"))
                .with_source(error)
        }
        _ => Error::io(format!("cannot store {len} bytes; what was stored stays"), error),
    }
}

#[cold]
fn unreadable(error: io::Error, room: usize) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidInput => {
            Error::new(ErrorKind::Invalid, format!("more than {room} bytes are stored: ask stored_len first"))
        }
        io::ErrorKind::InvalidData => {
            Error::new(ErrorKind::Damaged, "the stored data is damaged: store anew").with_source(error)
        }
        _ => Error::io("cannot read the stored data", error),
    }
}
