//! Parcels of an image that may be unmapped.

use std::sync::Mutex;

use bytes::Bytes;
use lcr_tests::{
    parcels::{Parcel, Parcels},
    values::counted::{Counted, destroyed},
};
use uuid::Uuid;

#[derive(Default)]
struct Store(Mutex<Option<Bytes>>);

fn flipped(id: Uuid) -> Uuid {
    Uuid::from_u128(!id.as_u128())
}

#[lcr::component(name = "parcels", version = "1.0.0", unload)]
impl Parcels for Store {
    fn bytes(&self, text: &str) -> (Bytes, usize) {
        let bytes = Bytes::from_owner(Counted(text.to_owned()));
        let place = bytes.as_ptr().addr();
        (bytes, place)
    }
    fn destroyed(&self) -> u64 {
        destroyed()
    }
    fn cut(&self, bytes: Bytes, from: usize) -> (usize, Bytes, Bytes) {
        (bytes.as_ptr().addr(), bytes.slice(from..), bytes)
    }
    fn keep(&self, bytes: Option<Bytes>) -> Option<Bytes> {
        std::mem::replace(&mut self.0.lock().unwrap(), bytes)
    }
    fn turned(&self, parcels: Vec<Parcel>) -> Vec<Parcel> {
        parcels.into_iter().rev().map(|parcel| Parcel { id: flipped(parcel.id), ..parcel }).collect()
    }
    fn flip(&self, ids: &mut [Uuid]) -> usize {
        ids.iter_mut().for_each(|id| *id = flipped(*id));
        ids.as_ptr().addr()
    }
    async fn later(&self, id: Uuid, bytes: Bytes) -> (Bytes, Uuid) {
        (bytes, id)
    }
}
