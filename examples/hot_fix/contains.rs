//! The fix: a key counts as often as it is named.

use kv::{Engine, EngineError};

type Count = Result<u64, EngineError>;

/// Asks for each key on its own. So the count may be of several moments, which is better than wrong until the engine
/// itself is mended.
#[lcr::patch(interface = dyn Engine, name = "count-each", version = "1.0.0")]
fn contains(next: &dyn Fn(Vec<&[u8]>) -> Count, keys: Vec<&[u8]>) -> Count {
    keys.into_iter().map(|key| next(vec![key])).sum()
}
