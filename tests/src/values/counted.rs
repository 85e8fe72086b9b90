//! An owner of bytes whose destructor counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// A text whose destructor counts, and panics if the text is "bomb".
pub struct Counted(pub String);

/// Each image has a count of its own.
static DESTROYED: AtomicU64 = AtomicU64::new(0);

/// How many of them were destroyed by this image.
pub fn destroyed() -> u64 {
    DESTROYED.load(Ordering::SeqCst)
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        DESTROYED.fetch_add(1, Ordering::SeqCst);
        assert_ne!(self.0, "bomb");
    }
}
