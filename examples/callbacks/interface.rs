//! The interface that the program and the component share.

/// Publishes texts, and keeps them.
#[lcr::interface(name = "callbacks.feed", version = 1)]
pub trait Feed {
    /// Calls `visit` with each published text, the oldest first, until `visit` returns `false`. The feed
    /// borrows the callback for the length of the call, so the callback may borrow from the caller.
    fn each(&self, visit: &dyn Fn(&str) -> bool);
    /// Keeps `tell`, and calls it with every further text, on the thread that publishes. The feed owns
    /// the callback, so the callback must own what it uses.
    fn subscribe(&self, tell: Box<dyn Fn(&str) + Send + Sync>);
    /// Publishes a text, and returns how many subscribers were called.
    fn publish(&self, text: &str) -> u64;
}
