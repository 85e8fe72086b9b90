//! Supervised programs: how they begin, live and end, and what their supervisor does about it.

mod command;
mod edges;
mod endings;
mod every_end;
mod every_signal;
mod hand_over;
mod memory;
mod notify;
mod operators;
mod programs;
mod recovery;
mod servers;
mod status;
mod terminal;
