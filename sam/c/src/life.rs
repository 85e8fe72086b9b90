//! The stages of a program's life with sam, and the calls that move it.
//!
//! | stage | what may be called, beside `sam_data_*` and `sam_warn_signal_set` |
//! |---|---|
//! | new | `sam_initialize`, and nothing else at all |
//! | initialized | `sam_register`, `sam_finalize` |
//! | registered | `sam_start`, `sam_hc_callback_register`, `sam_finalize` |
//! | started | `sam_hc_send`, `sam_stop`, `sam_finalize` |
//! | finalized | nothing |
//!
//! Whatever else is called answers `CS_ERR_BAD_HANDLE`.
//!
//! The stage is one word, so that a beat asks for it by one load. Changes are made one after the
//! other, under the lock of [`Told`] and in a [`quiet`] section, so that the order in which the
//! stage changes is the order in which the supervisor hears of it.

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

/// Where the program is.
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

    /// Where this process is. A child of the application's has nothing to call any more.
    #[inline]
    pub(crate) fn now() -> Stage {
        if __private::is_detached() {
            return Stage::Finalized;
        }
        // Relaxed: what a stage allows is ordered by the locks of what is called then.
        Stage::ALL[usize::from(STAGE.load(Ordering::Relaxed))]
    }

    /// Is there anything to be told to sam?
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
    /// The next stage.
    pub(crate) fn enter(&mut self, stage: Stage) {
        STAGE.store(stage as u8, Ordering::Relaxed);
    }
}

static TOLD: Mutex<Told> =
    Mutex::new(Told { interval: Duration::ZERO, recovery: Recovery::Quit, warn_signal: libc::SIGTERM });

/// Runs a call that changes something, alone, with what was told and the present stage.
pub(crate) fn change(call: impl FnOnce(&mut Told, Stage) -> Status) -> Status {
    quiet(|| {
        // Before the lock: a thread that is not in this child may hold it.
        if __private::is_detached() {
            return Status::BAD_HANDLE;
        }
        let mut told: MutexGuard<'_, Told> = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        call(&mut told, Stage::now())
    })
}

/// `sam_initialize`: takes the interval in milliseconds (0: only ends count) and the policy.
///
/// - `CS_ERR_BAD_HANDLE`: it was called before.
/// - `CS_ERR_INVALID_PARAM`: the interval is negative, or the policy is none.
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

/// `sam_register`: makes this process the supervisor and returns in each instance, with its
/// number, from 1, where `instance_id` points if that is not NULL.
///
/// - `CS_ERR_BAD_HANDLE`: not initialized, registered already, or finalized.
/// - `CS_ERR_BAD_OPERATION`: there are other threads already, which no instance would have.
/// - `CS_ERR_INVALID_PARAM`: a value from the environment makes no sense.
/// - `CS_ERR_LIBRARY`, `CS_ERR_NO_MEMORY`: the operating system refused; `errno` says why.
///
/// Unless `SAM_COROSYNC=0` is in the environment, restarts are as of corosync's library: at once,
/// without a budget (a crash loop is slowed down to one a second after 200 in a row), and an
/// instance that exits before `sam_start` or after `sam_stop` is not restarted: its status is the
/// supervisor's.
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
        let builder = Builder::new().interval(told.interval).policy(told.recovery).warn_signal(told.warn_signal);
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

/// `sam_finalize`: nothing is checked any more, and however this process ends, its supervisor
/// ends so, too, and makes no further instance.
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
