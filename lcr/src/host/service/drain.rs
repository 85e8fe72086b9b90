//! Draining: finding the calls that are inside retired worlds, by the frames of all threads.
//!
//! Nothing here reads through an address from a frame. The address is only compared with the tables of
//! worlds that are known to be alive (see [`frame`](crate::abi::frame)).

use std::{collections::HashMap, time::Instant};

use crate::{
    abi::{frame::Place, world::Table},
    host::{
        ids::{Generation, SlotId, ThreadId},
        worlds::{
            records::{self, ThreadRecord},
            world::Retired,
        },
    },
};

/// The moment at which each call that is inside a retired world was first seen there.
#[derive(Default)]
pub(crate) struct Sightings(HashMap<Seen, Instant>);

/// What tells calls apart.
#[derive(PartialEq, Eq, Hash)]
struct Seen {
    thread: ThreadId,
    depth: usize,
    generation: Generation,
    place: Place,
}

/// A call that is inside a retired world.
pub(crate) struct OldCall {
    pub(super) thread: &'static ThreadRecord,
    pub(super) generation: Generation,
    pub(super) place: Place,
    pub(super) since: Instant,
}

impl OldCall {
    /// The slot that the call went through.
    pub(super) fn slot(&self) -> SlotId {
        SlotId::of_offset(self.place.offset())
    }
}

impl Sightings {
    /// The calls that are inside retired worlds now.
    ///
    /// Behind a publication's barrier this misses no call that is inside a world older than the current one.
    /// See [`Retired::shows_all_calls`].
    pub(super) fn look(&mut self, retired: &Retired) -> Vec<OldCall> {
        let worlds: HashMap<*const Table, Generation> =
            retired.worlds().map(|world| (world.table(), world.generation())).collect();
        let now = Instant::now();
        let mut seen = HashMap::new();
        let mut calls = Vec::new();
        for thread in records::all() {
            for (depth, (table, place)) in thread.calls().enumerate() {
                let Some(&generation) = worlds.get(&table) else { continue };
                let key = Seen { thread: thread.thread_id(), depth, generation, place };
                let since = *self.0.get(&key).unwrap_or(&now);
                seen.insert(key, since);
                calls.push(OldCall { thread, generation, place, since });
            }
        }
        self.0 = seen;
        calls
    }
}
