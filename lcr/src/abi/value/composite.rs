//! `Option`, `Result`, tuples, arrays and `Duration`: representations with an explicit
//! tag or with C's field order.

use core::{
    mem::{MaybeUninit, offset_of},
    time::Duration,
};

use super::{
    super::{
        layout::layout,
        shape::{Kind, Part, Shape},
    },
    Abi, Plain, Within,
};

/// `Option<T>`: `tag` is 1 with a value, 0 without.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawOption<R: Copy> {
    tag: u8,
    value: MaybeUninit<R>,
}

layout!(RawOption<u64>: size 16, align 8 { tag at 0, value at 8 });

// SAFETY: the tag says whether the value is there; the value moves by its repr.
unsafe impl<T: Abi> Abi for Option<T> {
    type Repr = RawOption<T::Repr>;
    const SHAPE: &'static Shape = &Shape::of::<RawOption<T::Repr>>(Kind::Option, "", &[Part::of(T::SHAPE)]);
    #[inline]
    fn into_repr(self) -> Self::Repr {
        match self {
            Some(value) => RawOption { tag: 1, value: MaybeUninit::new(value.into_repr()) },
            None => RawOption { tag: 0, value: MaybeUninit::uninit() },
        }
    }
    #[inline]
    unsafe fn from_repr(repr: Self::Repr) -> Self {
        if repr.tag == 0 {
            return None;
        }
        // SAFETY: a tag of 1 means an initialised value.
        let value = unsafe { repr.value.assume_init() };
        // SAFETY: it is taken once.
        Some(unsafe { T::from_repr(value) })
    }
}

// SAFETY: it borrows what its value borrows.
unsafe impl<'a, T: Within<'a>> Within<'a> for Option<T> {}

/// `Result<T, E>`: `tag` is 0 for `Ok`, 1 for `Err`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawResult<T: Copy, E: Copy> {
    tag: u8,
    value: RawEither<T, E>,
}

layout!(RawResult<u64, u8>: size 16, align 8 { tag at 0, value at 8 });

#[repr(C)]
#[derive(Clone, Copy)]
union RawEither<T: Copy, E: Copy> {
    ok: T,
    err: E,
}

// SAFETY: the tag says which member is there; it moves by its repr.
unsafe impl<T: Abi, E: Abi> Abi for Result<T, E> {
    type Repr = RawResult<T::Repr, E::Repr>;
    const SHAPE: &'static Shape =
        &Shape::of::<RawResult<T::Repr, E::Repr>>(Kind::Result, "", &[Part::of(T::SHAPE), Part::of(E::SHAPE)]);
    #[inline]
    fn into_repr(self) -> Self::Repr {
        match self {
            Ok(value) => RawResult { tag: 0, value: RawEither { ok: value.into_repr() } },
            Err(error) => RawResult { tag: 1, value: RawEither { err: error.into_repr() } },
        }
    }
    #[inline]
    unsafe fn from_repr(repr: Self::Repr) -> Self {
        if repr.tag == 0 {
            // SAFETY: a tag of 0 means that `ok` is initialised.
            let value = unsafe { repr.value.ok };
            // SAFETY: it is taken once.
            Ok(unsafe { T::from_repr(value) })
        } else {
            // SAFETY: any other tag means that `err` is initialised.
            let error = unsafe { repr.value.err };
            // SAFETY: it is taken once.
            Err(unsafe { E::from_repr(error) })
        }
    }
}

// SAFETY: it borrows what its value borrows.
unsafe impl<'a, T: Within<'a>, E: Within<'a>> Within<'a> for Result<T, E> {}

// SAFETY: an array is its elements in order, each as its repr.
unsafe impl<T: Abi, const N: usize> Abi for [T; N] {
    type Repr = [T::Repr; N];
    const SHAPE: &'static Shape = &Shape::of::<[T::Repr; N]>(Kind::Array, "", &[Part::new("", N as i64, T::SHAPE)]);
    const PLAIN: bool = T::PLAIN;
    #[inline]
    fn into_repr(self) -> Self::Repr {
        self.map(T::into_repr)
    }
    #[inline]
    unsafe fn from_repr(repr: Self::Repr) -> Self {
        // SAFETY: each element is initialised and taken once.
        repr.map(|element| unsafe { T::from_repr(element) })
    }
}

// SAFETY: an array of plain elements has the layout of C's array.
unsafe impl<T: Plain + 'static, const N: usize> Plain for [T; N] {}

// SAFETY: it borrows what its elements borrow.
unsafe impl<'a, T: Within<'a>, const N: usize> Within<'a> for [T; N] {}

/// `Duration`: whole seconds and nanoseconds below 1,000,000,000.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawDuration {
    seconds: u64,
    nanoseconds: u32,
}

layout!(RawDuration: size 16, align 8 { seconds at 0, nanoseconds at 8 });

// SAFETY: both parts are integers.
unsafe impl Abi for Duration {
    type Repr = RawDuration;
    const SHAPE: &'static Shape = &Shape::of::<RawDuration>(Kind::Duration, "", &[]);
    #[inline]
    fn into_repr(self) -> RawDuration {
        RawDuration { seconds: self.as_secs(), nanoseconds: self.subsec_nanos() }
    }
    #[inline]
    unsafe fn from_repr(repr: RawDuration) -> Self {
        Duration::new(repr.seconds, repr.nanoseconds)
    }
}

// SAFETY: it borrows nothing.
unsafe impl Within<'_> for Duration {}

macro_rules! tuples {
    ($($raw:ident ( $($ty:ident $field:tt),+ );)*) => {$(
        /// A tuple's fields in C's order.
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct $raw<$($ty),+>($($ty),+);

        // SAFETY: each field moves by its repr, in C's order.
        unsafe impl<$($ty: Abi),+> Abi for ($($ty,)+) {
            type Repr = $raw<$($ty::Repr),+>;
            const SHAPE: &'static Shape = &Shape::of::<Self::Repr>(
                Kind::Tuple,
                "",
                &[$(Part::new("", offset_of!(Self::Repr, $field) as i64, $ty::SHAPE)),+],
            );
            #[inline]
            fn into_repr(self) -> Self::Repr {
                $raw($(self.$field.into_repr()),+)
            }
            #[inline]
            unsafe fn from_repr(repr: Self::Repr) -> Self {
                // SAFETY: each field is initialised and taken once.
                ($(unsafe { $ty::from_repr(repr.$field) },)+)
            }
        }

        // SAFETY: it borrows what its fields borrow.
        unsafe impl<'a, $($ty: Within<'a>),+> Within<'a> for ($($ty,)+) {}
    )*};
}

tuples! {
    RawTuple1(A 0);
    RawTuple2(A 0, B 1);
    RawTuple3(A 0, B 1, C 2);
    RawTuple4(A 0, B 1, C 2, D 3);
    RawTuple5(A 0, B 1, C 2, D 3, E 4);
    RawTuple6(A 0, B 1, C 2, D 3, E 4, F 5);
    RawTuple7(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    RawTuple8(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
}

layout!(RawTuple3<u8, u64, u16>: size 24, align 8 { 0 at 0, 1 at 8, 2 at 16 });
