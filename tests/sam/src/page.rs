//! A page of words that a test and the instances of a program share, and that outlives them.

use std::{
    fs::OpenOptions,
    io,
    ops::Index,
    os::fd::AsRawFd as _,
    path::Path,
    ptr,
    sync::atomic::{AtomicU64, Ordering},
};

const WORDS: usize = 512;

/// 512 words, all zero at first.
pub struct Page(&'static [AtomicU64; WORDS]);

impl Page {
    /// Maps the file of that name, and makes the file if it is not there.
    ///
    /// # Errors
    /// If the file cannot be made or mapped.
    pub fn open(path: &Path) -> io::Result<Page> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        file.set_len((WORDS * 8) as u64)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the kernel chooses an address where nothing is mapped.
        let address = unsafe { libc::mmap(ptr::null_mut(), WORDS * 8, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the mapping is as long as the array, aligned to a page, never undone, and
        // touched as atomics only.
        Ok(Page(unsafe { &*address.cast() }))
    }
}

impl Index<usize> for Page {
    type Output = AtomicU64;

    fn index(&self, word: usize) -> &AtomicU64 {
        &self.0[word]
    }
}

/// Nanoseconds of the clock that all processes share.
pub fn monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Reads a word, sequentially consistent.
pub fn get(word: &AtomicU64) -> u64 {
    word.load(Ordering::SeqCst)
}

/// Writes a word, sequentially consistent.
pub fn set(word: &AtomicU64, value: u64) {
    word.store(value, Ordering::SeqCst);
}
