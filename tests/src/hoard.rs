//! A hoard: texts by key, kept in an `lcr::State`. Its components differ in the type of the state.

use std::sync::atomic::{AtomicU64, Ordering};

/// The hoard.
#[lcr::interface(name = "test.hoard", version = 1)]
pub trait Hoard {
    /// Puts a text, and returns how many were put.
    fn put(&self, key: u64, text: &str) -> u64;
    /// The text of a key.
    fn get(&self, key: u64) -> Option<String>;
    /// How many keys there are, and how many texts were put.
    fn counts(&self) -> (u64, u64);
    /// The address of the state.
    fn address(&self) -> u64;
    /// The version of the component that serves.
    fn version(&self) -> u32;
    /// Whenever the present state is dropped, the counter at this address counts one; 0 for none.
    fn count_drops(&self, at: u64);
    /// Starts a thread of the component that keeps the state's guard until the word at this address is not 0, and
    /// then lives while the word is 2.
    fn keep_guard(&self, until: u64);
}

/// What a hoard keeps.
pub trait Chest: Default + Send + Sync + 'static {
    /// Puts a text.
    fn put(&mut self, key: u64, text: &str);
    /// The text of a key.
    fn get(&self, key: u64) -> Option<String>;
    /// How many keys there are, and how many texts were put.
    fn counts(&self) -> (u64, u64);
    /// Where drops are counted.
    fn counter(&mut self) -> &mut u64;
}

/// A counter or flag that lives as long as the process, and its address.
pub fn word() -> (&'static AtomicU64, u64) {
    let word: &AtomicU64 = Box::leak(Box::default());
    (word, std::ptr::from_ref(word).expose_provenance() as u64)
}

/// The word at an address that [`word`] gave.
pub fn word_at(address: u64) -> Option<&'static AtomicU64> {
    let word = std::ptr::with_exposed_provenance::<AtomicU64>(usize::try_from(address).ok()?);
    // SAFETY: tests give addresses of words that they leaked, or 0.
    unsafe { word.as_ref() }
}

/// Counts one at an address that [`word`] gave.
pub fn count_at(address: u64) {
    if let Some(word) = word_at(address) {
        word.fetch_add(1, Ordering::SeqCst);
    }
}
