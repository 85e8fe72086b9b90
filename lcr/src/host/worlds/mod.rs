//! The ground of every call: [`world`] has the current table, [`records`] the frames of each thread, and
//! [`gate_word`] the word on which threads sleep while a gate is shut. loom's models check the code of this
//! room and of `abi`.

pub(in crate::host) mod gate_word;
pub(crate) mod records;
pub(crate) mod world;
