//! A component that logs wherever its code runs at an end of something.

use lcr::Fault;

/// What ends, and logs when it does. Each also opens a span, in which it logs.
#[lcr::interface(name = "test.ghost", version = 1)]
pub trait Ghost {
    /// A thread-local of the calling thread, and a value of a thread key.
    fn haunt(&self);
    /// A task that never ends, and a blocking closure.
    fn wander(&self);
    /// A value on the stack, which a panic unwinds.
    fn stumble(&self) -> Result<(), Fault>;
    /// A future that never ends.
    async fn linger(&self) -> Result<(), Fault>;
    /// Enters a span that it keeps, and never leaves it.
    fn stay(&self);
    /// Does nothing.
    fn knock(&self);
    /// Whether a subscriber, and a logger, of the component's own are refused.
    fn is_led(&self) -> (bool, bool);
}
