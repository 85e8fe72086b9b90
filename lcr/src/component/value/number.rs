//! `NonZero` and `Ordering`: numbers of which some values are none.

use std::{cmp, num::NonZero};

use super::form::{Form, cross_by_form, refuse};

macro_rules! nonzero {
    ($($ty:ident)*) => {
        $(impl Form for NonZero<$ty> {
            type Form = $ty;
            const NAME: &'static str = concat!("std::NonZero<", stringify!($ty), ">");
            fn into_form(self) -> $ty {
                self.get()
            }
            fn from_form(number: $ty) -> NonZero<$ty> {
                NonZero::new(number).unwrap_or_else(|| refuse(Self::NAME, number))
            }
        })*
        cross_by_form! { $({} NonZero<$ty>;)* }
    };
}

nonzero! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }

/// The forms, which have the names of their types.
mod form {
    /// That of [`std::cmp::Ordering`].
    #[derive(Debug, lcr::Abi)]
    pub enum Ordering {
        Less,
        Equal,
        Greater,
    }
}

impl Form for cmp::Ordering {
    type Form = form::Ordering;
    const NAME: &'static str = "std::Ordering";
    fn into_form(self) -> form::Ordering {
        match self {
            cmp::Ordering::Less => form::Ordering::Less,
            cmp::Ordering::Equal => form::Ordering::Equal,
            cmp::Ordering::Greater => form::Ordering::Greater,
        }
    }
    fn from_form(form: form::Ordering) -> cmp::Ordering {
        match form {
            form::Ordering::Less => cmp::Ordering::Less,
            form::Ordering::Equal => cmp::Ordering::Equal,
            form::Ordering::Greater => cmp::Ordering::Greater,
        }
    }
}

cross_by_form! { {} cmp::Ordering; }
