//! What the program and the component agree on.

/// Publishes news.
#[lcr::interface(name = "callbacks.feed", version = 1)]
pub trait Feed {
    /// Calls `visit` with each of the last news, the oldest first, until it says `false`. The
    /// callback is lent for the length of the call, so it may borrow from the caller.
    fn each(&self, visit: &dyn Fn(&str) -> bool);
    /// Keeps `tell`, and calls it with all further news, on the publishers' threads. The callback is
    /// given away: it owns what it uses.
    fn subscribe(&self, tell: Box<dyn Fn(&str) + Send + Sync>);
    /// Publishes. Returns how many subscribers were told.
    fn publish(&self, text: &str) -> u64;
}
