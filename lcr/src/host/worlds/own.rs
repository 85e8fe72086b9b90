//! What the calls of one thread meet and those of others do not: the worlds that it has pinned, and patches that stand
//! for it alone. While it has any, its calls take the slow path.
//!
//! All pins of a runtime that a thread holds at one time hold the same world, since a pin that a thread takes beside
//! another one holds that one's world. So what a thread calls from its first pin on, until its last one is gone, is one
//! *request*. What is kept of a request until its end is kept here, by whoever keeps it: this room does not know what
//! that is.

use std::{any::Any, mem, ptr, rc::Rc};

use crate::{
    abi::{frame::Core, world::Table},
    host::ids::PinId,
};

/// What a thread has for itself. The last of each comes first.
pub(crate) struct Own {
    pub(crate) pinned: Vec<PinnedTable>,
    /// The numbers of its patches.
    pub(in crate::host) patches: Vec<u64>,
    kept: Vec<Kept>,
}

/// One `Runtime::pin` of a thread.
#[derive(Clone, Copy)]
pub(crate) struct PinnedTable {
    /// The runtime, for comparing.
    pub(crate) core: *const Core,
    /// The world's table, kept alive by the pin.
    pub(crate) table: *const Table,
    /// The pin's number in its runtime.
    pub(crate) pin: PinId,
}

/// What is kept of a request until its end.
struct Kept {
    /// The runtime, for comparing.
    core: *const Core,
    what: Rc<dyn Any>,
}

impl Own {
    pub(super) const fn new() -> Own {
        Own { pinned: Vec::new(), patches: Vec::new(), kept: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pinned.is_empty() && self.patches.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.pinned.clear();
        self.patches.clear();
        // Of a pin that an earlier thread has leaked. That thread's request never ends, and what is kept of it may be
        // dropped on no other thread.
        mem::take(&mut self.kept).into_iter().for_each(mem::forget);
    }

    /// The table of the world in which the thread's request is, which its pins keep alive; `None` if the thread holds
    /// no pin of the runtime.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only canaries are of requests"))]
    pub(in crate::host) fn table_of_request(&self, core: *const Core) -> Option<*const Table> {
        self.pinned.iter().find(|pinned| ptr::eq(pinned.core, core)).map(|pinned| pinned.table)
    }

    /// What is kept of the thread's requests.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only canaries are of requests"))]
    pub(in crate::host) fn kept(&self) -> impl Iterator<Item = &Rc<dyn Any>> {
        self.kept.iter().map(|kept| &kept.what)
    }

    /// Keeps something until the thread's request ends.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only canaries are of requests"))]
    pub(in crate::host) fn keep(&mut self, core: *const Core, what: Rc<dyn Any>) {
        self.kept.push(Kept { core, what });
    }

    /// Takes out what was kept of the thread's request, if its last pin of the runtime is gone: to be dropped when
    /// nothing of the thread is borrowed any more.
    #[must_use = "the request ends when this is dropped"]
    pub(in crate::host) fn end_request(&mut self, core: *const Core) -> Vec<Rc<dyn Any>> {
        if self.kept.is_empty() || self.pinned.iter().any(|pinned| ptr::eq(pinned.core, core)) {
            return Vec::new();
        }
        self.kept.extract_if(.., |kept| ptr::eq(kept.core, core)).map(|kept| kept.what).collect()
    }
}
