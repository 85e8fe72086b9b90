//! Worlds: making tables, and the one place where the current world is written.
//!
//! The current world is owned by an [`ArcSwap`] and its table's address is in
//! [`Core::current`](crate::abi::frame::Core), which calls read. [`Worlds::publish`] writes both, the
//! owner first; the address is the visible moment.
//!
//! # Reading the current world without a lock
//!
//! A thread that reads the current world outside of a call ([`Worlds::current`] and its neighbours) must find
//! the world that calls find at that moment. Otherwise a program could see a new answer before the new
//! generation, or the other way round.
//!
//! *Reader*: loads the owner, which holds a world, then the address (`Acquire`), and begins again if the
//! address is not that of the held world's table. *Writer*: stores the owner, then the address
//! (`Release`), with the runtime's state lock held, so there is one writer.
//!
//! *Collision*: a reader between the two stores holds the new world and finds the old address, or it
//! held the old world and finds the new address; both begin again. What a reader returns was current
//! when it read the address: while it holds the world, no other table has that address. A reader
//! waits for a writer only between its two stores, and for no lock. Between them the writer turns the guards
//! of readers into counts; if it loses its processor there, readers sleep after some turns, so that one of a
//! higher priority on the same processor lets the writer go on.
//!
//! A replaced world stays in the list of retired ones, with one count held by the list, until no
//! frame shows its table and no other count is left: `ArcSwap` turns the guards of readers into
//! counts before its store returns. So the last owner of a retired world is the reaper.

use std::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    collections::HashSet,
    hint,
    ptr::{self, NonNull},
    sync::{
        Arc,
        atomic::{AtomicPtr, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use arc_swap::ArcSwap;

use crate::{
    abi::{
        frame::Core,
        world::{Entry, Table, Target, entry, entry_offset},
    },
    host::{
        ids::{Generation, Number, SlotId},
        sys,
    },
};

/// How often a reader looks again before it sleeps.
const SPINS: u32 = 100;

/// One world: the owner of a table.
pub(crate) struct World {
    table: NonNull<Table>,
}

// SAFETY: a table's header is constant and its entries are atomics.
unsafe impl Send for World {}
// SAFETY: as above.
unsafe impl Sync for World {}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(entry_offset(len), align_of::<Table>().max(align_of::<Entry>()))
        .expect("a table is smaller than the address space")
}

impl World {
    /// A world of `len` entries: first copies of those of `before`, then closed ones.
    fn new(generation: Generation, serial: u64, len: usize, before: Option<&World>) -> World {
        // SAFETY: a table has a header, so the size is not 0.
        let memory = unsafe { alloc(layout(len)) };
        let Some(table) = NonNull::new(memory.cast::<Table>()) else { handle_alloc_error(layout(len)) };
        // SAFETY: the allocation begins with the header.
        unsafe { table.write(Table { generation: generation.to_table(), serial, len }) };
        let world = World { table };
        for slot in (0..len).map(SlotId::of_index) {
            let fresh = Entry::closed();
            if let Some(before) = before
                && before.has(slot)
            {
                fresh.set(before.entry(slot).target());
            }
            // SAFETY: the allocation has room for `len` entries behind the header.
            let place = unsafe { table.byte_add(slot.offset()) };
            // SAFETY: as above, and aligned, by `layout`.
            unsafe { place.cast::<Entry>().write(fresh) };
        }
        world
    }

    /// A world without entries that is never published: its table only tells frames apart.
    pub(in crate::host) fn empty(generation: Generation, serial: u64) -> World {
        World::new(generation, serial, 0, None)
    }

    /// The table's address.
    pub(crate) fn table(&self) -> *const Table {
        self.table.as_ptr()
    }

    /// The world's number.
    pub(crate) fn generation(&self) -> Generation {
        // SAFETY: the table lives as long as this world.
        Generation::of_table(unsafe { self.table.as_ref() })
    }

    /// The number of the last commit: what programs and operators see as the generation.
    pub(crate) fn serial(&self) -> u64 {
        // SAFETY: the table lives as long as this world.
        unsafe { self.table.as_ref() }.serial
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: the table lives as long as this world.
        unsafe { self.table.as_ref() }.len
    }

    /// Whether the world has an entry for a slot.
    pub(crate) fn has(&self, slot: SlotId) -> bool {
        slot.index() < self.len()
    }

    /// The entry of a slot.
    pub(crate) fn entry(&self, slot: SlotId) -> &Entry {
        assert!(self.has(slot), "{slot:?} is not in this world");
        // SAFETY: the slot is inside the table, which lives as long as this world.
        unsafe { entry(self.table.as_ptr(), slot.offset()) }
    }

    /// What a slot holds; `None` if the slot is closed or the world does not have it.
    pub(crate) fn target(&self, slot: SlotId) -> Option<Target> {
        self.has(slot).then(|| self.entry(slot).target())?
    }

    /// Closes, in place, those of `slots` that hold the instance at `address`: for a world that only one thread
    /// may still enter.
    pub(in crate::host) fn close(&self, slots: &[SlotId], address: usize) {
        for &slot in slots {
            if self.target(slot).is_some_and(|target| target.data.addr() == address) {
                self.entry(slot).set(None);
            }
        }
    }

    /// The size of the table, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        layout(self.len()).size()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let layout = layout(self.len());
        // SAFETY: `new` allocated the table with this layout; entries need no drop.
        unsafe { dealloc(self.table.as_ptr().cast(), layout) };
    }
}

/// The current world and its successors. The runtime's state lock serialises the
/// methods that take `&mut Retired`.
pub(crate) struct Worlds {
    owner: ArcSwap<World>,
}

/// Worlds that were current before and may still be in use.
#[derive(Default)]
pub(crate) struct Retired {
    worlds: Vec<Arc<World>>,
    /// Whether the kernel refused the barrier of the last publication. Then calls may be inside these worlds that
    /// no frame shows yet, until a later barrier.
    is_unordered: bool,
}

impl Retired {
    /// The worlds, the oldest first.
    pub(crate) fn worlds(&self) -> impl Iterator<Item = &Arc<World>> {
        self.worlds.iter()
    }

    /// How many worlds there are.
    pub(crate) fn count(&self) -> usize {
        self.worlds.len()
    }

    /// The number of the oldest world.
    pub(crate) fn oldest(&self) -> Option<Generation> {
        self.worlds.first().map(|world| world.generation())
    }

    /// Frees the worlds whose tables are not among those `shown` by frames, and of which this list has the last
    /// count. Returns whether there were any.
    pub(in crate::host) fn free(&mut self, shown: &HashSet<*const Table>) -> bool {
        let before = self.worlds.len();
        self.worlds.retain(|world| shown.contains(&world.table()) || Arc::strong_count(world) > 1);
        self.worlds.len() < before
    }

    /// Whether every call that is inside one of these worlds shows in a frame. If the kernel refused the barrier
    /// of a publication, tries again to pass it.
    pub(crate) fn shows_all_calls(&mut self) -> bool {
        self.is_unordered = self.is_unordered && sys::membarrier().is_err();
        !self.is_unordered
    }
}

/// A change of one slot's entry.
pub(crate) type Edit = (SlotId, Option<Target>);

impl Worlds {
    /// The first world, empty, and the core that calls read.
    pub(crate) fn new(capacity: usize, fenced: bool) -> (Worlds, Core) {
        let world = Arc::new(World::new(Generation::FIRST, 1, capacity, None));
        let core = Core { current: AtomicPtr::new(world.table.as_ptr()), fenced, holds_starts: AtomicU32::new(0) };
        (Worlds { owner: ArcSwap::new(world) }, core)
    }

    /// The current world, as calls find it at this moment.
    pub(crate) fn current(&self, core: &Core) -> Arc<World> {
        self.read(core, Arc::clone)
    }

    /// The number of the current world, as calls find it at this moment.
    pub(crate) fn generation(&self, core: &Core) -> Generation {
        self.read(core, |world| world.generation())
    }

    /// The number of the last commit, as calls find it at this moment.
    pub(crate) fn serial(&self, core: &Core) -> u64 {
        self.read(core, |world| world.serial())
    }

    fn read<T>(&self, core: &Core, read: impl Fn(&Arc<World>) -> T) -> T {
        let mut turns = 0;
        loop {
            let owned = self.owner.load();
            if ptr::eq(core.current.load(Ordering::Acquire), owned.table()) {
                return read(&owned);
            }
            drop(owned);
            turns += 1;
            if turns < SPINS { hint::spin_loop() } else { thread::sleep(Duration::from_micros(50)) }
        }
    }

    /// Makes a successor of the current world with `edits` and at least `len` entries, publishes it as the world
    /// of commit `serial`, and passes the writer's half of the barrier. After that every call that is inside an
    /// older world shows in a frame, and no further call enters one, unless the kernel refuses the barrier: see
    /// [`Retired::shows_all_calls`].
    ///
    /// `visible` runs when calls enter the new world, ahead of the barrier: whoever waits for that world need not wait
    /// for the barrier, which only who looks at frames needs.
    pub(crate) fn publish<T>(
        &self,
        core: &Core,
        retired: &mut Retired,
        serial: u64,
        (edits, len): (&[Edit], usize),
        visible: impl FnOnce() -> T,
    ) -> (Arc<World>, T) {
        let before = self.owner.load_full();
        let next = Arc::new(World::new(before.generation().next(), serial, len.max(before.len()), Some(&before)));
        for &(slot, target) in edits {
            next.entry(slot).set(target);
        }
        retired.worlds.push(before);
        self.owner.store(Arc::clone(&next));
        let (seen, is_ordered) = core.publish(next.table.as_ptr(), visible, || sys::membarrier().is_ok());
        retired.is_unordered = !is_ordered;
        (next, seen)
    }
}
