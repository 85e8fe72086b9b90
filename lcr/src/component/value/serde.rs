//! `Serde<T>`: any serde type as an argument or result.

use std::ops::{Deref, DerefMut};

use serde::{Serialize, de::DeserializeOwned};

use crate::abi::{
    shape::{Kind, Shape},
    value::{Abi, Within, sequences::RawVec},
};

use super::super::wire;

/// Any serde type as an argument or result: it crosses in the self-describing format of
/// [`wire`](crate::wire).
///
/// Each crossing costs an encoding and a decoding. The two sides may know different versions of `T`,
/// as far as serde can read one as the other: a field with `#[serde(default)]` may be missing.
///
/// # Panics
/// The call panics if the value cannot be encoded or decoded. In the component such a panic becomes a
/// [`Fault`](crate::Fault) of the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a wrapper, made by its one field")]
pub struct Serde<T>(pub T);

impl<T> Deref for Serde<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Serde<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Serde<T> {
    fn from(value: T) -> Serde<T> {
        Serde(value)
    }
}

// SAFETY: it crosses as owned bytes that carry the function that frees them.
unsafe impl<T: Serialize + DeserializeOwned> Abi for Serde<T> {
    type Repr = RawVec<u8>;
    const SHAPE: &'static Shape = &Shape::of::<RawVec<u8>>(Kind::Serde, "", &[]);

    fn into_repr(self) -> RawVec<u8> {
        match wire::encode_readable(&self.0) {
            Ok(bytes) => bytes.into_repr(),
            Err(error) => panic!("lcr::Serde<{}> cannot be encoded: {error}", std::any::type_name::<T>()),
        }
    }

    unsafe fn from_repr(repr: RawVec<u8>) -> Self {
        // SAFETY: the caller keeps the contract of `from_repr`.
        let bytes: Vec<u8> = unsafe { Abi::from_repr(repr) };
        match wire::decode(&bytes) {
            Ok(value) => Serde(value),
            Err(error) => panic!("lcr::Serde<{}> cannot be decoded: {error}", std::any::type_name::<T>()),
        }
    }
}

// SAFETY: what is decoded borrows nothing of the bytes, which are gone.
unsafe impl<T: Serialize + DeserializeOwned> Within<'_> for Serde<T> {}
