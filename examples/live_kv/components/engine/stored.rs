//! What the maps of the engines hold: keys and values.
//!
//! Both are memory of the allocator without a function of an image beside it, so they can move to another engine with
//! the map that they are in. A value is counted, so that a reader gets it without a copy and without the map's lock.

use std::{borrow::Borrow, sync::Arc};

use lcr::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteBuf;

/// A key.
#[derive(Clone, PartialEq, Eq, Hash, lcr::Layout)]
pub(crate) struct Key(Box<[u8]>);

impl Key {
    pub(crate) fn new(key: &[u8]) -> Key {
        Key(key.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A hash map finds a key by its bytes, which hash as the key does.
impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

/// A value.
#[derive(Clone, lcr::Layout)]
pub(crate) struct Value(Arc<[u8]>);

impl Value {
    pub(crate) fn new(value: &[u8]) -> Value {
        Value(value.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same bytes for a caller, not copied.
    pub(crate) fn lend(&self) -> Bytes {
        Bytes::from_owner(Arc::clone(&self.0))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        Ok(Key(ByteBuf::deserialize(deserializer)?.into_vec().into()))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Ok(Value(ByteBuf::deserialize(deserializer)?.into_vec().into()))
    }
}
