//! The self-describing form in which state, configuration and [`Serde`] values cross:
//! MessagePack with named fields, so that a field with `#[serde(default)]` may be added.
//!
//! Byte vectors are written as byte strings, not as lists of numbers.
//!
//! [`Serde`]: super::serde::Serde

use rmp_serde::{Serializer, config::BytesMode};
use serde::{Serialize, de::DeserializeOwned};

/// Encodes a value.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::new(&mut bytes).with_struct_map().with_bytes(BytesMode::ForceIterables))?;
    Ok(bytes)
}

/// Decodes a value.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}
