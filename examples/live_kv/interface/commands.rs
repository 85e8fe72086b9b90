//! The command layer's contract.

use std::fmt;

/// Turns one request into one reply, with the help of an [`Engine`](crate::Engine).
///
/// The host knows sockets and framing and no command but `QUIT`, which it obeys
/// after this layer has answered it.
#[lcr::interface(name = "kv.commands", version = 1, deps(crate::Engine))]
pub trait Commands {
    /// Executes the request `words` (never empty) and returns its reply in RESP2.
    ///
    /// A request that is refused has a reply too, an error line; `Err` means that the
    /// layer itself could not be asked.
    fn execute(&self, words: Vec<&[u8]>) -> Result<Vec<u8>, CommandError>;
}

/// Why there is no reply to a request.
#[derive(Clone, PartialEq, Eq, Debug, lcr::Abi)]
pub struct CommandError {
    /// What happened.
    pub why: String,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the command layer failed: {}", self.why)
    }
}

impl std::error::Error for CommandError {}

impl From<lcr::Fault> for CommandError {
    fn from(fault: lcr::Fault) -> CommandError {
        CommandError { why: fault.to_string() }
    }
}
