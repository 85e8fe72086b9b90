//! loom models of entering, leaving, publishing, draining and the gate.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p lcr --lib --release --no-default-features models
//! ```
//!
//! They run the code of [`frame`](super::frame), [`world`](super::world) and the gate's
//! word as it is. Each is also run with something weakened, and must then fail: a fence
//! left out on either side, `Release` or `Acquire` relaxed, the gate opened too early.
//!
//! What they show: an instance is destroyed only when no call is inside it, and the
//! destroyer sees all that calls did; one table is never half of a commit; state that was
//! written behind the gate is seen by everybody who comes in after it, and nobody sleeps
//! for ever; behind a drain ahead of the gate nobody is in a world older than it; a pin is seen by
//! the hand-over, or holds a world behind it with open slots; a call that ends the pin under which it was
//! made is seen.
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
    thread,
};

use super::{
    frame::{Core, Place, Record},
    sync::{
        AtomicPtr,
        modelled::{Lack, lacking},
    },
    world::{Entry, Table, Target, entry, entry_offset},
};

mod pins;
#[path = "../host/worlds/gate_word.rs"]
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
        Arc::new(Program { core: Core { current: AtomicPtr::new(first), fenced: true }, records: [record(), record()] })
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
        assert!(self.core.publish(table, || unreachable!("models execute fences")));
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

#[derive(Clone, Copy, Default)]
struct Flaws {
    /// The reader takes the path that relies on membarrier.
    unfenced: bool,
    enter: Option<Lack>,
    leave: Option<Lack>,
    publish: Option<Lack>,
    drain: Option<Lack>,
}

/// Readers call slot 0 twice each while a writer replaces and destroys what it holds.
fn draining(readers: usize, flaws: Flaws) {
    let (old, new) = (object(1), object(2));
    let first = world(1, [Some(old), None]);
    let program = Program::new(first);
    let threads: Vec<_> = (0..readers)
        .map(|number| {
            let program = Arc::clone(&program);
            thread::spawn(move || {
                for _ in 0..if readers == 1 { 2 } else { 1 } {
                    if flaws.unfenced {
                        let place = Place::new(entry_offset(0), 0);
                        let Some((table, frame)) = program.records[number].enter(&program.core, place) else {
                            continue;
                        };
                        let object = held(table, 0).expect("the slot is open");
                        assert_ne!(read(object), 0, "a call is inside a destroyed instance");
                        program.records[number].leave(frame);
                    } else {
                        let (table, depth) = lacking(flaws.enter, || program.enter(number, 0));
                        let object = lacking(flaws.enter, || held(table, 0)).expect("the slot is open");
                        assert_ne!(read(object), 0, "a call is inside a destroyed instance");
                        lacking(flaws.leave, || program.records[number].leave_to(depth));
                    }
                }
            })
        })
        .collect();
    lacking(flaws.publish, || program.publish(world(2, [Some(new), None])));
    if !lacking(flaws.drain, || program.shows(first, 0)) {
        write(old, 0);
    }
    threads.into_iter().for_each(|thread| thread.join().expect("a reader ends"));
}

#[test]
fn models_nobody_is_inside_what_is_destroyed() {
    check(|| draining(1, Flaws::default()));
    check(|| draining(2, Flaws::default()));
}

#[test]
fn models_find_a_reader_without_its_fence() {
    finds(|| draining(1, Flaws { enter: Some(Lack::Fences), ..Flaws::default() }));
    finds(|| draining(1, Flaws { unfenced: true, ..Flaws::default() }));
}

#[test]
fn models_find_a_writer_without_its_fence() {
    finds(|| draining(1, Flaws { publish: Some(Lack::Fences), ..Flaws::default() }));
}

#[test]
fn models_find_a_caller_that_does_not_release_what_it_did() {
    finds(|| draining(1, Flaws { leave: Some(Lack::Release), ..Flaws::default() }));
}

#[test]
fn models_find_a_drain_that_does_not_acquire_what_callers_did() {
    finds(|| draining(1, Flaws { drain: Some(Lack::Acquire), ..Flaws::default() }));
}

/// A reader takes both slots of one world while a writer replaces both.
#[test]
fn models_a_commit_is_seen_whole() {
    check(committing);
}

fn committing() {
    let program = Program::new(world(1, [Some(object(1)), Some(object(1))]));
    let reader = {
        let program = Arc::clone(&program);
        thread::spawn(move || {
            let (table, depth) = program.enter(0, 0);
            let seen = [0, 1].map(|slot| held(table, slot).map(|object| (object.version, read(object))));
            assert!(seen[0].is_some() && seen[0] == seen[1], "half of a commit is seen: {seen:?}");
            program.records[0].leave_to(depth);
        })
    };
    program.publish(world(2, [Some(object(2)), Some(object(2))]));
    reader.join().expect("the reader ends");
}

/// The kernel's side of a futex.
#[derive(Default)]
struct Sleepers {
    queue: Mutex<()>,
    woken: Condvar,
}

#[derive(Clone, Copy, Default)]
struct GateFlaws {
    opens_first: bool,
    does_not_compare: bool,
    shuts_late: bool,
}

/// Adds to what the slot holds, and sleeps while it is closed by a gate.
fn call_through_gate(program: &Program, word: &word::Word, sleepers: &Sleepers, does_not_compare: bool) {
    loop {
        let look = word.look();
        let (table, depth) = program.enter(0, 0);
        if let Some(object) = held(table, 0) {
            let before = read(object);
            write(object, before + 10);
            program.records[0].leave_to(depth);
            return;
        }
        program.records[0].leave_to(depth);
        if !look.is_shut() {
            assert!(word.look() != look, "a gated slot is taken for a withdrawn one");
            continue;
        }
        word.wait(look, |word, expected| {
            let queue = sleepers.queue.lock().expect("no model panics with it");
            if does_not_compare || word.load(super::sync::Ordering::SeqCst) == expected {
                drop(sleepers.woken.wait(queue));
            }
        });
    }
}

/// A caller adds to an instance while its state is handed over to a successor.
fn gating(flaws: GateFlaws) {
    let (old, new) = (object(1), object(2));
    let first = world(1, [Some(old), None]);
    let program = Program::new(first);
    let word = Arc::new(word::Word::default());
    let sleepers = Arc::new(Sleepers { queue: Mutex::new(()), woken: Condvar::new() });
    let caller = {
        let (program, word, sleepers) = (Arc::clone(&program), Arc::clone(&word), Arc::clone(&sleepers));
        thread::spawn(move || call_through_gate(&program, &word, &sleepers, flaws.does_not_compare))
    };
    if !flaws.shuts_late {
        word.shut();
    }
    program.publish(world(2, [None, None]));
    if flaws.shuts_late {
        word.shut();
    }
    let handed_over = !program.shows(first, 0);
    let next = if handed_over {
        write(new, read(old) + 100);
        new
    } else {
        old
    };
    let wake = |_: &super::sync::AtomicU32| {
        let queue = sleepers.queue.lock().expect("no model panics with it");
        sleepers.woken.notify_all();
        drop(queue);
    };
    if flaws.opens_first {
        word.open(wake);
    }
    program.publish(world(3, [Some(next), None]));
    if !flaws.opens_first {
        word.open(wake);
    }
    caller.join().expect("the caller ends");
    let sum = read(next);
    assert_eq!(sum, if handed_over { 111 } else { 11 }, "what a caller did is lost");
}

#[test]
fn models_state_moves_whole_and_nobody_sleeps_for_ever() {
    check(|| gating(GateFlaws::default()));
}

#[test]
fn models_find_a_gate_that_opens_before_its_world() {
    finds(|| gating(GateFlaws { opens_first: true, ..GateFlaws::default() }));
}

#[test]
fn models_find_a_sleeper_that_does_not_compare() {
    finds(|| gating(GateFlaws { does_not_compare: true, ..GateFlaws::default() }));
}

#[test]
fn models_find_a_gate_that_shuts_after_its_world() {
    finds(|| gating(GateFlaws { shuts_late: true, ..GateFlaws::default() }));
}

/// A call that is nested beyond the outer one: the outer one stays counted.
#[test]
fn models_an_outer_call_is_seen_through_inner_ones() {
    check(|| {
        let (old, new) = (object(1), object(2));
        let first = world(1, [Some(old), Some(old)]);
        let program = Program::new(first);
        let reader = {
            let program = Arc::clone(&program);
            thread::spawn(move || {
                let (table, outer) = program.enter(0, 0);
                let object = held(table, 0).expect("the slot is open");
                let (_, inner) = program.enter(0, 1);
                program.records[0].leave_to(inner);
                assert_ne!(read(object), 0, "a call is inside a destroyed instance");
                program.records[0].leave_to(outer);
            })
        };
        program.publish(world(2, [Some(new), Some(new)]));
        if !program.shows(first, 0) && !program.shows(first, 1) {
            write(old, 0);
        }
        reader.join().expect("the reader ends");
    });
}

#[derive(Clone, Copy, Default)]
struct AheadFlaws {
    /// The world that the drain publishes is without its fence.
    drain: Option<Lack>,
    /// The gate looks only for calls that are older than the drain.
    forgets_later_calls: bool,
}

/// A caller adds to an instance that is drained ahead: a world with the same entries is
/// published, and calls in the older one are waited for, before the gate shuts on those that
/// came in since. An attempt that meets a caller is given up, and the gate opened again.
fn draining_ahead(flaws: AheadFlaws) {
    let (old, new) = (object(1), object(2));
    let first = world(1, [Some(old), None]);
    let program = Program::new(first);
    let word = Arc::new(word::Word::default());
    let sleepers = Arc::new(Sleepers { queue: Mutex::new(()), woken: Condvar::new() });
    let caller = {
        let (program, word, sleepers) = (Arc::clone(&program), Arc::clone(&word), Arc::clone(&sleepers));
        thread::spawn(move || call_through_gate(&program, &word, &sleepers, false))
    };
    let same = world(2, [Some(old), None]);
    lacking(flaws.drain, || program.publish(same));
    // Loom cannot wait for long: a drain that meets a caller ends here, as one whose timeout
    // is over.
    let is_drained = !program.shows(first, 0);
    let mut next = old;
    if is_drained {
        word.shut();
        lacking(flaws.drain, || program.publish(world(3, [None, None])));
        // Behind the drain nobody enters the first world, so only the second one is asked.
        if flaws.forgets_later_calls || !program.shows(same, 0) {
            write(new, read(old) + 100);
            next = new;
        }
        program.publish(world(4, [Some(next), None]));
        word.open(|_| {
            let queue = sleepers.queue.lock().expect("no model panics with it");
            sleepers.woken.notify_all();
            drop(queue);
        });
    }
    caller.join().expect("the caller ends");
    assert_eq!(read(next), if next.version == 2 { 111 } else { 11 }, "what a caller did is lost");
}

#[test]
fn models_a_drain_ahead_of_the_gate_leaves_nobody_behind() {
    check(|| draining_ahead(AheadFlaws::default()));
}

#[test]
fn models_find_a_drain_ahead_without_its_fence() {
    finds(|| draining_ahead(AheadFlaws { drain: Some(Lack::Fences), ..AheadFlaws::default() }));
}

#[test]
fn models_find_a_gate_that_forgets_who_came_in_behind_the_drain() {
    finds(|| draining_ahead(AheadFlaws { forgets_later_calls: true, ..AheadFlaws::default() }));
}
