//! Paths and the system's strings, lent as the bytes that they are on Unix.
//!
//! Any bytes are a valid path, so a receiver need not check them. The shape is that of a struct
//! with a slice of bytes.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use crate::abi::{
    shape::{Kind, Part, Shape},
    value::{Abi, Within, sequences::RawSlice},
};

const BYTES: &[Part] = &[Part { name: "bytes", at: 0, shape: <&[u8]>::SHAPE }];

// SAFETY: the bytes have one layout and any meaning; nothing is owned.
unsafe impl Abi for &OsStr {
    type Repr = RawSlice<u8>;
    const SHAPE: &'static Shape = &Shape::of::<RawSlice<u8>>(Kind::Struct, "OsStr", BYTES);
    #[inline(always)]
    fn into_repr(self) -> RawSlice<u8> {
        self.as_bytes().into_repr()
    }
    #[inline(always)]
    unsafe fn from_repr(repr: RawSlice<u8>) -> Self {
        // SAFETY: `into_repr` took both from bytes that outlive the result.
        let bytes: &[u8] = unsafe { Abi::from_repr(repr) };
        OsStr::from_bytes(bytes)
    }
}

// SAFETY: the bound.
unsafe impl<'a: 'x, 'x> Within<'a> for &'x OsStr {}

// SAFETY: as for `&OsStr`, which a path is.
unsafe impl Abi for &Path {
    type Repr = RawSlice<u8>;
    const SHAPE: &'static Shape = &Shape::of::<RawSlice<u8>>(Kind::Struct, "Path", BYTES);
    #[inline(always)]
    fn into_repr(self) -> RawSlice<u8> {
        self.as_os_str().into_repr()
    }
    #[inline(always)]
    unsafe fn from_repr(repr: RawSlice<u8>) -> Self {
        // SAFETY: `into_repr` took both from a path that outlives the result.
        let text: &OsStr = unsafe { Abi::from_repr(repr) };
        Path::new(text)
    }
}

// SAFETY: the bound.
unsafe impl<'a: 'x, 'x> Within<'a> for &'x Path {}
