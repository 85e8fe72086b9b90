//! Draining: finding the calls that are inside retired worlds, by the frames of all threads and the slots of
//! detached calls.
//!
//! Frames are read before slots ([`detached`](crate::abi::detached) says why). A frame of a later poll is left
//! out, since the slot of its call stands for it: it is ended after that frame was left.
//!
//! Nothing here reads through an address from a frame or a slot. The address is only compared with the tables of
//! worlds that are known to be alive (see [`frame`](crate::abi::frame)).

use std::{collections::HashMap, ptr, sync::Arc, time::Instant};

use crate::{
    abi::{detached::Use, frame::Place, world::Table},
    host::{
        ids::{Generation, SlotId, ThreadId},
        worlds::{
            detached::Slot,
            records::{self, ThreadRecord},
            world::World,
        },
    },
};

/// The moment at which each call that is inside a retired world was first seen there.
#[derive(Default)]
pub(crate) struct Sightings(HashMap<Seen, Instant>);

/// What tells calls apart.
#[derive(PartialEq, Eq, Hash)]
enum Seen {
    Frame {
        thread: ThreadId,
        depth: usize,
        generation: Generation,
        place: Place,
    },
    /// By the address of its slot.
    Detached {
        slot: usize,
        call: Use,
    },
}

/// Where a call shows.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    /// In a frame of a thread.
    Frame(&'static ThreadRecord),
    /// In a slot: it is an async call between its polls, or in a later poll.
    Detached(&'static Slot, Use),
}

/// A call that is inside a retired world.
pub(crate) struct OldCall {
    pub(super) shown: Shown,
    pub(super) generation: Generation,
    pub(super) place: Place,
    pub(super) since: Instant,
}

impl OldCall {
    /// The slot that the call went through.
    pub(super) fn slot(&self) -> SlotId {
        SlotId::of_offset(self.place.offset())
    }

    /// Whether it is an async call between its polls, or in a later one.
    pub(super) fn is_detached(&self) -> bool {
        matches!(self.shown, Shown::Detached(..))
    }

    /// Whether the call stands in a frame of a thread.
    pub(super) fn is_on(&self, thread: ThreadId) -> bool {
        matches!(self.shown, Shown::Frame(record) if record.thread_id() == thread)
    }
}

impl Sightings {
    /// The calls that are inside these worlds now.
    ///
    /// Behind a publication's barrier this misses no call that is inside a world older than the current one.
    /// See [`Retired::shows_all_calls`](crate::host::worlds::world::Retired::shows_all_calls).
    pub(super) fn look<'a>(&mut self, worlds: impl Iterator<Item = &'a Arc<World>>) -> Vec<OldCall> {
        let worlds: HashMap<*const Table, Generation> =
            worlds.map(|world| (world.table(), world.generation())).collect();
        let now = Instant::now();
        let mut seen = HashMap::new();
        let mut calls = Vec::new();
        let mut note = |key, shown, generation, place| {
            let since = *self.0.get(&key).unwrap_or(&now);
            seen.insert(key, since);
            calls.push(OldCall { shown, generation, place, since });
        };
        for thread in records::all() {
            for (depth, (table, place)) in thread.calls().enumerate() {
                let Some(&generation) = worlds.get(&table).filter(|_| !place.is_poll()) else { continue };
                let key = Seen::Frame { thread: thread.thread_id(), depth, generation, place };
                note(key, Shown::Frame(thread), generation, place);
            }
        }
        // Behind the frames.
        for found in records::detached() {
            let Some(&generation) = worlds.get(&found.table) else { continue };
            let key = Seen::Detached { slot: ptr::from_ref(found.slot).addr(), call: found.call };
            note(key, Shown::Detached(found.slot, found.call), generation, found.place);
        }
        self.0 = seen;
        calls
    }
}
