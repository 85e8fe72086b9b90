//! loom models of entering, leaving, publishing, draining and the gate.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p lcr --lib --release --no-default-features models
//! ```
//!
//! The models run the code of [`frame`](super::frame), [`world`](super::world) and the gate's
//! word as it is. Each model also runs with one part weakened, and must then fail: without a
//! fence on either side, with `Release` or `Acquire` relaxed, with a gate that opens too early.
//!
//! What they show:
//! - [`calls`]: an instance is destroyed only when no call is inside it, and the destroyer sees
//!   all that calls did; no call sees half of a commit.
//! - [`gate`]: every caller that enters after a hand-over sees the state that was written behind
//!   the gate, and no caller sleeps for ever.
//! - [`drain_ahead`]: after a drain ahead of the gate no call is in an older world.
//! - [`pins`]: the hand-over sees a pin, or the pin holds a later world with open slots; a call
//!   that ends the pin under which it was made is seen.
//! - [`detached`]: an async call between its polls shows in a frame or in a slot, wherever it ends; a cancellation
//!   meets the call that was found; no async call begins while starts are held back, and none waits for ever.
//! - [`freeing`]: a table is freed only when no frame shows it, at whatever slot.
//!
//! What they do not show: `membarrier`. The models take the path with fences. The call
//! makes every running thread of the process execute a full fence at some point between
//! its begin and its end, and a thread that is not running has executed one (the context
//! switch); so where the writer returns from it, each reader has either executed a fence
//! behind its frame's stores (and the writer sees them), or executes its second look at
//! the current table behind it (and sees the new one). That is what a fence in each
//! reader at that place gives, for the price of the writer. The inlined path of
//! [`Record::enter`], which has no fence, must fail here, and does.
//!
//! Exploration is bounded to three preemptions an execution (Musuvathi and Qadeer 2007:
//! few suffice for nearly every bug), which keeps each model under a minute.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use loom::{
    cell::UnsafeCell,
    sync::{Condvar, Mutex},
};

use super::{
    frame::{Core, Place, Record},
    sync::{AtomicPtr, AtomicU32},
    world::{Entry, Table, Target, entry, entry_offset},
};

mod calls;
mod detached;
mod drain_ahead;
mod freeing;
mod gate;
mod pins;
#[path = "../../host/worlds/gate_word.rs"]
mod word;

/// A table of two entries.
#[repr(C)]
struct Tables {
    table: Table,
    entries: [Entry; 2],
}

/// What an entry holds: it knows when it is touched by two threads at once.
struct Object {
    version: u64,
    state: UnsafeCell<u64>,
}

/// Never freed, so that a call that is wrong meets loom's check and not a crash.
fn object(version: u64) -> &'static Object {
    Box::leak(Box::new(Object { version, state: UnsafeCell::new(version) }))
}

/// A world whose two slots hold the objects; closed where there is none.
fn world(generation: u64, objects: [Option<&'static Object>; 2]) -> *mut Table {
    static FUNCTIONS: [usize; 1] = [1];
    let entries = objects.map(|object| {
        let entry = Entry::closed();
        entry.set(
            object.map(|object| Target { data: std::ptr::from_ref(object).cast(), methods: FUNCTIONS.as_ptr().cast() }),
        );
        entry
    });
    Box::into_raw(Box::new(Tables { table: Table { generation, serial: generation, len: 2 }, entries })).cast()
}

fn held(table: *const Table, slot: usize) -> Option<&'static Object> {
    // SAFETY: worlds of models are never freed and have two entries.
    let target = unsafe { entry(table, entry_offset(slot)) }.target()?;
    // SAFETY: entries of models hold objects, which are never freed.
    Some(unsafe { &*target.data.cast::<Object>() })
}

/// A runtime: its core, and the records of two threads.
struct Program {
    core: Core,
    records: [&'static Record; 2],
}

impl Program {
    fn new(first: *mut Table) -> Arc<Program> {
        let record = || {
            let record: &'static Record = Box::leak(Box::new(Record::new()));
            record.open();
            record
        };
        let core = Core { current: AtomicPtr::new(first), fenced: true, holds_starts: AtomicU32::new(0) };
        Arc::new(Program { core, records: [record(), record()] })
    }

    /// Enters as the slow path does, with the fence.
    fn enter(&self, thread: usize, slot: usize) -> (*const Table, u32) {
        let record = self.records[thread];
        let depth = record.depth();
        let frame = record.inline_frame(depth).expect("models nest no deeper");
        (record.publish(frame, depth, &self.core, Place::new(entry_offset(slot), 0)), depth)
    }

    /// Whether a call shows `table` in `slot`.
    fn shows(&self, table: *const Table, slot: usize) -> bool {
        self.records.iter().any(|record| {
            (0..record.depth()).any(|depth| {
                let (shown, place) = record.inline_frame(depth).expect("models nest no deeper").read();
                std::ptr::eq(shown, table) && place.offset() == entry_offset(slot)
            })
        })
    }

    fn publish(&self, table: *mut Table) {
        self.publish_to_waiting(table, || ());
    }

    /// Lets calls in that wait for `table`, ahead of the fence.
    fn publish_to_waiting(&self, table: *mut Table, let_in: impl FnOnce()) {
        let ((), is_ordered) = self.core.publish(table, let_in, || unreachable!("models execute fences"));
        assert!(is_ordered);
    }
}

fn read(object: &Object) -> u64 {
    // SAFETY: loom panics if another thread may write at the same time.
    object.state.with(|state| unsafe { *state })
}

fn write(object: &Object, value: u64) {
    // SAFETY: loom panics if another thread may read or write at the same time.
    object.state.with_mut(|state| unsafe { *state = value });
}

fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Expects loom to find what is wrong.
fn finds(model: impl Fn() + Sync + Send + 'static) {
    assert!(catch_unwind(AssertUnwindSafe(|| check(model))).is_err(), "loom finds nothing");
}

/// The kernel's side of a futex.
#[derive(Default)]
struct Sleepers {
    queue: Mutex<()>,
    woken: Condvar,
}
