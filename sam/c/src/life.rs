//! The stages of a program's life with sam, and the calls that lead from one to another.
//!
//! | stage | calls that it allows |
//! |---|---|
//! | new | `sam_initialize` |
//! | initialized | `sam_register`, `sam_finalize`, `sam_data_*`, `sam_warn_signal_set` |
//! | registered | `sam_start`, `sam_hc_callback_register`, `sam_finalize`, `sam_data_*`, `sam_warn_signal_set` |
//! | started | `sam_hc_send`, `sam_stop`, `sam_finalize`, `sam_data_*`, `sam_warn_signal_set` |
//! | finalized | none |
//!
//! Every other call returns `CS_ERR_BAD_HANDLE`.
//!
//! The stage is one word, so a beat reads it by one load. Changes come one after the other, under the lock
//! of [`Told`] and in a [`quiet`] section: the supervisor hears of them in the order in which the stage
//! changes.

use std::{
    ffi::{c_int, c_uint},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use sam_rust::{__private, Builder, options::Recovery};

use crate::{Status, quiet::quiet};

const QUIT: c_uint = 1;
const RESTART: c_uint = 2;
const QUORUM: c_uint = 0x08;
const CMAP: c_uint = 0x10;

/// The stage of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Stage {
    New,
    Initialized,
    Registered,
    Started,
    Finalized,
}

impl Stage {
    const ALL: [Stage; 5] = [Stage::New, Stage::Initialized, Stage::Registered, Stage::Started, Stage::Finalized];

    /// The stage of this process. In a child that the application has forked it is `Finalized`: no call is
    /// allowed.
    #[inline]
    pub(crate) fn now() -> Stage {
        if __private::is_detached() {
            return Stage::Finalized;
        }
        // Relaxed: the locks of the calls that a stage allows order what they do.
        Stage::ALL[usize::from(STAGE.load(Ordering::Relaxed))]
    }

    /// Whether the stage allows calls on stored data and the warn signal.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Stage::Initialized | Stage::Registered | Stage::Started)
    }
}

static STAGE: AtomicU8 = AtomicU8::new(Stage::New as u8);

/// What the program said before it registered.
pub(crate) struct Told {
    interval: Duration,
    recovery: Recovery,
    pub(crate) warn_signal: c_int,
}

impl Told {
    /// Enters a stage.
    pub(crate) fn enter(&mut self, stage: Stage) {
        STAGE.store(stage as u8, Ordering::Relaxed);
    }
}

static TOLD: Mutex<Told> =
    Mutex::new(Told { interval: Duration::ZERO, recovery: Recovery::Quit, warn_signal: libc::SIGTERM });

/// Runs a call that changes something, alone, with what the program has said and the present stage.
pub(crate) fn change(call: impl FnOnce(&mut Told, Stage) -> Status) -> Status {
    quiet(|| {
        // Before the lock: a thread that this child lacks may hold it.
        if __private::is_detached() {
            return Status::BAD_HANDLE;
        }
        let mut told: MutexGuard<'_, Told> = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        call(&mut told, Stage::now())
    })
}

/// `sam_initialize`: takes the interval in milliseconds (0: only ends count) and the policy.
///
/// - `CS_ERR_BAD_HANDLE`: the program has called it before.
/// - `CS_ERR_INVALID_PARAM`: the interval is negative, or there is no such policy.
/// - `CS_ERR_NOT_SUPPORTED`: the policy asks for quorum or cmap.
#[unsafe(no_mangle)]
pub extern "C" fn sam_initialize(time_interval: c_int, recovery_policy: c_uint) -> Status {
    change(|told, stage| {
        if stage != Stage::New {
            return Status::BAD_HANDLE;
        }
        let Ok(interval) = u64::try_from(time_interval) else { return Status::INVALID_PARAM };
        let integrations = recovery_policy & (QUORUM | CMAP);
        told.recovery = match recovery_policy & !integrations {
            QUIT | RESTART | 0 if integrations != 0 => return Status::NOT_SUPPORTED,
            QUIT => Recovery::Quit,
            RESTART => Recovery::Restart,
            _ => return Status::INVALID_PARAM,
        };
        told.interval = Duration::from_millis(interval);
        told.enter(Stage::Initialized);
        Status::OK
    })
}

/// `sam_register`: makes this process the supervisor, and returns in each instance. If `instance_id` is not
/// NULL, writes the instance's number there, from 1 on.
///
/// - `CS_ERR_BAD_HANDLE`: not initialized, registered already, or finalized.
/// - `CS_ERR_BAD_OPERATION`: there are other threads, which would be missing in each instance.
/// - `CS_ERR_INVALID_PARAM`: a variable of the environment has a value that sam does not take.
/// - `CS_ERR_LIBRARY`, `CS_ERR_NO_MEMORY`: the operating system refused; `errno` says why.
///
/// Unless `SAM_COROSYNC=0` is in the environment, restarts follow the rules of corosync's library. They come
/// at once and without a budget; only a crash loop slows down, after 200 restarts in a row, to one a second.
/// If an instance exits before `sam_start` or after `sam_stop`, there is no restart, and the supervisor
/// ends with the same status.
///
/// After an error the program is unsupervised, and may try again.
///
/// # Safety
/// `instance_id` is NULL or points to an `unsigned int` of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sam_register(instance_id: *mut c_uint) -> Status {
    let status = change(|told, stage| {
        if stage != Stage::Initialized {
            return Status::BAD_HANDLE;
        }
        let builder = Builder::new()
            .interval(Some(told.interval).filter(|interval| !interval.is_zero()))
            .policy(told.recovery)
            .warn_signal(told.warn_signal);
        let builder = __private::like_corosync(builder);
        let status = Status::from(builder.supervise());
        if status == Status::OK {
            told.enter(Stage::Registered);
        }
        status
    });
    if status == Status::OK && !instance_id.is_null() {
        // SAFETY: not NULL, so it points to an int of the caller's.
        unsafe { instance_id.write(sam_rust::app().instance()) };
    }
    status
}

/// `sam_finalize`: ends supervision. Nothing is checked any more, and however this process ends, its supervisor
/// ends in the same way and starts no further instance.
///
/// - `CS_ERR_BAD_HANDLE`: not initialized, or finalized already.
#[unsafe(no_mangle)]
pub extern "C" fn sam_finalize() -> Status {
    change(|told, stage| {
        if !stage.is_open() {
            return Status::BAD_HANDLE;
        }
        if stage != Stage::Initialized {
            sam_rust::app().finalize();
        }
        told.enter(Stage::Finalized);
        Status::OK
    })
}
