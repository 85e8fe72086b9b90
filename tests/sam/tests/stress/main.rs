//! Supervisors and instances that are killed thousands of times. Each test adopts the orphans of all
//! its descendants and waits for every child, so each runs in a process of its own.

mod faults;
mod kills;
mod load;
