//! Values whose types belong to other crates, each of which both sides have a copy of.

use std::{
    future::Future as _,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};

use bytes::Bytes;
use lcr::{Handle, Runtime};
use lcr_tests::{
    component, empty_runtime,
    parcels::{Parcel, Parcels},
    wait_until,
};
use uuid::Uuid;

fn open() -> (Runtime, Handle<dyn Parcels>) {
    let rt = empty_runtime();
    rt.load(component("parcels_unload")).unwrap();
    let parcels = rt.service().unwrap();
    (rt, parcels)
}

#[test]
fn shared_bytes_stay_where_they_were_made_and_are_destroyed_there() {
    let (_rt, peer) = open();
    for (number, text) in ["a", "a text", &"long ".repeat(100_000)].into_iter().enumerate() {
        let (theirs, place) = peer.bytes(text);
        assert_eq!((&*theirs, theirs.as_ptr().addr()), (text.as_bytes(), place));
        let cut = theirs.slice(text.len() / 2..);
        drop(theirs);
        assert_eq!(peer.keep(Some(cut.clone())), None);
        drop(cut);
        let kept = peer.keep(None).unwrap();
        assert_eq!((&*kept, kept.as_ptr().addr()), (&text.as_bytes()[text.len() / 2..], place + text.len() / 2));
        assert_eq!(peer.destroyed(), number as u64);
        thread::scope(|scope| scope.spawn(move || drop(kept)).join().unwrap());
        assert_eq!(peer.destroyed(), number as u64 + 1);
    }

    struct Shared(Arc<Vec<u8>>);
    impl AsRef<[u8]> for Shared {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let owner = Arc::new(b"of this side".to_vec());
    let ours = Bytes::from_owner(Shared(Arc::clone(&owner)));
    let (place, cut, back) = peer.cut(ours, 3);
    assert_eq!((place, back.as_ptr().addr(), cut.as_ptr().addr()), (owner.as_ptr().addr(), place, place + 3));
    assert_eq!((&*cut, &*back), (&b"this side"[..], &b"of this side"[..]));
    drop(back);
    assert_eq!(Arc::strong_count(&owner), 2);
    drop(cut);
    assert_eq!(Arc::strong_count(&owner), 1);
    for bytes in [Bytes::new(), Bytes::from_static(b"static"), Bytes::copy_from_slice(b"copy"), vec![7; 9].into()] {
        let (_, cut, back) = peer.cut(bytes.clone(), bytes.len());
        assert_eq!((cut.len(), back), (0, bytes));
    }
    // The panic of a destructor stays in its image.
    drop(peer.bytes("bomb"));
    assert_eq!(peer.destroyed(), 4);
}

#[test]
fn shared_bytes_hold_their_image_until_the_last_of_them_is_gone() {
    let (rt, peer) = open();
    let (bytes, place) = peer.bytes("of the first image");
    let cut = bytes.slice(3..);
    rt.replace(component("parcels_unload")).unwrap();
    // An image that nothing holds is unmapped, so the reaper has looked at the older one, too.
    rt.replace(component("parcels_unload")).unwrap();
    wait_until("the image between is unmapped", || rt.status().retained_images == 1);
    assert_eq!((bytes.as_ptr().addr(), &*bytes), (place, &b"of the first image"[..]));
    drop(bytes);
    assert_eq!(peer.destroyed(), 0, "that is another image's count");
    assert_eq!((rt.status().retained_images, &*cut), (1, &b"the first image"[..]));
    drop(cut);
    wait_until("the image is unmapped", || rt.status().retained_images == 0);
}

#[test]
fn identifiers_are_plain_data() {
    let (_rt, peer) = open();
    let numbers = [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef];
    let mut ids = numbers.map(Uuid::from_u128);
    assert_eq!(peer.flip(&mut ids), ids.as_ptr().addr());
    assert_eq!(ids.map(|id| id.as_u128()), numbers.map(|number| !number));
    let parcel = |id: &Uuid| Parcel { id: *id, content: (!id.is_nil()).then(|| Bytes::from(id.to_string())) };
    let parcels: Vec<_> = ids.iter().map(parcel).collect();
    let turned: Vec<_> =
        ids.iter().rev().map(|id| Parcel { id: Uuid::from_u128(!id.as_u128()), ..parcel(id) }).collect();
    assert_eq!(peer.turned(parcels), turned);
    let call = pin!(peer.later(ids[3], Bytes::from_static(b"later")));
    let Poll::Ready(later) = call.poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
    assert_eq!(later, (Bytes::from_static(b"later"), ids[3]));
}
