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

/// Decodes a value; every byte must be used.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
    let value = T::deserialize(&mut reader)?;
    let rest = reader.get_ref().len();
    if rest != 0 {
        return Err(rmp_serde::decode::Error::Syntax(format!("{rest} bytes are left behind the value")));
    }
    Ok(value)
}
