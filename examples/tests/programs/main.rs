//! The programs, as a user runs them.

mod live_kv;
mod small;
mod supervised;
