//! A component whose code runs inside the tokio runtime of its image.

use lcr::{Fault, Handle};

/// Spawns, sleeps, and uses sockets and blocking closures, wherever it is called.
#[lcr::interface(name = "test.courier", version = 1)]
pub trait Courier {
    /// How often a task that the constructor spawned has ticked.
    fn ticks(&self) -> u64;
    /// Sends a line to that port of this machine, and calls `done` with the line that comes back.
    fn send(&self, port: u16, line: String, done: Box<dyn Fn(String) + Send>) -> Result<(), Fault>;
    /// Spawns a task that owns `held` and never ends.
    fn keep(&self, held: Box<dyn Fn() + Send>) -> Result<(), Fault>;
    /// Runs a blocking closure until `is_over`.
    fn block(&self, is_over: Box<dyn Fn() -> bool + Send>) -> Result<(), Fault>;
    /// Waits for a timer of the runtime, in the method.
    fn wait(&self) -> Result<(), Fault>;
    /// Calls `other` and comes back. Returns whether the method is inside the same runtime before and afterwards.
    fn call(&self, other: Handle<dyn Courier>) -> Result<bool, Fault>;
    /// Calls `told` from the destructor, with whether that is inside a runtime.
    fn at_the_end(&self, told: Box<dyn Fn(bool) + Send>) -> Result<(), Fault>;
    /// As `send`, but awaits the answer: in polls, which register the socket.
    async fn ask(&self, port: u16, line: &str) -> Result<String, Fault>;
    /// Awaits a timer, a task and a blocking closure. Returns whether each poll is inside the same runtime.
    async fn nap(&self) -> Result<bool, Fault>;
    /// Awaits for ever. Calls `told` when its future is dropped, with whether that is inside a runtime.
    async fn wait_for_ever(&self, told: Box<dyn Fn(bool) + Send>) -> Result<(), Fault>;
}
