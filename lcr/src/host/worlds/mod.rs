//! The ground of every call: [`world`] is the table that is current, [`records`] holds the frames
//! of each thread, and [`gate_word`] is what threads wait on while a gate is shut. What loom models
//! is here and in `abi`.

pub(in crate::host) mod gate_word;
pub(crate) mod records;
pub(crate) mod world;
