//! Models of async calls between their polls: what such a call is inside is not destroyed, and shows to a writer
//! that reads all frames first, then all slots. They do as `host/service/drain.rs` and `host/service/pins.rs` do,
//! which are above this floor.

use std::sync::Arc;

use loom::{sync::Mutex, thread};

use super::{
    super::{
        detached::Detached,
        frame::Place,
        sync::{
            Ordering,
            modelled::{Lack, lacking},
        },
        world::{Table, entry_offset},
    },
    Object, Program, check, finds, held, object, read, world, write,
};

#[derive(Clone, Copy, Default)]
struct Flaws {
    /// The writer reads the slots before the frames.
    reads_slots_first: bool,
    /// The first poll leaves its frame before the slot shows the call.
    leaves_first: bool,
    /// The slot is ended before the last poll's frame was left, and what is inside is used after that.
    ends_early: bool,
    /// The first poll does not look again at the current world.
    trusts_first_look: bool,
    detach: Option<Lack>,
    end: Option<Lack>,
    drain: Option<Lack>,
}

/// A slot that is never freed.
fn slot() -> &'static Detached {
    Box::leak(Box::new(Detached::new()))
}

/// Whether a frame, or then the slot, shows `table` at the first entry, as a drain finds it: frames of later
/// polls are left out.
fn shows(program: &Program, slot: &Detached, table: *const Table, slots_first: bool) -> bool {
    let in_slot = || slot.read().is_some_and(|(_, shown, _)| std::ptr::eq(shown, table));
    let early = slots_first && in_slot();
    let in_frame = program.records.iter().any(|record| {
        (0..record.depth()).any(|depth| {
            let (shown, place) = record.inline_frame(depth).expect("models nest no deeper").read();
            std::ptr::eq(shown, table) && !place.is_poll()
        })
    });
    in_frame || early || (!slots_first && in_slot())
}

/// A later poll, which is the last one, on thread `number`.
fn poll_last(program: &Program, number: usize, slot: &Detached, object: &Object, flaws: Flaws) {
    let (_, table, place) = slot.read().expect("the call has not ended");
    let record = program.records[number];
    let frame = record.inline_frame(0).expect("the first call");
    record.publish_held(frame, 0, table, place.poll());
    if flaws.ends_early {
        slot.end();
    }
    assert_ne!(read(object), 0, "a poll is inside a destroyed instance");
    lacking(flaws.end, || {
        record.leave_to(0);
        if !flaws.ends_early {
            slot.end();
        }
    });
}

/// An async call begins on one thread and ends on another, while a writer replaces and destroys what it is
/// inside.
fn pending(flaws: Flaws) {
    let (old, new) = (object(1), object(2));
    let first = world(1, [Some(old), None]);
    let (program, slot) = (Program::new(first), slot());
    let starter = {
        let program = Arc::clone(&program);
        thread::spawn(move || {
            let place = Place::new(entry_offset(0), 0);
            let (table, depth) = if flaws.trusts_first_look {
                let table = program.core.current.load(Ordering::Acquire).cast_const();
                let frame = program.records[0].inline_frame(0).expect("the first call");
                program.records[0].publish_held(frame, 0, table, place);
                (table, 0)
            } else {
                program.enter(0, 0)
            };
            let object = held(table, 0).expect("the slot is open");
            assert_ne!(read(object), 0, "a call is inside a destroyed instance");
            lacking(flaws.detach, || {
                if flaws.leaves_first {
                    program.records[0].leave_to(depth);
                }
                slot.hold(table, place);
                if !flaws.leaves_first {
                    program.records[0].leave_to(depth);
                }
            });
            // The future goes to another thread.
            let other = Arc::clone(&program);
            thread::spawn(move || poll_last(&other, 1, slot, object, flaws)).join().expect("the poll ends");
        })
    };
    program.publish(world(2, [Some(new), None]));
    if !lacking(flaws.drain, || shows(&program, slot, first, flaws.reads_slots_first)) {
        write(old, 0);
    }
    starter.join().expect("the starter ends");
}

#[test]
fn models_a_pending_call_is_inside_nothing_that_is_destroyed() {
    check(|| pending(Flaws::default()));
}

#[test]
fn models_find_slots_that_are_read_before_the_frames() {
    finds(|| pending(Flaws { reads_slots_first: true, ..Flaws::default() }));
}

#[test]
fn models_find_a_frame_that_is_left_before_the_slot_shows_the_call() {
    finds(|| pending(Flaws { leaves_first: true, ..Flaws::default() }));
}

#[test]
fn models_find_a_slot_that_is_ended_before_the_last_poll_has_left() {
    finds(|| pending(Flaws { ends_early: true, ..Flaws::default() }));
}

#[test]
fn models_find_a_first_poll_that_trusts_its_first_look() {
    finds(|| pending(Flaws { trusts_first_look: true, ..Flaws::default() }));
}

#[test]
fn models_find_a_detaching_that_does_not_release() {
    finds(|| pending(Flaws { detach: Some(Lack::Release), ..Flaws::default() }));
}

#[test]
fn models_find_an_end_that_does_not_release_what_the_polls_did() {
    finds(|| pending(Flaws { end: Some(Lack::Release), ..Flaws::default() }));
}

#[test]
fn models_find_a_drain_that_does_not_acquire_what_pending_calls_did() {
    finds(|| pending(Flaws { drain: Some(Lack::Acquire), ..Flaws::default() }));
}

/// A call under a pin, which has no frame, is detached before its pin ends.
fn ending_a_pin(reads_early: bool) {
    let (old, new) = (object(1), object(2));
    let first = world(1, [Some(old), None]);
    let (program, slot) = (Program::new(first), slot());
    let pins = Arc::new(Mutex::new(1));
    let pinner = {
        let (program, pins) = (Arc::clone(&program), Arc::clone(&pins));
        thread::spawn(move || {
            slot.hold(first, Place::new(entry_offset(0), 0));
            *pins.lock().expect("no model panics with it") -= 1;
            poll_last(&program, 0, slot, old, Flaws::default());
        })
    };
    program.publish(world(2, [Some(new), None]));
    let early = reads_early.then(|| shows(&program, slot, first, false));
    let pins = pins.lock().expect("no model panics with it");
    let is_shown = early.unwrap_or_else(|| shows(&program, slot, first, false));
    if *pins == 0 && !is_shown {
        write(old, 0);
    }
    drop(pins);
    pinner.join().expect("the pinner ends");
}

#[test]
fn models_a_pending_call_that_outlives_its_pin_is_seen() {
    check(|| ending_a_pin(false));
}

#[test]
fn models_find_slots_that_are_read_before_the_pins_are_locked() {
    finds(|| ending_a_pin(true));
}

/// A writer cancels what it finds in a slot, while the call there ends and another one gets the slot.
fn cancelling(reads_late: bool) {
    let first = world(1, [Some(object(1)), None]);
    let second = world(2, [Some(object(2)), None]);
    let slot = slot();
    let place = Place::new(entry_offset(0), 0);
    slot.hold(first, place);
    let caller = thread::spawn(move || {
        slot.end();
        slot.hold(second, place);
    });
    let found = slot.read().filter(|(_, table, _)| std::ptr::eq(*table, first));
    if let Some((call, ..)) = found {
        let late = slot.read().map_or(call, |(call, ..)| call);
        slot.cancel(if reads_late { late } else { call });
    }
    caller.join().expect("the caller ends");
    assert!(!slot.is_cancelled(), "a call is cancelled for the sake of the one before");
    let (call, ..) = slot.read().expect("the second call has the slot");
    assert!(slot.cancel(call) && !slot.cancel(call) && slot.is_cancelled());
}

#[test]
fn models_a_cancelled_call_is_the_one_that_was_found() {
    check(|| cancelling(false));
}

#[test]
fn models_find_a_cancellation_of_whatever_has_the_slot() {
    finds(|| cancelling(true));
}

#[derive(Clone, Copy, Default)]
struct HoldFlaws {
    /// The writer publishes the next world before it holds starts back.
    publishes_first: bool,
    /// The caller asks whether starts are held back before it enters.
    asks_first: bool,
    /// The writer lets starts go on when the slots are shut, instead of when they are open again.
    lowers_early: bool,
}

/// The two steps of a gate before async methods: starts are held back, then calls in older worlds leave, and only
/// then the slots are shut. No call begins in the world between.
fn holding_starts(flaws: HoldFlaws) {
    let first = world(1, [Some(object(1)), None]);
    let between = world(2, [Some(object(1)), None]);
    let (shut, open) = (world(3, [None, None]), world(4, [Some(object(2)), None]));
    let (program, slot) = (Program::new(first), slot());
    let caller = {
        let program = Arc::clone(&program);
        thread::spawn(move || {
            let early = flaws.asks_first.then(|| program.core.holds_starts());
            let (table, depth) = program.enter(0, 0);
            if held(table, 0).is_none() || early.unwrap_or_else(|| program.core.holds_starts()) {
                program.records[0].leave_to(depth);
                return;
            }
            slot.hold(table, Place::new(entry_offset(0), 0));
            program.records[0].leave_to(depth);
        })
    };
    if !flaws.publishes_first {
        program.core.hold_starts(true);
    }
    program.publish(between);
    if flaws.publishes_first {
        program.core.hold_starts(true);
    }
    program.publish(shut);
    if flaws.lowers_early {
        program.core.hold_starts(false);
    }
    // A caller that is inside, and has not looked yet, keeps the gate shut.
    if !program.shows(between, 0) {
        program.publish_to_waiting(open, || program.core.hold_starts(false));
    }
    caller.join().expect("the caller ends");
    let is_between = slot.read().is_some_and(|(_, table, _)| std::ptr::eq(table, between));
    assert!(!is_between, "a call began while starts were held back");
}

#[test]
fn models_no_call_begins_while_starts_are_held_back() {
    check(|| holding_starts(HoldFlaws::default()));
}

#[test]
fn models_find_a_world_that_is_published_before_starts_are_held_back() {
    finds(|| holding_starts(HoldFlaws { publishes_first: true, ..HoldFlaws::default() }));
}

#[test]
fn models_find_a_caller_that_asks_before_it_enters() {
    finds(|| holding_starts(HoldFlaws { asks_first: true, ..HoldFlaws::default() }));
}

#[test]
fn models_find_starts_that_go_on_when_the_slots_are_shut() {
    finds(|| holding_starts(HoldFlaws { lowers_early: true, ..HoldFlaws::default() }));
}

/// What `host/service/waiting.rs` keeps under the state lock.
#[derive(Default)]
struct Gate {
    is_open: bool,
    waits: bool,
}

/// A call finds a gate shut, and leaves its waker, while the gate opens.
fn waiting(decides_outside: bool) {
    let gate = Arc::new(Mutex::new(Gate::default()));
    let caller = {
        let gate = Arc::clone(&gate);
        thread::spawn(move || {
            let mut locked = gate.lock().expect("no model panics with it");
            let is_open = locked.is_open;
            if decides_outside {
                drop(locked);
                locked = gate.lock().expect("no model panics with it");
            }
            locked.waits = !is_open;
            is_open
        })
    };
    let mut locked = gate.lock().expect("no model panics with it");
    locked.is_open = true;
    let is_woken = std::mem::take(&mut locked.waits);
    drop(locked);
    let is_inside = caller.join().expect("the caller ends");
    assert!(is_inside || is_woken, "a call waits for ever");
}

#[test]
fn models_a_call_that_waits_is_woken_by_the_opening() {
    check(|| waiting(false));
}

#[test]
fn models_find_a_call_that_leaves_its_waker_after_it_has_looked() {
    finds(|| waiting(true));
}
