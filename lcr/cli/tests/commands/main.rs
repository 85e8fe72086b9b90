//! Each command of `lcr` as a process, with what it prints and how it ends.

mod files;
mod harness;
mod scaffold;
mod shells;
