//! The layout of a world's table: slot -> instance.
//!
//! A table is one allocation: a [`Table`] header and `len` [`Entry`]s behind it. A
//! handle holds the byte offset of its entry, so that a call reads the table's address
//! and then the entry, nothing between.
//!
//! An entry that handles can reach never changes in a table that was published: a
//! change is a new table. The host fills an entry that no handle reaches yet in place;
//! the thread that gets that handle later gets it through a synchronising operation.

use core::ptr;

use super::{
    layout::layout,
    sync::{AtomicPtr, Ordering},
};

/// The header of a world's table. Its alignment keeps each entry within a cache line.
#[repr(C, align(16))]
pub struct Table {
    /// The world's number, counted from 1 in each runtime. Worlds also come and go without a
    /// commit: around a gate, to drain, to make room.
    pub generation: u64,
    /// The number of the last commit, counted from 1 (what is there before any): the generation
    /// that programs and operators see.
    pub serial: u64,
    /// Number of entries.
    pub len: usize,
}

layout!(Table: size 32, align 16 { generation at 0, serial at 8, len at 16 });

/// What a slot holds in one world.
#[repr(C)]
pub struct Entry {
    /// The instance. Calls do not read it; whoever asks which instance serves a slot does.
    pub data: AtomicPtr<()>,
    /// The instance's methods in the order of the handle's interface; null if the
    /// slot is closed in this world (gated, absent or revoked).
    pub methods: AtomicPtr<Pair>,
}

layout!(Entry: size 16, align 8 { data at 0, methods at 8 });

/// A method in a table of methods: what is called, and with what.
///
/// Tables belong to an instance, and `data` is that instance, but where the method is patched: there it is the
/// [`Hook`](super::crossing::Hook) of that method. So a call has nothing to decide.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pair {
    /// The C function; null if the component lacks the method.
    pub function: *const (),
    /// Its first argument.
    pub data: *const (),
}

layout!(Pair: size 16, align 8 { function at 0, data at 8 });

// SAFETY: a pair is the address of code, and that of an instance or a hook, which any thread may call.
unsafe impl Send for Pair {}
// SAFETY: as above.
unsafe impl Sync for Pair {}

/// What a call found in an entry.
#[derive(Clone, Copy)]
pub struct Target {
    /// The instance, also where a method of it is patched.
    pub data: *const (),
    /// Its methods.
    pub methods: *const Pair,
}

/// A table of methods: what a call needs of an entry.
#[derive(Clone, Copy)]
pub struct Methods(*const Pair);

impl Methods {
    /// The table at this address.
    pub fn at(table: *const Pair) -> Methods {
        Methods(table)
    }

    /// The pair of a method.
    ///
    /// # Safety
    /// The table is alive and has that many methods.
    #[inline(always)]
    pub unsafe fn pair(self, method: u32) -> Pair {
        // SAFETY: the caller says so.
        let pair = unsafe { self.0.add(method as usize) };
        // Two loads of a word each: a call needs both in registers.
        // SAFETY: as above.
        let function = unsafe { (*pair).function };
        // SAFETY: as above.
        let data = unsafe { (*pair).data };
        Pair { function, data }
    }
}

impl Entry {
    /// A closed entry.
    pub fn closed() -> Entry {
        Entry { data: AtomicPtr::new(ptr::null_mut()), methods: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The methods of what the entry holds, or `None` if it is closed.
    #[inline(always)]
    pub fn methods(&self) -> Option<Methods> {
        let methods = self.methods.load(Ordering::Acquire);
        (!methods.is_null()).then_some(Methods(methods))
    }

    /// What the entry holds, or `None` if it is closed.
    #[inline(always)]
    pub fn target(&self) -> Option<Target> {
        let methods = self.methods.load(Ordering::Acquire);
        if methods.is_null() {
            return None;
        }
        Some(Target { data: self.data.load(Ordering::Relaxed), methods })
    }

    /// Replaces what the entry holds; `None` closes it.
    ///
    /// Closing leaves `data` alone: a reader that saw the functions before reads the data
    /// after, and must not find null there. Opening writes the data first, and the functions
    /// with [`Ordering::Release`], which pairs with the load in [`Entry::target`].
    pub fn set(&self, target: Option<Target>) {
        match target {
            Some(Target { data, methods }) => {
                self.data.store(data.cast_mut(), Ordering::Relaxed);
                self.methods.store(methods.cast_mut(), Ordering::Release);
            }
            None => self.methods.store(ptr::null_mut(), Ordering::Release),
        }
    }
}

/// The byte offset of a slot's entry in every table that has it.
pub const fn entry_offset(slot: usize) -> usize {
    size_of::<Table>() + slot * size_of::<Entry>()
}

/// The slot of an entry's byte offset.
pub const fn slot_of(offset: usize) -> usize {
    (offset - size_of::<Table>()) / size_of::<Entry>()
}

/// The entry at a byte offset.
///
/// # Safety
/// `table` is alive for `'a` and has the entry, and its provenance spans the entries.
#[inline(always)]
pub unsafe fn entry<'a>(table: *const Table, offset: usize) -> &'a Entry {
    // SAFETY: the caller says that the entry is inside the table's allocation.
    let entry = unsafe { table.byte_add(offset) };
    // SAFETY: entries behind the header are initialised and live as long as the table.
    unsafe { &*entry.cast::<Entry>() }
}
