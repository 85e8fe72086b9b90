//! Each command of `lcr` as a process, with what it prints and how it ends.

mod calls;
mod canaries;
mod changes;
mod edit;
mod exports;
mod files;
mod harness;
mod live_kv;
mod looks;
mod other_users;
mod refusals;
mod rollbacks;
mod scaffold;
mod server;
mod shadows;
mod shells;
mod source;
mod terminal;
mod top;
mod trials;
mod watch;
mod watching;
