//! What the calls of one thread meet and those of others do not: the worlds that it has pinned, and patches that stand
//! for it alone. While it has any, its calls take the slow path.

use crate::{
    abi::{frame::Core, world::Table},
    host::ids::PinId,
};

/// What a thread has for itself. The last of each comes first.
pub(crate) struct Own {
    pub(crate) pinned: Vec<PinnedTable>,
    /// The numbers of its patches.
    pub(in crate::host) patches: Vec<u64>,
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

impl Own {
    pub(super) const fn new() -> Own {
        Own { pinned: Vec::new(), patches: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pinned.is_empty() && self.patches.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.pinned.clear();
        self.patches.clear();
    }
}
