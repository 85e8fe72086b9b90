//! Call routing for the thread of a transaction: before the commit it reaches the successors that it has made
//! so far.
//!
//! That thread runs two kinds of code. *Old* code is what serves now; it must find the
//! old world, or a refusal would leave it with the answers of objects that were never
//! visible. *New* code is a successor's: its constructor or restore, its health check, and every method that
//! such code calls on another successor. New code must find the successors. Otherwise the old instances would
//! get what it registers or writes: a commit would lose that, and without a commit all threads would see it.
//! The thread's frames show which of the two is calling: a call into a successor shows a table of its own,
//! which belongs to no world.
//!
//! | the thread calls | from new code | from old code |
//! |---|---|---|
//! | a member that needs no gate | its successor, if there is one yet | the old one |
//! | a member behind the gate, before that is shut | the old one, as for every thread | the old one |
//! | the same, not saved yet | the old one: what it is told is saved | the same |
//! | the same, saved | none: a fault | the same |
//! | the same, restored | its successor | its successor |
//! | a member whose state moves by pointer | the old one | the old one |
//! | a member that only serves the handle when it is replaced | its successor, or none yet: a fault | the same |
//! | anything else | the current world | the current world |
//!
//! Saved state lives on in the successor only. So old code that stays (a component that is not replaced, called
//! by a restore) finds the successor, too. What a restore does to a component that stays is not undone, as
//! with any other caller.
//!
//! A pin holds a world, which all threads see, and may outlive the transaction. So where a call would find a
//! successor, or none yet, a pin is refused at once.
//!
//! The drain does not see calls into successors and need not: only this thread makes them, and only this
//! thread destroys the successors or commits, when it is outside of them. If the thread hangs and its
//! transaction is given up, it still finds the same successors: what they tell each other does not reach the
//! old world, and the next transaction does not wait for the thread.
//!
//! An async call into a successor may outlive the constructor that made it, and be polled by any thread. Its slot
//! shows the same table. While there is such a call a transaction does not commit ([`Uncommitted::is_awaited`]),
//! since a drain would not find the call; and if the transaction is refused, its successors are not destroyed.

use std::{collections::HashMap, mem, ptr, sync::Arc};

use crate::{
    abi::world::{Table, Target},
    host::{
        ids::{ServiceId, ThreadId},
        image::link::Views,
        worlds::{
            records::{self, ThreadRecord},
            world::World,
        },
    },
};

use super::{component::Implementation, instances::Instance, methods::MethodTables, slots::Slot};

/// The successors that threads meet: the one of the transaction, and those of transactions that
/// hang and were given up.
#[derive(Default)]
pub(crate) struct Uncommitted(HashMap<ThreadId, Successors>);

/// The successors that one thread meets.
pub(crate) struct Successors {
    /// The frames of calls into the successors show the table of this world.
    shown: World,
    /// Whether the transaction saves old instances now. Meanwhile the thread finds no successor.
    is_saving: bool,
    by_service: HashMap<ServiceId, Successor>,
}

struct Successor {
    address: usize,
    implementation: Arc<Implementation>,
    /// Its own: the instance may move, and its tables with it.
    methods: MethodTables,
}

impl Uncommitted {
    /// Begins a transaction on a thread, without successors; `world` is the current one.
    pub(crate) fn begin(&mut self, thread: ThreadId, world: &World) {
        let shown = World::empty(world.generation(), world.serial());
        self.0.insert(thread, Successors { shown, is_saving: false, by_service: HashMap::new() });
    }

    /// Ends the transaction of a thread. The caller drops the result when it holds no lock.
    pub(crate) fn end(&mut self, thread: ThreadId) -> Option<Successors> {
        self.0.remove(&thread)
    }

    /// In the child of a fork: no thread has a transaction. The tables stay, since a future may show one.
    pub(in crate::host) fn forget_all(&mut self) {
        mem::forget(mem::take(&mut self.0));
    }

    /// Whether an async call into a successor of a thread has neither ended nor been dropped. The thread is in no
    /// call, so that none begins.
    pub(crate) fn is_awaited(&self, thread: ThreadId) -> bool {
        self.0.get(&thread).is_some_and(Successors::are_awaited)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a service's successor. The caller keeps the instance alive as long as it is noted.
    pub(crate) fn add(&mut self, thread: ThreadId, id: ServiceId, instance: &Instance) {
        if let Some(successors) = self.0.get_mut(&thread) {
            let (address, implementation) = (instance.address(), Arc::clone(instance.implementation()));
            successors.by_service.insert(id, Successor { address, implementation, methods: MethodTables::default() });
        }
    }

    /// Begins or ends the pass in which the transaction of a thread saves the old instances.
    pub(crate) fn set_saving(&mut self, thread: ThreadId, is_saving: bool) {
        if let Some(successors) = self.0.get_mut(&thread) {
            successors.is_saving = is_saving;
        }
    }

    /// Whether a thread executes a transaction.
    pub(crate) fn has(&self, thread: ThreadId) -> bool {
        self.0.contains_key(&thread)
    }

    /// The successor that a thread's call to a slot reaches, and the table for the frame of that call.
    pub(super) fn successor(
        &self,
        thread: &'static ThreadRecord,
        slot: &Slot,
        is_gated: bool,
        views: &Views,
    ) -> Option<(Target, *const Table)> {
        let successors = self.0.get(&thread.thread_id()).filter(|successors| !successors.is_saving)?;
        let Successor { address, implementation, methods } = successors.by_service.get(&slot.service())?;
        if !is_gated && !successors.is_new_code(thread) {
            return None;
        }
        // The commit refuses a handle that the successor cannot serve.
        let target = methods.target(implementation, *address, slot.view(), views).ok()?;
        Some((target, successors.shown.table()))
    }

    /// If the frames of calls into successors show `table`: the implementation of the service's successor.
    pub(in crate::host) fn shown_by(&self, table: *const Table, id: ServiceId) -> Option<Option<&Arc<Implementation>>> {
        let successors = self.0.values().find(|successors| ptr::eq(successors.shown.table(), table))?;
        Some(successors.by_service.get(&id).map(|found| &found.implementation))
    }
}

impl Successors {
    /// As [`Uncommitted::is_awaited`].
    pub(crate) fn are_awaited(&self) -> bool {
        records::detached().any(|call| ptr::eq(call.table, self.shown.table()))
    }

    /// Whether new code is calling: the thread's innermost call is into a successor; or the thread is in no
    /// call, and the transaction itself runs a successor's code.
    fn is_new_code(&self, thread: &'static ThreadRecord) -> bool {
        match thread.record().depth().checked_sub(1) {
            Some(innermost) => ptr::eq(thread.frame(innermost).read().0, self.shown.table()),
            None => true,
        }
    }
}
