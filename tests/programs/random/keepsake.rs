//! Values that a thread leaves in a thread-local, and drops at its very end.

use std::cell::RefCell;

use lcr::{Bytes, Handle, Pin, Pinned};
use lcr_tests::till::v1::Till;

use crate::stage::Callback;

/// A value whose destructor makes a call.
pub enum Keepsake {
    Till(Handle<dyn Till>),
    Pinned(Pinned<dyn Till>),
    Pin(#[allow(dead_code, reason = "held, not used")] Pin, Handle<dyn Till>),
    Bytes(Bytes),
    Callback(Callback),
}

thread_local! {
    static KEPT: RefCell<Vec<Keepsake>> = const { RefCell::new(Vec::new()) };
}

impl Keepsake {
    /// Leaves the value with the calling thread.
    pub fn leave(self) {
        let before = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            kept.push(self);
            if kept.len() > 4 { Some(kept.remove(0)) } else { None }
        });
        drop(before);
    }
}

impl Drop for Keepsake {
    fn drop(&mut self) {
        let sums = match self {
            Keepsake::Till(till) | Keepsake::Pin(_, till) => till.sums(),
            Keepsake::Pinned(pinned) => pinned.sums(),
            Keepsake::Bytes(bytes) => {
                std::hint::black_box(bytes.iter().fold(0_u64, |sum, byte| sum + u64::from(*byte)));
                return;
            }
            Keepsake::Callback(callback) => {
                let call = || callback(1);
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
                return;
            }
        };
        must!(sums.as_ref().map_or(true, |sums| sums.0.is_whole()), "a torn state at a thread's end");
        if let Keepsake::Till(till) = self {
            let _ = till.settle("at the end");
        }
    }
}
