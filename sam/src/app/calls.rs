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
/// Every thread may make every call. [`beat`](Self::beat) is async-signal-safe; the others are not.
///
/// In a child that the application forks, no call has an effect, and those that return a `Result` return
/// [`BadState`](ErrorKind::BadState).
///
/// Without a supervisor (`SAM_DISABLE=1`, or supervision has not begun) every call works within this
/// process: it is instance 1, stored data and kept descriptors last until its end, and nothing is checked.
#[derive(Debug)]
pub struct App {
    /// The stored data where there is no supervisor, or not yet.
    pub(super) data: Mutex<Option<Vec<u8>>>,
    pub(super) local_fds: LocalFds,
    pub(super) stopping: AtomicBool,
    /// The number of the helper thread that answers, if one does: see `helper`.
    pub(super) helper: AtomicU64,
}

static APP: App = App {
    data: Mutex::new(None),
    local_fds: LocalFds::new(),
    stopping: AtomicBool::new(false),
    helper: AtomicU64::new(0),
};

/// The calls of this process to its supervisor.
///
/// ```standalone_crate
/// let app = sam::app();
/// app.resume_checks();
/// for request in ["a", "b"] {
///     app.beat();
///     app.store(request.as_bytes())?;
/// }
/// app.pause_checks();
/// assert_eq!(app.stored()?.as_deref(), Some(&b"b"[..]));
/// # Ok::<(), sam::Error>(())
/// ```
pub fn app() -> &'static App {
    &APP
}

/// Health and phases.
impl App {
    /// The number of this instance, from 1 on. Without a supervisor, and in a child that an instance has
    /// forked, it is 1.
    pub fn instance(&self) -> u32 {
        match attach::supervision() {
            Supervision::Attached(attached) => attached.board.instance(),
            Supervision::Unsupervised | Supervision::ForkedChild => 1,
        }
    }

    /// Whether this process is an instance. A child that an instance has forked is not.
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

    /// Says that the application serves. The first [`resume_checks`](Self::resume_checks) says so, too, unless
    /// [`ready_at_start(false)`](crate::Builder::ready_at_start) is set. Call `ready` where it is set, or where
    /// the application serves before its beats begin.
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

    /// Begins the check of beats, which is paused at first: from now on the application
    /// [beats](Self::beat) at least once in an [interval](crate::Builder::interval), and longer silence is a
    /// hang. The first call also says that the application is [ready](Self::ready), unless
    /// [`ready_at_start(false)`](crate::Builder::ready_at_start) is set.
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

    /// Pauses the check of beats: silence is no hang until the next [`resume_checks`](Self::resume_checks).
    /// Named [checks](Self::check) are not paused.
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

    /// Says that the application is alive. The call reads the clock, or the processor's counter where the
    /// kernel trusts it, and writes one word: no system call, no lock; async-signal-safe.
    #[inline]
    pub fn beat(&self) {
        if let Supervision::Attached(attached) = attach::supervision() {
            attached.board.beat(MAIN);
        }
    }

    /// Says that the application is about to end of its own accord. However it ends, the supervisor then ends
    /// in the same way and begins no further instance. From now on beats are not checked, and
    /// [`is_stopping`](Self::is_stopping) is true. Named checks count until they are dropped; data and
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

    /// Whether this instance is to end: it has called [`finalize`](Self::finalize), or an operator stops it,
    /// which a signal tells, too. A few loads: cheap enough for each round of a loop.
    pub fn is_stopping(&self) -> bool {
        let asked = match attach::supervision() {
            Supervision::Attached(attached) => attached.board.stop_asked(),
            Supervision::Unsupervised | Supervision::ForkedChild => false,
        };
        asked || self.stopping.load(Ordering::Relaxed)
    }

    /// Whether the application has called [`finalize`](Self::finalize).
    #[cfg(feature = "tokio")]
    pub(super) fn is_finalized(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Says that this instance cannot go on. The supervisor warns and kills it as if it hung. The call returns
    /// at once.
    pub fn mark_failed(&self) {
        if let Supervision::Attached(attached) = attach::supervision() {
            attached.board.set_failed();
            attached.client.look();
        }
    }

    /// Sets the signal, 1 to 64, that warns this instance from now on; `None` is the signal of
    /// [`Builder::warn_signal`](crate::Builder::warn_signal). After SIGKILL the instance has no time left.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid): the number is not that of a signal, or it is SIGSTOP, which would not
    /// end the instance. [`BadState`](ErrorKind::BadState): this is a forked child.
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

/// A question of the supervisor. [`App::asked`] returns it, [`App::answer`] takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the supervisor waits for `App::answer`"]
pub struct Question(pub(in crate::app) u64);

/// Questions, for an application that waits in an event loop of its own. The supervisor asks, and the
/// application answers on the path that its events take: this shows that the path works.
impl App {
    /// Has the supervisor ask from now on, and expect answers instead of beats. Poll the returned descriptor
    /// for reading beside the application's own. When it is readable, give [`answer`](Self::answer) what
    /// [`asked`](Self::asked) returns. `None` without a supervisor.
    pub fn questions(&self) -> Option<BorrowedFd<'static>> {
        let Supervision::Attached(attached) = attach::supervision() else { return None };
        attached.board.set_by_asking(true);
        attached.client.look();
        Some(attached.bell.as_fd())
    }

    /// The supervisor's newest question, if it has no answer yet. After the call the descriptor of
    /// [`questions`](Self::questions) is not readable until the next question.
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

    /// Ends the questions: from now on the supervisor expects [beats](Self::beat) again.
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
    /// Stores `data` in place of what was stored. Once the call has returned, the next instance finds `data`.
    /// If the process ends before that, the next instance finds what was stored before, whole. Calls of
    /// several threads take effect one after the other.
    ///
    /// Stored data survives this process. The end of the supervisor, or of the machine, takes it away. The
    /// instances find what the program stored before supervision began, too.
    ///
    /// # Errors
    /// [`NoSpace`](ErrorKind::NoSpace): `data` is longer than 1 GiB, or the kernel has no memory for it; what
    /// was stored stays. [`BadState`](ErrorKind::BadState): this is a forked child.
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
                *lock(&self.data) = Some(copy);
                Ok(())
            }
        }
    }

    /// Copies the stored data to the beginning of `into`, and returns its length in bytes. Before the first
    /// [`store`](Self::store) there is none, and `into` stays as it is.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid): `into` is shorter than [`stored_len`](Self::stored_len).
    /// [`Damaged`](ErrorKind::Damaged): an instance has written over the shared memory.
    /// [`BadState`](ErrorKind::BadState): this is a forked child.
    pub fn restore(&self, into: &mut [u8]) -> Result<Option<usize>> {
        match attach::supervision() {
            Supervision::Attached(attached) => {
                lock(&attached.vault).restore(into).map_err(|error| unreadable(error, into.len()))
            }
            Supervision::ForkedChild => Err(attach::detached()),
            Supervision::Unsupervised => {
                let data = lock(&self.data);
                let Some(stored) = &*data else { return Ok(None) };
                let room = into.len();
                let into =
                    into.get_mut(..stored.len()).ok_or_else(|| unreadable(io::ErrorKind::InvalidInput.into(), room))?;
                into.copy_from_slice(stored);
                Ok(Some(stored.len()))
            }
        }
    }

    /// The stored data; `None` before the first [`store`](Self::store).
    ///
    /// # Errors
    /// [`Damaged`](ErrorKind::Damaged): an instance has written over the shared memory.
    /// [`BadState`](ErrorKind::BadState): this is a forked child.
    pub fn stored(&self) -> Result<Option<Vec<u8>>> {
        match attach::supervision() {
            Supervision::Attached(attached) => {
                // One lock for both, so that no store comes between the length and the bytes.
                let vault = lock(&attached.vault);
                let Some(len) = vault.stored_len().map_err(|error| unreadable(error, 0))? else { return Ok(None) };
                let mut data = vec![0; len];
                vault.restore(&mut data).map_err(|error| unreadable(error, len))?;
                Ok(Some(data))
            }
            Supervision::ForkedChild => Err(attach::detached()),
            Supervision::Unsupervised => Ok(lock(&self.data).clone()),
        }
    }

    /// The length of the stored data in bytes; `None` before the first [`store`](Self::store).
    ///
    /// # Errors
    /// As [`stored`](Self::stored).
    pub fn stored_len(&self) -> Result<Option<usize>> {
        match attach::supervision() {
            Supervision::Attached(attached) => lock(&attached.vault).stored_len().map_err(|error| unreadable(error, 0)),
            Supervision::ForkedChild => Err(attach::detached()),
            Supervision::Unsupervised => Ok(lock(&self.data).as_ref().map(Vec::len)),
        }
    }

    /// Forgets what was stored before there was a supervisor: the supervisor has it now.
    pub(crate) fn forget_own(&self) {
        *lock(&self.data) = None;
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
        io::ErrorKind::InvalidInput => Error::new(
            ErrorKind::Invalid,
            format!("more than {room} bytes are stored; give a buffer of stored_len bytes"),
        ),
        io::ErrorKind::InvalidData => {
            Error::new(ErrorKind::Damaged, "an instance has overwritten the stored data; store it anew")
                .with_source(error)
        }
        _ => Error::io("cannot read the stored data", error),
    }
}
