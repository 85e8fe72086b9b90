//! `Cow`: lent where it is borrowed, moved where it is owned.
//!
//! It crosses as an enum of the two, as `#[derive(Abi)]` would send it, for each content that crosses both lent and
//! owned: `str`, slices of plain data, `Path` and `OsStr` once they have an owned form. What is borrowed is lent as
//! any argument is ([`Within`]), so a result cannot be a `Cow`: it owns what it holds.

use std::borrow::{Cow, ToOwned};

use crate::abi::{
    shape::Shape,
    value::{Abi, Within},
};

mod crossing {
    /// How a `Cow` crosses.
    #[derive(Debug, crate::Abi)]
    pub enum Cow<B, O> {
        Borrowed(B),
        Owned(O),
    }
}

type LentOrOwned<'a, B> = crossing::Cow<&'a B, <B as ToOwned>::Owned>;

// SAFETY: the two variants cross as the enum, which is a value of its own right.
unsafe impl<'a, B: ?Sized + ToOwned> Abi for Cow<'a, B>
where
    &'a B: Abi,
    B::Owned: Abi,
{
    type Repr = <LentOrOwned<'a, B> as Abi>::Repr;
    const SHAPE: &'static Shape = <LentOrOwned<'a, B>>::SHAPE;
    fn into_repr(self) -> Self::Repr {
        match self {
            Cow::Borrowed(value) => LentOrOwned::<'a, B>::Borrowed(value),
            Cow::Owned(value) => LentOrOwned::<'a, B>::Owned(value),
        }
        .into_repr()
    }
    unsafe fn from_repr(repr: Self::Repr) -> Self {
        // SAFETY: the caller keeps the contract of `from_repr`.
        match unsafe { LentOrOwned::<'a, B>::from_repr(repr) } {
            crossing::Cow::Borrowed(value) => Cow::Borrowed(value),
            crossing::Cow::Owned(value) => Cow::Owned(value),
        }
    }
}

// SAFETY: it borrows what either of the two borrows.
unsafe impl<'x: 'a, 'a, B: ?Sized + ToOwned> Within<'x> for Cow<'a, B>
where
    &'a B: Within<'x>,
    B::Owned: Within<'x>,
{
}
