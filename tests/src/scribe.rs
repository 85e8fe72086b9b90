//! A component that logs by `tracing` and `log`, linked or loaded.

/// Methods that log.
#[lcr::interface(name = "test.scribe", version = 1)]
pub trait Scribe {
    /// Spans and events with fields of all kinds, parents of all kinds, and values that come later.
    fn story(&self);
    /// One event of each level, and the number of fields that were formatted for them.
    fn chatter(&self) -> u64;
    /// As many events, numbered, by the thread of this number.
    fn count(&self, thread: u64, events: u64);
    /// Adds a value to the span that the caller is in, keeps that span, and logs in it from a thread of the
    /// component. Returns the span's name.
    fn visit(&self, guest: &str) -> Option<String>;
    /// Opens a span and keeps it as long as the image lives.
    fn keep_open(&self);
    /// An event whose field panics while it is formatted.
    fn stumble(&self) -> Result<(), lcr::Fault>;
    /// Panics: with a text, in a thread with a name, and with a payload that is no text.
    fn fail(&self, how: u32) -> Result<(), lcr::Fault>;
    /// How many events of [`chatter`](Scribe::chatter) a subscriber of the component's own gets, while another thread
    /// chatters as often to the program's.
    fn own_subscriber(&self) -> u64;
    /// Records of `log` of all levels, the second with keys and values; how many were formatted.
    fn log(&self) -> u64;
    /// How many records a logger and a subscriber of the component's own have got, which an initialiser has set.
    fn own_logger(&self) -> u64;
}
