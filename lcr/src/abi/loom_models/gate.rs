//! Models of the gate: state is handed over behind it, and the callers that it holds go on.

use std::sync::Arc;

use loom::thread;

use super::{
    super::sync::{AtomicU32, Ordering},
    Program, Sleepers, check, finds, held, object, read, word, world, write,
};

#[derive(Clone, Copy, Default)]
struct GateFlaws {
    opens_first: bool,
    does_not_compare: bool,
    shuts_late: bool,
}

/// Adds to what the slot holds, and sleeps while it is closed by a gate.
pub(super) fn call_through_gate(program: &Program, word: &word::Word, sleepers: &Sleepers, does_not_compare: bool) {
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
            if does_not_compare || word.load(Ordering::SeqCst) == expected {
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
    let sleepers = Arc::new(Sleepers::default());
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
    let wake = |_: &AtomicU32| {
        let queue = sleepers.queue.lock().expect("no model panics with it");
        sleepers.woken.notify_all();
        drop(queue);
    };
    if flaws.opens_first {
        word.open(wake);
    }
    program.publish_to_waiting(world(3, [Some(next), None]), || {
        if !flaws.opens_first {
            word.open(wake);
        }
    });
    caller.join().expect("the caller ends");
    let sum = read(next);
    assert_eq!(sum, if handed_over { 111 } else { 11 }, "what a caller did is lost");
}

#[test]
fn models_state_moves_whole_and_no_caller_sleeps_for_ever() {
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
