//! Detached frames: how an async call between its polls tells the writer which world it stands in.
//!
//! An async call begins at its first poll, which is an ordinary call in an ordinary [`frame`](super::frame). If
//! its future is ready then, there is nothing more. If not, the call goes on without a thread, and its
//! frame, which belongs to the thread, must be left. So before that the call is *detached*: the host takes a
//! [`Detached`] slot, and writes into it what the frame shows. The slot is ended when the future was dropped.
//!
//! **Starting thread**: in its frame, takes a slot and stores the table in it (`Release`), then leaves the
//! frame (`Release`).
//!
//! **Writer**: behind its barrier reads *all frames of all threads first, then all slots*.
//!
//! **Argument.** At the writer's barrier a call that is inside an older world shows in a frame or in a slot. If
//! it shows in a slot it stays there until it ends: later polls and the drop publish frames beside the slot,
//! and none of them clears it. If it shows in a frame, the writer finds that frame; or finds it gone
//! (`Acquire`), and then sees everything that its thread stored before it left, so the slot, which the writer
//! reads later, shows the call unless it has ended. A writer that read the slots first would miss a call that
//! moves from its frame to a slot between the two looks. So would it if the frame were left first.
//! `loom_models/detached.rs` shows both.
//!
//! A call under a pin has no frame. It is detached before its pin can end, and a writer locks the pins before it
//! reads frames and slots; the argument is that of a call that ends its pin (`host/service/pins.rs`).
//!
//! **Polls.** A later poll, and the drop of the future, publish an ordinary frame of the same table and place
//! on the polling thread, without a look at the current world: the slot holds the table. The frame is marked
//! ([`Place::poll`]), and left before the slot is ended. So the slot stands for the call wherever calls are
//! counted, and the frame only says which thread is inside.
//!
//! **A slot that is used again.** Each call has a number in its slot. A writer that reads a slot while it
//! changes hands may see the table of one call and the place of the other: then the first has ended, so the
//! writer waits for a call too many, or misses one that is gone. It cancels a call by its number, which it read
//! before the table, so it never cancels the next one; numbers only grow, so no other writer takes that back.
//!
//! **Orderings.** As in `frame`: stores are `Release`, and the writer's reads `Acquire`. Ending a slot releases
//! everything that the call did.

use super::{
    frame::Place,
    layout::layout,
    sync::{AtomicPtr, AtomicU64, Ordering},
    world::Table,
};

/// An async call between its polls, or a slot for one.
///
/// | field | written by | when |
/// |---|---|---|
/// | `table` | the starting thread; any thread | the call is detached; it ends |
/// | `place` | the starting thread | the call is detached |
/// | `uses` | the starting thread | the call is detached |
/// | `cancelled` | a writer | it cancels a call |
#[repr(C)]
pub struct Detached {
    /// Null while no call has the slot.
    table: AtomicPtr<Table>,
    place: AtomicU64,
    /// How many calls have had the slot: the number of the present one.
    uses: AtomicU64,
    /// The number of the last call that was cancelled.
    cancelled: AtomicU64,
}

layout!(Detached: size 32, align 8 { table at 0, place at 8, uses at 16, cancelled at 24 });

/// The number of a call in its slot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Use(u64);

impl Detached {
    /// A slot that no call has.
    #[cfg(not(loom))]
    pub const fn new() -> Detached {
        Detached {
            table: AtomicPtr::new(core::ptr::null_mut()),
            place: AtomicU64::new(0),
            uses: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
        }
    }

    /// A slot that no call has.
    #[cfg(loom)]
    pub fn new() -> Detached {
        Detached {
            table: AtomicPtr::new(core::ptr::null_mut()),
            place: AtomicU64::new(0),
            uses: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
        }
    }

    /// Has a free slot show a call. Only the thread that took the slot calls this, inside the call.
    pub fn hold(&self, table: *const Table, place: Place) {
        self.uses.store(self.uses.load(Ordering::Relaxed) + 1, Ordering::Release);
        self.place.store(place.bits(), Ordering::Release);
        self.table.store(table.cast_mut(), Ordering::Release);
    }

    /// Ends the call. After this the slot may be used again.
    pub fn end(&self) {
        self.table.store(core::ptr::null_mut(), Ordering::Release);
    }

    /// The call that has the slot now. The address is for comparing only.
    pub fn read(&self) -> Option<(Use, *const Table, Place)> {
        let uses = self.uses.load(Ordering::Acquire);
        let table = self.table.load(Ordering::Acquire);
        let place = Place::of_bits(self.place.load(Ordering::Acquire));
        (!table.is_null()).then_some((Use(uses), table, place))
    }

    /// Cancels a call. Returns whether it was not cancelled before.
    pub fn cancel(&self, call: Use) -> bool {
        self.cancelled.fetch_max(call.0, Ordering::AcqRel) < call.0
    }

    /// Whether the call that has the slot is cancelled: its future is to be dropped at the next poll. Only who
    /// polls the call asks this.
    #[inline(always)]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire) == self.uses.load(Ordering::Relaxed)
    }
}

impl Default for Detached {
    fn default() -> Detached {
        Detached::new()
    }
}
