//! Programs of `programs/`, each run as a process of its own that a test may kill.

mod leavings;
mod random;
mod serving;
mod soak;
mod survival;
