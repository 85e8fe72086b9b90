//! The command layer's contract.

use std::fmt;

/// Turns one request into one reply, with the help of an [`Engine`](crate::Engine).
///
/// The host knows sockets, framing and what a client says of its own connection (`HELLO`,
/// `CLIENT`, `RESET`), which this layer never sees, and `QUIT`, which it obeys after this
/// layer has answered it.
#[lcr::interface(name = "kv.commands", version = 1, deps(crate::Engine))]
pub trait Commands {
    /// Executes the request `words` (never empty) and returns its reply.
    ///
    /// A request that is refused has a reply too, an error line; `Err` means that the
    /// layer itself could not be asked.
    fn execute(&self, words: Vec<&[u8]>) -> Result<Answer, CommandError>;

    /// Whether a request whose first word is `name` may touch the map. True also of a
    /// name that means nothing here: it may mean something to the layer that comes next.
    fn may_write(&self, name: &[u8]) -> Result<bool, CommandError>;
}

/// The answer to a request.
#[derive(Clone, PartialEq, Eq, Debug, lcr::Abi)]
pub struct Answer {
    /// The reply in RESP3, with the nulls of RESP2. The host rewrites what the client's
    /// version of the protocol does not have.
    pub reply: Vec<u8>,
    /// The keys to read again, if the host keeps a copy of the map.
    pub touched: Touched,
}

/// The part of the map that a request may have changed.
#[derive(Clone, PartialEq, Eq, Debug, lcr::Abi)]
pub enum Touched {
    /// None of it.
    Nothing,
    /// The keys that are words of the request.
    Words {
        /// Which word is the first of them; the request's own name is word 0.
        first: u32,
        /// No word after this one is a key.
        last: u32,
        /// The distance from one key to the next.
        step: u32,
    },
    /// Every key is removed.
    Everything,
}

impl Touched {
    /// The keys among the words of the request.
    pub fn keys<'a>(&self, words: &[&'a [u8]]) -> Vec<&'a [u8]> {
        let Touched::Words { first, last, step } = *self else { return Vec::new() };
        let end = words.len().min((last as usize).saturating_add(1));
        words[..end].iter().skip(first as usize).step_by(step.max(1) as usize).copied().collect()
    }
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
