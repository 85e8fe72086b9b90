//! A component that has its image's std keep things for the calling thread, and owns values
//! and threads that outlast a call.

use std::time::Duration;

/// What keeps an image.
#[lcr::interface(name = "test.keeper", version = 1)]
pub trait Keeper {
    /// Asks for the current thread, parks a moment and waits on a channel with a time-out.
    fn park(&self) -> u64;
    /// Leaves a value with a destructor in a thread-local; how many there were before.
    fn leave_local(&self) -> u64;
    /// Starts a thread, has it ask for itself, and joins it.
    fn join_thread(&self) -> u64;
    /// Starts a thread that nobody joins and that lives for a while.
    fn leave_thread(&self, lives: Duration);
    /// Bytes whose destructor takes its time.
    fn slow_bytes(&self, takes: Duration) -> lcr::Bytes;
}
