use std::{
    ptr,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use tracing_core::{callsite::Callsite as _, subscriber::Interest};

use super::*;
use crate::abi::{
    logs::{EVENT, HostSite, ImageLog, ImageTracing, RawSite},
    value::{Abi as _, sequences::RawSlice},
};

/// How often an image was told of a change, for one of its callsites.
type Note = AtomicUsize;

unsafe extern "C" fn set_interest(note: *const (), _: u8) {
    // SAFETY: the notes of this file are statics.
    unsafe { &*note.cast::<Note>() }.fetch_add(1, Ordering::Relaxed);
}

static FORGOTTEN: AtomicUsize = AtomicUsize::new(0);
static REMEMBERED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn forget() {
    FORGOTTEN.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn remember() {
    REMEMBERED.fetch_add(1, Ordering::Relaxed);
}

static IMAGE: ImageTracing = ImageTracing { set_interest, forget, remember };

fn bind(opened: *const (), note: &'static Note) -> &'static sites::Site {
    let raw = RawSite {
        name: "a callsite of a test".into_repr(),
        target: "of_a_test".into_repr(),
        module: "".into_repr(),
        file: "".into_repr(),
        fields: RawSlice { at: ptr::dangling(), len: 0 },
        line: 1,
        level: 3,
        kind: EVENT,
    };
    // SAFETY: `open` gave the image; the description is valid for the call, and the note for ever.
    let site: *const HostSite = unsafe { (records::TABLE.bind)(opened, &raw const raw, ptr::from_ref(note).cast()) };
    // SAFETY: a host's callsite begins with that, and lives as long as the process.
    unsafe { &*site.cast::<sites::Site>() }
}

/// Changes the interest in a callsite, and returns whether the image was told for that note.
fn is_told(site: &'static sites::Site, note: &Note) -> bool {
    let before = note.load(Ordering::Relaxed);
    site.set_interest(Interest::always());
    site.set_interest(Interest::never());
    note.load(Ordering::Relaxed) > before
}

#[test]
fn an_image_that_is_closed_is_not_called_and_leaves_the_next_one_at_its_address_alone() {
    static NOTES: [Note; 5] = [const { AtomicUsize::new(0) }; 5];
    let [first, late, next, other, again] = &NOTES;
    let place = Holds::new();
    // SAFETY: the table is a static.
    let open = || unsafe { (records::TABLE.open)(&raw const place, &raw const IMAGE) };
    // SAFETY: no code of an image runs.
    let close = || unsafe { records::close(&raw const place) };
    let opened = open();
    let site = bind(opened, first);
    assert!(is_told(site, first));

    let closed = close().unwrap();
    assert_eq!(FORGOTTEN.load(Ordering::Relaxed), 1);
    // A destructor of the image logs.
    bind(opened, late);
    assert!(!is_told(site, first) && !is_told(site, late));

    // Another thread maps another image where the first one was.
    let successor = open();
    bind(successor, next);
    drop(closed);
    assert!(is_told(site, next) && !is_told(site, late));
    bind(successor, other);
    assert!(is_told(site, other));

    let closed = close().unwrap();
    bind(successor, again);
    assert!(!is_told(site, next) && !is_told(site, again));
    closed.reopen();
    assert_eq!(REMEMBERED.load(Ordering::Relaxed), 1);
    assert!(is_told(site, again), "what was bound meanwhile is told again");
    assert!(close().is_some() && close().is_none());
}

#[test]
fn the_level_is_told_to_the_images_that_are_mapped() {
    static LEVEL: AtomicU32 = AtomicU32::new(u32::MAX);
    unsafe extern "C" fn set_level(level: u32) {
        LEVEL.store(level, Ordering::Relaxed);
    }
    static IMAGE: ImageLog = ImageLog { set_level };
    const UNTOLD: u32 = u32::MAX;
    let place = Holds::new();
    // SAFETY: the table is a static.
    let open = || unsafe { (logger::TABLE.open)(&raw const place, &raw const IMAGE) };
    open();
    assert_ne!(LEVEL.swap(UNTOLD, Ordering::Relaxed), UNTOLD);
    let closed = logger::close(&raw const place).unwrap();
    for level in [log::LevelFilter::Trace, log::LevelFilter::Off] {
        log::set_max_level(level);
        drop(Held::new());
    }
    assert_eq!(LEVEL.load(Ordering::Relaxed), UNTOLD);
    logger::reopen(closed);
    assert_ne!(LEVEL.load(Ordering::Relaxed), UNTOLD);

    {
        let _closed = logger::close(&raw const place).unwrap();
        // Another thread maps another image where the first one was.
        open();
    }
    assert!(logger::close(&raw const place).is_some() && logger::close(&raw const place).is_none());
}
