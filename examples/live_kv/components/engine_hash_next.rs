//! The next build of the engine with hash maps: the same source, compiled once more.

#[path = "engine_hash.rs"]
mod engine_hash;
