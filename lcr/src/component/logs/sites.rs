//! What the bridge knows of the callsites of this image, found by the callsite's address.
//!
//! Every record that is not filtered out looks its callsite up, on any thread, so readers take no lock: they follow
//! one pointer to the present table, and probe it from the place that the address hashes to. A table is never more
//! than half full, so a probe ends. Writers take a lock, fill a free place, or copy the table into one of twice
//! the size and publish that. A reader may still be in an older table, so those stay, which at most doubles the
//! memory. All of it is freed by [`Sites::forget`], when no code of the image runs any more.
//!
//! A place is stored (Release) after the entry that it points to was written, and a table (Release) after its
//! places; readers load both with Acquire.

use std::{
    ptr,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicPtr, Ordering},
    },
};

use tracing_core::callsite::{Callsite, Identifier};

use crate::abi::logs::HostSite;

/// A callsite and what the host has for it.
pub(super) struct Bound {
    pub(super) callsite: &'static dyn Callsite,
    /// Unset while the host is asked for it, and null if the host failed.
    host: OnceLock<*const HostSite>,
}

// SAFETY: the host's site lives as long as the process, and any thread may use it.
unsafe impl Send for Bound {}
// SAFETY: as above.
unsafe impl Sync for Bound {}

impl Bound {
    /// The host's callsite; none if the host failed when it was asked for one.
    pub(super) fn host(&self) -> Option<&'static HostSite> {
        // SAFETY: null, or a site of the host, which lives as long as the process.
        self.host.get().and_then(|host| unsafe { host.as_ref() })
    }
}

/// The address of a callsite.
fn address(callsite: &Identifier) -> usize {
    ptr::from_ref(callsite.0).addr()
}

struct Table {
    places: Box<[AtomicPtr<Bound>]>,
}

impl Table {
    fn new(places: usize) -> Box<Table> {
        Box::new(Table { places: (0..places).map(|_| AtomicPtr::new(ptr::null_mut())).collect() })
    }

    /// The place of a callsite, or the free one where it belongs.
    fn place(&self, address: usize) -> (&AtomicPtr<Bound>, *mut Bound) {
        let mask = self.places.len() - 1;
        let mut at = (address >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        loop {
            let place = &self.places[at & mask];
            let bound = place.load(Ordering::Acquire);
            // SAFETY: null, or an entry that lives until `forget`, whose caller says that nobody is here then.
            let is_here = unsafe { bound.as_ref() }.is_none_or(|bound| ptr::from_ref(bound.callsite).addr() == address);
            if is_here {
                return (place, bound);
            }
            at = at.wrapping_add(1);
        }
    }
}

struct Written {
    /// The last one is published. Boxed, because readers hold their addresses.
    #[allow(clippy::vec_box, reason = "readers hold their addresses")]
    tables: Vec<Box<Table>>,
    /// Entries in the last table.
    entries: usize,
    /// Entries that another thread was faster with.
    late: Vec<AtomicPtr<Bound>>,
}

pub(super) struct Sites {
    table: AtomicPtr<Table>,
    written: Mutex<Written>,
}

impl Sites {
    pub(super) const fn new() -> Sites {
        let written = Written { tables: Vec::new(), entries: 0, late: Vec::new() };
        Sites { table: AtomicPtr::new(ptr::null_mut()), written: Mutex::new(written) }
    }

    /// What is known of a callsite.
    pub(super) fn get(&self, callsite: &Identifier) -> Option<&'static Bound> {
        // SAFETY: null, or a table that lives until `forget`.
        let table = unsafe { self.table.load(Ordering::Acquire).as_ref() }?;
        let (_, bound) = table.place(address(callsite));
        // SAFETY: null, or an entry that lives until `forget`.
        unsafe { bound.as_ref() }
    }

    /// What is known of a callsite; if nothing is, `bind` asks the host. No lock is held meanwhile, since the host
    /// asks its subscribers, whose code may come back here.
    pub(super) fn get_or_bind(
        &self,
        callsite: &Identifier,
        bind: impl FnOnce(*const Bound) -> *const HostSite,
    ) -> &'static Bound {
        if let Some(bound) = self.get(callsite) {
            return bound;
        }
        let entry = Box::into_raw(Box::new(Bound { callsite: callsite.0, host: OnceLock::new() }));
        let host = bind(entry);
        // SAFETY: boxed above; entries live until `forget`.
        let bound: &'static Bound = unsafe { &*entry };
        // Nobody else sets it.
        let _ = bound.host.set(host);
        self.insert(entry, address(callsite)).unwrap_or(bound)
    }

    /// Publishes an entry, or returns that of a thread that was faster.
    fn insert(&self, entry: *mut Bound, address: usize) -> Option<&'static Bound> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let places = written.tables.last().map_or(0, |table| table.places.len());
        if (written.entries + 1) * 2 > places {
            let larger = Table::new((places * 2).max(64));
            for place in written.tables.last().iter().flat_map(|table| &table.places) {
                let bound = place.load(Ordering::Acquire);
                // SAFETY: null, or an entry, which lives until `forget`.
                if let Some(entry) = unsafe { bound.as_ref() } {
                    larger.place(ptr::from_ref(entry.callsite).addr()).0.store(bound, Ordering::Release);
                }
            }
            written.tables.push(larger);
        }
        let Written { tables, entries, late } = &mut *written;
        let table = tables.last()?;
        let (place, other) = table.place(address);
        // SAFETY: null, or an entry, which lives until `forget`.
        if let Some(other) = unsafe { other.as_ref() } {
            // The host has the address of this entry, too.
            late.push(AtomicPtr::new(entry));
            return Some(other);
        }
        place.store(entry, Ordering::Release);
        *entries += 1;
        self.table.store(ptr::from_ref(&**table).cast_mut(), Ordering::Release);
        None
    }

    /// Frees everything.
    ///
    /// # Safety
    /// No thread uses anything that came from here, and none is inside a function of it.
    pub(super) unsafe fn forget(&self) {
        self.table.store(ptr::null_mut(), Ordering::Release);
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let Written { tables, late, .. } = &mut *written;
        for place in tables.last().iter().flat_map(|table| &table.places).chain(&*late) {
            let bound = place.load(Ordering::Acquire);
            if !bound.is_null() {
                // SAFETY: boxed by `get_or_bind`; each entry is in the last table once, or among the late ones.
                drop(unsafe { Box::from_raw(bound) });
            }
        }
        *written = Written { tables: Vec::new(), entries: 0, late: Vec::new() };
    }
}
