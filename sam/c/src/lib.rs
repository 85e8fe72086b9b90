//! libsam for C: the twelve functions of corosync's `sam.h`, over the crate `sam`.
//!
//! Each section of `sam/include/corosync/sam.h` has a file:
//!
//! - [`life`]: `sam_initialize`, `sam_register`, `sam_finalize`, and which calls each stage allows.
//! - [`health`]: `sam_start`, `sam_stop`, `sam_hc_send`, `sam_hc_callback_register`.
//! - [`failure`]: `sam_warn_signal_set`, `sam_mark_failed`.
//! - [`data`]: `sam_data_getsize`, `sam_data_restore`, `sam_data_store`.
//! - `status`: `cs_error_t`.
//! - `quiet`: sections that no signal handler of the same thread interrupts, or that it cannot enter again.
//!
//! # Rules of every function
//! 1. Every thread may call it at any time. A call sees what another has done as a whole or not at all.
//! 2. The handler of the warn signal may call it, whatever the handler has interrupted. Calls that change the
//!    stage block signals meanwhile. Calls on stored data return `CS_ERR_TRY_AGAIN` there, instead of waiting
//!    for the call that the handler has interrupted.
//! 3. It checks pointers for NULL. Otherwise they belong to the caller, who keeps them valid during the call.
//!    It allocates nothing that the caller would have to free.
//! 4. A panic ends the process by SIGABRT, and the supervisor treats it like any other abort.
//! 5. In a child that the application forks after `sam_register` every call returns `CS_ERR_BAD_HANDLE`.

#![deny(missing_debug_implementations)]

pub mod data;
pub mod failure;
pub mod health;
pub mod life;
mod quiet;
mod status;

pub use status::Status;
