//! Paths and the system's strings, as the bytes that they are on Unix.
//!
//! Any bytes are a valid path, so a receiver need not check them, and paths that are not UTF-8 cross as they are. Lent
//! ones cross as a slice of bytes, owned ones as a vector.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use super::form::{Form, cross_by_form};
use crate::abi::{
    shape::{Kind, Part, Shape},
    value::{Abi, Within, sequences::RawSlice},
};

const BYTES: &[Part] = &[Part::new("bytes", 0, <&[u8]>::SHAPE)];

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

impl Form for OsString {
    type Form = Vec<u8>;
    const NAME: &'static str = "std::OsString";
    fn into_form(self) -> Vec<u8> {
        self.into_vec()
    }
    fn from_form(bytes: Vec<u8>) -> OsString {
        OsString::from_vec(bytes)
    }
}

impl Form for PathBuf {
    type Form = Vec<u8>;
    const NAME: &'static str = "std::PathBuf";
    fn into_form(self) -> Vec<u8> {
        self.into_os_string().into_vec()
    }
    fn from_form(bytes: Vec<u8>) -> PathBuf {
        OsString::from_vec(bytes).into()
    }
}

cross_by_form! {
    {} OsString;
    {} PathBuf;
}
