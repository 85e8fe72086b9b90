//! libsam for C: the twelve functions of corosync's `sam.h`, over the crate `sam`.
//!
//! One file a section of `sam/include/corosync/sam.h`:
//!
//! - [`life`]: `sam_initialize`, `sam_register`, `sam_finalize`, and which call may come when.
//! - [`health`]: `sam_start`, `sam_stop`, `sam_hc_send`, `sam_hc_callback_register`.
//! - [`failure`]: `sam_warn_signal_set`, `sam_mark_failed`.
//! - [`data`]: `sam_data_getsize`, `sam_data_restore`, `sam_data_store`.
//! - `status`: `cs_error_t`.
//! - `quiet`: sections that no signal handler of the same thread gets into.
//!
//! # Rules of every function
//! 1. It may be called from every thread at any time; what one call must not find half done,
//!    another does not leave half done.
//! 2. It may be called from the handler of the warn signal, whatever that interrupted: calls that
//!    change the stage block signals meanwhile, and those that touch stored data answer
//!    `CS_ERR_TRY_AGAIN` there instead of waiting for the call that they interrupted.
//! 3. Pointers are checked for NULL, and otherwise belong to the caller, who keeps them valid
//!    during the call. Nothing is allocated that the caller would have to free.
//! 4. A panic ends the process by SIGABRT, which the supervisor takes for any other abort.
//! 5. In a child that the application forks after `sam_register` every call answers
//!    `CS_ERR_BAD_HANDLE`.

#![deny(missing_debug_implementations)]

pub mod data;
pub mod failure;
pub mod health;
pub mod life;
mod quiet;
mod status;

pub use status::Status;
