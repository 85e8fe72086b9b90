//! The parts under test.

#![allow(clippy::duplicate_mod, reason = "versions and engines mount what they have in common, as their libraries do")]

#[path = "../../live_kv/components/commands_v1.rs"]
pub mod commands_v1;
#[path = "../../live_kv/components/commands_v2.rs"]
pub mod commands_v2;
#[path = "../../live_kv/components/engine_hash.rs"]
pub mod engine_hash;
#[path = "../../live_kv/components/engine_tree.rs"]
pub mod engine_tree;
#[path = "../../live_kv/keep/mod.rs"]
pub mod keep;
#[path = "../../live_kv/server/mod.rs"]
pub mod server;
