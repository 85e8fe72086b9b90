//! `uuid::Uuid`, with feature `uuid`: plain data, since its crate promises the memory of `[u8; 16]`.

use uuid::Uuid;

use crate::{
    abi::{
        shape::{Kind, Part, Shape},
        value::{Abi, Plain, Within},
    },
    component::state::layout::{InMemory, Layout},
};

const PARTS: &[Part] = &[Part::new("bytes", 0, <[u8; 16]>::SHAPE)];

// SAFETY: its crate promises that it always has the ABI of `[u8; 16]`, and takes any bytes for an identifier.
unsafe impl Abi for Uuid {
    type Repr = Uuid;
    const SHAPE: &'static Shape = &Shape::of::<Uuid>(Kind::Struct, "uuid::Uuid", PARTS);
    const PLAIN: bool = true;
    #[inline(always)]
    fn into_repr(self) -> Uuid {
        self
    }
    #[inline(always)]
    unsafe fn from_repr(repr: Uuid) -> Uuid {
        repr
    }
}

// SAFETY: as above.
unsafe impl Plain for Uuid {}

// SAFETY: it borrows nothing.
unsafe impl Within<'_> for Uuid {}

// SAFETY: as above.
unsafe impl Layout for Uuid {
    type Itself = Self;
    const MEMORY: InMemory = InMemory::of::<Uuid>(Kind::Struct, "uuid::Uuid", PARTS, &[], true);
}
