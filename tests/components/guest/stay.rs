//! A guest's stay, in whichever version.

use std::cell::RefCell;

/// Nothing to hand over.
#[derive(Default)]
pub struct Stay<const VERSION: u32>;

thread_local! {
    static LUGGAGE: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

impl<const VERSION: u32> Stay<VERSION> {
    /// Bytes that this image owns.
    pub fn bytes(&self) -> lcr::Bytes {
        lcr::Bytes::from(format!("of version {VERSION}").into_bytes())
    }

    /// Leaves a value behind in the calling thread, which this image's code frees.
    pub fn settle(&self) {
        LUGGAGE.with_borrow_mut(|luggage| luggage.push(VERSION));
    }
}
