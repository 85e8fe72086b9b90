//! How a tracked container lies in memory. Its parts derive their descriptions.

use std::mem::offset_of;

use crate::{
    abi::shape::{Kind, Part},
    component::tracked::{Container, Tracked},
};

use super::layout::{InMemory, Layout};

// SAFETY: its one field is described, down to std's containers. No unsafe code of this crate relies on what the
// description leaves out: how positions follow from hashes, and how segments are split. The number in the name is
// raised when that changes, else another version of this crate would not find the entries.
unsafe impl<C: Container<Parts: Layout> + 'static> Layout for Tracked<C> {
    type Itself = Self;
    const MEMORY: InMemory = InMemory::of::<Tracked<C>>(
        Kind::Struct,
        "lcr::Tracked 1",
        &[Part::new("parts", offset_of!(Tracked<C>, parts) as i64, <C::Parts as Layout>::MEMORY.shape())],
        &[&<C::Parts as Layout>::MEMORY],
        true,
    );
}
