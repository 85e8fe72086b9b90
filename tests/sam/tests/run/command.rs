//! `sam run`: what the command supervises, and how it ends.

mod arguments;
mod failures;
mod kill_modes;
mod life;
mod probes;
mod signals;
mod surroundings;
