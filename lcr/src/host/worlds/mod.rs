//! The ground of every call: [`world`] has the current table, [`records`] the frames of each thread, [`own`] what it
//! has for itself alone, [`detached`] the slots of async calls between their polls, and [`gate_word`] the word on which
//! threads sleep while a gate is shut. loom's models check the code of this room and of `abi`.

pub(crate) mod detached;
pub(in crate::host) mod gate_word;
pub(crate) mod own;
pub(crate) mod records;
pub(crate) mod world;
