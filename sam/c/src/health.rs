//! Signs of life.

use std::ffi::c_int;

use crate::{
    Status,
    life::{Stage, change},
};

/// `sam_hc_callback_t`: 0 if the application is well.
pub type Callback = extern "C" fn() -> c_int;

/// `sam_start`: begins the check. From now on the application gives a sign of life at least once an interval.
///
/// - `CS_ERR_BAD_HANDLE`: not registered, started already, or finalized.
#[unsafe(no_mangle)]
pub extern "C" fn sam_start() -> Status {
    change(|told, stage| {
        if stage != Stage::Registered {
            return Status::BAD_HANDLE;
        }
        sam_rust::app().resume_checks();
        told.enter(Stage::Started);
        Status::OK
    })
}

/// `sam_stop`: pauses the check. Silence is no failure until the next `sam_start`.
///
/// - `CS_ERR_BAD_HANDLE`: not started.
#[unsafe(no_mangle)]
pub extern "C" fn sam_stop() -> Status {
    change(|told, stage| {
        if stage != Stage::Started {
            return Status::BAD_HANDLE;
        }
        sam_rust::app().pause_checks();
        told.enter(Stage::Registered);
        Status::OK
    })
}

/// `sam_hc_send`: gives a sign of life. It reads the clock and writes a word; no system call, no lock.
///
/// - `CS_ERR_BAD_HANDLE`: not started.
#[unsafe(no_mangle)]
pub extern "C" fn sam_hc_send() -> Status {
    if Stage::now() != Stage::Started {
        return Status::BAD_HANDLE;
    }
    sam_rust::app().beat();
    Status::OK
}

/// `sam_hc_callback_register`: while the application is started, a thread of this library calls `cb` once an
/// interval, with every signal blocked. If `cb` returns 0, that is a sign of life. After a call with NULL,
/// `sam_hc_send` gives signs of life again.
///
/// - `CS_ERR_BAD_HANDLE`: not registered, started, or finalized.
/// - `CS_ERR_LIBRARY`: the system makes no thread; `errno` says why.
#[unsafe(no_mangle)]
pub extern "C" fn sam_hc_callback_register(cb: Option<Callback>) -> Status {
    change(|_, stage| {
        if stage != Stage::Registered {
            return Status::BAD_HANDLE;
        }
        match cb {
            Some(callback) => sam_rust::app().set_callback(move || callback() == 0).into(),
            None => {
                sam_rust::app().clear_callback();
                Status::OK
            }
        }
    })
}
