//! Parts of `live_kv`, mounted as modules and called as plain Rust.
//!
//! One program for all of them: each part is compiled once. The engines have a program of their own, which
//! links no component but them.

mod clients;
mod commands;
mod keep;
mod live_kv;
mod server;
