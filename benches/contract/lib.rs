//! The contract between the measuring process and the cdylibs that it loads: one trivial method, written once for
//! each kind of call across an image border.
//!
//! The method adds a number that the instance holds. Whatever a call costs beyond that
//! addition is the price of the kind of call that it took.

pub mod bare;
pub mod interfaces;
pub mod logs;
pub mod loops;
#[cfg(feature = "peers")]
pub mod peer_abi_stable;
#[cfg(feature = "peers")]
pub mod peer_async_ffi;
#[cfg(feature = "peers")]
pub mod peer_stabby;
pub mod walk;

/// The number that the instance of every implementation adds.
pub const ADDEND: u64 = 7;
