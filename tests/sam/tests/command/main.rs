//! `sam run`: what the command supervises, and how it ends.

mod arguments;
mod life;
mod probes;
mod signals;
