//! What happens when the application fails.

use std::ffi::c_int;

use crate::{
    Status,
    life::{Stage, change},
};

/// `sam_warn_signal_set`: the signal that comes before SIGKILL; SIGKILL itself leaves no time
/// between. Before `sam_register` for all instances, afterwards for this one.
///
/// - `CS_ERR_BAD_HANDLE`: not initialized, or finalized.
/// - `CS_ERR_INVALID_PARAM`: no signal, or SIGSTOP, which ends nothing.
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

/// `sam_mark_failed`: for programs with the policy CMAP, which tells the cluster of the failure.
///
/// - `CS_ERR_BAD_HANDLE`: not initialized, or finalized.
/// - `CS_ERR_INVALID_PARAM`: the policy has no CMAP in it, as none that `sam_initialize` takes
///   so far.
#[unsafe(no_mangle)]
pub extern "C" fn sam_mark_failed() -> Status {
    if Stage::now().is_open() { Status::INVALID_PARAM } else { Status::BAD_HANDLE }
}
