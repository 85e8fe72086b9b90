//! What happens when the application fails.

use std::ffi::c_int;

use crate::{
    Status,
    life::{Stage, change},
};

/// `sam_warn_signal_set`: sets the signal that warns a program before SIGKILL. SIGKILL itself leaves no time
/// after the warning. A call before `sam_register` is for all instances, a later one for this instance.
///
/// - `CS_ERR_BAD_HANDLE`: not initialized, or finalized.
/// - `CS_ERR_INVALID_PARAM`: there is no such signal, or it is SIGSTOP, which ends no process.
#[unsafe(no_mangle)]
pub extern "C" fn sam_warn_signal_set(warn_signal: c_int) -> Status {
    change(|told, stage| {
        if !stage.is_open() {
            return Status::BAD_HANDLE;
        }
        if !(1..=libc::SIGRTMAX()).contains(&warn_signal) || warn_signal == libc::SIGSTOP {
            return Status::INVALID_PARAM;
        }
        if stage == Stage::Initialized {
            told.warn_signal = warn_signal;
            return Status::OK;
        }
        sam_rust::app().set_warn_signal(warn_signal).into()
    })
}

/// `sam_mark_failed`: tells the cluster of a failure, under a policy with CMAP. `sam_initialize` takes no such
/// policy so far, so this always fails.
///
/// - `CS_ERR_BAD_HANDLE`: not initialized, or finalized.
/// - `CS_ERR_INVALID_PARAM`: the policy has no CMAP in it.
#[unsafe(no_mangle)]
pub extern "C" fn sam_mark_failed() -> Status {
    if Stage::now().is_open() { Status::INVALID_PARAM } else { Status::BAD_HANDLE }
}
