//! An interface with types of other crates: `uuid::Uuid` and `bytes::Bytes`.

use bytes::Bytes;
use uuid::Uuid;

/// Types of other crates in a derived type.
#[derive(Clone, Debug, PartialEq, lcr::Abi)]
pub struct Parcel {
    /// Its identifier.
    pub id: Uuid,
    /// What is in it.
    pub content: Option<Bytes>,
}

/// Keeps parcels.
#[lcr::interface(name = "test.parcels", version = 1)]
pub trait Parcels {
    /// Bytes of this side and their address; their owner's destructor counts, and panics if the text is `bomb`.
    fn bytes(&self, text: &str) -> (Bytes, usize);
    /// How many of these owners were destroyed.
    fn destroyed(&self) -> u64;
    /// Returns the address of the bytes, the bytes from `from` on, and the bytes themselves.
    fn cut(&self, bytes: Bytes, from: usize) -> (usize, Bytes, Bytes);
    /// Keeps the bytes, and returns those kept before.
    fn keep(&self, bytes: Option<Bytes>) -> Option<Bytes>;
    /// The parcels in the other order, each with the bits of its identifier flipped.
    fn turned(&self, parcels: Vec<Parcel>) -> Vec<Parcel>;
    /// Returns the address of the identifiers, and flips the bits of each.
    fn flip(&self, ids: &mut [Uuid]) -> usize;
    /// The identifier and the bytes.
    async fn later(&self, id: Uuid, bytes: Bytes) -> (Bytes, Uuid);
}
