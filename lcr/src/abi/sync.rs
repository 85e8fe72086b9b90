//! The one switch between the atomics of `core` and those of the loom model checker.

#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, compiler_fence, fence};

#[cfg(loom)]
pub use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

/// loom has no compiler fence; its models always take the fence path.
#[cfg(loom)]
pub fn compiler_fence(_: Ordering) {}
